//! Redelivery, where it was chosen: in doubt and marked, then unsent, then what is new.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseReason, Delivery, Event, Limits, Message};
use steadfast_sim::{ClientId, ClientSetup, Cut, Flow, NodeId, Reading, ServerSetup, Setup, World};
use steadfast_tests::restarts::{texts, told_of_lives};

const PATIENCE: Duration = Duration::from_secs(5);
/// Room for three messages of a thousand bytes and their heads.
const WINDOW: u64 = 3 * 1002;

const REDELIVER: Delivery = Delivery {
    redeliver: true,
    manual_acknowledgement: false,
};

fn limits() -> Limits {
    Limits {
        window_bytes: WINDOW,
        ..Limits::default()
    }
}

fn server() -> ServerSetup {
    ServerSetup {
        limits: limits(),
        delivery: REDELIVER,
        ..ServerSetup::default()
    }
}

/// A world in which both sides redeliver.
fn world() -> (World, ClientId) {
    world_with(REDELIVER)
}

fn world_with(delivery: Delivery) -> (World, ClientId) {
    let mut world = World::new(Setup {
        server: ServerSetup { delivery, ..server() },
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup {
        limits: limits(),
        delivery,
        ..ClientSetup::default()
    });
    establish(&mut world, client);
    (world, client)
}

fn establish(world: &mut World, client: ClientId) {
    world.run_until_within(PATIENCE, |world| world.is_established(client));
}

/// The process at the other end dies, and another takes its place.
fn restart_receiver(world: &mut World, flow: Flow) {
    match flow.receiver() {
        NodeId::Server => world.restart_server(Cut::RESET),
        NodeId::Client(client) => world.restart_client(client, Cut::RESET),
    }
}

fn message(number: usize) -> String {
    format!("{number}").repeat(1000)
}

/// The first digit of each message, with a mark if it may be a duplicate.
fn short<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<String> {
    let short = |message: &Message| {
        let digit = message.payload()[0] as char;
        let mark = if message.is_possible_duplicate() { "?" } else { "" };
        format!("{digit}{mark}")
    };
    messages.into_iter().map(short).collect()
}

/// Six messages to a receiver that takes none: three arrive, three have no room. Then the receiver restarts.
fn send_six_and_restart(world: &mut World, flow: Flow) {
    world.set_reading(flow.receiver(), Reading::Paused);
    for number in 1..=6 {
        world.send(flow, message(number)).unwrap();
    }
    world.run_for(Duration::from_millis(100));
    restart_receiver(world, flow);
}

#[test]
fn in_doubt_comes_first_and_marked_then_unsent_then_new() {
    for up in [true, false] {
        let (mut world, client) = world();
        let flow = if up { client.up() } else { client.down() };
        world.send(flow, message(0)).unwrap();
        world.run_until_settled();
        send_six_and_restart(&mut world, flow);
        world.set_reading(flow.receiver(), Reading::Eager);
        establish(&mut world, client);
        world.send(flow, message(7)).unwrap();
        world.run_until_settled();
        assert_eq!(
            short(world.delivered(flow)),
            ["0", "1?", "2?", "3?", "4", "5", "6", "7"],
            "{flow}"
        );
    }
}

#[test]
fn the_new_ids_are_those_of_the_messages_in_order_and_become_acknowledged() {
    for up in [true, false] {
        let (mut world, client) = world();
        let flow = if up { client.up() } else { client.down() };
        send_six_and_restart(&mut world, flow);
        world.run_until_within(PATIENCE, |world| world.restarts(flow).len() == 1);
        let (in_doubt, unsent, ids) = {
            let told = world.restarts(flow)[0];
            (short(&told.in_doubt), short(&told.unsent), told.redelivered_as.clone())
        };
        assert_eq!(
            (in_doubt, unsent),
            (
                vec!["1".into(), "2".into(), "3".into()],
                vec!["4".into(), "5".into(), "6".into()]
            )
        );
        assert_eq!(ids.len(), 6);
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(world.acknowledged(flow) < Some(ids[0]), "nobody took any yet");
        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_until_settled();
        assert_eq!(world.acknowledged(flow), Some(ids[5]));
        let delivered: Vec<_> = world.delivered(flow).iter().map(Message::id).collect();
        assert_eq!(delivered, ids);
    }
}

#[test]
fn without_the_option_nothing_is_sent_again() {
    for up in [true, false] {
        let (mut world, client) = world_with(Delivery::default());
        let flow = if up { client.up() } else { client.down() };
        send_six_and_restart(&mut world, flow);
        world.set_reading(flow.receiver(), Reading::Eager);
        establish(&mut world, client);
        world.send(flow, message(7)).unwrap();
        world.run_until_settled();
        assert_eq!(short(world.delivered(flow)), ["7"]);
        let told = world.restarts(flow)[0];
        assert!(told.redelivered_as.is_empty());
        assert_eq!(told.in_doubt.len() + told.unsent.len(), 6);
    }
}

#[test]
fn each_side_chooses_for_itself() {
    let mut world = World::new(Setup {
        server: ServerSetup {
            delivery: Delivery::default(),
            ..server()
        },
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup {
        delivery: REDELIVER,
        ..ClientSetup::default()
    });
    establish(&mut world, client);
    for flow in client.both() {
        world.set_reading(flow.receiver(), Reading::Paused);
        world.send(flow, message(1)).unwrap();
    }
    world.run_for(Duration::from_millis(10));
    world.restart_server(Cut::RESET);
    for flow in client.both() {
        world.set_reading(flow.receiver(), Reading::Eager);
    }
    establish(&mut world, client);
    world.run_until_settled();
    assert_eq!(short(world.delivered(client.up())), ["1?"]);
}

#[test]
fn a_message_in_doubt_twice_stays_marked_and_one_that_was_never_sent_stays_unmarked() {
    for up in [true, false] {
        let (mut world, client) = world();
        let flow = if up { client.up() } else { client.down() };
        send_six_and_restart(&mut world, flow);
        world.run_for(Duration::from_millis(500));
        restart_receiver(&mut world, flow);
        world.run_for(Duration::from_millis(500));
        assert_eq!(world.restarts(flow).len(), 2);
        let second = *world.restarts(flow).last().unwrap();
        assert_eq!(short(&second.in_doubt), ["1?", "2?", "3?"], "{flow}");
        assert_eq!(short(&second.unsent), ["4", "5", "6"]);
        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_until_settled();
        assert_eq!(
            short(world.delivered(flow)),
            ["1?", "2?", "3?", "4", "5", "6"],
            "{flow}"
        );
    }
}

#[test]
fn one_that_was_marked_and_not_sent_again_in_between_stays_marked() {
    let (mut world, client) = world();
    let flow = client.up();
    send_six_and_restart(&mut world, flow);
    // The one in between can never be reached by what is sent again.
    world.run_until_within(PATIENCE, |world| world.restarts(flow).len() == 1);
    world.restart_server(Cut::RESET);
    world.set_reading(NodeId::Server, Reading::Eager);
    establish(&mut world, client);
    world.run_until_settled();
    assert_eq!(short(world.delivered(flow)), ["1?", "2?", "3?", "4", "5", "6"]);
}

#[test]
fn a_restart_before_the_last_one_was_told_marks_nothing_twice_and_loses_nothing() {
    let (mut world, client) = world();
    let flow = client.up();
    world.set_reading(NodeId::Client(client), Reading::Paused);
    send_six_and_restart(&mut world, flow);
    world.run_for(Duration::from_millis(100));
    world.restart_server(Cut::RESET);
    world.run_for(Duration::from_millis(100));
    world.set_reading(NodeId::Server, Reading::Eager);
    world.set_reading(NodeId::Client(client), Reading::Eager);
    world.run_until_settled();
    assert_eq!(world.restarts(flow).len(), 1);
    assert_eq!(short(world.delivered(flow)), ["1?", "2?", "3?", "4", "5", "6"]);
}

#[test]
fn what_the_dead_had_taken_and_acknowledged_is_not_sent_again() {
    let (mut world, client) = world();
    world.set_reading(NodeId::Server, Reading::Paced(Duration::from_millis(20)));
    for number in 1..=6 {
        world.send(client.up(), message(number)).unwrap();
    }
    world.run_until(|world| world.delivered(client.up()).len() == 2);
    world.run_for(Duration::from_millis(10));
    world.restart_server(Cut::RESET);
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until_settled();
    assert_eq!(short(world.delivered(client.up()))[2..], ["3?", "4?", "5?", "6"]);
}

#[test]
fn messages_of_several_parts_are_sent_again_as_they_were() {
    let (mut world, client) = world();
    let parts: Vec<_> = ["a", "", "ccc"].map(bytes::Bytes::from).into();
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send_parts(client.up(), &parts).unwrap();
    world.run_for(Duration::from_millis(10));
    world.restart_server(Cut::RESET);
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until_settled();
    let delivered = &world.delivered(client.up())[0];
    assert_eq!(delivered.parts(), parts);
    assert!(delivered.is_possible_duplicate());
}

#[test]
fn a_new_server_that_accepts_only_shorter_messages_ends_the_session_with_all_of_them_listed() {
    let (mut world, client) = world();
    world.set_reading(NodeId::Server, Reading::Paused);
    for number in 1..=6 {
        world.send(client.up(), message(number)).unwrap();
    }
    world.run_for(Duration::from_millis(10));
    let narrow = ServerSetup {
        limits: Limits {
            max_message_bytes: 999,
            ..limits()
        },
        ..server()
    };
    world.restart_server_as(Cut::RESET, narrow);
    world.run_until_within(PATIENCE, |world| world.closed(client.up()).is_some());
    assert_eq!(
        told_of_lives(&world, client.up()),
        ["established", "restarted", "established", "closed"]
    );
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(
        closed.reason,
        CloseReason::TooLarge {
            message_bytes: 1000,
            limit_bytes: 999
        }
    );
    assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 6);
    let listed = closed.in_doubt.iter().chain(&closed.unsent);
    assert_eq!(short(listed), ["1?", "2?", "3?", "4", "5", "6"]);
    assert!(world.delivered(client.up()).is_empty());
}

#[test]
fn what_is_too_large_for_the_new_server_is_only_handed_back_where_nothing_is_redelivered() {
    let (mut world, client) = world_with(Delivery::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(client.up(), message(1)).unwrap();
    world.run_for(Duration::from_millis(10));
    let narrow = ServerSetup {
        limits: Limits {
            max_message_bytes: 999,
            ..limits()
        },
        ..server()
    };
    world.restart_server_as(Cut::RESET, narrow);
    world.set_reading(NodeId::Server, Reading::Eager);
    establish(&mut world, client);
    world.send(client.up(), b"short").unwrap();
    world.run_until_settled();
    assert_eq!(texts(world.delivered(client.up())), ["short"]);
    assert!(world.send(client.up(), message(2)).is_err());
}

#[test]
fn a_session_that_was_closing_redelivers_nothing() {
    let (mut world, client) = world();
    send_six_and_restart(&mut world, client.up());
    world.set_reading(NodeId::Server, Reading::Eager);
    world.close(client.up());
    world.run_until_within(PATIENCE, |world| world.closed(client.up()).is_some());
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::PeerRestarted);
    assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 6);
    world.run_for(Duration::from_secs(60));
    assert!(world.delivered(client.up()).is_empty());
}

#[test]
fn a_lost_connection_alone_redelivers_and_marks_nothing() {
    let (mut world, client) = world();
    for flow in client.both() {
        world.stream(flow, (1..=9).map(|number| vec![message(number).into()]));
    }
    for _ in 0..5 {
        world.run_for(Duration::from_micros(1500));
        world.cut(client, Cut::RESET);
    }
    world.run_until_settled();
    for flow in client.both() {
        assert!(!world.delivered(flow).iter().any(Message::is_possible_duplicate));
        assert_eq!(world.count(flow, |event| matches!(event, Event::PeerRestarted(_))), 0);
    }
}
