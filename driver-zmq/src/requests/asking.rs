//! The side that asks.

use std::collections::BTreeSet;

use steadfast::{Bytes, Event, Message, MessageId};

use super::tag::{RequestId, Tag};
use crate::provider::random;

/// The requests of one side of one session that have no reply yet: [requests](super).
///
/// Holds a number for each open request, and nothing of those that have ended. A server that asks its clients has one for each session.
#[derive(Debug)]
pub struct Requests {
    asker: u64,
    next: u64,
    open: BTreeSet<u64>,
    counters: RequestCounters,
}

/// What an event means to who asks.
#[derive(Debug)]
pub enum Incoming {
    /// A request is answered.
    Reply(Reply),
    /// A reply that nobody waits for: its request was given up or told as in doubt, was answered before, or is that of an earlier
    /// process of this client. It was counted. Named for those who [acknowledge](crate::Client::acknowledge) by themselves.
    Unawaited(MessageId),
    /// Whoever was asked is gone, and no reply to any of these requests will come.
    Gone(Gone),
    /// Anything else, as it came: news of the session, and messages that are no replies.
    Other(Event),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request; it is not open any more.
    pub to: RequestId,
    /// What the answer says.
    pub parts: Vec<Bytes>,
    /// The message that brought it, for those who [acknowledge](crate::Client::acknowledge) by themselves.
    pub message: MessageId,
}

/// The process that was asked has restarted, or the session is over. The requests listed here are not open any more.
#[derive(Debug)]
pub struct Gone {
    /// Who is gone may have acted on these, or not, in the order of asking.
    pub in_doubt: Vec<RequestId>,
    /// These never left, in the order of asking: they may be asked again without harm.
    pub unsent: Vec<RequestId>,
    /// What happened: [`PeerRestarted`](Event::PeerRestarted), after which requests reach the new process, or [`Closed`](Event::Closed).
    pub event: Event,
}

/// What came that answered nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestCounters {
    /// Replies to requests of this book that were not open: too late, or twice.
    pub late: u64,
    /// Replies to requests of another book: of an earlier process of this client, as a rule.
    pub foreign: u64,
    /// Messages that begin like a request or a reply and are none of this release; they were handed on.
    pub unreadable: u64,
}

impl Requests {
    /// A book without requests.
    ///
    /// # Panics
    /// If the system has no randomness: no session can begin then either.
    pub fn new() -> Self {
        let asker = random().expect("the system has randomness");
        Self {
            asker: u64::from_be_bytes(asker),
            next: 0,
            open: BTreeSet::new(),
            counters: RequestCounters::default(),
        }
    }

    /// Asks, by whatever sends parts: `requests.ask(&parts, |parts| client.send_parts(parts))`.
    ///
    /// # Errors
    /// What sending said; nothing was asked then.
    pub fn ask<E>(
        &mut self,
        parts: &[Bytes],
        send: impl FnOnce(&[Bytes]) -> Result<MessageId, E>,
    ) -> Result<RequestId, E> {
        let request = RequestId {
            asker: self.asker,
            number: self.next,
        };
        send(&request.request(parts))?;
        self.next += 1;
        self.open.insert(request.number);
        Ok(request)
    }

    /// Ends a request without waiting any longer. It may still be acted on, and its reply is dropped. Whether it was open.
    pub fn give_up(&mut self, request: RequestId) -> bool {
        self.end(request)
    }

    /// Ends the requests that the application [took back](crate::Client::withdraw_unsent) before they were sent, and names them.
    pub fn withdrawn(&mut self, messages: &[Message]) -> Vec<RequestId> {
        let requests = messages.iter().filter_map(asked_by);
        requests.filter(|&request| self.end(request)).collect()
    }

    /// What this event means. Every event of the session goes through here, in order.
    pub fn sort(&mut self, event: Event) -> Incoming {
        match event {
            Event::Message(message) => self.take(message),
            Event::PeerRestarted(restarted) if restarted.redelivered_as.is_empty() => {
                let unsent = self.withdrawn(&restarted.unsent);
                Incoming::Gone(self.gone(unsent, Event::PeerRestarted(restarted)))
            }
            Event::PeerRestarted(restarted) => {
                // The session sends these to the new process. What the old one had acknowledged is in neither list.
                let mut sent_again = self.withdrawn(&restarted.in_doubt);
                sent_again.extend(self.withdrawn(&restarted.unsent));
                let gone = self.gone(Vec::new(), Event::PeerRestarted(restarted));
                self.open.extend(sent_again.iter().map(|request| request.number));
                Incoming::Gone(gone)
            }
            Event::Closed(closed) => {
                let unsent = self.withdrawn(&closed.unsent);
                Incoming::Gone(self.gone(unsent, Event::Closed(closed)))
            }
            other => Incoming::Other(other),
        }
    }

    /// How many requests are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether this request is open.
    pub fn is_open(&self, request: RequestId) -> bool {
        request.asker == self.asker && self.open.contains(&request.number)
    }

    /// What came that answered nothing.
    pub fn counters(&self) -> RequestCounters {
        self.counters
    }
}

impl Requests {
    fn take(&mut self, message: Message) -> Incoming {
        match Tag::read(message.payload()) {
            Tag::Reply(to) if self.end(to) => Incoming::Reply(Reply {
                to,
                message: message.id(),
                parts: message.into_parts().split_off(1),
            }),
            Tag::Reply(to) => {
                if to.asker == self.asker {
                    self.counters.late += 1;
                } else {
                    self.counters.foreign += 1;
                }
                Incoming::Unawaited(message.id())
            }
            tag => {
                self.counters.unreadable += u64::from(tag == Tag::Unreadable);
                Incoming::Other(Event::Message(message))
            }
        }
    }

    fn end(&mut self, request: RequestId) -> bool {
        request.asker == self.asker && self.open.remove(&request.number)
    }

    /// Ends all requests: nobody knows what became of those that are not among the unsent.
    fn gone(&mut self, unsent: Vec<RequestId>, event: Event) -> Gone {
        let asker = self.asker;
        let open = std::mem::take(&mut self.open).into_iter();
        Gone {
            in_doubt: open.map(|number| RequestId { asker, number }).collect(),
            unsent,
            event,
        }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

fn asked_by(message: &Message) -> Option<RequestId> {
    match Tag::read(message.payload()) {
        Tag::Request(request) => Some(request),
        _ => None,
    }
}
