//! Nobody answers, or somebody else does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use steadfast::{ClientConfig, Event, Limits, Unreachable};
use steadfast_tests::over_zmq::{Both, PATIENCE, Reserved, Scene, impatient, localhost, logged, socket_address};
use steadfast_zmq::testing::CutProxy;
use steadfast_zmq::{Client, Endpoint};

#[test]
fn nobody_listening_is_told_and_not_fatal() {
    let scene = Scene::default();
    let port = Reserved::default();
    let address = port.zmq_address();
    let mut client = impatient_client(&scene, &address);
    client.send(b"anybody?").expect("room");
    let log = logged(|| assert_cause(&mut client, "is a Steadfast server listening there"));
    assert!(log.contains(&address), "{log}");
    let mut both = Both::new(client, scene.server_at(&address));
    both.until_server_got(1);
}

#[test]
fn without_a_monitor_nobody_listening_is_told_likewise() {
    let scene = Scene::default();
    let port = Reserved::default();
    let endpoint = Endpoint::new(&scene.context, &port.zmq_address()).without_monitor();
    let mut client = impatient_client_at(&scene, endpoint);
    assert_cause(&mut client, "is a Steadfast server listening there");
}

#[test]
fn a_tcp_server_that_never_says_anything_is_named_as_probable_cause() {
    let scene = Scene::default();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("tcp://{}", silent.local_addr().expect("bound"));
    assert_cause(&mut impatient_client(&scene, &address), "does not speak 0MQ");
}

#[test]
fn an_http_server_is_named_as_probable_cause() {
    let scene = Scene::default();
    let address = tcp_server(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    assert_cause(&mut impatient_client(&scene, &address), "another service (HTTP, TLS)");
}

#[test]
fn a_server_that_wants_curve_is_named_as_probable_cause() {
    let scene = Scene::default();
    // The greeting of a CURVE server (ZMTP 3.1, section 3.1), by hand: this libzmq has no CURVE.
    let address = tcp_server(|mut connection| {
        let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
        greeting.extend(b"CURVE");
        greeting.resize(32, 0);
        greeting.push(1);
        greeting.resize(64, 0);
        let _ = connection.write_all(&greeting);
        let _ = connection.read_to_end(&mut Vec::new());
    });
    assert_cause(&mut impatient_client(&scene, &address), "CURVE");
}

#[test]
fn a_socket_of_a_type_that_does_not_fit_is_named_as_probable_cause() {
    let scene = Scene::default();
    let (_publisher, address) = plain_socket(&scene, zmq::PUB);
    assert_cause(
        &mut impatient_client(&scene, &address),
        "another type than ROUTER or PAIR",
    );
}

#[test]
fn a_plain_router_that_never_answers_is_named_as_probable_cause() {
    let scene = Scene::default();
    let (_router, address) = plain_socket(&scene, zmq::ROUTER);
    assert_cause(
        &mut impatient_client(&scene, &address),
        "takes packets and answers nothing",
    );
    let endpoint = Endpoint::new(&scene.context, &address).without_monitor();
    let mut client = impatient_client_at(&scene, endpoint);
    assert_cause(&mut client, "takes packets and answers nothing");
}

#[test]
fn a_plain_router_that_answers_nonsense_is_named_as_probable_cause() {
    let scene = Scene::default();
    let (router, address) = plain_socket(&scene, zmq::ROUTER);
    let mut client = impatient_client(&scene, &address);
    thread::spawn(move || {
        while let Ok(request) = router.recv_multipart(0) {
            router.send_multipart([&request[0][..], b"what?"], 0).expect("room");
        }
    });
    assert_cause(&mut client, "answers, but not as a Steadfast server does");
}

#[test]
fn a_server_that_is_cut_off_later_is_named_as_such() {
    let scene = Scene::default();
    let config = impatient_config(&scene);
    let server = scene.server();
    let proxy = CutProxy::start(socket_address(&server)).expect("a free port");
    let endpoint = impatient(Endpoint::new(&scene.context, &proxy.zmq_address()));
    let client = Client::connect(endpoint, localhost(), &config).expect("opens");
    let mut both = Both::new(client, server);
    both.establish();
    proxy.refuse();
    both.client.send(b"anybody?").expect("room");
    let news = unreachable(&mut both.client);
    assert!(news.established);
    assert!(news.to_string().contains("no connection to"), "{news}");
}

fn assert_cause(client: &mut Client, cause: &str) {
    let news = unreachable(client);
    assert!(!news.established);
    let said = news.to_string();
    assert!(said.contains(cause) && said.contains("still trying"), "{said}");
}

fn plain_socket(scene: &Scene, kind: zmq::SocketType) -> (zmq::Socket, String) {
    let socket = scene.context.socket(kind).expect("a socket");
    socket.bind("tcp://127.0.0.1:*").expect("a free port");
    let address = socket.get_last_endpoint().expect("an option").expect("text");
    (socket, address)
}

/// A server that does this with every connection.
fn tcp_server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("tcp://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
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
    impatient_client_at(scene, Endpoint::new(&scene.context, address))
}

fn impatient_client_at(scene: &Scene, endpoint: Endpoint<'_>) -> Client {
    Client::connect(endpoint, localhost(), &impatient_config(scene)).expect("opens")
}

fn impatient_config(scene: &Scene) -> ClientConfig {
    let limits = Limits {
        unreachable_after: Duration::from_millis(500),
        ..Limits::default()
    };
    scene.credentials.client().limits(limits).build().expect("complete")
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
