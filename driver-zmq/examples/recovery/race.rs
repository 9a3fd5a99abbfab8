//! Both are measured in turns, and compared.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use steadfast_zmq::testing::{InsecureTestCredentials, insecure_test_credentials};
use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::Kind;
use crate::clients::{Plain, Sending, Session};
use crate::server::{News, PATIENCE, ServerProcess};

/// How long messages flow before a server is killed.
const FLOW: Duration = Duration::from_millis(100);

/// One of the two, and what was measured of it.
struct Runner<C> {
    kind: Kind,
    client: C,
    server: ServerProcess,
    restarts: Vec<Restart>,
}

/// One restart of a server: how long after the kill of the one before it it listened, and had its first message.
struct Restart {
    listening: Duration,
    first_message: Duration,
}

/// Measures, prints a table; whether every restart cost one handshake.
pub(crate) fn run(rounds: u32) -> Result<bool> {
    let directory = tempfile::tempdir()?;
    let credentials = insecure_test_credentials("localhost");
    write_credentials(&credentials, directory.path())?;
    let context = zmq::Context::new();
    let mut plain = Runner::new(Kind::Plain, directory.path(), |address| {
        Plain::connect(&context, address)
    })?;
    let mut session = Runner::new(Kind::Session, directory.path(), |address| {
        Session::connect(&context, address, &credentials)
    })?;
    let first = session.client.handshakes();
    for round in 0..rounds {
        // Neither is always the one that is measured after the other.
        if round % 2 == 0 {
            plain.measure()?;
            session.measure()?;
        } else {
            session.measure()?;
            plain.measure()?;
        }
    }
    let handshakes = session.client.handshakes() - first;
    let (least, most) = plain.client.reconnect_ms()?;
    println!(
        "From SIGKILL for a server to the first message at the one in its place, in ms; {rounds} rounds of each, in turns."
    );
    println!(
        "0MQ reconnects after {least} ms (drawn for this run) and, if it fails, less and less often, up to every {most} ms.\n"
    );
    print_table(&plain.restarts, &session.restarts);
    println!("\nhandshakes: {handshakes} for {rounds} restarts");
    Ok(handshakes == rounds)
}

fn print_table(plain: &[Restart], session: &[Restart]) {
    println!(
        "{:16}{:>8}{:>8}{:>8}{:>24}{:>14}",
        "", "median", "min", "max", "median until it listens", "and from then"
    );
    let plain = print_row(Kind::Plain, plain);
    let session = print_row(Kind::Session, session);
    println!("{:16}{:>+8.1}", "difference", session - plain);
}

/// Returns the median.
fn print_row(kind: Kind, restarts: &[Restart]) -> f64 {
    let first = sorted_ms(restarts, |restart| restart.first_message);
    let listening = median(&sorted_ms(restarts, |restart| restart.listening));
    let from_then = median(&sorted_ms(restarts, |restart| {
        restart.first_message - restart.listening
    }));
    let (name, median, min, max) = (kind.name(), median(&first), first[0], first[first.len() - 1]);
    println!("{name:16}{median:>8.1}{min:>8.1}{max:>8.1}{listening:>24.1}{from_then:>14.1}");
    median
}

fn sorted_ms(restarts: &[Restart], time: impl Fn(&Restart) -> Duration) -> Vec<f64> {
    let mut times: Vec<_> = restarts
        .iter()
        .map(|restart| time(restart).as_secs_f64() * 1e3)
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Of sorted times, at least one.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

impl<C: Sending> Runner<C> {
    fn new(kind: Kind, directory: &Path, connect: impl FnOnce(&str) -> Result<C>) -> Result<Self> {
        let server = ServerProcess::start(kind, directory)?;
        let mut runner = Self {
            kind,
            client: connect(server.address())?,
            server,
            restarts: Vec::new(),
        };
        runner.until_first_message()?;
        Ok(runner)
    }

    fn measure(&mut self) -> Result<()> {
        let killed_at = Instant::now() + FLOW;
        while Instant::now() < killed_at {
            self.client.tick()?;
        }
        let killed_at = Instant::now();
        self.server.restart()?;
        let (listening, first_message) = self.until_first_message()?;
        self.restarts.push(Restart {
            listening: listening.unwrap_or(first_message).duration_since(killed_at),
            first_message: first_message.duration_since(killed_at),
        });
        Ok(())
    }

    /// Sends until the server has something; when it listened, if it said so meanwhile, and when it had the first message.
    fn until_first_message(&mut self) -> Result<(Option<Instant>, Instant)> {
        let limit = Instant::now() + PATIENCE;
        let mut listening = None;
        while Instant::now() < limit {
            self.client.tick()?;
            match self.server.news() {
                Some((News::Listening, at)) => listening = Some(at),
                Some((News::FirstMessage, at)) => return Ok((listening, at)),
                None => {}
            }
        }
        let (name, seconds) = (self.kind.name(), PATIENCE.as_secs());
        Err(format!("{name}: no message in {seconds} s").into())
    }
}

pub(crate) fn write_credentials(credentials: &InsecureTestCredentials, directory: &Path) -> Result<()> {
    let (certificate, key) = credentials.server_pem();
    fs::write(directory.join("server.pem"), certificate)?;
    fs::write(directory.join("server.key"), key)?;
    Ok(fs::write(directory.join("authority.pem"), credentials.authority_pem())?)
}
