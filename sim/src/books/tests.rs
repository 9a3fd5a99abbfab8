//! Feeds the books by hand with what real sessions told: things that no correct session does.

use std::sync::Arc;

use steadfast::{CloseReason, Event};

use super::*;
use crate::flow::NodeId;
use crate::setup::{ClientSetup, ServerSetup};
use crate::{Setup, World};

/// What both ends of one life were told, and what the server took in it.
struct Life {
    up: Established,
    down: Established,
    messages: Vec<Message>,
}

fn life(seed: u64) -> Life {
    let (mut world, client) = World::established(Setup::seeded(seed));
    for number in 0..3 {
        world.send(client.up(), format!("{seed}: {number}")).expect("it stands");
    }
    world.run_until_settled();
    let told = |flow| {
        let seen = world.seen(flow).iter().find_map(|seen| match &seen.event {
            Event::Established(established) => Some(established.clone()),
            _ => None,
        });
        seen.expect("both ends were told")
    };
    Life {
        up: told(client.up()),
        down: told(client.down()),
        messages: world.delivered(client.up()).to_vec(),
    }
}

const CLIENT: ClientId = ClientId(0);

/// A client's end and a server's, of nobody's life yet.
struct Rig {
    books: Books,
    client: EndId,
    server: EndId,
}

fn holder(node: NodeId) -> Holder {
    Holder {
        node,
        incarnation: 0,
        is_manual: false,
    }
}

fn rig() -> Rig {
    let mut books = Books::default();
    let (client, server) = (NodeId::Client(CLIENT), NodeId::Server);
    let claim = Claim::of_client(&ClientSetup::default(), CLIENT, true);
    Rig {
        client: books.open(holder(client), CLIENT, claim),
        server: books.open(holder(server), CLIENT, Claim::of_server(&ServerSetup::default())),
        books,
    }
}

impl Rig {
    fn join(&mut self, life: &Life) -> Result<(), Violation> {
        self.books.established(self.client, &life.up)?;
        self.books.established(self.server, &life.down)
    }

    fn joined(life: &Life) -> Self {
        let mut rig = rig();
        rig.join(life).expect("two ends of one life");
        rig
    }

    fn send(&mut self, message: &Message) {
        let sent = self.books.sent(self.client, message.id(), message.parts().to_vec());
        sent.expect("ids grow");
    }

    fn deliver(&mut self, message: &Message) -> Result<(), Violation> {
        self.books.delivered(self.server, message.clone())
    }

    /// Both ends are told of a restart, and go on in the next life.
    fn restart(&mut self, next: &Life) {
        for end in [&mut self.client, &mut self.server] {
            *end = self
                .books
                .restarted(*end, &nothing_open(), false)
                .expect("nothing is open");
        }
        self.join(next).expect("two ends of the next life");
    }
}

fn nothing_open() -> PeerRestarted {
    PeerRestarted {
        in_doubt: Vec::new(),
        unsent: Vec::new(),
        redelivered_as: Vec::new(),
    }
}

fn unsent(messages: &[Message]) -> PeerRestarted {
    PeerRestarted {
        unsent: messages.to_vec(),
        ..nothing_open()
    }
}

#[track_caller]
fn noticed<T: std::fmt::Debug>(result: Result<T, Violation>, what: &str) {
    let violation = result.expect_err("this must be noticed");
    assert!(violation.0.contains(what), "{violation} is not about {what:?}");
}

#[test]
fn what_was_recorded_before_is_compared_when_both_ends_are_known() {
    let life = life(1);
    let mut right = rig();
    for message in &life.messages {
        right.send(message);
        right.deliver(message).expect("not to be compared yet");
        let through = Some(message.id());
        assert_eq!(right.books.acknowledged(right.client, through), Ok(()));
    }
    assert_eq!(right.join(&life), Ok(()));

    let mut wrong = rig();
    wrong.send(&life.messages[0]);
    wrong.deliver(&life.messages[1]).expect("not to be compared yet");
    noticed(wrong.join(&life), "was due");
}

#[test]
fn ends_of_different_lives_are_not_compared() {
    let (one, other) = (life(1), life(2));
    let mut rig = rig();
    rig.books.established(rig.client, &one.up).expect("one life");
    rig.books.established(rig.server, &other.down).expect("another");
    assert!(!rig.books.are_joined(rig.client, rig.server));
}

#[test]
fn nothing_sent_in_one_life_is_delivered_in_another() {
    let (first, second) = (life(1), life(2));
    let mut rig = Rig::joined(&first);
    rig.send(&first.messages[0]);
    let told = unsent(&first.messages[..1]);
    rig.client = rig.books.restarted(rig.client, &told, false).expect("all is listed");
    rig.server = rig
        .books
        .restarted(rig.server, &nothing_open(), false)
        .expect("nothing is open");
    rig.join(&second).expect("two ends of the next life");
    noticed(rig.deliver(&first.messages[0]), "only 0 messages were sent");
}

