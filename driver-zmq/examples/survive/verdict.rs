//! What happened to the messages of one direction, from the records of both sides alone.
//!
//! A *life* of a direction lies between two restarts, of either side. What a sender was handed back when its peer was gone is
//! its word on that life: the rest of what it sent is acknowledged. A process that was killed has no word but its record.

use std::collections::HashMap;

use crate::ledger::{Ledger, Life};
use crate::traffic::Item;

/// What became of one direction's messages, over all lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) sent: usize,
    pub(crate) delivered: usize,
    pub(crate) bytes: u64,
    pub(crate) in_doubt: usize,
    /// Of those in doubt, how many the peer that was killed had in fact received.
    pub(crate) in_doubt_delivered: usize,
    pub(crate) unsent: usize,
    /// Sent by a process that was killed, and never received.
    pub(crate) died: usize,
    pub(crate) faults: Faults,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Acknowledged, or in no list, or followed by others that arrived; and never received.
    pub(crate) lost: usize,
    /// Handed back as never sent, and received.
    pub(crate) unsent_delivered: usize,
    /// In a list and not sent, or at the wrong place in it, or changed.
    pub(crate) told_wrongly: usize,
    /// Received in another life than that in which they were sent, or in none.
    pub(crate) across_lives: usize,
    pub(crate) out_of_order: usize,
    pub(crate) twice: usize,
    /// Received, and not what was sent under the number.
    pub(crate) damaged: usize,
    /// Handed back by a session that was closed in order.
    pub(crate) left_over: usize,
}

/// One life of the sending side, and what was received of it.
struct Sent<'a> {
    life: &'a Life,
    got: Vec<bool>,
    /// Which life of the receiving side has received something of it.
    by: Option<usize>,
}

/// Where a message was sent: in which life, as which of its messages.
type Places = HashMap<u64, (usize, usize)>;

#[derive(Clone, Copy)]
enum Told {
    InDoubt,
    Unsent,
}

impl Verdict {
    /// From the records of all processes of both sides, in order.
    pub(crate) fn of(senders: &[Ledger], receivers: &[Ledger]) -> Self {
        let mut lives: Vec<_> = lives(senders).map(Sent::new).collect();
        let places = places(&lives);
        let mut verdict = Self::default();
        for (index, life) in self::lives(receivers).enumerate() {
            verdict.receive(index, life, &mut lives, &places);
        }
        for sent in &lives {
            verdict.settle(sent);
        }
        verdict
    }

    pub(crate) fn is_good(&self) -> bool {
        self.sent > 0 && self.faults == Faults::default()
    }

    fn receive(&mut self, index: usize, life: &Life, lives: &mut [Sent<'_>], places: &Places) {
        let (mut newest, mut from) = (0, None);
        for (item, _) in &life.got {
            self.delivered += 1;
            self.bytes += item.body_bytes;
            let Some(&(sender, place)) = places.get(&item.number) else {
                self.faults.damaged += 1;
                continue;
            };
            let sent = &mut lives[sender];
            self.faults.damaged += usize::from(sent.life.sent[place] != *item);
            if std::mem::replace(&mut sent.got[place], true) {
                self.faults.twice += 1;
                continue;
            }
            let stays = *from.get_or_insert(sender) == sender && *sent.by.get_or_insert(index) == index;
            self.faults.across_lives += usize::from(!stays || !may_belong_together(sent.life, life));
            self.faults.out_of_order += usize::from(item.number < newest);
            newest = newest.max(item.number);
        }
    }

    /// Compares what became of each message with what its sender was told.
    fn settle(&mut self, sent: &Sent<'_>) {
        let told = told(sent.life);
        self.faults.told_wrongly += told_wrongly(sent.life);
        let arrived = sent.got.iter().rposition(|&got| got).map_or(0, |last| last + 1);
        let closed = sent.life.why_closed().is_some();
        for (place, (item, &got)) in sent.life.sent.iter().zip(&sent.got).enumerate() {
            self.sent += 1;
            match (told.get(&item.number), got) {
                (Some(_), _) if closed => self.faults.left_over += 1,
                (Some(Told::InDoubt), _) => {
                    self.in_doubt += 1;
                    self.in_doubt_delivered += usize::from(got);
                    // Others overtook it.
                    self.faults.out_of_order += usize::from(!got && place < arrived);
                }
                (Some(Told::Unsent), true) => self.faults.unsent_delivered += 1,
                (Some(Told::Unsent), false) => self.unsent += 1,
                (None, true) => {}
                (None, false) if sent.life.end.is_none() && place >= arrived => self.died += 1,
                (None, false) => self.faults.lost += 1,
            }
        }
    }
}

impl<'a> Sent<'a> {
    fn new(life: &'a Life) -> Self {
        Self {
            life,
            got: vec![false; life.sent.len()],
            by: None,
        }
    }
}

fn lives(ledgers: &[Ledger]) -> impl Iterator<Item = &Life> {
    ledgers.iter().flat_map(|ledger| &ledger.lives)
}

fn places(lives: &[Sent<'_>]) -> Places {
    let of_life = |(index, sent): (usize, &Sent<'_>)| {
        let numbers: Vec<_> = sent.life.sent.iter().map(|item| item.number).collect();
        numbers
            .into_iter()
            .enumerate()
            .map(move |(place, number)| (number, (index, place)))
    };
    lives.iter().enumerate().flat_map(of_life).collect()
}

/// A message is received in the session in which it was sent. A sender that was killed may not have lived to name that.
fn may_belong_together(sent: &Life, got: &Life) -> bool {
    match (&sent.session, &got.session) {
        (Some(sent), Some(got)) => sent.binding == got.binding,
        (None, Some(_)) => sent.end.is_none(),
        (_, None) => false,
    }
}

fn told(life: &Life) -> HashMap<u64, Told> {
    let Some(returned) = life.returned() else {
        return HashMap::new();
    };
    let in_doubt = returned.in_doubt.iter().map(|item| (item.number, Told::InDoubt));
    let unsent = returned.unsent.iter().map(|item| (item.number, Told::Unsent));
    in_doubt.chain(unsent).collect()
}

/// How many of the messages that were handed back are not the last ones that were sent, in the order of sending.
fn told_wrongly(life: &Life) -> usize {
    let Some(returned) = life.returned() else { return 0 };
    let told: Vec<&Item> = returned.in_doubt.iter().chain(&returned.unsent).collect();
    let acknowledged = life.sent.len().saturating_sub(told.len());
    let right = life.sent[acknowledged..].iter().zip(&told);
    told.len() - right.filter(|(sent, told)| sent == *told).count()
}

#[cfg(test)]
mod tests;
