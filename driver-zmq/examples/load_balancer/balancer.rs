//! The server: jobs in, results out.

use std::io::{BufRead, stdin};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use steadfast_zmq::steadfast::rustls::server::WebPkiClientVerifier;
use steadfast_zmq::steadfast::{Event, Limits, Message, PeerIdentity, ServerConfig, SessionId};
use steadfast_zmq::{Endpoint, Error, Received, Server, default_provider, pem, zmq};

use crate::Result;
use crate::arguments;
use crate::job::Outcome;
use crate::jobs::{Jobs, Returned};

/// How long to wait for workers before looking at standard input again: short beside any job worth sending away.
const TICK: Duration = Duration::from_millis(5);
/// After so long without an answer a worker gets no more jobs, and those that never left go to others.
const SILENCE: Duration = Duration::from_secs(1);

/// What is told on standard error of a worker, behind its name.
pub(crate) mod news {
    pub(crate) const LISTENING: &str = "listening at ";
    pub(crate) const CAME: &str = "established";
    pub(crate) const SILENT: &str = "nothing heard";
    pub(crate) const HEARD: &str = "reachable again";
    pub(crate) const GONE: &str = "closed";
}

pub(crate) fn run(arguments: &arguments::Balancer) -> Result<()> {
    let config = configured(arguments)?;
    let server = Server::bind(Endpoint::new(&zmq::Context::new(), &arguments.listen), &config)?;
    eprintln!("{}{}", news::LISTENING, server.local_address()?);
    let balancer = Balancer {
        server,
        jobs: Jobs::default(),
        input: Some(read_jobs()),
    };
    balancer.run()
}

fn configured(arguments: &arguments::Balancer) -> Result<ServerConfig> {
    let directory = &arguments.credentials;
    let provider = default_provider();
    let roots = pem::roots(directory.join("authority.pem"))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
    let (chain, key) = pem::identity(directory.join("server.pem"), directory.join("server.key"), &provider)?;
    let config = ServerConfig::builder(provider, chain, key)
        .client_verifier(verifier)
        .endpoint_name("balancer")
        .limits(Limits {
            unreachable_after: SILENCE,
            retention: Duration::from_millis(arguments.retention_ms),
            // A worker without a job is found to be gone as soon as one with a job.
            ping_interval: SILENCE / 4,
            ..Limits::default()
        });
    Ok(config.build()?)
}

/// Reads ahead no more than the workers have asked for.
fn read_jobs() -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

struct Balancer {
    server: Server,
    jobs: Jobs,
    /// None after its end.
    input: Option<Receiver<String>>,
}

impl Balancer {
    fn run(mut self) -> Result<()> {
        while self.input.is_some() || !self.jobs.are_all_done() {
            if let Some(received) = self.server.recv_timeout(TICK)? {
                self.take(received)?;
            }
            self.read();
            self.hand_out()?;
        }
        // Every worker hears that there is no more to do.
        self.server.close(Duration::from_secs(10))?;
        Ok(())
    }

    fn read(&mut self) {
        while self.jobs.are_wanted()
            && let Some(input) = &self.input
        {
            match input.try_recv() {
                Ok(text) => self.jobs.add(text.into()),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.input = None,
            }
        }
    }

    fn hand_out(&mut self) -> Result<()> {
        while let Some((session, job)) = self.jobs.next() {
            match self.server.try_send_parts(session, &job.parts()) {
                Ok(_) => self.jobs.given(session, job),
                Err(Error::WouldBlock | Error::Closed) => {
                    // It takes nothing at present, or its end is on the way.
                    self.jobs.not_given(job);
                    self.jobs.worker_is_silent(session);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn take(&mut self, received: Received) -> Result<()> {
        let Received { session, peer, event } = received;
        let name = name(&peer);
        if !matches!(event, Event::Message(_)) {
            eprintln!("{name}: {event}");
        }
        match event {
            Event::Established(_) | Event::Reachable(_) => self.jobs.worker_came(session),
            Event::Message(message) => self.finish(session, &name, &message)?,
            Event::Unreachable(_) => self.take_back(session, &name)?,
            Event::PeerRestarted(old) => tell(&name, self.jobs.worker_died(session, &old.unsent)),
            Event::Closed(old) => tell(&name, self.jobs.worker_died(session, &old.unsent)),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, session: SessionId, name: &str, message: &Message) -> Result<()> {
        match Outcome::read(message) {
            Ok(Outcome { number, text }) => {
                if self.jobs.is_done(number) {
                    println!("{number} {name} {text}");
                }
                // There is room at this worker, if there was none.
                self.jobs.worker_came(session);
                Ok(())
            }
            Err(error) => {
                eprintln!("{name}: sent away: {error}");
                Ok(self.server.close_session(session)?)
            }
        }
    }

    /// The worker may be heard again: it keeps what it may have begun. What it has never seen need not wait for that.
    fn take_back(&mut self, session: SessionId, name: &str) -> Result<()> {
        self.jobs.worker_is_silent(session);
        let unsent = self.server.withdraw_unsent(session)?;
        tell(name, self.jobs.take_back(session, &unsent));
        Ok(())
    }
}

fn tell(name: &str, returned: Returned) {
    if returned != Returned::default() {
        let Returned { marked, unmarked } = returned;
        eprintln!("{name}: jobs for others: {marked} that may be done already, {unmarked} that never left");
    }
}

/// As the worker calls itself. Its certificate stands behind that.
fn name(peer: &PeerIdentity) -> String {
    peer.endpoint_name().unwrap_or("nobody").escape_debug().to_string()
}
