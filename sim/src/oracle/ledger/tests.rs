use super::*;
use crate::{Setup, World};

/// Ids as a session gives them; nobody else can make one.
fn ids(count: usize) -> Vec<MessageId> {
    let (mut world, client) = World::established(Setup::default());
    let sent = (0..count).map(|_| world.send(client.up(), b"x"));
    sent.map(|id| id.expect("a session that stands")).collect()
}

fn parts(number: usize) -> Vec<Bytes> {
    vec![Bytes::from(format!("message {number}"))]
}

/// Messages as they were sent, for lists and deliveries.
struct Post(Vec<(MessageId, Vec<Bytes>)>);

impl Post {
    fn new(count: usize) -> Self {
        let numbered = ids(count).into_iter().enumerate();
        Self(numbered.map(|(number, id)| (id, parts(number))).collect())
    }

    fn id(&self, number: usize) -> MessageId {
        self.0[number].0
    }

    fn letter(&self, number: usize, possible_duplicate: bool) -> Letter<'_> {
        let (id, parts) = &self.0[number];
        Letter {
            id: *id,
            parts,
            possible_duplicate,
        }
    }

    fn letters(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Letter<'_>> {
        numbers.into_iter().map(|number| self.letter(number, false)).collect()
    }

    /// A ledger in which all are sent, so many taken, and so many of them acknowledged.
    fn ledger(&self, taken: usize, acknowledged: usize) -> Ledger {
        let mut ledger = Ledger::default();
        for (id, parts) in &self.0 {
            ledger.sent(*id, parts.clone()).expect("ids grow");
        }
        for letter in self.letters(0..taken) {
            ledger.taken(letter).expect("as sent");
        }
        if acknowledged > 0 {
            let news = ledger.acknowledged(self.id(acknowledged - 1));
            assert_eq!(news, Ok(true));
        }
        ledger
    }
}

#[track_caller]
fn noticed<T: std::fmt::Debug>(result: Result<T, Violation>, what: &str) {
    let violation = result.expect_err("this must be noticed");
    assert!(violation.0.contains(what), "{violation} is not about {what:?}");
}

#[test]
fn an_exact_end_is_accepted() {
    let post = Post::new(5);
    let mut ledger = post.ledger(3, 2);
    assert_eq!(ledger.ended(&post.letters(2..4), &post.letters(4..5)), Ok(()));
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn what_is_not_acknowledged_must_be_listed_even_if_it_arrived() {
    let post = Post::new(5);
    let end = post.ledger(3, 2).ended(&post.letters(3..4), &post.letters(4..5));
    noticed(end, "some are missing");
}

#[test]
fn what_is_acknowledged_must_not_be_listed() {
    let post = Post::new(5);
    let end = post.ledger(3, 2).ended(&post.letters(1..4), &post.letters(4..5));
    noticed(end, "some were acknowledged or never sent");
}

#[test]
fn nothing_is_listed_twice() {
    let post = Post::new(5);
    let end = post.ledger(3, 2).ended(&post.letters(2..4), &post.letters(3..5));
    noticed(end, "some were acknowledged or never sent");
}

#[test]
fn lists_are_in_the_order_of_sending() {
    let post = Post::new(4);
    noticed(post.ledger(0, 0).ended(&post.letters([1, 0, 2, 3]), &[]), "in order");
    noticed(
        post.ledger(0, 0).ended(&post.letters([2, 3]), &post.letters([0, 1])),
        "in order",
    );
}

#[test]
fn what_the_other_side_had_was_not_unsent() {
    let post = Post::new(4);
    let mut ledger = post.ledger(3, 1);
    ledger
        .ended(&post.letters(1..2), &post.letters(2..4))
        .expect("all are listed");
    noticed(ledger.check(), "unsent was delivered");
}

#[test]
fn what_was_told_as_unsent_never_arrives_later() {
    let post = Post::new(3);
    let mut ledger = post.ledger(0, 0);
    ledger
        .ended(&post.letters(0..1), &post.letters(1..3))
        .expect("all are listed");
    assert_eq!(ledger.taken(post.letter(0, false)), Ok(()));
    noticed(ledger.taken(post.letter(1, false)), "unsent was delivered");
}

#[test]
fn an_end_comes_once_and_last() {
    let post = Post::new(3);
    let mut ledger = post.ledger(0, 0);
    ledger.ended(&[], &post.letters(0..3)).expect("all are listed");
    noticed(ledger.ended(&[], &post.letters(0..3)), "twice");
    noticed(ledger.sent(ids(4)[3], parts(3)), "after the end");
}

#[test]
fn an_acknowledgement_names_a_message_and_never_moves_back() {
    let post = Post::new(3);
    let mut ledger = post.ledger(3, 2);
    assert_eq!(ledger.acknowledged(post.id(1)), Ok(false));
    noticed(ledger.acknowledged(post.id(0)), "moved back");
    let mut other = Ledger::default();
    other.sent(post.id(1), parts(1)).expect("the first");
    noticed(other.acknowledged(post.id(2)), "never sent");
}

#[test]
fn an_acknowledgement_is_compared_when_the_other_end_is_known() {
    let post = Post::new(2);
    let mut ledger = post.ledger(1, 0);
    assert_eq!(ledger.acknowledged(post.id(1)), Ok(true));
    noticed(ledger.check(), "did not take it");
}

#[test]
fn what_is_redelivered_is_marked_exactly_if_it_was_in_doubt() {
    let post = Post::new(4);
    let mut first = post.ledger(2, 1);
    first
        .ended(&post.letters(1..3), &post.letters(3..4))
        .expect("all are listed");
    let again = Post(ids(3).into_iter().zip((1..4).map(parts)).collect());
    let new_ids: Vec<_> = (0..3).map(|number| again.id(number)).collect();

    let mut second = first.redelivered(&new_ids).expect("as many as are due");
    assert_eq!(second.taken(again.letter(0, true)), Ok(()));
    noticed(second.taken(again.letter(1, false)), "possible duplicate");
    assert_eq!(second.taken(again.letter(1, true)), Ok(()));
    noticed(second.taken(again.letter(2, true)), "possible duplicate");
    assert_eq!(second.taken(again.letter(2, false)), Ok(()));
}

#[test]
fn what_was_in_doubt_once_stays_a_possible_duplicate() {
    let post = Post::new(1);
    let mut first = post.ledger(0, 0);
    first.ended(&post.letters(0..1), &[]).expect("all are listed");
    let mut second = first.redelivered(&[post.id(0)]).expect("as many as are due");
    // It never left in its second life.
    second.ended(&[], &post.letters(0..1)).expect("all are listed");
    let mut third = second.redelivered(&[post.id(0)]).expect("as many as are due");
    noticed(third.taken(post.letter(0, false)), "possible duplicate");
    assert_eq!(third.taken(post.letter(0, true)), Ok(()));
}

#[test]
fn redelivered_are_all_that_were_open_and_before_what_is_new() {
    let post = Post::new(3);
    let mut first = post.ledger(0, 0);
    first
        .ended(&post.letters(0..2), &post.letters(2..3))
        .expect("all are listed");
    noticed(first.redelivered(&[post.id(0), post.id(1)]), "3 are due");
    let backwards = first.redelivered(&[post.id(1), post.id(0), post.id(2)]);
    noticed(backwards, "does not follow");
    let mut second = first.redelivered(&ids(3)).expect("as many as are due");
    noticed(second.sent(post.id(2), parts(9)), "does not follow");
    let swapped = Letter {
        parts: post.letter(1, true).parts,
        ..post.letter(0, true)
    };
    noticed(second.taken(swapped), "other content");
}
