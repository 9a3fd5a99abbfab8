//! Every kind of disagreement between two records is seen, and for what it is.

use super::*;
use crate::clock::Micros;
use crate::ledger::End;
use crate::record::{Returned, Session};

fn item(number: u64) -> Item {
    Item {
        number,
        sent_at: Micros(number),
        body_bytes: 10,
        checksum: 7,
    }
}

fn items(numbers: &[u64]) -> Vec<Item> {
    numbers.iter().copied().map(item).collect()
}

fn returned(in_doubt: &[u64], unsent: &[u64]) -> Returned {
    Returned {
        in_doubt: items(in_doubt),
        unsent: items(unsent),
    }
}

/// A life in the session of this name, which the process did not survive.
fn life(session: &str) -> Life {
    Life {
        session: Some(Session {
            binding: session.into(),
            group: "X25519".into(),
            cipher: "AES".into(),
        }),
        ..Life::default()
    }
}

impl Life {
    fn sent(self, numbers: &[u64]) -> Self {
        Self {
            sent: items(numbers),
            ..self
        }
    }

    fn got(self, numbers: &[u64]) -> Self {
        let got = items(numbers).into_iter().map(|item| (item, Micros(0)));
        Self {
            got: got.collect(),
            ..self
        }
    }

    /// The process lived to hear that its peer was gone.
    fn told(self, in_doubt: &[u64], unsent: &[u64]) -> Self {
        Self {
            end: Some(End::Restarted(returned(in_doubt, unsent))),
            ..self
        }
    }

    fn closed(self, in_doubt: &[u64], unsent: &[u64]) -> Self {
        Self {
            end: Some(End::Closed(returned(in_doubt, unsent), "finished".into())),
            ..self
        }
    }
}

fn process(lives: Vec<Life>) -> Ledger {
    Ledger {
        lives,
        ..Ledger::default()
    }
}

fn verdict(sender: Life, receiver: Life) -> Verdict {
    Verdict::of(&[process(vec![sender])], &[process(vec![receiver])])
}

fn faults(sender: Life, receiver: Life) -> Faults {
    verdict(sender, receiver).faults
}

const NONE: Faults = Faults {
    lost: 0,
    unsent_delivered: 0,
    told_wrongly: 0,
    across_lives: 0,
    out_of_order: 0,
    twice: 0,
    damaged: 0,
    left_over: 0,
};

#[test]
fn what_arrived_as_it_was_sent_is_good() {
    let verdict = verdict(life("a").sent(&[1, 2, 3]).closed(&[], &[]), life("a").got(&[1, 2, 3]));
    assert!(verdict.is_good());
    assert_eq!((verdict.sent, verdict.delivered, verdict.bytes), (3, 3, 30));
}

#[test]
fn nothing_sent_is_not_good() {
    assert!(!verdict(life("a"), life("a")).is_good());
}

#[test]
fn a_sender_and_a_receiver_that_was_killed_may_differ_by_what_is_in_doubt() {
    let sender = life("a").sent(&[1, 2, 3, 4, 5]).told(&[2, 3, 4], &[5]);
    let verdict = verdict(sender, life("a").got(&[1, 2, 3]));
    assert!(verdict.is_good());
    assert_eq!(
        (verdict.in_doubt, verdict.in_doubt_delivered, verdict.unsent),
        (3, 2, 1)
    );
}

#[test]
fn an_acknowledged_message_that_the_killed_receiver_never_had_is_lost() {
    let sender = life("a").sent(&[1, 2, 3]).told(&[3], &[]);
    assert_eq!(faults(sender, life("a").got(&[1])), Faults { lost: 1, ..NONE });
}

#[test]
fn a_message_that_is_in_no_list_is_lost_and_the_list_is_wrong() {
    let sender = life("a").sent(&[1, 2, 3, 4]).told(&[2], &[4]);
    let seen = faults(sender, life("a").got(&[1]));
    assert_eq!((seen.lost, seen.told_wrongly), (1, 1));
}

#[test]
fn a_message_that_is_missing_when_a_session_was_closed_is_lost_in_the_middle_and_at_the_end() {
    let sender = || life("a").sent(&[1, 2, 3]).closed(&[], &[]);
    assert_eq!(faults(sender(), life("a").got(&[1, 3])).lost, 1);
    assert_eq!(faults(sender(), life("a").got(&[1])).lost, 2);
}

#[test]
fn what_an_orderly_end_hands_back_is_left_over() {
    let sender = life("a").sent(&[1, 2, 3]).closed(&[2], &[3]);
    assert_eq!(faults(sender, life("a").got(&[1])), Faults { left_over: 2, ..NONE });
}

#[test]
fn a_message_told_as_unsent_that_arrived_is_seen() {
    let sender = life("a").sent(&[1, 2]).told(&[], &[2]);
    let expected = Faults {
        unsent_delivered: 1,
        ..NONE
    };
    assert_eq!(faults(sender, life("a").got(&[1, 2])), expected);
}

