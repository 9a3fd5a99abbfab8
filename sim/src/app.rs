//! Scripted applications: what they send, and how they read.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use steadfast::SendError;

/// How an application takes events from its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// As soon as there are any.
    #[default]
    Eager,
    /// Not at all.
    Paused,
    /// One, then none for this long.
    Paced(Duration),
}

/// When an application takes its next event.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    reading: Reading,
    next: Duration,
    /// Whether it looked since `next`: from then on, it reads what comes as it comes.
    looked: bool,
}

impl Reader {
    pub(crate) fn set(&mut self, reading: Reading) {
        *self = Self {
            reading,
            next: Duration::ZERO,
            looked: false,
        };
    }

    /// Reads as the same application did in the process before.
    pub(crate) fn resume(&mut self, before: &Self) {
        self.set(before.reading);
    }

    pub(crate) fn may_read(&self, at: Duration) -> bool {
        self.reading != Reading::Paused && self.next <= at
    }

    pub(crate) fn took_one(&mut self, at: Duration) {
        if let Reading::Paced(every) = self.reading {
            self.next = at + every;
            self.looked = false;
        }
    }

    pub(crate) fn found_nothing(&mut self) {
        self.looked = true;
    }

    /// When it looks again by itself.
    pub(crate) fn wakes_at(&self) -> Option<Duration> {
        (matches!(self.reading, Reading::Paced(_)) && !self.looked).then_some(self.next)
    }
}

/// Messages that an application sends as fast as its session takes them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Vec<Bytes>>,
    /// What a session refused for good.
    pub(crate) refused: Vec<SendError>,
}

impl Outbox {
    pub(crate) fn extend(&mut self, messages: impl IntoIterator<Item = Vec<Bytes>>) {
        self.waiting.extend(messages);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn next(&mut self) -> Option<Vec<Bytes>> {
        self.waiting.pop_front()
    }

    /// Takes back a message that was not accepted: a full session gets it again later, any other refusal is final.
    pub(crate) fn not_accepted(&mut self, message: Vec<Bytes>, error: SendError) {
        if matches!(error, SendError::Full { .. }) {
            self.waiting.push_front(message);
        } else {
            self.refused.push(error);
        }
    }
}
