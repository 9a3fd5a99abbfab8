//! Sessions through a 0MQ proxy with one backend: envelopes of two frames, one pipe that all clients share, and ciphertext only.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use steadfast::{Event, SessionId};
use steadfast_tests::examples::example_program;
use steadfast_tests::forge::FirstPacket;
use steadfast_tests::over_zmq::{Both, PATIENCE, Scene, are_numbered, numbered};
use steadfast_tests::processes::Process;
use steadfast_tests::proxy::{BUFFER_BYTES, Eavesdropper, WINDOW_BYTES, found, hop_sockets};
use steadfast_tests::{mixed, pattern};
use steadfast_zmq::testing::insecure_test_credentials;
use steadfast_zmq::{Client, Endpoint, Received, Server};
use zmq::{Context, DONTWAIT, POLLIN, Socket};

#[test]
fn a_session_works_through_a_stock_zmq_proxy() {
    let scene = Scene::default();
    let server = scene.server();
    let hop = Context::new();
    let (front, back) = hop_sockets(&hop, &server.local_address().expect("bound"));
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

/// What both sides say: of all lengths from that of a window on, each bytes that nothing else has.
fn sayings() -> [Vec<Vec<u8>>; 2] {
    const LENGTHS: [usize; 6] = [WINDOW_BYTES, 60, 1_000, 20_000, 65_536, 200_000];
    [1, 2].map(|side| {
        LENGTHS
            .map(|length| pattern(length, side * 1_000_003 + length).to_vec())
            .into()
    })
}

/// In certificates, or what the endpoints call themselves.
const SERVER: &str = "archive.proxied.example";
const CLIENT: &str = "clerk.behind.example";
const SERVER_ENDPOINT: &str = "keeper of old books";
const CLIENT_ENDPOINT: &str = "reader number nine";

#[test]
fn a_proxy_reads_no_byte_of_what_is_said_nor_by_whom() {
    let scene = Scene {
        credentials: insecure_test_credentials(SERVER),
        ..Scene::default()
    };
    let config = scene.server_of_certified_clients().endpoint_name(SERVER_ENDPOINT);
    let endpoint = Endpoint::new(&scene.context, "tcp://127.0.0.1:*");
    let server = Server::bind(endpoint, &config.build().expect("complete")).expect("a free port");
    let proxy = Eavesdropper::start(&server.local_address().expect("bound"));
    let (chain, key) = scene.credentials.issue(CLIENT);
    let config = scene.credentials.client().endpoint_name(CLIENT_ENDPOINT);
    let config = config.identity(chain.clone(), key).build().expect("complete");
    let endpoint = Endpoint::new(&scene.context, &proxy.address);
    let client = Client::connect(endpoint, SERVER.try_into().expect("a name"), &config).expect("an address");

    let mut both = Both::new(client, server);
    let session = both.establish();
    let [asks, answers] = sayings();
    for (ask, answer) in asks.iter().zip(&answers) {
        both.client.send_multipart(&[ask, &ask[..8]]).expect("room");
        both.server.send(session, answer).expect("room");
    }
    both.until_server_got(asks.len());
    both.until_client_got(answers.len());
    assert_eq!(both.server_got[5].parts()[0], asks[5]);
    assert_eq!(both.client_got[5].payload()[..], answers[5]);
    let server_certificate = both.client.peer().expect("established").certificates()[0].to_vec();
    drop(both);
    let frames = proxy.end();

    let names = [
        SERVER,
        CLIENT,
        SERVER_ENDPOINT,
        CLIENT_ENDPOINT,
        "insecure test authority",
    ];
    let names: Vec<Vec<u8>> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let certificates = [server_certificate, chain[0].to_vec()];
    for name in [0, 4] {
        assert!(
            found(&names[name..=name], &certificates).contains(&0),
            "certificates are read right"
        );
    }
    let secrets = [asks, answers, names.clone(), certificates.into()].concat();
    assert!(frames.iter().map(Vec::len).sum::<usize>() > 500_000, "all of it passed");
    assert_eq!(found(&secrets, &frames), [].into(), "in what passed");

    // The keys of first packets follow from their headers: what is in there is as good as open.
    let packet = |wanted: &dyn Fn(&[u8]) -> bool| {
        let mut packets = frames.iter().filter(|frame| frame.len() > 200 && frame[0] == 0x10);
        packets.find(|packet| wanted(packet)).expect("a first packet")
    };
    let hello = packet(&|_| true);
    let first = FirstPacket::read(hello);
    let answer = packet(&|packet| packet[1..9] == first.source);
    let opened = [first.open(hello), first.open_answer(answer)];
    assert_eq!(
        found(&secrets, &opened).len(),
        1,
        "the client's own name for itself alone"
    );
    assert_eq!(found(&names[3..=3], &opened[..1]), [0].into(), "which it shows at once");
}

#[test]
fn the_same_search_at_the_same_proxy_finds_everything_that_plain_sockets_say() {
    let context = Context::new();
    let (server, client) = (
        context.socket(zmq::ROUTER).expect("a socket"),
        context.socket(zmq::DEALER).expect("a socket"),
    );
    server.bind("tcp://127.0.0.1:*").expect("a free port");
    let proxy = Eavesdropper::start(&server.get_last_endpoint().expect("an option").expect("text"));
    client.connect(&proxy.address).expect("connects");
    let [asks, answers] = sayings();
    for (ask, answer) in asks.iter().zip(&answers) {
        client.send(ask, 0).expect("room");
        let mut frames = server.recv_multipart(0).expect("a message");
        assert_eq!(frames.pop().as_ref(), Some(ask));
        frames.push(answer.clone());
        server.send_multipart(frames, 0).expect("room");
        assert_eq!(&client.recv_bytes(0).expect("a message"), answer);
    }
    let frames = proxy.end();
    let secrets = [asks, answers].concat();
    assert_eq!(found(&secrets, &frames), (0..secrets.len()).collect());
    let cut: Vec<Vec<u8>> = secrets
        .iter()
        .map(|secret| secret[secret.len() - WINDOW_BYTES..].to_vec())
        .collect();
    assert_eq!(
        found(&secrets, &cut),
        (0..secrets.len()).collect(),
        "any window is enough"
    );
}

#[test]
fn the_proxy_to_try_out_passes_sessions_whoever_connects_and_shows_where_each_packet_goes() {
    let program = example_program("proxy");
    for server_connects in [false, true] {
        let scene = Scene::default();
        let mut command = Command::new(&program);
        command.args(["--watch", "tcp://127.0.0.1:*"]);
        let (proxy, server) = if server_connects {
            let proxy = Process::start(command.arg("tcp://127.0.0.1:*"));
            (proxy, None)
        } else {
            let server = scene.server();
            command.arg(server.local_address().expect("bound"));
            (Process::start(command.arg("--connect")), Some(server))
        };
        let [front, back] = ["front: ", "back: "].map(|place| {
            let line = proxy.line();
            line.strip_prefix(place).expect("the place").to_owned()
        });
        let server = server.unwrap_or_else(|| {
            let config = scene.credentials.server().build().expect("complete");
            Server::connect(Endpoint::new(&scene.context, &back), &config).expect("an address")
        });
        let mut both = Both::new(scene.client_at(&front), server);
        let session = both.establish();
        for parts in mixed(10) {
            both.client.send_parts(&parts).expect("room");
            both.server.send_parts(session, &parts).expect("room");
        }
        both.until_server_got(10);
        both.until_client_got(10);
        let lines = proxy.kill();
        let first: Vec<_> = lines[0].split(' ').collect();
        assert!(first[1..3] == ["->", "server"], "{first:?}");
        for way in [" -> server", " <- server"] {
            let packets = lines
                .iter()
                .filter(|line| line.contains(way) && line.contains("bytes  12"));
            assert!(packets.count() > 5, "{lines:?}");
        }
        assert!(!lines.iter().any(|line| line.contains('?')), "{lines:?}");
    }
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
        let (front, back) = hop_sockets(&hop, &server.local_address().expect("bound"));
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
