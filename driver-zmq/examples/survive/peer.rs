//! One of the two processes: sends, receives, and writes down both.

use std::io::{BufRead, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use steadfast_zmq::steadfast::rustls::client::WebPkiServerVerifier;
use steadfast_zmq::steadfast::rustls::server::WebPkiClientVerifier;
use steadfast_zmq::steadfast::{ClientConfig, CloseReason, Event, ServerConfig};
use steadfast_zmq::{Client, Endpoint, Server, default_provider, pem, zmq};

use crate::Result;
use crate::arguments::{self, Arguments};
use crate::clock::Micros;
use crate::record::{Line, Recorder};
use crate::side::{OneSession, Side};
use crate::traffic::{Item, LARGE_BYTES, Traffic};

/// What the first process tells the others, a word a line.
pub(crate) mod command {
    pub(crate) const LARGE: &str = "large";
    pub(crate) const STOP: &str = "stop";
    pub(crate) const CLOSE: &str = "close";
}

/// What the others tell the first, a line each.
pub(crate) mod answer {
    pub(crate) const LISTENING: &str = "listening ";
    pub(crate) const DRAINED: &str = "drained";
}

/// New messages wait while this much is unacknowledged: enough to keep the line busy, little enough to see recovery soon.
const HELD_BYTES: u64 = 2 << 20;
const MESSAGES_PER_TICK: usize = 4;
const TICK: Duration = Duration::from_millis(1);
const EVENTS_PER_TICK: usize = 256;

pub(crate) fn run(peer: &arguments::Peer, arguments: &Arguments) -> Result<()> {
    if arguments.log {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    let context = zmq::Context::new();
    let recorder = Recorder::create(&peer.directory.join(peer.name()))?;
    match &peer.connect {
        Some(address) => {
            let client = connect(&context, address, &peer.directory)?;
            Stream::new(client, recorder, arguments.seed).run()
        }
        None => {
            let server = listen(&context, &peer.directory)?;
            println!("{}{}", answer::LISTENING, server.local_address()?);
            Stream::new(OneSession { server, session: None }, recorder, !arguments.seed).run()
        }
    }
}

fn connect(context: &zmq::Context, address: &str, directory: &Path) -> Result<Client> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join("authority.pem"))?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (chain, key) = pem::identity(directory.join("client.pem"), directory.join("client.key"), &provider)?;
    let config = ClientConfig::builder(provider, verifier)
        .identity(chain, key)
        .endpoint_name("survivor")
        .build()?;
    Ok(Client::connect(
        Endpoint::new(context, address),
        "localhost".try_into()?,
        &config,
    )?)
}

fn listen(context: &zmq::Context, directory: &Path) -> Result<Server> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join("authority.pem"))?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (chain, key) = pem::identity(directory.join("server.pem"), directory.join("server.key"), &provider)?;
    let config = ServerConfig::builder(provider, chain, key)
        .client_verifier(verifier)
        .build()?;
    Ok(Server::bind(Endpoint::new(context, "tcp://127.0.0.1:*"), &config)?)
}

struct Stream<S> {
    side: S,
    recorder: Recorder,
    traffic: Traffic,
    commands: Receiver<String>,
    /// Sends no more.
    stopping: bool,
    drained: bool,
    /// A large message is to be sent next.
    large: bool,
    replayed: u64,
    closed: Option<CloseReason>,
}

impl<S: Side> Stream<S> {
    fn new(side: S, recorder: Recorder, seed: u64) -> Self {
        Self {
            side,
            recorder,
            traffic: Traffic::new(seed),
            commands: read_commands(),
            stopping: false,
            drained: false,
            large: false,
            replayed: 0,
            closed: None,
        }
    }

    fn run(mut self) -> Result<()> {
        while self.closed.is_none() {
            self.obey()?;
            self.produce()?;
            self.consume()?;
            self.tell()?;
        }
        self.recorder.flush()?;
        match self.closed {
            Some(CloseReason::Finished) | None => Ok(()),
            Some(reason) => Err(format!("the session ended: {reason}").into()),
        }
    }

    fn obey(&mut self) -> Result<()> {
        match self.commands.try_recv() {
            Ok(word) if word == command::LARGE => self.large = true,
            Ok(word) if word == command::STOP => self.stopping = true,
            Ok(word) if word == command::CLOSE => self.side.begin_close()?,
            Ok(word) => return Err(format!("no such command: {word}").into()),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Err("the first process is gone".into()),
        }
        Ok(())
    }

    fn produce(&mut self) -> Result<()> {
        if self.stopping {
            return Ok(());
        }
        for _ in 0..MESSAGES_PER_TICK {
            if self.side.unacknowledged_bytes() > HELD_BYTES || !self.send_one()? {
                break;
            }
        }
        Ok(())
    }

    fn send_one(&mut self) -> Result<bool> {
        let (item, parts) = if self.large {
            self.traffic.message_of(LARGE_BYTES)
        } else {
            self.traffic.message()
        };
        if !self.side.send(&parts)? {
            self.traffic.withdraw();
            return Ok(false);
        }
        self.recorder.note(&Line::Sent(item))?;
        if std::mem::take(&mut self.large) {
            // The first process waits for this line, to cut while the message is under way.
            self.recorder.flush()?;
        }
        Ok(true)
    }

    fn consume(&mut self) -> Result<()> {
        let mut wait = TICK;
        for _ in 0..EVENTS_PER_TICK {
            let Some(event) = self.side.next(wait)? else { break };
            self.take(event)?;
            wait = Duration::ZERO;
            if self.closed.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Message(message) => self.recorder.note(&Line::Got(Item::received(&message)?, Micros::now())),
            Event::Established(news) => {
                let (group, cipher) = (news.negotiated.key_exchange, news.negotiated.cipher_suite);
                self.recorder
                    .note(&Line::Established(format!("{group:?}"), format!("{cipher:?}")))
            }
            Event::Closed(closed) => {
                let (doubt, unsent) = (closed.in_doubt.len(), closed.unsent.len());
                self.recorder
                    .note(&Line::Closed(closed.reason.to_string(), doubt, unsent))?;
                self.closed = Some(closed.reason);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tell(&mut self) -> Result<()> {
        let replayed = self.side.replayed_messages();
        if replayed > self.replayed {
            self.replayed = replayed;
            self.recorder.note(&Line::Replayed(replayed))?;
        }
        self.recorder.flush()?;
        if self.stopping && !self.drained && self.side.unacknowledged_bytes() == 0 {
            self.drained = true;
            println!("{}", answer::DRAINED);
        }
        Ok(())
    }
}

fn read_commands() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
