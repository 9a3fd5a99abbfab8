//! What a session tells the application.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{ChannelBinding, CloseReason, Message, MessageId, Negotiated, PeerIdentity};

/// What happened in a session.
///
/// For every session: `Established` before any message, and again after each `PeerRestarted`; `Unreachable` and `Reachable` in
/// turns, but that `Established` ends an `Unreachable` too; `Closed` once, last.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The peer is authenticated and has confirmed the handshake. Messages flow.
    Established(Established),
    /// A message of the peer. Returning it from the poll acknowledges it: the application has it now. Not so with
    /// [`Delivery::manual_acknowledgement`](crate::Delivery::manual_acknowledgement): then the application says so
    /// itself.
    Message(Message),
    /// Nothing was heard of the peer for a while. Advice only: the session waits, and keeps all messages.
    Unreachable(Unreachable),
    /// The peer is heard again, and the session goes on where it was. When the peer restarted meanwhile,
    /// `Established` may say so in its place.
    Reachable(Reachable),
    /// The peer's end of the session is gone: nothing of it is known there. Another one has taken its place; `Established` is next.
    PeerRestarted(Box<PeerRestarted>),
    /// The session is over. Boxed: it is large, and comes once.
    Closed(Box<Closed>),
}

/// A session has begun.
#[derive(Clone, Debug)]
pub struct Established {
    /// Who the peer proved to be.
    pub peer: Arc<PeerIdentity>,
    /// What the handshake settled.
    pub negotiated: Negotiated,
    /// A value that both ends of this session know, and nobody else.
    pub binding: ChannelBinding,
}

/// Nothing was heard of the peer for a while.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// For how long nothing authenticated arrived.
    pub silent_for: Duration,
    /// Whether the session had been established: if not, nobody at the other end ever answered as a Steadfast server should.
    pub established: bool,
    /// Why that may be, as far as is known, for a person to read: what went wrong in the last attempt at a handshake, or what a
    /// driver sees of its transport.
    pub probable_cause: Option<String>,
}

/// The peer is heard again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// For how long nothing authenticated had arrived.
    pub silent_for: Duration,
    /// Messages that were found missing at the peer and are sent again, as far as is known by now.
    pub replayed_messages: u64,
    /// Their bytes.
    pub replayed_bytes: u64,
}

/// The peer began anew: a new process, as a rule, or else the same one, which had given the session up.
///
/// Messages that the application sends before it has taken this event count as sent to the peer that is gone: they are
/// listed as unsent. Both directions begin anew, and so do the ids of messages.
#[derive(Debug)]
pub struct PeerRestarted {
    /// Messages that were sent and not acknowledged: the application at the peer that is gone may have had them, or not.
    pub in_doubt: Vec<Message>,
    /// Messages that never left this endpoint.
    pub unsent: Vec<Message>,
    /// If redelivery was configured: the new ids of all these messages, first of those in doubt, then of those unsent.
    /// They are sent to the new peer in that order, those in doubt marked as
    /// [possible duplicates](Message::is_possible_duplicate). Empty otherwise: nothing of them is sent.
    pub redelivered_as: Vec<MessageId>,
}

/// The session is over.
#[derive(Debug)]
pub struct Closed {
    /// Why, and whether a new attempt makes sense.
    pub reason: CloseReason,
    /// Messages that were sent and not acknowledged: the peer's application may have them, or not.
    pub in_doubt: Vec<Message>,
    /// Messages that never left this endpoint.
    pub unsent: Vec<Message>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established(e) => write!(
                f,
                "established with {} over {:?} and {:?}",
                e.peer.endpoint_name().unwrap_or("an unnamed peer"),
                e.negotiated.key_exchange,
                e.negotiated.cipher_suite
            ),
            Self::Message(message) => write!(f, "message of {} bytes", message.total_bytes()),
            Self::Unreachable(e) => e.fmt(f),
            Self::Reachable(e) => write!(f, "reachable again after {:.1?}", e.silent_for),
            Self::PeerRestarted(e) => write!(
                f,
                "the peer restarted ({} messages in doubt, {} unsent{})",
                e.in_doubt.len(),
                e.unsent.len(),
                if e.redelivered_as.is_empty() {
                    ""
                } else {
                    ", all sent again"
                }
            ),
            Self::Closed(e) => write!(
                f,
                "closed: {} ({} messages in doubt, {} unsent)",
                e.reason,
                e.in_doubt.len(),
                e.unsent.len()
            ),
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing heard from the peer for {:.1?}", self.silent_for)?;
        if let Some(cause) = &self.probable_cause {
            write!(f, "; probable cause: {cause}")?;
        } else if !self.established {
            f.write_str("; is a Steadfast server listening at this address?")?;
        }
        f.write_str("; still trying")
    }
}