#[test]
fn one_binding_is_one_life() {
    let (first, second) = (life(1), life(2));
    let mut rig = Rig::joined(&first);
    rig.restart(&second);
    rig.client = rig
        .books
        .restarted(rig.client, &nothing_open(), false)
        .expect("nothing is open");
    noticed(rig.books.established(rig.client, &first.up), "one binding");
}

#[test]
fn a_peer_that_is_somebody_else_is_noticed() {
    let life = life(1);
    let mut named = rig();
    let mut told = life.down.clone();
    told.peer = Arc::default();
    named
        .books
        .established(named.client, &life.up)
        .expect("the server is who it is");
    noticed(named.books.established(named.server, &told), "who is");
}

#[test]
fn an_acknowledgement_that_nobody_can_have_given_is_noticed() {
    let life = life(1);
    let mut rig = rig();
    rig.send(&life.messages[0]);
    let through = Some(life.messages[0].id());
    noticed(rig.books.acknowledged(rig.client, through), "did not take it");
}

#[test]
fn an_acknowledgement_by_somebody_unknown_waits_to_be_compared() {
    let life = life(1);
    let mut rig = rig();
    rig.send(&life.messages[0]);
    rig.send(&life.messages[1]);
    rig.deliver(&life.messages[0]).expect("not to be compared yet");
    let through = Some(life.messages[1].id());
    assert_eq!(rig.books.acknowledged(rig.client, through), Ok(()));
    noticed(rig.join(&life), "did not take it");
}

#[test]
fn nothing_is_redelivered_unasked() {
    let life = life(1);
    let mut rig = Rig::joined(&life);
    rig.send(&life.messages[0]);
    let told = PeerRestarted {
        redelivered_as: vec![life.messages[0].id()],
        ..unsent(&life.messages[..1])
    };
    noticed(rig.books.restarted(rig.client, &told, false), "unasked");
}

#[test]
fn redelivered_messages_come_first_and_are_compared_in_the_next_life() {
    let (first, second) = (life(1), life(2));
    let mut rig = Rig::joined(&first);
    rig.send(&first.messages[0]);
    let told = PeerRestarted {
        redelivered_as: vec![second.messages[0].id()],
        ..unsent(&first.messages[..1])
    };
    rig.client = rig.books.restarted(rig.client, &told, true).expect("all is listed");
    rig.server = rig
        .books
        .restarted(rig.server, &nothing_open(), false)
        .expect("nothing is open");
    rig.join(&second).expect("two ends of the next life");
    // The id is that of the redelivered message, the content is not.
    noticed(rig.deliver(&second.messages[0]), "other content");
    assert_eq!(rig.books.sent_messages(CLIENT.up()), 1, "the application sent it once");
}

#[test]
fn what_the_dead_sent_may_still_arrive() {
    let life = life(1);
    let mut rig = Rig::joined(&life);
    rig.send(&life.messages[0]);
    assert!(!rig.books.are_settled());
    rig.books.died(holder(NodeId::Client(CLIENT)));
    assert!(rig.books.are_settled(), "the dead wait for nothing");
    assert_eq!(rig.deliver(&life.messages[0]), Ok(()));
    noticed(rig.deliver(&life.messages[1]), "messages were sent");
}

#[test]
fn what_was_sent_to_the_dead_waits_until_its_sender_is_told() {
    let life = life(1);
    let mut rig = Rig::joined(&life);
    rig.send(&life.messages[0]);
    rig.books.died(holder(NodeId::Server));
    assert!(!rig.books.are_settled());
    let told = Closed {
        reason: CloseReason::Aborted,
        in_doubt: vec![life.messages[0].clone()],
        unsent: Vec::new(),
    };
    rig.books.closed(rig.client, &told).expect("all is listed");
    assert!(rig.books.are_settled());
}

#[test]
fn a_life_that_ends_without_a_death_stays_unsettled() {
    let life = life(1);
    let mut rig = Rig::joined(&life);
    rig.send(&life.messages[0]);
    let told = Closed {
        reason: CloseReason::Aborted,
        in_doubt: vec![life.messages[0].clone()],
        unsent: Vec::new(),
    };
    rig.books.closed(rig.client, &told).expect("all is listed");
    assert!(!rig.books.are_settled());
}

#[test]
fn finished_means_that_nothing_is_open() {
    let life = life(1);
    let mut rig = Rig::joined(&life);
    rig.send(&life.messages[0]);
    let told = Closed {
        reason: CloseReason::Finished,
        in_doubt: vec![life.messages[0].clone()],
        unsent: Vec::new(),
    };
    noticed(rig.books.closed(rig.client, &told), "finished, yet");
}

#[test]
fn a_wrong_guess_about_a_client_is_corrected() {
    let life = life(1);
    let mut rig = rig();
    let other = ClientId(1);
    rig.books.attribute(rig.server, other);
    rig.join(&life).expect("two ends of one life");
    assert_eq!(rig.books.client(rig.server), CLIENT);
    assert_eq!(rig.books.take_corrections(), [(rig.server, other, CLIENT)]);
}
