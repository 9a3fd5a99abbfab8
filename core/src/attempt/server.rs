//! A server's handshake: it only answers.

use std::sync::Arc;
use std::time::Instant;

use rustls::{AlertDescription, Error, PeerIncompatible, Side};

use super::flight::{self, Addressed, Flight};
use super::{ATTEMPT_LIFE, is_verdict};
use crate::channel::{Agreement, Channel, Role};
use crate::config::ServerConfig;
use crate::stream::Outbox;
use crate::tls::{EpochKeys, Handshake, KeyPair, Level, NewKeys};
use crate::wire::frame::{Frame, Frames};
use crate::wire::header::{ConnectionId, Header, Kind};
use crate::{CloseCode, CloseReason, Packet, PeerIdentity};

/// A server's handshake.
#[derive(Debug)]
pub(crate) struct ServerAttempt {
    ours: ConnectionId,
    theirs: ConnectionId,
    next_number: u64,
    tls: Box<Handshake>,
    keys: KeyPair,
    /// Known since the server's own Finished, and not used before the client's is verified.
    data_keys: Option<Box<EpochKeys>>,
    flight: Flight,
    /// When the flight was made, unless it was repeated: a round trip begins there.
    since: Option<Instant>,
    ends_at: Instant,
}

/// What a packet led to.
pub(crate) enum ServerProgress {
    /// It did not open, or was known.
    Dropped,
    /// More is needed.
    None,
    /// The client's Finished and certificate are verified.
    Complete,
    /// The handshake failed: why, and what to tell the client if it asks again.
    Failed {
        reason: CloseReason,
        farewell: Option<Vec<u8>>,
    },
}

