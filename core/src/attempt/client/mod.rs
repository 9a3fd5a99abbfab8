//! A client's handshake: it drives.

mod answers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{Error, Side};

use super::flight::{self, Addressed, Flight};
use super::{ATTEMPT_LIFE, is_verdict, is_verdict_alert};
use crate::channel::{Agreement, Channel, Opened, Role};
use crate::config::ClientConfig;
use crate::tls::{EpochKeys, Handshake, KeyPair, Level, NewKeys};
use crate::wire::frame::{Frame, Frames};
use crate::wire::header::{ConnectionId, Header, Kind};
use crate::{CloseCode, CloseReason, Packet};

/// The first repetition of a flight: longer than a handshake takes on a busy machine.
const FIRST_REPETITION: Duration = Duration::from_millis(250);
/// The slowest: what a server that comes back waits for at most.
const SLOWEST_REPETITION: Duration = Duration::from_secs(5);

/// A client's handshake.
#[derive(Debug)]
pub(crate) struct ClientAttempt {
    ours: ConnectionId,
    /// The id that the server chose, once it answered.
    theirs: ConnectionId,
    /// The id that the first packet was addressed to.
    first_destination: ConnectionId,
    next_number: u64,
    stage: Stage,
    flight: Flight,
    repeat_at: Instant,
    interval: Duration,
    jitter: u8,
    /// When the server answered. Some time later it forgets the attempt, and so does the client.
    answered_at: Option<Instant>,
    /// How many cookies the server gave.
    retries: u32,
    /// How often a server said that it does not know the attempt.
    unknowns: u32,
}

#[derive(Debug)]
enum Stage {
    /// The ClientHello is sent. It is kept for a server that wants it with a cookie.
    Hello {
        tls: Box<Handshake>,
        keys: KeyPair,
        hello: Vec<u8>,
    },
    /// The ServerHello has come: what follows is under handshake keys.
    Negotiating { tls: Box<Handshake>, keys: KeyPair },
    /// The Finished is sent: the server's first data packet confirms it.
    Confirming {
        channel: Box<Channel>,
        keys: KeyPair,
        /// When the Finished was made, unless it was repeated: a round trip begins there.
        since: Option<Instant>,
    },
    /// The attempt failed.
    Over,
}

/// Why an attempt failed here.
struct Failure {
    error: Error,
    /// Whether the server's certificate was refused, and not bytes that anybody could have forged.
    is_verdict: bool,
}

impl Failure {
    fn of_tls(level: Level, error: Error) -> Self {
        Self {
            is_verdict: level == Level::Handshake && is_verdict(&error),
            error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            is_verdict: false,
        }
    }
}

/// What a packet led to.
pub(crate) enum ClientProgress {
    /// Nothing that concerns the session.
    None,
    /// The server confirmed.
    Confirmed(Confirmed),
    /// The attempt failed; another may succeed.
    Failed { why: String, farewell: Option<Vec<u8>> },
    /// A certificate was refused: another attempt would be, too.
    Refused {
        reason: CloseReason,
        farewell: Option<Vec<u8>>,
    },
}

/// A handshake that the server confirmed: nobody was told of the channel yet.
pub(crate) struct Confirmed {
    pub(crate) channel: Box<Channel>,
    /// The packet that confirmed it. It is the channel's first, and not applied.
    pub(crate) opened: Opened,
    /// When the server first answered: it lived then.
    pub(crate) answered_at: Instant,
}

impl ClientAttempt {
    pub(crate) fn new(
        config: &ClientConfig,
        server: ServerName<'static>,
        incarnation: [u8; 16],
        now: Instant,
    ) -> Result<Self, Error> {
        let common = config.common();
        let (ours, first_destination) = (common.connection_id()?, common.connection_id()?);
        let parameters = common.parameters(incarnation, ours, None);
        let mut tls = Handshake::client(Arc::clone(config.tls()), server, &parameters)?;
        let keys = common.initial.keys(&first_destination, Side::Client);
        let (hello, _) = tls.write();
        let mut attempt = Self {
            ours,
            theirs: first_destination,
            first_destination,
            next_number: 0,
            stage: Stage::Over,
            flight: Flight::default(),
            repeat_at: now + FIRST_REPETITION,
            interval: FIRST_REPETITION,
            jitter: common.random::<1>()?[0],
            answered_at: None,
            retries: 0,
            unknowns: 0,
        };
        attempt.say_hello(&keys, &hello, &[]);
        attempt.stage = Stage::Hello {
            tls: Box::new(tls),
            keys,
            hello,
        };
        Ok(attempt)
    }

