//! Sessions inside event loops that are the application's own.
#![cfg(unix)]

use std::io::Read;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use steadfast::Event;
use steadfast_tests::examples::example_program;
use steadfast_tests::over_zmq::{PATIENCE, Scene};
use steadfast_tests::processes::{Process, write_credentials};
use steadfast_zmq::Client;

#[test]
fn messages_that_are_opened_already_make_the_deadline_zero_for_no_socket_shows_them() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    // They wait for the handshake together, and so share a packet.
    for number in 0..3_u8 {
        both.client.send(&[number]).expect("room");
    }
    both.until_server_got(1);
    for _ in 1..3 {
        assert!(
            both.server
                .deadline()
                .expect("open")
                .is_some_and(|due| due <= Instant::now())
        );
        let received = both.server.try_recv().expect("open").expect("opened already");
        assert!(matches!(received.event, Event::Message(_)));
    }
    let due = both.server.deadline().expect("open");
    assert!(due.is_none_or(|due| due > Instant::now()), "nothing waits any more");
}

#[test]
fn a_loop_of_zmq_poll_serves_many_sockets_at_once() {
    const MESSAGES: usize = 500;
    let scene = Scene::default();
    let mut server = scene.server();
    let address = server.local_address().expect("bound");
    let mut clients: Vec<Client> = (0..5).map(|_| scene.client_at(&address)).collect();
    let (mut sent, mut taken) = (vec![0; clients.len()], vec![0; clients.len()]);
    let limit = Instant::now() + PATIENCE;
    while taken.iter().any(|&taken| taken < MESSAGES) {
        assert!(Instant::now() < limit, "{taken:?} of {sent:?}");
        while let Some(received) = server.try_recv().expect("open") {
            if let Event::Message(message) = received.event {
                server
                    .try_send_parts(received.session, &message.into_parts())
                    .expect("room");
            }
        }
        for (index, client) in clients.iter_mut().enumerate() {
            while let Some(event) = client.try_recv().expect("open") {
                taken[index] += usize::from(matches!(event, Event::Message(_)));
            }
            while sent[index] < MESSAGES.min(taken[index] + 20) {
                client.try_send(&[0; 300]).expect("room");
                sent[index] += 1;
            }
        }
        let mut deadlines = vec![server.deadline().expect("open")];
        deadlines.extend(clients.iter_mut().map(|client| client.deadline().expect("open")));
        let sleep = (deadlines.into_iter().flatten().min()).map_or(1_000, |due| {
            due.saturating_duration_since(Instant::now()).as_millis() as i64 + 1
        });
        let mut items: Vec<_> = server.poll_items().collect();
        items.extend(clients.iter().flat_map(Client::poll_items));
        zmq::poll(&mut items, sleep).expect("polls");
    }
}

/// The example `event_loop`, at work.
struct EventLoop {
    _process: Process,
    address: String,
    status: String,
    _credentials: tempfile::TempDir,
}

impl EventLoop {
    fn start(scene: &Scene) -> Self {
        let credentials = tempfile::tempdir().expect("a directory");
        write_credentials(&scene.credentials, credentials.path(), &[]);
        let process = Process::start(
            Command::new(example_program("event_loop"))
                .args(["tcp://127.0.0.1:*", "127.0.0.1:0", "server.pem", "server.key"])
                .current_dir(credentials.path()),
        );
        let line = process.line();
        let (address, status) = (line.strip_prefix("serving "))
            .and_then(|line| line.split_once(", status at "))
            .expect("where it is");
        Self {
            address: address.into(),
            status: status.into(),
            _process: process,
            _credentials: credentials,
        }
    }

    fn status(&self) -> String {
        let mut visitor = TcpStream::connect(&self.status).expect("a status page");
        visitor.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut page = String::new();
        visitor.read_to_string(&mut page).expect("a page");
        page
    }
}

#[test]
fn a_foreign_event_loop_misses_no_signal_of_the_descriptors_whatever_else_it_does() {
    let scene = Scene::default();
    let event_loop = EventLoop::start(&scene);
    let mut client = scene.client_at(&event_loop.address);
    // One by one, each a change of its own; then many at once, with which signals are swallowed.
    for _ in 0..300 {
        client.send(b"one").expect("room");
        take(&mut client, 1);
    }
    for burst in 0..20 {
        for _ in 0..400 {
            client.send(&[burst; 1_000]).expect("room");
        }
        take(&mut client, 400);
        assert!(event_loop.status().contains("1 sessions"));
    }
}

fn take(client: &mut Client, messages: usize) {
    let limit = Instant::now() + PATIENCE;
    let mut taken = 0;
    while taken < messages {
        assert!(
            Instant::now() < limit,
            "took {taken} of {messages}; {:?}",
            client.stats()
        );
        match client.recv_timeout(Duration::from_secs(1)) {
            Ok(Some(Event::Message(_))) => taken += 1,
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn futures_are_woken_without_any_runtime_in_the_driver() {
    let output = Command::new(example_program("futures"))
        .arg("2000")
        .output()
        .expect("runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("make 2664667000"), "{said}");
}
