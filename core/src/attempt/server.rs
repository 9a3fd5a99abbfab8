//! A server's handshake: it only answers.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::{AlertDescription, Error, PeerIncompatible, Side};

use super::flight::{self, Addressed, Flight};
use super::{ATTEMPT_LIFE, is_verdict};
use crate::channel::{Agreement, Channel, Role};
use crate::config::{Common, ServerConfig};
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

/// A client's first packet, opened and not acted on: nothing is held for it yet.
pub(crate) struct FirstPacket {
    keys: KeyPair,
    /// The id that the client made up for the server.
    destination: ConnectionId,
    source: ConnectionId,
    number: u64,
    packet: Bytes,
    /// Where in the packet the ClientHello stands.
    hello: Range<usize>,
    token: Range<usize>,
}

impl FirstPacket {
    /// Opens it; `None` if it is not what a client sends first. Anybody can seal such a packet.
    pub(crate) fn open(common: &Common, (header, header_bytes): (&Header, usize), mut packet: Packet) -> Option<Self> {
        let Kind::Initial { source, token_bytes } = header.kind else {
            return None;
        };
        let keys = common.initial.keys(&header.destination, Side::Server);
        let payload_bytes = keys.open(header.number, header_bytes, packet.bytes_mut()).ok()?;
        let packet = packet.freeze();
        let payload = header_bytes..header_bytes + payload_bytes;
        let hello = whole_hello(&packet[payload])?;
        let start = hello.as_ptr() as usize - packet.as_ptr() as usize;
        Some(Self {
            keys,
            destination: header.destination,
            source,
            number: header.number,
            hello: start..start + hello.len(),
            token: header_bytes - usize::from(token_bytes)..header_bytes,
            packet,
        })
    }

    pub(crate) fn destination(&self) -> &ConnectionId {
        &self.destination
    }

    pub(crate) fn hello(&self) -> &[u8] {
        &self.packet[self.hello.clone()]
    }

    /// The cookie that an earlier answer gave to the client; empty if there is none.
    pub(crate) fn token(&self) -> &[u8] {
        &self.packet[self.token.clone()]
    }

    /// The answer that gives a cookie, and holds nothing.
    pub(crate) fn retry(&self, cookie: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(64 + cookie.len());
        Header {
            kind: Kind::Retry {
                first_destination: self.destination,
            },
            destination: self.source,
            epoch: 0,
            number: self.number,
        }
        .encode(&mut packet);
        packet.extend_from_slice(cookie);
        packet
    }
}

impl ServerAttempt {
    /// Begins with a client's first packet. `Err` holds why it failed, and the answer if there is one.
    pub(crate) fn new(
        config: &ServerConfig,
        incarnation: [u8; 16],
        first: &FirstPacket,
        now: Instant,
    ) -> Result<Self, Option<(CloseReason, Vec<u8>)>> {
        let (common, initial) = (config.common(), &first.keys);
        let ours = common.connection_id().map_err(|_| None)?;
        let to = Addressed {
            kind: Kind::initial(ours),
            destination: first.source,
        };
        let parameters = common.parameters(incarnation, ours, Some(first.destination));
        let mut tls = Handshake::server(Arc::clone(config.tls()), &parameters).map_err(|_| None)?;
        let refuse = |code: AlertDescription, error: Error| {
            let code = CloseCode::Tls(code).to_wire();
            let farewell = Flight::close(initial, to, 0, (code, &error.to_string()));
            Some((CloseReason::HandshakeFailed(error), farewell))
        };
        if let Err(error) = tls.read(Level::Initial, 0, first.hello()) {
            return Err(refuse(tls.alert(), error));
        }
        match tls.write() {
            (hello, Some(NewKeys::Handshake(keys))) => {
                let mut flight = (Flight::default(), 0);
                flight.0.push(initial, to, &mut flight.1, (&hello, hello.len()));
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

    /// Who the client proved to be, once complete, and its incarnation.
    pub(crate) fn peer(&self) -> (PeerIdentity, [u8; 16]) {
        let parameters = self.tls.peer_parameters().ok();
        let incarnation = parameters.as_ref().map(|known| known.incarnation);
        let name = parameters.and_then(|known| known.endpoint_name);
        let identity = PeerIdentity::new(self.tls.peer_certificates(), name);
        (identity, incarnation.unwrap_or_default())
    }

    /// Goes over into a channel, once complete. `Err` holds why that failed, and what to tell the client.
    pub(crate) fn into_channel(
        mut self,
        config: &ServerConfig,
        now: Instant,
    ) -> Result<Channel, (CloseReason, Option<Vec<u8>>)> {
        let failed = |this: &Self, error| {
            let (reason, farewell) = this.fail(error);
            Err((reason, Some(farewell)))
        };
        let parameters = match self.tls.peer_parameters() {
            Ok(parameters) if parameters.source == self.theirs => parameters,
            Ok(_) => {
                let what = "the client's connection id does not match its packets";
                return failed(&self, Error::General(what.into()));
            }
            Err(error) => return failed(&self, error),
        };
        let Some(keys) = self.data_keys.take() else {
            return failed(&self, Error::HandshakeNotComplete);
        };
        let agreement = Agreement {
            role: Role::Server,
            ours: self.ours,
            theirs: self.theirs,
            keys,
            handshake: self.tls,
            next_number: self.next_number,
            parameters,
            jitter: 0,
        };
        let mut channel = Channel::new(agreement, config.common(), now)
            .map_err(|error| (CloseReason::HandshakeFailed(error), None))?;
        if let Some(since) = self.since {
            channel.measured(now.duration_since(since));
        }
        Ok(channel)
    }
}

/// A ClientHello is longer, always. With less, the answer that gives a cookie would be longer than what it answers.
const SHORTEST_HELLO: usize = 64;

/// The ClientHello must stand in the first packet, whole: nothing is held for a client that has not said even that.
fn whole_hello(payload: &[u8]) -> Option<&[u8]> {
    Frames::new(payload).find_map(|frame| match frame {
        Ok(Frame::Crypto { offset: 0, data }) if data.len() >= SHORTEST_HELLO => Some(data),
        _ => None,
    })
}