#[test]
fn a_message_in_doubt_that_others_overtook_is_out_of_order() {
    let sender = life("a").sent(&[1, 2, 3]).told(&[1, 2, 3], &[]);
    let expected = Faults {
        out_of_order: 1,
        ..NONE
    };
    assert_eq!(faults(sender, life("a").got(&[1, 3])), expected);
}

#[test]
fn lists_in_another_order_than_that_of_sending_are_seen() {
    let sender = life("a").sent(&[1, 2, 3]).told(&[3, 2], &[]);
    assert_eq!(faults(sender, life("a").got(&[1])).told_wrongly, 2);
    let sender = life("a").sent(&[1, 2, 3]).told(&[3], &[2]);
    assert_eq!(faults(sender, life("a").got(&[1])).told_wrongly, 2);
}

#[test]
fn a_list_with_a_message_that_was_changed_or_never_sent_or_is_named_twice_is_seen() {
    let mut sender = life("a").sent(&[1, 2]).told(&[2], &[]);
    if let Some(End::Restarted(returned)) = &mut sender.end {
        returned.in_doubt[0].checksum = 8;
    }
    assert_eq!(faults(sender, life("a").got(&[1])).told_wrongly, 1);
    for list in [&[2, 9][..], &[2, 2], &[1, 2, 3]] {
        let sender = life("a").sent(&[1, 2]).told(list, &[]);
        assert!(faults(sender, life("a").got(&[1])).told_wrongly > 0, "{list:?}");
    }
}

#[test]
fn what_a_killed_sender_sent_may_be_missing_at_the_end_and_nowhere_else() {
    let sender = || life("a").sent(&[1, 2, 3]);
    let verdict = verdict(sender(), life("a").got(&[1]));
    assert!(verdict.is_good());
    assert_eq!(verdict.died, 2);
    assert_eq!(faults(sender(), life("a").got(&[1, 3])), Faults { lost: 1, ..NONE });
}

#[test]
fn a_killed_sender_may_not_have_lived_to_name_its_session() {
    let sender = Life {
        session: None,
        ..life("a").sent(&[1, 2])
    };
    assert!(verdict(sender, life("a").got(&[1])).is_good());
}

#[test]
fn a_message_delivered_twice_is_seen() {
    let sender = life("a").sent(&[1, 2]).closed(&[], &[]);
    assert_eq!(faults(sender, life("a").got(&[1, 2, 1])), Faults { twice: 1, ..NONE });
}

#[test]
fn messages_that_overtook_others_are_seen() {
    let sender = life("a").sent(&[1, 2, 3]).closed(&[], &[]);
    let expected = Faults {
        out_of_order: 1,
        ..NONE
    };
    assert_eq!(faults(sender, life("a").got(&[2, 1, 3])), expected);
}

#[test]
fn a_message_that_was_changed_or_never_sent_is_seen() {
    let sender = || life("a").sent(&[1, 2]).closed(&[], &[]);
    let mut receiver = life("a").got(&[1, 2]);
    receiver.got[1].0.checksum = 8;
    assert_eq!(faults(sender(), receiver), Faults { damaged: 1, ..NONE });
    assert_eq!(
        faults(sender(), life("a").got(&[1, 2, 9])),
        Faults { damaged: 1, ..NONE }
    );
}

/// Across the restart of the receiver: once as its successor's only messages, once amid those for the successor.
#[test]
fn a_message_that_reached_a_later_receiver_is_seen() {
    let sender = || {
        let lives = [
            life("a").sent(&[1, 2]).told(&[2], &[]),
            life("b").sent(&[3]).closed(&[], &[]),
        ];
        [process(lives.into())]
    };
    let first = || process(vec![life("a").got(&[1])]);
    for later in [&[2, 3][..], &[2]] {
        let verdict = Verdict::of(&sender(), &[first(), process(vec![life("b").got(later)])]);
        assert!(verdict.faults.across_lives > 0, "{later:?}");
    }
    assert!(Verdict::of(&sender(), &[first(), process(vec![life("b").got(&[3])])]).is_good());
}

/// Across the restart of the sender, whose successor numbers on elsewhere.
#[test]
fn a_message_of_an_earlier_sender_that_arrived_in_a_later_life_is_seen() {
    let senders = || {
        [
            process(vec![life("a").sent(&[1, 2])]),
            process(vec![life("b").sent(&[11]).closed(&[], &[])]),
        ]
    };
    let receiver = |later: &[u64]| [process(vec![life("a").got(&[1]), life("b").got(later)])];
    assert!(Verdict::of(&senders(), &receiver(&[11])).is_good());
    for later in [&[2, 11][..], &[11, 2]] {
        assert!(
            Verdict::of(&senders(), &receiver(later)).faults.across_lives > 0,
            "{later:?}"
        );
    }
}

#[test]
fn a_message_outside_of_any_session_is_seen() {
    let receiver = Life {
        session: None,
        ..life("a").got(&[1])
    };
    let sender = life("a").sent(&[1]).closed(&[], &[]);
    let expected = Faults {
        across_lives: 1,
        ..NONE
    };
    assert_eq!(faults(sender, receiver), expected);
}
