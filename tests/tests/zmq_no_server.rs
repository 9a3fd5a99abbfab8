//! Nobody answers, or somebody else does.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use steadfast::{Event, Limits, Unreachable};
use steadfast_tests::over_zmq::{Both, PATIENCE, Reserved, Scene, localhost, logged};
use steadfast_zmq::{Client, Endpoint};

#[test]
fn nobody_listening_is_told_and_not_fatal() {
    let scene = Scene::default();
    let port = Reserved::default();
    let address = port.zmq_address();
    let mut client = impatient_client(&scene, &address);
    client.send(b"anybody?").expect("room");
    let log = logged(|| assert!(!unreachable(&mut client).established));
    assert!(
        log.contains(&address) && log.contains("is a Steadfast server listening"),
        "{log}"
    );
    let mut both = Both::new(client, scene.server_at(&address));
    both.until_server_got(1);
}

#[test]
fn a_tcp_server_that_never_says_anything_is_told() {
    let scene = Scene::default();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("tcp://{}", silent.local_addr().expect("bound"));
    assert!(!unreachable(&mut impatient_client(&scene, &address)).established);
}

#[test]
fn a_plain_router_that_never_answers_is_told() {
    let scene = Scene::default();
    let router = scene.context.socket(zmq::ROUTER).expect("a socket");
    router.bind("tcp://127.0.0.1:*").expect("a free port");
    let address = router.get_last_endpoint().expect("an option").expect("text");
    assert!(!unreachable(&mut impatient_client(&scene, &address)).established);
}

#[test]
fn a_plain_router_that_answers_nonsense_is_told() {
    let scene = Scene::default();
    let router = scene.context.socket(zmq::ROUTER).expect("a socket");
    router.bind("tcp://127.0.0.1:*").expect("a free port");
    let address = router.get_last_endpoint().expect("an option").expect("text");
    let mut client = impatient_client(&scene, &address);
    let limit = Instant::now() + PATIENCE;
    let news = loop {
        assert!(Instant::now() < limit);
        if router.poll(zmq::POLLIN, 0).expect("polls") > 0 {
            let request = router.recv_multipart(0).expect("a packet");
            router.send_multipart([&request[0][..], b"what?"], 0).expect("room");
        }
        if let Some(Event::Unreachable(news)) = client.recv_timeout(Duration::from_millis(1)).expect("open") {
            break news;
        }
    };
    assert!(!news.established);
    assert!(client.counters().packets_received > 0);
}

#[test]
fn a_server_is_found_even_after_something_else_answered_at_its_address() {
    let scene = Scene::default();
    let port = Reserved::default();
    let other = TcpListener::bind(port.address()).expect("reserved");
    let address = port.zmq_address();
    let mut client = impatient_client(&scene, &address);
    client.send(b"at last").expect("room");
    // 0MQ takes this for a breach of its protocol, and never connects again by itself.
    let (mut connection, _) = other.accept().expect("the client");
    connection
        .write_all(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0])
        .expect("sent");
    connection.write_all(&[0x41; 200]).expect("sent");
    drop(other);
    unreachable(&mut client);
    drop(connection);
    let mut both = Both::new(client, scene.server_at(&address));
    both.until_server_got(1);
    assert!(both.client.counters().redials > 0);
}

fn impatient_client(scene: &Scene, address: &str) -> Client {
    let limits = Limits {
        unreachable_after: Duration::from_millis(500),
        ..Limits::default()
    };
    let config = scene.credentials.client().limits(limits).build().expect("complete");
    Client::connect(Endpoint::new(&scene.context, address), localhost(), &config).expect("opens")
}

fn unreachable(client: &mut Client) -> Unreachable {
    let limit = Instant::now() + PATIENCE;
    while Instant::now() < limit {
        if let Some(Event::Unreachable(news)) = client.recv_timeout(Duration::from_millis(50)).expect("open") {
            return news;
        }
    }
    panic!("waited in vain for news; {:?}, {:?}", client.stats(), client.counters());
}
