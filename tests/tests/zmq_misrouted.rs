//! Two servers behind one proxy: their sessions cannot work, and the client says why.

use std::thread;
use std::time::{Duration, Instant};

use steadfast::{CloseReason, Closed, Event};
use steadfast_tests::over_zmq::{PATIENCE, Scene};
use steadfast_zmq::{Client, Error, Server};
use zmq::{Context, Socket};

/// A proxy that deals packets to two servers by turns.
fn proxy_before(servers: &[Server], hop: &Context) -> (String, thread::JoinHandle<zmq::Result<()>>) {
    let front = socket(hop, zmq::ROUTER);
    let back = socket(hop, zmq::DEALER);
    front.bind("tcp://127.0.0.1:*").expect("a free port");
    for server in servers {
        back.connect(&server.local_address().expect("bound")).expect("connects");
    }
    let address = front.get_last_endpoint().expect("an option").expect("text");
    (address, thread::spawn(move || zmq::proxy(&front, &back)))
}

fn socket(hop: &Context, kind: zmq::SocketType) -> Socket {
    let socket = hop.socket(kind).expect("a socket");
    socket.set_linger(0).expect("an option");
    socket
}

/// Sends and receives until the session is over. Which server a handshake reaches is chance, and they come every few seconds: a
/// minute is enough nearly always.
fn ended(client: &mut Client) -> Closed {
    let limit = Instant::now() + PATIENCE * 5;
    while Instant::now() < limit {
        match client.try_send(b"to whom?") {
            Ok(_) | Err(Error::WouldBlock | Error::Closed) => {}
            Err(error) => panic!("{error}"),
        }
        if let Some(Event::Closed(closed)) = client.recv_timeout(Duration::from_millis(5)).expect("open") {
            return *closed;
        }
    }
    panic!("the session never ended: {:?}", client.stats())
}

/// Serves one server until its context is terminated.
fn serve(mut server: Server) {
    while server.recv().is_ok() {}
}

#[test]
fn a_client_whose_packets_reach_two_servers_by_turns_says_so_and_gives_up() {
    let scene = Scene::default();
    let servers = [scene.server(), scene.server()];
    let mut hop = Context::new();
    let (address, proxy) = proxy_before(&servers, &hop);
    let clients = Context::new();
    let endpoint = steadfast_zmq::Endpoint::new(&clients, &address);
    let mut client = scene.client(endpoint);
    let servers = servers.map(|server| thread::spawn(move || serve(server)));

    let closed = ended(&mut client);
    assert_eq!(closed.reason, CloseReason::Misrouted);
    assert!(!closed.reason.retryable());
    assert!(closed.reason.to_string().contains("one backend"), "{}", closed.reason);

    hop.destroy().expect("all sockets close");
    assert!(proxy.join().expect("no panic").is_err(), "its context is gone");
    let Scene { mut context, .. } = scene;
    context.destroy().expect("all sockets close");
    for server in servers {
        server.join().expect("no panic");
    }
}
