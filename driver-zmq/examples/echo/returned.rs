//! When a line that came in may be acknowledged.

use std::collections::VecDeque;

use steadfast_zmq::steadfast::MessageId;

/// What came in and is not acknowledged, in order.
///
/// A line is acknowledged when its sender has it back, not when it has come in: whatever becomes of this process, every line is then
/// either back or in doubt for its sender.
#[derive(Default)]
pub(crate) struct Returned(VecDeque<Pending>);

struct Pending {
    received: MessageId,
    /// The message with which it went back; none if there was nothing to send back.
    answer: Option<MessageId>,
}

impl Returned {
    pub(crate) fn note(&mut self, received: MessageId, answer: Option<MessageId>) {
        self.0.push_back(Pending { received, answer });
    }

    /// The last message to acknowledge, now that the peer took ours up to this one.
    pub(crate) fn settle(&mut self, through: Option<MessageId>) -> Option<MessageId> {
        let mut last = None;
        while self.0.front().is_some_and(|pending| pending.answer <= through) {
            last = self.0.pop_front().map(|pending| pending.received);
        }
        last
    }
}
