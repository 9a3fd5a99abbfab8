//! Several clients at one server, each its own process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use steadfast::{Event, SessionId};
use steadfast_tests::over_zmq::{PATIENCE, Scene};
use steadfast_zmq::{Endpoint, Received, Server};
use tempfile::TempDir;

/// A client in a process of its own (see `src/bin/chatter.rs`): sends numbers, and prints each that comes back.
struct Chatter(Child);

impl Chatter {
    fn start(address: &str, credentials: &TempDir, name: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_chatter"))
            .args([address, &credentials.path().to_string_lossy(), name])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        Self(child)
    }

    fn wait_for_echo(&mut self) -> String {
        let output = self.0.stdout.as_mut().expect("piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("readable");
        line
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that echoes, and what it saw of each client, by the name in its certificate.
struct Echo {
    server: Server,
    names: HashMap<SessionId, String>,
    counts: HashMap<String, u64>,
    unreachable: Vec<String>,
}

impl Echo {
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
            Event::Unreachable(_) => self.unreachable.push(self.names[&session].clone()),
            other => assert!(matches!(other, Event::Reachable(_)), "unexpected: {other:?}"),
        }
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

#[test]
fn a_client_that_is_killed_leaves_the_others_alone() {
    let scene = Scene::default();
    let files = tempfile::tempdir().expect("a directory");
    std::fs::write(files.path().join("authority.pem"), scene.credentials.authority_pem()).expect("writable");
    for name in ["ann", "bob", "cat"] {
        let (certificate, key) = scene.credentials.issue_pem(name);
        std::fs::write(files.path().join(format!("{name}.pem")), certificate).expect("writable");
        std::fs::write(files.path().join(format!("{name}.key")), key).expect("writable");
    }
    let config = scene
        .credentials
        .server()
        .client_verifier(scene.credentials.client_verifier())
        .build()
        .expect("complete");
    let endpoint = Endpoint::new(&scene.context, "tcp://127.0.0.1:*");
    let server = Server::bind(endpoint, &config).expect("a free port");
    let address = server.local_address().expect("bound");
    let mut echo = Echo {
        server,
        names: HashMap::new(),
        counts: HashMap::new(),
        unreachable: Vec::new(),
    };

    let mut chatters = ["ann", "bob", "cat"].map(|name| Chatter::start(&address, &files, name));
    echo.serve("all three", |echo| {
        ["ann", "bob", "cat"].iter().all(|name| echo.count(name) >= 10)
    });
    chatters[1].0.kill().expect("still running");
    let (ann, cat) = (echo.count("ann"), echo.count("cat"));
    echo.serve("the other two", |echo| {
        echo.count("ann") > ann + 50 && echo.count("cat") > cat + 50
    });
    assert!(chatters[0].wait_for_echo().starts_with("echo "));
    assert_eq!(echo.server.stats().sessions, 3);
    assert!(!echo.unreachable.contains(&"ann".to_owned()) && !echo.unreachable.contains(&"cat".to_owned()));
}
