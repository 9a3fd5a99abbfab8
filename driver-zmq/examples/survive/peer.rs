//! One of the two processes: sends, receives, and writes down both.

use std::io::{BufRead, stdin};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use steadfast_zmq::steadfast::{ChannelBinding, CloseReason, Event, Message};
use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::{self, Arguments};
use crate::clock::Micros;
use crate::open;
use crate::record::{Line, Recorder, Returned, Session};
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
    let recorder = Recorder::create(&peer.record())?;
    match &peer.connect {
        Some(address) => {
            let client = open::client(&context, address, &peer.directory)?;
            Stream::new(client, recorder, Traffic::new(arguments.seed, peer.life)).run()
        }
        None => {
            let server = open::server(&context, &peer.listen, &peer.directory)?;
            println!("{}{}", answer::LISTENING, server.local_address()?);
            Stream::new(
                OneSession::new(server),
                recorder,
                Traffic::new(!arguments.seed, peer.life),
            )
            .run()
        }
    }
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
    fn new(side: S, recorder: Recorder, traffic: Traffic) -> Self {
        Self {
            side,
            recorder,
            traffic,
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
        if self.stopping || !self.side.is_open() {
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
        let (item, parts) = if std::mem::take(&mut self.large) {
            self.traffic.message_of(LARGE_BYTES)
        } else {
            self.traffic.message()
        };
        // First on record, then out of our hands: were we killed between, nobody else could know of the message.
        self.recorder.note(&Line::Sent(item))?;
        let accepted = self.side.send(&parts)?;
        if !accepted {
            self.recorder.note(&Line::Refused(item.number))?;
        }
        Ok(accepted)
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
            Event::Message(message) => {
                // First on record, then acknowledged: were we killed between, the peer would be in doubt.
                self.recorder
                    .note(&Line::Got(Item::received(&message)?, Micros::now()))?;
                self.side.acknowledge(message.id())
            }
            Event::Established(news) => self.recorder.note(&Line::Established(Session {
                binding: hexadecimal(&news.binding),
                group: format!("{:?}", news.negotiated.key_exchange),
                cipher: format!("{:?}", news.negotiated.cipher_suite),
            })),
            Event::PeerRestarted(news) => self
                .recorder
                .note(&Line::Restarted(returned(&news.in_doubt, &news.unsent)?)),
            Event::Closed(closed) => {
                let returned = returned(&closed.in_doubt, &closed.unsent)?;
                self.recorder.note(&Line::Closed(returned, closed.reason.to_string()))?;
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
        if self.stopping && !self.drained && self.side.unacknowledged_bytes() == 0 {
            self.drained = true;
            println!("{}", answer::DRAINED);
        }
        Ok(())
    }
}

fn returned(in_doubt: &[Message], unsent: &[Message]) -> Result<Returned> {
    let items = |messages: &[Message]| messages.iter().map(Item::received).collect::<Result<_>>();
    Ok(Returned {
        in_doubt: items(in_doubt)?,
        unsent: items(unsent)?,
    })
}

fn hexadecimal(binding: &ChannelBinding) -> String {
    binding.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
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
