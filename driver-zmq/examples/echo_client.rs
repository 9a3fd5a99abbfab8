//! The connecting half of the echo pair: sends every line that is typed, and prints it when it comes back.
//!
//! See `echo_server` for three commands to try both out. Whichever of the two is killed and started anew, the other goes on: what
//! is typed while the server is away comes back when it is there again.

mod echo;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use clap::Parser;
use steadfast_zmq::steadfast::{ClientConfig, CloseReason, Closed, Event, PeerRestarted};
use steadfast_zmq::{Client, Endpoint, Error, pem, zmq};

use echo::{Result, TICK, Word, lines_not_delivered, typed_lines};

/// Sends lines to an echo server over TLS 1.3 and 0MQ, and prints those that come back, each once.
///
/// News of the session go to standard error. Ends in order when standard input ends and every line is back. Fails if the session ends
/// otherwise: a server that is away for a while is no reason.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the server is: a host name or an IP address
    host: String,
    /// Where it listens
    port: u16,
    /// The authorities (PEM) that vouch for the server; a self-signed certificate vouches for itself
    roots: PathBuf,
    /// The name in the server's certificate, if it is not the host's
    #[arg(long)]
    server_name: Option<String>,
    /// A name for this client that stays the same when it restarts, so that the server knows it again
    #[arg(long, requires = "cert")]
    name: Option<String>,
    /// This client's certificate chain (PEM), own certificate first
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
}

fn main() -> ExitCode {
    match connect(&Arguments::parse()).and_then(EchoClient::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn connect(arguments: &Arguments) -> Result<EchoClient> {
    let config = configured(arguments)?;
    let name = arguments.server_name.as_ref().unwrap_or(&arguments.host).clone();
    let name = name
        .try_into()
        .map_err(|_| "the server's name is neither a host name nor an IP address; say it with --server-name")?;
    let context = zmq::Context::new();
    let client = Client::connect(Endpoint::new(&context, &address(arguments)), name, &config)?;
    Ok(EchoClient {
        client,
        typed: Typed::Going(typed_lines()),
        lines: 0,
        to_send: VecDeque::new(),
        awaited: BTreeSet::new(),
    })
}

fn address(arguments: &Arguments) -> String {
    let (host, port) = (&arguments.host, arguments.port);
    if host.contains(':') {
        format!("tcp://[{host}]:{port}") // IPv6
    } else {
        format!("tcp://{host}:{port}")
    }
}

fn configured(arguments: &Arguments) -> Result<ClientConfig> {
    let mut config = match (&arguments.cert, &arguments.key) {
        (Some(chain), Some(key)) => pem::client_with_identity(&arguments.roots, chain, key)?,
        _ => pem::client(&arguments.roots)?,
    };
    if let Some(name) = &arguments.name {
        config = config.endpoint_name(name);
    }
    Ok(config.build()?)
}

struct EchoClient {
    client: Client,
    typed: Typed,
    /// How many lines were typed.
    lines: u64,
    /// Lines that wait for room.
    to_send: VecDeque<Word>,
    /// The numbers of the lines that are not back.
    awaited: BTreeSet<u64>,
}

/// Standard input.
enum Typed {
    Going(Receiver<String>),
    Ended,
}

impl EchoClient {
    fn run(mut self) -> Result<()> {
        loop {
            if let Some(event) = self.client.recv_timeout(TICK)? {
                self.take(event)?;
            }
            self.read()?;
            self.send()?;
            if matches!(self.typed, Typed::Ended) && self.to_send.is_empty() && self.awaited.is_empty() {
                return self.close();
            }
        }
    }

    /// Takes what was typed; no more than can be sent.
    fn read(&mut self) -> Result<()> {
        while self.to_send.is_empty()
            && let Typed::Going(typed) = &self.typed
        {
            match typed.try_recv() {
                Ok(text) => {
                    self.lines += 1;
                    self.awaited.insert(self.lines);
                    let (number, text) = (self.lines, text.into());
                    self.to_send.push_back(Word::Line { number, text });
                    self.send()?;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.typed = Typed::Ended,
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        while let Some(word) = self.to_send.front() {
            match self.client.try_send_parts(&word.parts()) {
                Ok(_) => self.to_send.pop_front(),
                // `Closed` will tell why, with all that is lost.
                Err(Error::WouldBlock | Error::Closed) => break,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<()> {
        if !matches!(event, Event::Message(_)) {
            eprintln!("{event}");
        }
        match event {
            Event::Message(message) => match Word::read(&message) {
                Some(Word::Line { number, text }) => self.to_send.push_back(Word::Back { number, text }),
                Some(Word::Back { number, text }) => {
                    // A line that was in doubt may come back twice.
                    if self.awaited.remove(&number) {
                        println!("{}", String::from_utf8_lossy(&text));
                    }
                }
                None => eprintln!("a message that is no line; is it an echo server?"),
            },
            Event::PeerRestarted(restarted) => self.repeat(*restarted),
            Event::Closed(closed) => return Err(self.lost(&closed).into()),
            _ => {}
        }
        Ok(())
    }

    /// Sends again what the server that is gone did not return, before all that is typed from now on.
    fn repeat(&mut self, restarted: PeerRestarted) {
        let lines = lines_not_delivered(restarted);
        for (line, fate) in &lines {
            eprintln!("sent again, since it was {fate}: {line}");
        }
        let later = std::mem::take(&mut self.to_send);
        let asked_for = |word: &Word| matches!(word, Word::Line { .. });
        self.to_send = lines.into_iter().map(|(line, _)| line).collect();
        self.to_send.extend(later.into_iter().filter(asked_for));
    }

    fn lost(&self, closed: &Closed) -> String {
        let advice = if closed.reason.retryable() {
            "start again later"
        } else {
            "something has to be changed first"
        };
        let lines = self.awaited.len();
        format!(
            "the session ended with {lines} lines not back: {}; {advice}",
            closed.reason
        )
    }

    fn close(self) -> Result<()> {
        let events = self.client.close(Duration::from_secs(30))?;
        match events.last() {
            Some(Event::Closed(closed)) if closed.reason == CloseReason::Finished => {
                eprintln!("every line is back; {}", closed.reason);
                Ok(())
            }
            Some(other) => Err(format!("every line is back, but the session is not closed in order: {other}").into()),
            None => Err("the session ended without a word".into()),
        }
    }
}
