//! Who checks the checker: each of these does something that must not be, and the world must notice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::Limits;
use steadfast_sim::{Action, ClientId, ClientSetup, Cut, Fault, NodeId, PacketKind, PacketName, Reading, Setup, World};

#[test]
#[should_panic(expected = "messages were sent")]
fn a_message_that_nobody_sent_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world
        .with_client(client, |session, now| session.send(b"behind the books' back", now))
        .unwrap();
    world.run_for(Duration::from_secs(1));
}

#[test]
#[should_panic(expected = "the application did not take it")]
fn an_acknowledgement_of_what_no_application_took_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(client.up(), b"taken behind the books' back").unwrap();
    world.run_for(Duration::from_millis(10));
    world.with_server(steadfast::Listener::poll_event).unwrap();
    world.run_for(Duration::from_secs(1));
}

#[test]
#[should_panic(expected = "was due")]
fn a_missing_message_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(client.up(), b"first").unwrap();
    world.send(client.up(), b"second").unwrap();
    world.run_for(Duration::from_millis(2));
    world.with_server(steadfast::Listener::poll_event).unwrap();
    world.set_reading(NodeId::Server, Reading::Eager);
}

#[test]
#[should_panic(expected = "a storm")]
fn a_storm_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    // Behind the books' back: packets that no message of theirs explains.
    for _ in 0..10_000 {
        world
            .with_client(client, |session, now| session.send(b"x", now))
            .unwrap();
        world.run_for(Duration::from_micros(10));
    }
}

#[test]
#[should_panic(expected = "met no packet")]
fn a_fault_that_was_never_applied_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    let at = PacketName {
        flow: client.up(),
        kind: PacketKind::Retry,
        nth: 1,
    };
    world.plan(Fault {
        at,
        action: Action::Drop,
    });
    world.run_for(Duration::from_secs(1));
    world.expect_all_faults_applied();
}

#[test]
#[should_panic(expected = "did not come within")]
fn what_never_comes_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.mute(client.up());
    world.send(client.up(), b"swallowed").unwrap();
    world.run_until_settled();
}

#[test]
#[should_panic(expected = "some were acknowledged or never sent")]
fn a_list_with_a_message_that_nobody_sent_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.mute(client.up());
    world
        .with_client(client, |session, now| session.send(b"behind the books' back", now))
        .unwrap();
    world.run_for(2 * Limits::default().retention);
}

/// A client whose application does not look, and a server that lost one of its messages.
fn lost_before_the_client_is_told() -> (World, ClientId) {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.set_reading(NodeId::Server, Reading::Paced(Duration::from_millis(50)));
    for number in 0..3 {
        world.send(client.up(), format!("message {number}")).unwrap();
    }
    world.run_until(|world| world.delivered(client.up()).len() == 1);
    world.with_server(steadfast::Listener::poll_event).unwrap();
    world.run_until(|world| world.delivered(client.up()).len() == 2);
    (world, client)
}

#[test]
#[should_panic(expected = "was due")]
fn what_could_not_be_compared_at_once_is_noticed_when_the_client_is_told() {
    let (mut world, client) = lost_before_the_client_is_told();
    world.set_reading(NodeId::Client(client), Reading::Eager);
}

#[test]
#[should_panic(expected = "was due")]
fn what_could_not_be_compared_at_once_is_noticed_when_the_client_dies() {
    let (mut world, client) = lost_before_the_client_is_told();
    world.kill_client(client);
}

#[test]
#[should_panic(expected = "messages were sent")]
fn what_a_dead_client_never_sent_is_noticed() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world
        .with_client(client, |session, now| session.send(b"behind the books' back", now))
        .unwrap();
    world.run_for(Duration::from_millis(10));
    world.restart_client(client, Cut::RESET);
    world.set_reading(NodeId::Server, Reading::Eager);
}
