//! What happened to the messages, from the two records alone.

use std::collections::HashSet;

use crate::children::Ledger;
use crate::traffic::Item;

/// What became of one direction's messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) sent: usize,
    pub(crate) delivered: usize,
    pub(crate) bytes: u64,
    pub(crate) lost: usize,
    pub(crate) out_of_order: usize,
    pub(crate) twice: usize,
    pub(crate) damaged: usize,
}

impl Verdict {
    pub(crate) fn of(sender: &Ledger, receiver: &Ledger) -> Self {
        let mut verdict = Self {
            sent: sender.sent.len(),
            delivered: receiver.got.len(),
            ..Self::default()
        };
        let mut seen = HashSet::new();
        let mut newest = 0;
        for (item, _) in &receiver.got {
            verdict.bytes += item.body_bytes;
            verdict.damaged += usize::from(!is_sent(sender, item));
            if !seen.insert(item.number) {
                verdict.twice += 1;
            } else if item.number < newest {
                verdict.out_of_order += 1;
            }
            newest = newest.max(item.number);
        }
        verdict.lost = sender.sent.iter().filter(|item| !seen.contains(&item.number)).count();
        verdict
    }

    pub(crate) fn is_good(&self) -> bool {
        self.sent > 0 && self.lost + self.out_of_order + self.twice + self.damaged == 0
    }
}

/// Whether exactly this was sent under its number.
fn is_sent(sender: &Ledger, item: &Item) -> bool {
    let index = sender.sent.binary_search_by_key(&item.number, |sent| sent.number);
    index.is_ok_and(|index| sender.sent[index] == *item)
}
