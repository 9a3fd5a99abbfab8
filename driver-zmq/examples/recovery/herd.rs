//! Many clients of one server, which is killed: how soon all of them are back.

use std::time::{Duration, Instant};

use steadfast_zmq::steadfast::Event;
use steadfast_zmq::testing::{InsecureTestCredentials, insecure_test_credentials};
use steadfast_zmq::{Client, Endpoint, zmq};

use crate::Result;
use crate::arguments::Kind;
use crate::race::write_credentials;
use crate::server::{News, PATIENCE, ServerProcess};

/// A 0MQ context has about a thousand sockets at most, and one I/O thread.
const CLIENTS_A_CONTEXT: usize = 250;

/// A client, and how far it has come.
struct Member {
    client: Client,
    handshakes: u32,
    /// When the session with the present server was established.
    back_at: Option<Instant>,
}

/// Measures, and prints; whether every client came back with exactly one handshake.
pub(crate) fn run(clients: usize) -> Result<bool> {
    let directory = tempfile::tempdir()?;
    let credentials = insecure_test_credentials("localhost");
    write_credentials(&credentials, directory.path())?;
    let mut server = ServerProcess::start(Kind::Session, directory.path())?;
    let contexts: Vec<_> = (0..clients.div_ceil(CLIENTS_A_CONTEXT))
        .map(|_| zmq::Context::new())
        .collect();
    let mut herd = (0..clients)
        .map(|number| Member::connect(&contexts[number / CLIENTS_A_CONTEXT], server.address(), &credentials))
        .collect::<Result<Vec<_>>>()?;
    until_all_are_back(&mut herd)?;

    let killed_at = Instant::now();
    server.restart()?;
    // Only now: whose message the old server had would be idle, and find out at its next ping.
    herd.iter_mut().for_each(Member::begin_anew);
    until_all_are_back(&mut herd)?;
    let listening = match server.news() {
        Some((News::Listening, at)) => at,
        _ => killed_at,
    };
    report(&herd, killed_at, listening);
    Ok(herd.iter().all(|member| member.handshakes == 1))
}

fn report(herd: &[Member], killed_at: Instant, listening: Instant) {
    let mut times: Vec<Duration> = herd
        .iter()
        .filter_map(|member| Some(member.back_at?.duration_since(killed_at)))
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_millis();
    println!(
        "{} clients with a message each, mutual TLS, all in one thread of this process; in ms after SIGKILL for their server:",
        times.len()
    );
    println!(
        "  the new server listens {:>6}",
        listening.duration_since(killed_at).as_millis()
    );
    println!("  the first is back      {:>6}", at(0));
    println!("  half of them are       {:>6}", at(50));
    println!("  the last is            {:>6}", at(100));
    let handshakes: u32 = herd.iter().map(|member| member.handshakes).sum();
    println!("handshakes: {handshakes} for {} clients", herd.len());
}

fn until_all_are_back(herd: &mut [Member]) -> Result<()> {
    let limit = Instant::now() + PATIENCE * 3;
    while herd.iter().any(|member| member.back_at.is_none()) {
        if Instant::now() > limit {
            return Err(format!("not all clients are back after {} s", (PATIENCE * 3).as_secs()).into());
        }
        herd.iter_mut().try_for_each(Member::turn)?;
    }
    Ok(())
}

impl Member {
    fn connect(context: &zmq::Context, address: &str, credentials: &InsecureTestCredentials) -> Result<Self> {
        let (chain, key) = credentials.issue("member");
        let config = credentials.client().identity(chain, key).build()?;
        // A monitor would be another pair of sockets for each of them.
        let endpoint = Endpoint::new(context, address).without_monitor();
        Ok(Self {
            client: Client::connect(endpoint, "localhost".try_into()?, &config)?,
            handshakes: 0,
            back_at: None,
        })
    }

    fn begin_anew(&mut self) {
        (self.handshakes, self.back_at) = (0, None);
        let _ = self.client.try_send(b"anybody there?");
    }

    fn turn(&mut self) -> Result<()> {
        while let Some(event) = self.client.try_recv()? {
            match event {
                Event::Established(_) => {
                    self.handshakes += 1;
                    self.back_at = Some(Instant::now());
                }
                Event::Closed(closed) => return Err(format!("a session ended: {}", closed.reason).into()),
                _ => {}
            }
        }
        Ok(())
    }
}
