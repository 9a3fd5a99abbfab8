//! Sessions through a 0MQ proxy with one backend: envelopes of two frames, and one pipe that all clients share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use steadfast::{Event, SessionId};
use steadfast_tests::over_zmq::{Both, PATIENCE, Scene, are_numbered, numbered};
use steadfast_zmq::{Client, Endpoint, Received, Server};
use zmq::{Context, DONTWAIT, POLLIN, Socket};

#[test]
fn a_session_works_through_a_stock_zmq_proxy() {
    let scene = Scene::default();
    let server = scene.server();
    let hop = Context::new();
    let (front, back) = hop_sockets(&hop, &server);
    let address = front.get_last_endpoint().expect("an option").expect("text");
    let proxy = thread::spawn(move || zmq::proxy(&front, &back));

    let mut both = Both::new(scene.client_at(&address), server);
    let session = both.establish();
    for number in 0..20 {
        both.client.send_parts(&numbered(number, number * 5_000)).expect("room");
        both.server
            .send_parts(session, &numbered(number, number * 5_000))
            .expect("room");
    }
    both.until_server_got(20);
    both.until_client_got(20);
    assert!(are_numbered(&both.server_got, (0..20).map(|number| number * 5_000)));
    assert!(are_numbered(&both.client_got, (0..20).map(|number| number * 5_000)));

    end(hop);
    assert!(proxy.join().expect("no panic").is_err(), "its context is gone");
}

#[test]
fn a_proxy_that_stalls_fills_the_route_and_nothing_is_lost() {
    // Within the window of each client, and all together more than the shared route and its buffers hold.
    const CLIENTS: usize = 12;
    const MESSAGES: usize = 250;
    const BYTES: usize = 4_000;
    let scene = Scene::default();
    let socket = scene.context.socket(zmq::ROUTER).expect("a socket");
    socket.set_sndhwm(1).expect("an option");
    socket.set_sndbuf(BUFFER_BYTES).expect("an option");
    let endpoint = Endpoint::new(&scene.context, "tcp://127.0.0.1:*").socket(socket);
    let mut server = Server::bind(endpoint, &scene.credentials.server().build().expect("complete")).expect("free");
    let proxy = StallingProxy::start(&server);
    let (told, ready) = mpsc::channel();
    let takers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, told) = (scene.client_at(&proxy.address), told.clone());
            thread::spawn(move || take(client, MESSAGES, &told))
        })
        .collect();
    let sessions = accept(&mut server, CLIENTS);
    ready.iter().take(CLIENTS).for_each(drop);

    proxy.stalled.store(true, Ordering::Relaxed);
    for number in 0..MESSAGES {
        for &session in &sessions {
            server.try_send_parts(session, &numbered(number, BYTES)).expect("room");
        }
    }
    drive(&mut server, "a full route", |server| server.counters().packets_held > 0);
    proxy.stalled.store(false, Ordering::Relaxed);
    drive(&mut server, "everything taken", |_| {
        takers.iter().all(JoinHandle::is_finished)
    });
    for taker in takers {
        assert!(are_numbered(&taker.join().expect("no panic"), vec![BYTES; MESSAGES]));
    }
}

const BUFFER_BYTES: i32 = 64 << 10;

/// The sockets of a proxy in front of a server.
fn hop_sockets(hop: &Context, server: &Server) -> (Socket, Socket) {
    let (front, back) = (
        hop.socket(zmq::ROUTER).expect("a socket"),
        hop.socket(zmq::DEALER).expect("a socket"),
    );
    for socket in [&front, &back] {
        socket.set_linger(0).expect("an option");
    }
    back.set_rcvbuf(BUFFER_BYTES).expect("an option");
    back.set_rcvhwm(10).expect("an option");
    front.bind("tcp://127.0.0.1:*").expect("a free port");
    back.connect(&server.local_address().expect("bound")).expect("connects");
    (front, back)
}

/// Ends what waits on sockets of this context.
fn end(mut context: Context) {
    context.destroy().expect("all sockets close");
}

/// A proxy that can be stopped for a while.
struct StallingProxy {
    address: String,
    stalled: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StallingProxy {
    fn start(server: &Server) -> Self {
        let hop = Context::new();
        let (front, back) = hop_sockets(&hop, server);
        let address = front.get_last_endpoint().expect("an option").expect("text");
        let (stalled, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (stalled, ended) = (stalled.clone(), ended.clone());
            move || {
                while !ended.load(Ordering::Relaxed) {
                    let items = &mut [front.as_poll_item(POLLIN), back.as_poll_item(POLLIN)];
                    zmq::poll(items, 5).expect("polls");
                    if !stalled.load(Ordering::Relaxed) {
                        pass(&front, &back);
                        pass(&back, &front);
                    }
                }
            }
        });
        Self {
            address,
            stalled,
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for StallingProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

fn pass(from: &Socket, to: &Socket) {
    for _ in 0..100 {
        match from.recv_multipart(DONTWAIT) {
            Ok(frames) => to.send_multipart(frames, 0).expect("room"),
            Err(_) => break,
        }
    }
}

/// Takes so many messages, and goes on until the server has been told so.
fn take(mut client: Client, messages: usize, established: &mpsc::Sender<()>) -> Vec<steadfast::Message> {
    let mut got = Vec::new();
    while got.len() < messages {
        match client.recv().expect("open") {
            Event::Message(message) => got.push(message),
            Event::Established(_) => established.send(()).expect("somebody waits"),
            _ => {}
        }
    }
    client.recv_timeout(Duration::from_millis(20)).expect("open");
    got
}

fn accept(server: &mut Server, clients: usize) -> Vec<SessionId> {
    let mut sessions = Vec::new();
    drive_with(server, "all clients", |_, received| {
        sessions.extend(
            received
                .filter(|news| matches!(news.event, Event::Established(_)))
                .map(|news| news.session),
        );
        sessions.len() == clients
    });
    sessions
}

fn drive(server: &mut Server, what: &str, done: impl Fn(&Server) -> bool) {
    drive_with(server, what, |server, _| done(server));
}

fn drive_with(server: &mut Server, what: &str, mut done: impl FnMut(&Server, Option<Received>) -> bool) {
    let limit = Instant::now() + PATIENCE;
    loop {
        let received = server.recv_timeout(Duration::from_millis(5)).expect("open");
        if done(server, received) {
            return;
        }
        assert!(
            Instant::now() < limit,
            "waited in vain for {what}; {:?}",
            server.counters()
        );
    }
}
