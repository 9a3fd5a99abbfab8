//! The books of one flow: what was sent, what was delivered, what is said to be acknowledged, and what was told at the end.

use bytes::Bytes;
use steadfast::{CloseReason, Closed, Message, MessageId};

use super::{Violation, demand};

/// What one direction of one session sent and delivered.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sent: Vec<(MessageId, Vec<Bytes>)>,
    delivered: Vec<Message>,
    acknowledged: Option<MessageId>,
    /// From which message on the sender was told, at its end, that nothing ever left.
    unsent_from: Option<usize>,
}

impl Ledger {
    pub(crate) fn sent(&mut self, id: MessageId, parts: Vec<Bytes>) -> Result<(), Violation> {
        let grows = self.sent.last().is_none_or(|(last, _)| *last < id);
        demand(grows, || format!("message id {id:?} does not follow the one before"))?;
        self.sent.push((id, parts));
        Ok(())
    }

    /// Delivered is a prefix of sent: nothing twice, out of order or partial.
    pub(crate) fn delivered(&mut self, message: Message) -> Result<(), Violation> {
        let index = self.delivered.len();
        let Some((id, parts)) = self.sent.get(index) else {
            return Err(Violation(format!(
                "delivered {message:?}, but only {index} messages were sent"
            )));
        };
        demand(*id == message.id(), || {
            format!("delivered {message:?} where {id:?} was due")
        })?;
        demand(*parts == message.parts(), || {
            format!("delivered {message:?} with other content than sent")
        })?;
        let left = self.unsent_from.is_none_or(|first| index < first);
        demand(left, || format!("delivered {message:?}, which was reported as unsent"))?;
        self.delivered.push(message);
        Ok(())
    }

    /// Acknowledged means that the peer's application has it.
    pub(crate) fn acknowledged(&mut self, through: MessageId) -> Result<(), Violation> {
        let had = self.delivered.last().is_some_and(|last| last.id() >= through);
        demand(had, || {
            format!("{through:?} is acknowledged, but the application did not take it")
        })?;
        let grows = self.acknowledged.is_none_or(|before| before <= through);
        demand(grows, || format!("acknowledgement moved back to {through:?}"))?;
        self.acknowledged = Some(through);
        Ok(())
    }

    /// At the end each message is delivered or told as in doubt or unsent: nothing acknowledged is told, nothing is left out.
    pub(crate) fn closed(&mut self, closed: &Closed) -> Result<(), Violation> {
        let told = closed.in_doubt.len() + closed.unsent.len();
        let settled = self.sent.len().checked_sub(told);
        let settled = settled.ok_or_else(|| Violation(format!("{told} messages told at the end, fewer were sent")))?;
        let had = settled <= self.delivered.len();
        demand(had, || {
            format!(
                "{} messages told at the end, {} sent, {} delivered: some are missing",
                told,
                self.sent.len(),
                self.delivered.len()
            )
        })?;
        let listed = closed.in_doubt.iter().chain(&closed.unsent);
        let exact = listed
            .zip(&self.sent[settled..])
            .all(|(told, (id, parts))| told.id() == *id && told.parts() == parts);
        demand(exact, || {
            "messages told at the end are not the last ones sent, in order".into()
        })?;
        let first = self.sent.get(settled).map(|(id, _)| *id);
        let open = first.is_none_or(|first| self.acknowledged.is_none_or(|through| through < first));
        demand(open, || format!("{first:?} was acknowledged and is told at the end"))?;
        let finished = closed.reason != CloseReason::Finished || told == 0;
        demand(finished, || format!("finished, yet {told} messages are not settled"))?;
        self.end(settled + closed.in_doubt.len())
    }

    fn end(&mut self, unsent_from: usize) -> Result<(), Violation> {
        let never_left = self.delivered.len() <= unsent_from;
        demand(never_left, || "a message told as unsent was delivered".into())?;
        self.unsent_from = Some(unsent_from);
        Ok(())
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.delivered
    }

    pub(crate) fn sent_messages(&self) -> usize {
        self.sent.len()
    }

    /// Everything sent is delivered and known to be.
    pub(crate) fn is_settled(&self) -> bool {
        self.delivered.len() == self.sent.len() && self.acknowledged == self.sent.last().map(|(id, _)| *id)
    }
}
