//! What else may knock at a server's port: it is counted, named in the log now and then, and disturbs nobody.

use std::io::{Read, Write};
use std::net::TcpStream;

use steadfast_tests::over_zmq::{Both, PATIENCE, Scene, logged, socket_address};

#[test]
fn a_plain_dealer_is_counted_and_named_and_disturbs_nobody() {
    let log = logged(|| {
        let scene = Scene::default();
        let mut both = scene.direct("tcp://127.0.0.1:*");
        both.establish();
        let stranger = plain_socket(&scene, zmq::DEALER, &both);
        for _ in 0..20 {
            stranger
                .send("not a packet, and long enough to be one", 0)
                .expect("room");
        }
        both.until("twenty strange packets", |both| both.server.counters().strangers == 20);
        assert_undisturbed(&mut both);
    });
    assert_eq!(log.matches("probable cause").count(), 1, "one line, not twenty:\n{log}");
    assert!(
        log.contains("plain 0MQ socket") && log.contains("tcp://127.0.0.1:"),
        "{log}"
    );
}

#[test]
fn a_req_socket_is_counted_and_named() {
    let log = logged(|| {
        let scene = Scene::default();
        let mut both = scene.direct("tcp://127.0.0.1:*");
        both.establish();
        let stranger = plain_socket(&scene, zmq::REQ, &both);
        stranger.send("anybody there?", 0).expect("room");
        both.until("a strange packet", |both| both.server.counters().strangers == 1);
        assert_undisturbed(&mut both);
    });
    assert!(log.contains("REQ"), "{log}");
}

#[test]
fn an_http_client_is_counted_and_named_and_disturbs_nobody() {
    // To 0MQ, this looks like version 1 of its own protocol: what comes through is text.
    const REQUEST: &str = "GET /index.html HTTP/1.1\r\nHost: localhost:5555\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
        Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n";
    let log = logged(|| {
        let scene = Scene::default();
        let mut both = scene.direct("tcp://127.0.0.1:*");
        both.establish();
        let mut stranger = TcpStream::connect(socket_address(&both.server)).expect("a server");
        stranger.write_all(REQUEST.as_bytes()).expect("sent");
        both.until("a strange packet", |both| both.server.counters().strangers > 0);
        assert_undisturbed(&mut both);
    });
    assert!(log.contains("HTTP"), "{log}");
}

#[test]
fn a_curve_peer_is_turned_away_by_0mq_and_disturbs_nobody() {
    // The `zmq` crate builds libzmq without CURVE, so its greeting is written here by hand (ZMTP 3.1, section 3.1).
    assert_eq!(zmq::has("curve"), Some(false));
    let scene = Scene::default();
    let mut both = scene.direct("tcp://127.0.0.1:*");
    both.establish();
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    greeting.extend(b"CURVE");
    greeting.resize(64, 0);
    let mut stranger = TcpStream::connect(socket_address(&both.server)).expect("a server");
    stranger.write_all(&greeting).expect("sent");
    assert_turned_away(stranger);
    assert_undisturbed(&mut both);
}

#[test]
fn envelopes_of_any_depth_and_frames_of_any_size_are_dropped() {
    let scene = Scene::default();
    let mut both = scene.direct("tcp://127.0.0.1:*");
    both.establish();
    let stranger = plain_socket(&scene, zmq::DEALER, &both);
    stranger.send_multipart(vec![b"hop".to_vec(); 1_000], 0).expect("room");
    stranger
        .send_multipart([vec![b'x'; 300], b"packet".to_vec()], 0)
        .expect("room");
    stranger.send_multipart([vec![], vec![]], 0).expect("room");
    stranger.send(vec![], 0).expect("room");
    stranger.send("last", 0).expect("room");
    both.until("the last of them", |both| both.server.counters().strangers == 3);
    assert!(both.server.counters().odd >= 2);
    assert_undisturbed(&mut both);
}

fn plain_socket(scene: &Scene, kind: zmq::SocketType, both: &Both) -> zmq::Socket {
    let socket = scene.context.socket(kind).expect("a socket");
    socket.set_linger(0).expect("an option");
    socket
        .connect(&both.server.local_address().expect("bound"))
        .expect("connects");
    socket
}

/// The server ends this connection.
fn assert_turned_away(mut stranger: TcpStream) {
    stranger.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut greeting = Vec::new();
    // The end may be orderly or a reset.
    if let Err(error) = stranger.read_to_end(&mut greeting) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

fn assert_undisturbed(both: &mut Both) {
    let before = both.server_got.len();
    both.client.send(b"still here").expect("room");
    both.until_server_got(before + 1);
    assert_eq!(
        (both.client_news.len(), both.server_news.len()),
        (1, 1),
        "no news but that it was established"
    );
    assert_eq!(both.client.stats().handshakes, 1);
}
