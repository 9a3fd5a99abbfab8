//! What else may knock at a server's port: it is counted, named in the log now and then, and disturbs nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use steadfast_tests::over_zmq::{Both, PATIENCE, Scene, logged, socket_address};
use steadfast_zmq::{Client, Endpoint, Server};

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

#[test]
fn packets_of_a_session_that_a_restarted_server_does_not_know_are_named_with_who_sent_them() {
    let log = logged(|| {
        let scene = Scene::default();
        let mut both = scene.direct("tcp://127.0.0.1:*");
        both.establish();
        let stranger = plain_socket(&scene, zmq::DEALER, &both);
        for _ in 0..20 {
            stranger.send(data_packet_of_nobody(), 0).expect("room");
        }
        both.until("twenty unknown ids", |both| both.server.stats().unknown_id == 20);
        assert_eq!(both.server.counters().strangers, 0, "it is one of ours");
        assert_undisturbed(&mut both);
    });
    assert_eq!(log.matches("probable cause").count(), 1, "one line, not twenty:\n{log}");
    assert!(
        log.contains("was restarted") && log.contains("from=\"127.0.0.1\""),
        "{log}"
    );
}

/// A well-formed header, and nothing that opens.
fn data_packet_of_nobody() -> Vec<u8> {
    let mut packet = vec![0x12];
    packet.extend([0xab; 8]);
    packet.extend(0_u32.to_be_bytes());
    packet.extend(7_u64.to_be_bytes());
    packet.extend([0xcd; 100]);
    packet
}

#[test]
fn envelopes_of_the_wrong_shape_are_named() {
    let log = logged(|| {
        let scene = Scene::default();
        let mut both = scene.direct("tcp://127.0.0.1:*");
        both.establish();
        let stranger = plain_socket(&scene, zmq::DEALER, &both);
        stranger.send_multipart(vec![b"hop".to_vec(); 1_000], 0).expect("room");
        both.until("an odd message", |both| both.server.counters().odd > 0);
        assert_undisturbed(&mut both);
    });
    assert!(log.contains("envelope") && log.contains("from=\"127.0.0.1\""), "{log}");
}

/// Takes as long as a server waits for a handshake: half a minute.
#[test]
fn handshakes_that_are_not_finished_are_named_and_so_are_those_that_found_no_room_meanwhile() {
    let log = logged(|| {
        let scene = Scene::default();
        let config = scene.credentials.server().max_attempts(1).build().expect("complete");
        let mut server =
            Server::bind(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"), &config).expect("a free port");
        let address = server.local_address().expect("bound");
        let mut quitter = scene.client_at(&address);
        serve_until(&mut server, &mut quitter, |server| server.counters().packets_sent > 0);
        drop(quitter);
        let mut both = Both::new(scene.client_at(&address), server);
        both.until("a client turned away for want of room", |both| {
            both.server.stats().attempts_refused > 0
        });
        both.establish();
        assert_eq!(both.server.stats().attempts_expired, 1);
    });
    assert!(
        log.contains("did not finish") && log.contains("`max_attempts`"),
        "{log}"
    );
}

/// Drives the client until the server, which it meets for the first time, has answered; it does not see the answer.
fn serve_until(server: &mut Server, client: &mut Client, holds: impl Fn(&Server) -> bool) {
    let limit = Instant::now() + PATIENCE;
    client.try_recv().expect("open");
    while !holds(server) {
        assert!(Instant::now() < limit, "the client does not begin");
        client.try_recv().expect("open");
        server.recv_timeout(Duration::from_millis(1)).expect("open");
    }
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
