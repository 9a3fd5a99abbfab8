//! The connection breaks, the session does not.

use steadfast_tests::over_zmq::{Both, Pattern, Scene, are_numbered, impatient, numbered};
use steadfast_zmq::Endpoint;
use steadfast_zmq::testing::{CutProxy, Direction};

/// Sizes that share packets, fill them, and need many.
const LENGTHS: [usize; 6] = [0, 10, 500, 3_000, 70_000, 300_000];
const MESSAGES: usize = 60;

#[test]
fn a_tcp_reset_costs_neither_messages_nor_a_handshake() {
    survives(CutProxy::reset);
}

#[test]
fn an_orderly_end_of_the_connection_costs_neither_messages_nor_a_handshake() {
    survives(CutProxy::close);
}

#[test]
fn a_connection_that_dies_silently_costs_neither_messages_nor_a_handshake() {
    survives(CutProxy::mute);
}

#[test]
fn a_link_that_refuses_connections_for_a_while_costs_neither_messages_nor_a_handshake() {
    let scene = Scene::default();
    let (socket, witness) = witnessed_socket(&scene);
    stream_over_cuts(
        scene.cuttable(|endpoint| unwatched(endpoint).socket(socket)),
        |both, proxy| {
            while witness.recv_multipart(zmq::DONTWAIT).is_ok() {}
            proxy.refuse();
            both.until("a connection that was refused", |_| {
                witness.recv_multipart(zmq::DONTWAIT).is_ok()
            });
            proxy.link_up();
        },
    );
}

/// A socket for a client, and one that receives something whenever its attempt to connect has failed.
fn witnessed_socket(scene: &Scene) -> (zmq::Socket, zmq::Socket) {
    let socket = scene.context.socket(zmq::DEALER).expect("a socket");
    socket
        .monitor("inproc://witness", zmq::SocketEvent::CLOSED as i32)
        .expect("a monitor");
    let witness = scene.context.socket(zmq::PAIR).expect("a socket");
    witness.connect("inproc://witness").expect("a monitor");
    (socket, witness)
}

#[test]
fn a_cut_amid_a_large_message_loses_nothing_of_it() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let scene = Scene::default();
        let (mut both, proxy) = scene.cuttable(|endpoint| endpoint);
        let session = both.establish();
        let cut = proxy.reset_after(4 << 20, direction);
        let large = numbered(0, 16 << 20);
        if direction == Direction::ToServer {
            both.client.send_parts(&large).expect("room");
            both.until_server_got(1);
            assert!(are_numbered(&both.server_got, [16 << 20]));
        } else {
            both.server.send_parts(session, &large).expect("room");
            both.until_client_got(1);
            assert!(are_numbered(&both.client_got, [16 << 20]));
        }
        cut.try_recv()
            .expect("the connection was cut before the message had passed");
        assert_one_handshake(&both);
    }
}

#[test]
fn a_link_that_is_silent_for_seconds_is_told_and_found_again() {
    let scene = Scene::default();
    let (mut both, proxy) = scene.cuttable(impatient);
    both.establish();
    proxy.silence();
    both.client.send(b"into the void").expect("room");
    both.until("the news that the server is unreachable", |both| {
        both.client_news
            .iter()
            .any(|news| matches!(news, steadfast::Event::Unreachable(_)))
    });
    proxy.link_up();
    both.until_server_got(1);
    both.until("the news that the server is back", |both| {
        both.client_news
            .iter()
            .any(|news| matches!(news, steadfast::Event::Reachable(_)))
    });
    assert_eq!(both.server_got[0].payload(), "into the void");
    assert_one_handshake(&both);
}

#[test]
fn a_server_that_sends_into_a_cut_link_is_heard_when_the_client_is_back() {
    let scene = Scene::default();
    let (mut both, proxy) = scene.cuttable(impatient);
    let session = both.establish();
    proxy.refuse();
    for number in 0..MESSAGES {
        both.server.send_parts(session, &numbered(number, 1_000)).expect("room");
    }
    proxy.link_up();
    both.until_client_got(MESSAGES);
    assert!(are_numbered(&both.client_got, vec![1_000; MESSAGES]));
    assert_one_handshake(&both);
}

/// Whoever binds, over whatever sockets, with and without 0MQ's monitor.
fn survives(cut: impl Fn(&CutProxy)) {
    for pattern in Pattern::ALL {
        for change in [impatient, unwatched] {
            let pair = Scene::default().cuttable_as(pattern, change);
            stream_over_cuts(pair, |_, proxy| cut(proxy));
        }
    }
}

/// Streams both ways, and cuts when a part is through.
fn stream_over_cuts((mut both, proxy): (Both, CutProxy), cut: impl Fn(&mut Both, &CutProxy)) {
    let session = both.establish();
    for round in 0..3 {
        for number in round * MESSAGES / 3..(round + 1) * MESSAGES / 3 {
            both.client.send_parts(&numbered(number, length(number))).expect("room");
            both.server
                .send_parts(session, &numbered(number, length(number)))
                .expect("room");
        }
        both.until_server_got(round * MESSAGES / 3 + 5);
        cut(&mut both, &proxy);
    }
    both.until_server_got(MESSAGES);
    both.until_client_got(MESSAGES);
    assert!(proxy.connections() > 1, "the cut went unnoticed");
    assert!(are_numbered(&both.server_got, (0..MESSAGES).map(length)));
    assert!(are_numbered(&both.client_got, (0..MESSAGES).map(length)));
    assert_one_handshake(&both);
}

fn length(number: usize) -> usize {
    LENGTHS[number % LENGTHS.len()]
}

fn unwatched(endpoint: Endpoint<'_>) -> Endpoint<'_> {
    impatient(endpoint).without_monitor()
}

fn assert_one_handshake(both: &Both) {
    assert_eq!(both.client.stats().handshakes, 1);
    assert_eq!(both.server.stats().sessions, 1);
}
