//! The books of one direction of one life of a session: what was sent, what the other end's application took, what is
//! said to be acknowledged, and what the sender was told when that life ended.
//!
//! A life is what lies between one `Established` and the next, or the end. What the other end took can only be compared
//! when it is known which end that is: until then, what is recorded here is not yet [`check`](Ledger::check)ed against it.

use bytes::Bytes;
use steadfast::{Message, MessageId};

use super::{Violation, demand};

/// A message as its receiver got it, or as a list shows it to its sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) id: MessageId,
    pub(crate) parts: &'a [Bytes],
    pub(crate) possible_duplicate: bool,
}

impl<'a> From<&'a Message> for Letter<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id(),
            parts: message.parts(),
            possible_duplicate: message.is_possible_duplicate(),
        }
    }
}

/// A message as it was sent.
#[derive(Debug)]
struct Sent {
    id: MessageId,
    parts: Vec<Bytes>,
    /// Whether it was in doubt at the end of an earlier life.
    possible_duplicate: bool,
}

/// What one end of a life sent, and what became of it. Counts are of the first so many messages.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sent: Vec<Sent>,
    /// How many the application at the other end took.
    taken: usize,
    /// How many are acknowledged.
    acknowledged: usize,
    /// How many ever left, as the sender was told at the end.
    left: Option<usize>,
}

impl Ledger {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    pub(crate) fn sent(&mut self, id: MessageId, parts: Vec<Bytes>) -> Result<(), Violation> {
        self.enter(id, parts, false)
    }

    fn enter(&mut self, id: MessageId, parts: Vec<Bytes>, possible_duplicate: bool) -> Result<(), Violation> {
        let grows = self.sent.last().is_none_or(|last| last.id < id);
        demand(grows, || format!("message id {id:?} does not follow the one before"))?;
        demand(self.left.is_none(), || format!("{id:?} was accepted after the end"))?;
        self.sent.push(Sent {
            id,
            parts,
            possible_duplicate,
        });
        Ok(())
    }

    /// Takes out messages that were taken back: the last ones, of which none was taken or acknowledged. Their ids may come
    /// again.
    pub(crate) fn withdrawn(&mut self, letters: &[Letter<'_>]) -> Result<(), Violation> {
        let left = self.sent.len().checked_sub(letters.len());
        let left = left.filter(|left| *left >= self.taken.max(self.acknowledged));
        let left = left.ok_or_else(|| Violation("more is taken back than can be unsent".into()))?;
        let last = self.sent[left..].iter().zip(letters);
        let exact = { last }.all(|(sent, letter)| sent.id == letter.id && sent.parts == letter.parts);
        demand(exact, || {
            "what is taken back are not the last messages sent, in order".into()
        })?;
        self.sent.truncate(left);
        Ok(())
    }

    /// Delivered is a prefix of sent: nothing twice, out of order or partial, and nothing of another life.
    pub(crate) fn taken(&mut self, letter: Letter<'_>) -> Result<(), Violation> {
        let index = self.taken;
        let Some(sent) = self.sent.get(index) else {
            return Err(Violation(format!(
                "delivered {:?}, but only {index} messages were sent",
                letter.id
            )));
        };
        demand(sent.id == letter.id, || {
            format!("delivered {:?} where {:?} was due", letter.id, sent.id)
        })?;
        demand(sent.parts == letter.parts, || {
            format!("delivered {:?} with other content than sent", letter.id)
        })?;
        demand(sent.possible_duplicate == letter.possible_duplicate, || {
            let (is, should) = (letter.possible_duplicate, sent.possible_duplicate);
            format!(
                "delivered {:?}: possible duplicate is {is}, should be {should}",
                letter.id
            )
        })?;
        self.taken += 1;
        self.check_left()
    }

    /// Takes note of what the sender's session says. Returns whether that is news.
    pub(crate) fn acknowledged(&mut self, through: MessageId) -> Result<bool, Violation> {
        let acknowledged = self.sent.partition_point(|sent| sent.id <= through);
        let names_one = acknowledged > 0 && self.sent[acknowledged - 1].id == through;
        demand(names_one, || format!("{through:?} is acknowledged, and was never sent"))?;
        demand(self.acknowledged <= acknowledged, || {
            format!("acknowledgement moved back to {through:?}")
        })?;
        Ok(std::mem::replace(&mut self.acknowledged, acknowledged) < acknowledged)
    }

    /// What was recorded at both ends agrees: acknowledged means that the application had it, and what never left did
    /// not arrive.
    pub(crate) fn check(&self) -> Result<(), Violation> {
        demand(self.acknowledged <= self.taken, || {
            let id = self.sent[self.acknowledged - 1].id;
            format!("{id:?} is acknowledged, but the application did not take it")
        })?;
        self.check_left()
    }

    fn check_left(&self) -> Result<(), Violation> {
        demand(self.left.is_none_or(|left| self.taken <= left), || {
            "a message told as unsent was delivered".into()
        })
    }

    /// At the end of a life, each message is acknowledged, or told as in doubt, or told as unsent: exactly one of these.
    pub(crate) fn ended(&mut self, in_doubt: &[Letter<'_>], unsent: &[Letter<'_>]) -> Result<(), Violation> {
        demand(self.left.is_none(), || "the end is told twice".into())?;
        let due = &self.sent[self.acknowledged..];
        let told = in_doubt.len() + unsent.len();
        demand(told >= due.len(), || {
            format!(
                "{told} messages told at the end, {} are due: some are missing",
                due.len()
            )
        })?;
        demand(told <= due.len(), || {
            let due = due.len();
            format!("{told} messages told at the end, {due} are due: some were acknowledged or never sent")
        })?;
        let mut listed = in_doubt.iter().chain(unsent).zip(due);
        let exact = listed.all(|(told, sent)| told.id == sent.id && told.parts == sent.parts);
        demand(exact, || {
            "messages told at the end are not the last ones sent, in order".into()
        })?;
        self.left = Some(self.acknowledged + in_doubt.len());
        Ok(())
    }

    /// The next life's ledger, which begins with what this one's end left open, under new ids. Once in doubt, a message
    /// stays a possible duplicate for ever.
    pub(crate) fn redelivered(&self, ids: &[MessageId]) -> Result<Self, Violation> {
        let open = &self.sent[self.acknowledged..];
        demand(ids.len() == open.len(), || {
            format!("{} messages are redelivered, {} are due", ids.len(), open.len())
        })?;
        let left = self.left.unwrap_or_default();
        let mut next = Self::default();
        for (index, (sent, id)) in open.iter().zip(ids).enumerate() {
            let in_doubt = self.acknowledged + index < left;
            next.enter(*id, sent.parts.clone(), in_doubt || sent.possible_duplicate)?;
        }
        Ok(next)
    }

    /// Everything sent is known to be delivered.
    pub(crate) fn is_settled(&self) -> bool {
        self.acknowledged == self.sent.len()
    }
}

#[cfg(test)]
mod tests;
