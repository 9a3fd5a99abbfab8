//! The side that answers.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use steadfast::{Bytes, Event, Message, MessageId};

use super::tag::{RequestId, Tag};

/// Tells requests from other events, and knows which processes that asked are still there: [requests](super).
///
/// `S` names a session: a [`SessionId`](steadfast::SessionId) at a server; `()` will do at a client that its server asks. Holds a few
/// bytes for each session, and nothing for requests.
#[derive(Debug)]
pub struct Replies<S> {
    askers: HashMap<S, Arc<Asker>>,
    unreadable: u64,
}

/// One process at the other end of one session. It is gone when the book lets go of it.
#[derive(Debug)]
struct Asker;

/// What an event means to who answers.
#[derive(Debug)]
pub enum Asked<S> {
    /// Somebody asks.
    Request(Request<S>),
    /// Anything else, as it came: news of the session, and messages that are no requests.
    Other(Event),
}

/// A request to be answered: once, at any time, in any order, by any thread. Whoever drops it leaves it unanswered.
pub struct Request<S> {
    /// What is asked. May be taken out: nothing of it is needed for the reply.
    pub parts: Vec<Bytes>,
    session: S,
    asker: Weak<Asker>,
    id: RequestId,
    message: MessageId,
    possible_duplicate: bool,
}

/// Why a request was not answered. Nothing was sent.
#[derive(Debug)]
pub enum ReplyError<S, E> {
    /// The process that asked has restarted, or its session is over: nobody waits for this reply.
    Gone,
    /// Sending failed.
    NotSent {
        /// To try again with.
        request: Request<S>,
        /// What sending said.
        error: E,
    },
}

impl<S: Copy + Eq + Hash> Replies<S> {
    /// A book without sessions.
    pub fn new() -> Self {
        Self {
            askers: HashMap::new(),
            unreadable: 0,
        }
    }

    /// What this event of a session means. Every event of every session goes through here, in order.
    pub fn sort(&mut self, session: S, event: Event) -> Asked<S> {
        match event {
            Event::Message(message) => self.take(session, message),
            Event::PeerRestarted(_) | Event::Closed(_) => {
                self.askers.remove(&session);
                Asked::Other(event)
            }
            other => Asked::Other(other),
        }
    }

    fn take(&mut self, session: S, message: Message) -> Asked<S> {
        match Tag::read(message.payload()) {
            Tag::Request(id) => Asked::Request(Request {
                session,
                asker: Arc::downgrade(self.askers.entry(session).or_insert_with(|| Arc::new(Asker))),
                id,
                message: message.id(),
                possible_duplicate: message.is_possible_duplicate(),
                parts: message.into_parts().split_off(1),
            }),
            tag => {
                self.unreadable += u64::from(tag == Tag::Unreadable);
                Asked::Other(Event::Message(message))
            }
        }
    }

    /// How many messages began like a request or a reply, and are none of this release; they were handed on.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

impl<S: Copy + Eq + Hash> Default for Replies<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Copy> Request<S> {
    /// Answers, by whatever sends parts: `request.reply(&parts, |session, parts| server.send_parts(session, parts))`.
    ///
    /// # Errors
    /// [`ReplyError::Gone`] if nobody waits for the reply any longer, else what sending said, and the request to try again with.
    pub fn reply<E>(
        self,
        parts: &[Bytes],
        send: impl FnOnce(S, &[Bytes]) -> Result<MessageId, E>,
    ) -> Result<MessageId, ReplyError<S, E>> {
        if !self.is_awaited() {
            return Err(ReplyError::Gone);
        }
        send(self.session, &self.id.reply(parts)).map_err(|error| ReplyError::NotSent { request: self, error })
    }

    /// Whether the process that asked is still there, as far as the book that sorted this request was told: if not, nobody needs the
    /// answer. A process that has given the request up is no less there.
    pub fn is_awaited(&self) -> bool {
        self.asker.strong_count() > 0
    }

    /// Who asks.
    pub fn session(&self) -> S {
        self.session
    }

    /// The request's name, the same at both sides, for logs; also if it comes again after a restart of this side.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The message that brought it, for those who [acknowledge](crate::Server::acknowledge) by themselves.
    pub fn message(&self) -> MessageId {
        self.message
    }

    /// Whether the process that was here before may have had this request already: see
    /// [`Message::is_possible_duplicate`](steadfast::Message::is_possible_duplicate).
    pub fn is_possible_duplicate(&self) -> bool {
        self.possible_duplicate
    }
}

impl<S: fmt::Debug> fmt::Debug for Request<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Application data stays out of logs.
        f.debug_struct("Request")
            .field("session", &self.session)
            .field("id", &self.id)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

impl<S, E: fmt::Display> fmt::Display for ReplyError<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the process that asked is gone"),
            Self::NotSent { error, .. } => error.fmt(f),
        }
    }
}

impl<S: fmt::Debug, E: std::error::Error + 'static> std::error::Error for ReplyError<S, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Gone => None,
            Self::NotSent { error, .. } => Some(error),
        }
    }
}
