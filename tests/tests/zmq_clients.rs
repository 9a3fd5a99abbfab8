//! Several clients at one server, each its own process.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use steadfast::{Event, SessionId};
use steadfast_tests::over_zmq::{PATIENCE, Scene, impatient};
use steadfast_tests::processes::{Process, write_credentials};
use steadfast_zmq::{Endpoint, Received, Server};
use tempfile::TempDir;

/// Starts a client in a process of its own (see `src/bin/chatter.rs`): it sends numbers, and prints each that comes back.
fn chatter(echo: &Echo, name: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatter"));
    command.args([&echo.address, &*echo.credentials.path().to_string_lossy(), name]);
    Process::start(command.args(echo.pair.then_some("pair")))
}

/// A server that echoes, and what it saw of each client, by the name in its certificate.
struct Echo {
    server: Server,
    address: String,
    pair: bool,
    credentials: TempDir,
    names: HashMap<SessionId, String>,
    counts: HashMap<String, u64>,
    unreachable: Vec<String>,
    restarted: Vec<String>,
}

impl Echo {
    /// A server over a ROUTER or a PAIR, and certificates for ann, bob and cat.
    fn start(pair: bool) -> Self {
        let scene = Scene::default();
        let credentials = tempfile::tempdir().expect("a directory");
        write_credentials(&scene.credentials, credentials.path(), &["ann", "bob", "cat"]);
        let config = scene.server_of_certified_clients().build().expect("complete");
        let endpoint = impatient(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"));
        let endpoint = if pair { endpoint.pair() } else { endpoint };
        let server = Server::bind(endpoint, &config).expect("a free port");
        Self {
            address: server.local_address().expect("bound"),
            server,
            pair,
            credentials,
            names: HashMap::new(),
            counts: HashMap::new(),
            unreachable: Vec::new(),
            restarted: Vec::new(),
        }
    }

    fn serve(&mut self, what: &str, mut until: impl FnMut(&Self) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !until(self) {
            assert!(Instant::now() < limit, "waited in vain for {what}: {:?}", self.counts);
            if let Some(received) = self.server.recv_timeout(Duration::from_millis(10)).expect("open") {
                self.take(received);
            }
        }
    }

    fn take(&mut self, Received { session, peer, event }: Received) {
        match event {
            Event::Established(_) => {
                let name = peer.endpoint_name().expect("chatters have names").to_owned();
                assert_eq!(peer.certificates().len(), 1, "{name} showed its certificate");
                self.names.insert(session, name);
            }
            Event::Message(message) => {
                *self.counts.entry(self.names[&session].clone()).or_default() += 1;
                self.server.send_parts(session, &message.into_parts()).expect("room");
            }
            Event::PeerRestarted(_) => self.restarted.push(self.names[&session].clone()),
            Event::Unreachable(_) => self.unreachable.push(self.names[&session].clone()),
            other => assert!(matches!(other, Event::Reachable(_)), "unexpected: {other:?}"),
        }
    }

    /// Every client took something that was said in its session, since it began or began anew.
    fn is_heard(&self) -> bool {
        (self.names.keys()).all(|&session| self.server.acknowledged_through(session).is_some())
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

#[test]
fn a_client_that_is_killed_leaves_the_others_alone() {
    let mut echo = Echo::start(false);
    let [ann, bob, _cat] = ["ann", "bob", "cat"].map(|name| chatter(&echo, name));
    echo.serve("all three", |echo| {
        ["ann", "bob", "cat"].iter().all(|name| echo.count(name) >= 10)
    });
    bob.kill();
    let (of_ann, of_cat) = (echo.count("ann"), echo.count("cat"));
    echo.serve("the other two", |echo| {
        echo.count("ann") > of_ann + 50 && echo.count("cat") > of_cat + 50
    });
    assert!(ann.line().starts_with("echo "));
    assert_eq!(echo.server.stats().sessions, 3);
    assert!(!echo.unreachable.contains(&"ann".to_owned()) && !echo.unreachable.contains(&"cat".to_owned()));
}

#[test]
fn over_a_pair_a_client_that_is_killed_and_started_anew_takes_its_own_place() {
    let mut echo = Echo::start(true);
    for life in 1..=3 {
        let _ann = chatter(&echo, "ann");
        // What the one before had sent may come first.
        echo.serve("the news of ann", |echo| {
            echo.names.len() + echo.restarted.len() == life
        });
        let taken = echo.count("ann");
        echo.serve("ann", |echo| echo.count("ann") > taken + 10);
        echo.serve("an echo that ann took", Echo::is_heard);
    }
    assert_eq!(echo.names.len(), 1, "one session over all its lives");
}

#[test]
fn over_a_pair_a_second_client_is_kept_out_and_disturbs_nobody() {
    let mut echo = Echo::start(true);
    let _ann = chatter(&echo, "ann");
    echo.serve("ann", |echo| echo.count("ann") > 10);
    let _bob = chatter(&echo, "bob");
    let taken = echo.count("ann");
    echo.serve("ann beside bob", |echo| echo.count("ann") > taken + 200);
    echo.serve("an echo that ann took", Echo::is_heard);
    assert_eq!(echo.count("bob"), 0);
    assert_eq!(echo.server.stats().sessions, 1);
}