    /// The first flight: the ClientHello, with the cookie that the server gave.
    fn say_hello(&mut self, keys: &KeyPair, hello: &[u8], token: &[u8]) {
        let packet = flight::hello(
            keys,
            (self.ours, self.first_destination),
            self.next_number,
            (hello, token),
        );
        self.flight = Flight::of(packet);
        self.next_number += 1;
    }

    pub(crate) fn ours(&self) -> ConnectionId {
        self.ours
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.flight.poll()
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.ends_at().map_or(self.repeat_at, |ends| ends.min(self.repeat_at))
    }

    /// When to give up, once the server has answered: it forgets as well.
    fn ends_at(&self) -> Option<Instant> {
        Some(self.answered_at? + ATTEMPT_LIFE)
    }

    /// Repeats what goes unanswered. Returns whether the attempt has become hopeless.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.repeat_at <= now {
            self.repeat();
            self.interval = (self.interval * 2).min(SLOWEST_REPETITION);
            // Up to a quarter later, differently in each client: a thousand that lost one server do not return as one.
            self.repeat_at = now + self.interval + self.interval / 4 * u32::from(self.jitter) / 256;
        }
        self.ends_at().is_some_and(|ends| ends <= now)
    }

    /// The transport is connected anew: what was sent may be gone.
    pub(crate) fn repeat_now(&mut self, now: Instant) {
        self.interval = FIRST_REPETITION;
        self.repeat_at = now + self.interval;
        self.repeat();
    }

    fn repeat(&mut self) {
        self.flight.repeat();
        // Which of the two will be answered cannot be told: no measure of the round trip.
        if let Stage::Confirming { since, .. } = &mut self.stage {
            *since = None;
        }
    }

    pub(crate) fn handle_packet(
        &mut self,
        config: &ClientConfig,
        (header, header_bytes): (&Header, usize),
        mut packet: Packet,
        now: Instant,
    ) -> Option<ClientProgress> {
        let level = match (header.kind, &mut self.stage) {
            (Kind::Data, Stage::Confirming { channel, .. }) => {
                let opened = channel.open(header, packet, now)?;
                return Some(self.confirm(opened, now));
            }
            (Kind::Initial { .. }, Stage::Hello { .. }) => Level::Initial,
            (Kind::Handshake, Stage::Negotiating { .. } | Stage::Confirming { .. }) => Level::Handshake,
            _ => return None,
        };
        let payload_bytes = self
            .keys()?
            .open(header.number, header_bytes, packet.bytes_mut())
            .ok()?;
        let packet = packet.freeze();
        let payload = &packet[header_bytes..header_bytes + payload_bytes];
        let progress = self.read(config, level, payload, now);
        // Only from here on: anybody could have sealed an initial packet that leads nowhere.
        if let (Kind::Initial { source, .. }, Stage::Negotiating { .. }) = (header.kind, &self.stage) {
            self.theirs = source;
            self.answered_at = Some(now);
        }
        Some(progress)
    }

    fn keys(&self) -> Option<&KeyPair> {
        match &self.stage {
            Stage::Hello { keys, .. } | Stage::Negotiating { keys, .. } | Stage::Confirming { keys, .. } => Some(keys),
            Stage::Over => None,
        }
    }

    /// The first data packet: it confirms the handshake, or says that the server has ended the session already.
    fn confirm(&mut self, opened: Opened, now: Instant) -> ClientProgress {
        let refused = opened.says(|frame| match frame {
            Frame::Confirmed => Some(None),
            Frame::Close { code, reason } => Some(Some((code, reason.to_owned()))),
            _ => None,
        });
        match (refused, std::mem::replace(&mut self.stage, Stage::Over)) {
            (Some(None), Stage::Confirming { mut channel, since, .. }) => {
                if let Some(since) = since {
                    channel.measured(now.duration_since(since));
                }
                ClientProgress::Confirmed(Confirmed {
                    channel,
                    opened,
                    answered_at: self.answered_at.unwrap_or(now),
                })
            }
            (Some(Some((code, reason))), _) => Self::turned_away(Level::Handshake, code, &reason),
            (None, stage) | (Some(None), stage) => {
                self.stage = stage;
                ClientProgress::None
            }
        }
    }

    fn read(&mut self, config: &ClientConfig, level: Level, payload: &[u8], now: Instant) -> ClientProgress {
        for frame in Frames::new(payload) {
            match frame {
                Ok(Frame::Crypto { offset, data }) => {
                    if let Err(failure) = self.read_crypto(config, level, offset, data, now) {
                        return self.fail(failure);
                    }
                }
                Ok(Frame::Close { code, reason }) => return Self::turned_away(level, code, reason),
                Ok(_) => {}
                // Nobody authenticated these bytes yet: as good as lost.
                Err(_) => return ClientProgress::None,
            }
        }
        ClientProgress::None
    }

    fn read_crypto(
        &mut self,
        config: &ClientConfig,
        level: Level,
        offset: u64,
        data: &[u8],
        now: Instant,
    ) -> Result<(), Failure> {
        let tls = match &mut self.stage {
            Stage::Hello { tls, .. } | Stage::Negotiating { tls, .. } => tls,
            Stage::Confirming { .. } | Stage::Over => return Ok(()),
        };
        let read = tls.read(level, offset, data);
        if !read.map_err(|error| Failure::of_tls(level, error))? {
            return Ok(());
        }
        let (bytes, new_keys) = tls.write();
        match (std::mem::replace(&mut self.stage, Stage::Over), new_keys) {
            (Stage::Hello { tls, .. }, Some(NewKeys::Handshake(keys))) => {
                self.stage = Stage::Negotiating { tls, keys };
            }
            (Stage::Negotiating { tls, keys }, Some(NewKeys::Data(data_keys))) => {
                let to = Addressed {
                    kind: Kind::Handshake,
                    destination: self.theirs,
                };
                self.flight = Flight::default();
                let piece_bytes = flight::piece_bytes(config.limits());
                self.flight
                    .push(&keys, to, &mut self.next_number, (&bytes, piece_bytes));
                (self.interval, self.repeat_at) = (FIRST_REPETITION, now + FIRST_REPETITION);
                self.stage = self.conclude(config, tls, (keys, data_keys), now)?;
            }
            (stage, _) => self.stage = stage,
        }
        Ok(())
    }

    /// The server's Finished is verified: what it said of itself counts now.
    fn conclude(
        &self,
        config: &ClientConfig,
        handshake: Box<Handshake>,
        (keys, data_keys): (KeyPair, Box<EpochKeys>),
        now: Instant,
    ) -> Result<Stage, Error> {
        let parameters = handshake.peer_parameters()?;
        // Otherwise somebody on the path exchanged the ids (RFC 9000 §7.3).
        if parameters.source != self.theirs || parameters.original_destination != Some(self.first_destination) {
            return Err(Error::General(
                "the server's connection ids do not match its packets".into(),
            ));
        }
        let agreement = Agreement {
            role: Role::Client,
            ours: self.ours,
            theirs: self.theirs,
            keys: data_keys,
            handshake,
            next_number: self.next_number,
            parameters,
            jitter: self.jitter,
        };
        Ok(Stage::Confirming {
            channel: Box::new(Channel::new(agreement, config.common(), now)?),
            keys,
            since: Some(now),
        })
    }

    /// TLS failed here: tell the server, and judge whether another attempt makes sense.
    fn fail(&mut self, Failure { error, is_verdict }: Failure) -> ClientProgress {
        let farewell = self.farewell(&error);
        if is_verdict {
            return ClientProgress::Refused {
                reason: CloseReason::PeerRejected(error),
                farewell,
            };
        }
        ClientProgress::Failed {
            why: error.to_string(),
            farewell,
        }
    }

    fn farewell(&self, error: &Error) -> Option<Vec<u8>> {
        match &self.stage {
            Stage::Negotiating { tls, keys } => {
                let to = Addressed {
                    kind: Kind::Handshake,
                    destination: self.theirs,
                };
                let code = CloseCode::Tls(tls.alert()).to_wire();
                Some(Flight::close(keys, to, self.next_number, (code, &error.to_string())))
            }
            _ => None,
        }
    }

    /// The server said no. Under initial keys anybody could have said that.
    fn turned_away(level: Level, code: u64, reason: &str) -> ClientProgress {
        let (code, reason) = (CloseCode::from_wire(code), reason.to_owned());
        match code {
            CloseCode::Tls(alert) if level == Level::Handshake && is_verdict_alert(alert) => ClientProgress::Refused {
                reason: CloseReason::ByPeer { code, reason },
                farewell: None,
            },
            _ => ClientProgress::Failed {
                why: CloseReason::ByPeer { code, reason }.to_string(),
                farewell: None,
            },
        }
    }
}
