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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    fn item(number: u64) -> Item {
        Item {
            number,
            sent_at: Micros(number),
            body_bytes: 10,
            checksum: 7,
        }
    }

    fn verdict(sent: &[u64], got: &[Item]) -> Verdict {
        let sender = Ledger {
            sent: sent.iter().map(|&number| item(number)).collect(),
            ..Ledger::default()
        };
        let receiver = Ledger {
            got: got.iter().map(|&item| (item, Micros(0))).collect(),
            ..Ledger::default()
        };
        Verdict::of(&sender, &receiver)
    }

    #[test]
    fn what_arrived_as_it_was_sent_is_good() {
        assert!(verdict(&[1, 2, 3], &[item(1), item(2), item(3)]).is_good());
    }

    #[test]
    fn nothing_sent_is_not_good() {
        assert!(!verdict(&[], &[]).is_good());
    }

    #[test]
    fn a_lost_message_is_seen_in_the_middle_and_at_the_end() {
        assert_eq!(verdict(&[1, 2, 3], &[item(1), item(3)]).lost, 1);
        assert_eq!(verdict(&[1, 2, 3], &[item(1)]).lost, 2);
        assert!(!verdict(&[1, 2, 3], &[item(1)]).is_good());
    }

    #[test]
    fn a_message_delivered_twice_is_seen() {
        let verdict = verdict(&[1, 2], &[item(1), item(2), item(1)]);
        assert_eq!((verdict.twice, verdict.out_of_order), (1, 0));
        assert!(!verdict.is_good());
    }

    #[test]
    fn messages_that_overtook_others_are_seen() {
        let verdict = verdict(&[1, 2, 3], &[item(2), item(1), item(3)]);
        assert_eq!((verdict.out_of_order, verdict.lost), (1, 0));
        assert!(!verdict.is_good());
    }

    #[test]
    fn a_message_that_was_changed_or_never_sent_is_seen() {
        let changed = Item { checksum: 8, ..item(2) };
        assert_eq!(verdict(&[1, 2], &[item(1), changed]).damaged, 1);
        assert_eq!(verdict(&[1, 2], &[item(1), item(2), item(9)]).damaged, 1);
    }
}
