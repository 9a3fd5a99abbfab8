//! Messages between two real sockets, with nothing in the way.

use std::io::{self, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::thread;
use std::time::Duration;

use steadfast::rustls::{CipherSuite, NamedGroup};
use steadfast::{CloseReason, Event, InFlight, Limits};
use steadfast_tests::over_zmq::{Both, PATIENCE, Reserved, Scene, are_numbered, localhost, numbered};
use steadfast_zmq::{Client, Endpoint, Error, Server};

#[test]
fn messages_of_all_sizes_arrive_whole_and_in_order_in_both_directions() {
    let lengths = [0, 1, 100, 1_000, 8_191, 8_193, 65_536, 1 << 20, 0, 5];
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    let session = both.establish();
    for (number, &bytes) in lengths.iter().enumerate() {
        both.client.send_parts(&numbered(number, bytes)).expect("room");
        both.server.send_parts(session, &numbered(number, bytes)).expect("room");
    }
    both.until_server_got(lengths.len());
    both.until_client_got(lengths.len());
    assert!(are_numbered(&both.server_got, lengths));
    assert!(are_numbered(&both.client_got, lengths));
}

#[test]
fn messages_sent_before_the_connection_exists_wait_for_it() {
    let scene = Scene::default();
    let port = Reserved::default();
    let mut client = scene.client_at(&port.zmq_address());
    client.send(b"early").expect("room");
    assert_eq!(client.flush(Duration::ZERO), Err(Error::TimedOut));
    let mut both = Both::new(client, scene.server_at(&port.zmq_address()));
    both.until_server_got(1);
    assert_eq!(both.server_got[0].payload(), "early");
}

#[test]
fn a_message_much_larger_than_the_window_arrives_whole() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    both.establish();
    both.client.send_parts(&numbered(0, 16 << 20)).expect("room");
    both.until_server_got(1);
    assert!(are_numbered(&both.server_got, [16 << 20]));
}

#[test]
fn both_sides_know_what_was_negotiated_and_with_whom() {
    let scene = Scene::default();
    let (chain, key) = scene.credentials.issue("worker");
    let server_config = scene.server_of_certified_clients().build().expect("complete");
    let client_config = scene
        .credentials
        .client()
        .identity(chain.clone(), key)
        .endpoint_name("worker-7")
        .build()
        .expect("complete");
    let server = Server::bind(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"), &server_config).expect("free");
    let address = server.local_address().expect("bound");
    let client = Client::connect(Endpoint::new(&scene.context, &address), localhost(), &client_config).expect("opens");
    let mut both = Both::new(client, server);
    let session = both.establish();

    assert_eq!(both.client_identity().certificates(), chain);
    assert_eq!(both.client_identity().endpoint_name(), Some("worker-7"));
    assert_eq!(both.client.peer().map(|peer| peer.certificates().len()), Some(1));
    let negotiated = both.client.negotiated().expect("established");
    assert_eq!(both.server.negotiated(session), Some(negotiated));
    assert_eq!(negotiated.key_exchange, NamedGroup::X25519MLKEM768);
    assert_eq!(negotiated.cipher_suite, CipherSuite::TLS13_AES_128_GCM_SHA256);
}

#[test]
fn flush_waits_for_the_other_application_not_for_its_socket() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    both.establish();
    let id = both.client.send(b"taken?").expect("room");
    assert_eq!(both.client.flush(Duration::from_millis(50)), Err(Error::TimedOut));
    both.until_server_got(1);
    both.until("the acknowledgement", |both| {
        both.client.acknowledged_through() == Some(id)
    });
    assert_eq!(both.client.flush(PATIENCE), Ok(()));
}

#[test]
fn a_full_send_buffer_refuses_or_waits_and_goes_on() {
    let scene = Scene::default();
    let limits = Limits {
        send_buffer_bytes: 100_000,
        ..Limits::default()
    };
    let config = scene.credentials.client().limits(limits).build().expect("complete");
    let mut server = scene.server();
    let address = server.local_address().expect("bound");
    let mut client = Client::connect(Endpoint::new(&scene.context, &address), localhost(), &config).expect("opens");

    let payload = [7; 10_000];
    let mut sent = 0;
    while client
        .try_send(&payload)
        .map_err(|error| assert_eq!(error, Error::WouldBlock))
        .is_ok()
    {
        sent += 1;
    }
    assert!((1..=10).contains(&sent), "{sent} messages of 10 kB fit into 100 kB");

    let taker = thread::spawn(move || {
        let mut got = 0;
        while got < 100 {
            let received = server.recv().expect("open");
            got += usize::from(matches!(received.event, Event::Message(_)));
        }
        server.recv_timeout(Duration::from_millis(50)).expect("open");
        server
    });
    for _ in sent..100 {
        client.send(&payload).expect("waits for room");
    }
    client.flush(PATIENCE).expect("all taken");
    assert_eq!(client.in_flight(), InFlight::default());
    taker.join().expect("no panic");
}

#[test]
fn closing_delivers_everything_and_ends_in_order_at_both_sides() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    let session = both.establish();
    both.server.send(session, b"answer").expect("room");
    both.client.send(b"last words").expect("room");
    both.client.begin_close().expect("open");
    assert_eq!(both.client.send(b"too late"), Err(Error::Closed));
    both.until("the end at both sides", |both| {
        both.client_closed().is_some() && both.server_closed().is_some()
    });
    for closed in [both.client_closed(), both.server_closed()] {
        let closed = closed.expect("just seen");
        assert_eq!(closed.reason, CloseReason::Finished);
        assert_eq!((closed.in_doubt.len(), closed.unsent.len()), (0, 0));
    }
    assert_eq!(both.server_got[0].payload(), "last words");
    assert_eq!(both.client_got[0].payload(), "answer");
    assert!(matches!(both.client.recv(), Err(Error::Closed)));
}

#[test]
fn a_closing_server_tells_all_its_clients() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    let session = both.establish();
    both.server.send(session, b"bye").expect("room");
    let Both { mut client, server, .. } = both;
    let closer = thread::spawn(move || server.close(PATIENCE).expect("open"));
    let mut events = Vec::new();
    while let Ok(event) = client.recv() {
        events.push(event);
    }
    assert!(matches!(&events[0], Event::Message(message) if message.payload() == "bye"));
    let last = events.last();
    assert!(
        matches!(last, Some(Event::Closed(closed)) if closed.reason == CloseReason::Finished),
        "{last:?}"
    );
    let ended = closer.join().expect("no panic");
    assert!(ended.iter().any(|received| matches!(received.event, Event::Closed(_))));
}

#[test]
fn sessions_work_over_ipv6() {
    if let Err(error) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        let missing = format!("this machine has no IPv6 loopback ({error})");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        writeln!(io::stderr(), "not checked with IPv6: {missing}").expect("somebody listens");
        return;
    }
    exchange("tcp://[::1]:*");
}

#[test]
fn sessions_work_over_ipc() {
    let directory = tempfile::tempdir().expect("a directory");
    exchange(&format!("ipc://{}/socket", directory.path().display()));
}

fn exchange(address: &str) {
    let mut both = Scene::default().direct(address);
    let session = both.establish();
    both.client.send_multipart(&[b"to", b"ho"]).expect("room");
    both.until_server_got(1);
    both.server.send(session, b"fro").expect("room");
    both.until_client_got(1);
    assert_eq!(both.server_got[0].parts(), ["to", "ho"]);
    assert_eq!(both.client_got[0].payload(), "fro");
}