impl ServerAttempt {
    /// Begins with a client's first packet. `Err` holds why it failed, and the answer if the packet was at least well-formed.
    pub(crate) fn new(
        config: &ServerConfig,
        incarnation: [u8; 16],
        (header, header_bytes): (&Header, usize),
        mut packet: Packet,
        now: Instant,
    ) -> Result<Self, Option<(CloseReason, Vec<u8>)>> {
        let Kind::Initial { source } = header.kind else {
            return Err(None);
        };
        let initial = config.common().initial.keys(&header.destination, Side::Server);
        let opened = initial.open(header.number, header_bytes, packet.bytes_mut());
        let payload_bytes = opened.map_err(|_| None)?;
        let packet = packet.freeze();
        let payload = &packet[header_bytes..header_bytes + payload_bytes];
        let Some(hello) = whole_hello(payload) else {
            return Err(None);
        };
        let common = config.common();
        let ours = common.connection_id().map_err(|_| None)?;
        let to = Addressed {
            kind: Kind::Initial { source: ours },
            destination: source,
        };
        let parameters = common.parameters(incarnation, ours, Some(header.destination));
        let mut tls = Handshake::server(Arc::clone(config.tls()), &parameters).map_err(|_| None)?;
        let refuse = |code: AlertDescription, error: Error| {
            let code = CloseCode::Tls(code).to_wire();
            let farewell = Flight::close(&initial, to, 0, (code, &error.to_string()));
            Some((CloseReason::HandshakeFailed(error), farewell))
        };
        if let Err(error) = tls.read(Level::Initial, 0, hello) {
            return Err(refuse(tls.alert(), error));
        }
        match tls.write() {
            (hello, Some(NewKeys::Handshake(keys))) => {
                let mut flight = (Flight::default(), 0);
                flight.0.push(&initial, to, &mut flight.1, (&hello, hello.len()));
                let piece_bytes = flight::piece_bytes(&common.limits);
                Self::answer(tls, keys, (to, ours), (flight, piece_bytes), now).ok_or(None)
            }
            // rustls would ask for a key share of another group (RFC 8446 §4.1.4): this version spares itself that round
            // trip, and the state it would hold for a stranger. Both sides' first group must be the same.
            _ => {
                let error = Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon);
                Err(refuse(AlertDescription::HandshakeFailure, error))
            }
        }
    }

    /// The rest of the flight, under handshake keys.
    fn answer(
        mut tls: Handshake,
        keys: KeyPair,
        (to, ours): (Addressed, ConnectionId),
        ((mut flight, mut next_number), piece_bytes): ((Flight, u64), usize),
        now: Instant,
    ) -> Option<Self> {
        let (rest, Some(NewKeys::Data(data_keys))) = tls.write() else {
            return None;
        };
        let to = Addressed {
            kind: Kind::Handshake,
            ..to
        };
        flight.push(&keys, to, &mut next_number, (&rest, piece_bytes));
        Some(Self {
            ours,
            theirs: to.destination,
            next_number,
            tls: Box::new(tls),
            keys,
            data_keys: Some(data_keys),
            flight,
            since: Some(now),
            ends_at: now + ATTEMPT_LIFE,
        })
    }

    pub(crate) fn ours(&self) -> ConnectionId {
        self.ours
    }

    pub(crate) fn ends_at(&self) -> Instant {
        self.ends_at
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.flight.poll()
    }

    pub(crate) fn has_transmit(&self) -> bool {
        self.flight.has_more()
    }

    /// The client's first packet came again: it misses the answer.
    pub(crate) fn repeat(&mut self) {
        self.flight.repeat();
        self.since = None;
    }

    pub(crate) fn handle_packet(
        &mut self,
        (header, header_bytes): (&Header, usize),
        packet: &mut Packet,
    ) -> ServerProgress {
        if header.kind != Kind::Handshake {
            return ServerProgress::Dropped;
        }
        let Ok(payload_bytes) = self.keys.open(header.number, header_bytes, packet.bytes_mut()) else {
            return ServerProgress::Dropped;
        };
        let payload = &packet.bytes_mut()[header_bytes..header_bytes + payload_bytes];
        for frame in Frames::new(payload) {
            match frame {
                Ok(Frame::Crypto { offset, data }) => {
                    if let Err(error) = self.tls.read(Level::Handshake, offset, data) {
                        let (reason, farewell) = self.fail(error);
                        return ServerProgress::Failed {
                            reason,
                            farewell: Some(farewell),
                        };
                    }
                }
                Ok(Frame::Close { code, reason }) => {
                    let reason = CloseReason::ByPeer {
                        code: CloseCode::from_wire(code),
                        reason: reason.to_owned(),
                    };
                    return ServerProgress::Failed { reason, farewell: None };
                }
                Ok(_) => {}
                Err(_) => return ServerProgress::Dropped,
            }
        }
        if self.tls.is_complete() {
            ServerProgress::Complete
        } else {
            ServerProgress::None
        }
    }

    fn fail(&self, error: Error) -> (CloseReason, Vec<u8>) {
        let farewell = self.farewell(CloseCode::Tls(self.tls.alert()), &error.to_string());
        let reason = if is_verdict(&error) {
            CloseReason::PeerRejected(error)
        } else {
            CloseReason::HandshakeFailed(error)
        };
        (reason, farewell)
    }

    /// The packet that ends the attempt, under handshake keys.
    pub(crate) fn farewell(&self, code: CloseCode, reason: &str) -> Vec<u8> {
        let to = Addressed {
            kind: Kind::Handshake,
            destination: self.theirs,
        };
        Flight::close(&self.keys, to, self.next_number, (code.to_wire(), reason))
    }

    /// Goes over into a session, once complete.
    pub(crate) fn into_channel(
        mut self,
        config: &ServerConfig,
        now: Instant,
    ) -> Result<Channel, (CloseReason, Vec<u8>)> {
        let parameters = match self.tls.peer_parameters() {
            Ok(parameters) if parameters.source == self.theirs => parameters,
            Ok(_) => {
                return Err(self.fail(Error::General(
                    "the client's connection id does not match its packets".into(),
                )));
            }
            Err(error) => return Err(self.fail(error)),
        };
        let (Some(keys), Some(negotiated), Ok(binding)) =
            (self.data_keys.take(), self.tls.negotiated(), self.tls.binding())
        else {
            return Err(self.fail(Error::HandshakeNotComplete));
        };
        let limits = &config.common().limits;
        let agreement = Agreement {
            role: Role::Server,
            ours: self.ours,
            theirs: self.theirs,
            keys,
            next_number: self.next_number,
            peer: Arc::new(PeerIdentity::new(
                self.tls.peer_certificates(),
                parameters.endpoint_name.clone(),
            )),
            negotiated,
            binding,
            jitter: 0,
            parameters,
        };
        let max_message_bytes = agreement.parameters.max_message_bytes;
        let mut channel = Channel::new(agreement, Outbox::new(limits.outbox(max_message_bytes)), limits, now);
        if let Some(since) = self.since {
            channel.measured(now.duration_since(since));
        }
        Ok(channel)
    }
}

/// The ClientHello must stand in the first packet, whole: nothing is held for a client that has not said even that.
fn whole_hello(payload: &[u8]) -> Option<&[u8]> {
    Frames::new(payload).find_map(|frame| match frame {
        Ok(Frame::Crypto { offset: 0, data }) => Some(data),
        _ => None,
    })
}
