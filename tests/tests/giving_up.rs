//! What was not delivered comes back: withdrawn before it was sent, or listed exactly at the end, whatever the reason.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use steadfast::{CloseCode, CloseReason, Limits, Message, MessageId, SendError};
use steadfast_sim::{
    ClientId, ClientSetup, Cut, Direction, EndpointName, Flow, NodeId, Reading, Setup, Transport, World, pki, provider,
};
use steadfast_tests::{limited, numbered, pattern};

const WINDOW: u64 = 20_000;

/// A session with a small window, and a flow of it whose receiver looks away.
fn looking_away(direction: Direction) -> (World, Flow) {
    let (mut world, client) = established(Setup::default());
    let flow = if direction == Direction::Up {
        client.up()
    } else {
        client.down()
    };
    world.set_reading(flow.receiver(), Reading::Paused);
    (world, flow)
}

fn established(setup: Setup) -> (World, ClientId) {
    let limits = Limits {
        window_bytes: WINDOW,
        ..Limits::default()
    };
    limited(setup, limits.clone(), limits)
}

fn send(world: &mut World, flow: Flow, count: usize) -> Vec<MessageId> {
    (0..count)
        .map(|seed| world.send(flow, pattern(3_000, seed)).unwrap())
        .collect()
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(Message::id).collect()
}

#[test]
fn what_was_never_sent_can_be_taken_back_in_order_and_never_arrives() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, flow) = looking_away(direction);
        let sent = send(&mut world, flow, 20);
        world.run_for(Duration::from_millis(100));
        let withdrawn = world.withdraw_unsent(flow);
        assert!((10..=14).contains(&withdrawn.len()), "{}", withdrawn.len());
        let left = 20 - withdrawn.len();
        assert_eq!(ids(&withdrawn), sent[left..]);
        for (message, seed) in withdrawn.iter().zip(left..) {
            assert_eq!(message.payload(), &pattern(3_000, seed));
        }
        assert_eq!(world.in_flight(flow).unsent_bytes, partial(&world, flow));
        assert!(world.withdraw_unsent(flow).is_empty(), "nothing is left to take back");
        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_until_settled();
        assert_eq!(ids(world.delivered(flow)), sent[..left]);
    }
}

/// How much is left of the message of which a part was sent.
fn partial(world: &World, flow: Flow) -> u64 {
    let message_bytes = 3_002;
    (message_bytes - world.in_flight(flow).sent_bytes % message_bytes) % message_bytes
}

#[test]
fn a_message_of_which_a_part_was_sent_stays() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, flow) = looking_away(direction);
        let large = world.send(flow, pattern(500_000, 1)).unwrap();
        assert!(world.withdraw_unsent(flow).is_empty());
        let next = world.send(flow, pattern(500_000, 2)).unwrap();
        assert_eq!(ids(&world.withdraw_unsent(flow)), [next]);
        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_until_settled();
        assert_eq!(ids(world.delivered(flow)), [large]);
    }
}

#[test]
fn ids_of_what_was_taken_back_are_given_to_others() {
    let (mut world, flow) = looking_away(Direction::Up);
    for round in 0..10 {
        let sent = send(&mut world, flow, 10);
        world.run_for(Duration::from_millis(20));
        let withdrawn = world.withdraw_unsent(flow);
        if let Some(first) = withdrawn.first() {
            let again = world.send_parts(flow, first.parts()).unwrap();
            assert_eq!(again, first.id(), "round {round}");
            world.withdraw_unsent(flow);
        } else {
            assert_eq!(round, 0, "{sent:?}");
        }
    }
    world.set_reading(NodeId::Server, Reading::Eager);
    world.stream(flow, numbered(5));
    world.run_until_settled();
}

#[test]
fn messages_of_many_parts_come_back_as_they_were() {
    let (mut world, flow) = looking_away(Direction::Down);
    send(&mut world, flow, 8);
    let parts: Vec<Bytes> = (0..5).map(|seed| pattern(seed * 4_000, seed)).collect();
    world.send_parts(flow, &parts).unwrap();
    world.send(flow, b"").unwrap();
    let withdrawn = world.withdraw_unsent(flow);
    assert_eq!(withdrawn[withdrawn.len() - 2].parts(), parts);
    assert_eq!(withdrawn[withdrawn.len() - 1].total_bytes(), 0);
}

#[test]
fn everything_can_be_taken_back_before_the_session_is_established() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    let sent = send(&mut world, client.up(), 5);
    assert_eq!(ids(&world.withdraw_unsent(client.up())), sent);
    let again = world.send(client.up(), pattern(3_000, 9)).unwrap();
    assert_eq!(again, sent[0]);
    world.run_until_settled();
    assert_eq!(ids(world.delivered(client.up())), [again]);
}

#[test]
fn nothing_is_taken_back_while_the_session_closes() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, flow) = looking_away(direction);
        let sent = send(&mut world, flow, 20);
        world.run_for(Duration::from_millis(100));
        world.close(flow);
        assert!(world.withdraw_unsent(flow).is_empty());
        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_until(|world| world.is_closed(flow.client));
        assert_eq!(ids(world.delivered(flow)), sent);
        assert!(world.withdraw_unsent(flow).is_empty(), "nor after its end");
    }
}

#[test]
fn what_was_taken_back_is_in_no_list_of_the_end() {
    let (mut world, flow) = looking_away(Direction::Up);
    let sent = send(&mut world, flow, 20);
    world.run_for(Duration::from_millis(100));
    let withdrawn = world.withdraw_unsent(flow);
    world.abort(flow);
    let closed = world.closed(flow).unwrap();
    assert_eq!(ids(&closed.in_doubt), sent[..20 - withdrawn.len()]);
    assert!(closed.unsent.is_empty());
}

#[test]
fn giving_up_tells_at_once_what_was_not_delivered_and_tells_the_peer() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, flow) = looking_away(direction);
        let (sent, back) = (send(&mut world, flow, 20), flow.reversed());
        let answers = send(&mut world, back, 3);
        world.run_for(Duration::from_millis(100));
        let unread = world.send(back, b"on its way when it ended").unwrap();
        world.abort(flow);
        let closed = world.closed(flow).unwrap();
        assert_eq!(closed.reason, CloseReason::Aborted);
        assert!(closed.reason.retryable());
        assert_eq!([ids(&closed.in_doubt), ids(&closed.unsent)].concat(), sent);
        assert!(!closed.in_doubt.is_empty() && !closed.unsent.is_empty());
        assert_eq!(world.send(flow, b"too late"), Err(SendError::Closed));

        world.set_reading(flow.receiver(), Reading::Eager);
        world.run_for(Duration::from_millis(20));
        let told = world.closed(back).unwrap();
        assert!(
            matches!(
                &told.reason,
                CloseReason::ByPeer {
                    code: CloseCode::Aborted,
                    ..
                }
            ),
            "{}",
            told.reason
        );
        assert_eq!(world.acknowledged(back).or(Some(answers[2])), Some(answers[2]));
        assert_eq!(ids(&told.in_doubt), [unread]);
        // What had arrived was still handed over, as "in doubt" allows.
        assert!(world.delivered(flow).len() <= 20);
        world.abort(flow);
        world.run_for(Duration::from_secs(60));
        assert_eq!(world.seen(flow).len(), 2, "established and closed, once each");
    }
}

#[test]
fn a_peer_that_missed_it_is_told_when_it_asks() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = established(Setup::default());
        let flow = if direction == Direction::Up {
            client.up()
        } else {
            client.down()
        };
        world.mute(flow);
        world.abort(flow);
        world.unmute(flow);
        let unread = world.send(flow.reversed(), b"to nobody").unwrap();
        world.run_for(Duration::from_secs(2));
        let told = world.closed(flow.reversed()).unwrap();
        assert!(matches!(
            told.reason,
            CloseReason::ByPeer {
                code: CloseCode::Aborted,
                ..
            }
        ));
        assert_eq!(ids(&told.in_doubt), [unread]);
    }
}

#[test]
fn a_client_may_give_up_before_it_is_established() {
    for micros in (0..5_000).step_by(500) {
        let mut world = World::new(Setup::default());
        let client = world.connect(&ClientSetup::default());
        let sent = send(&mut world, client.up(), 3);
        world.run_for(Duration::from_micros(micros));
        if world.client(client).is_established() {
            continue;
        }
        world.abort(client.up());
        let closed = world.closed(client.up()).unwrap();
        assert_eq!(closed.reason, CloseReason::Aborted);
        assert!(closed.in_doubt.is_empty());
        assert_eq!(ids(&closed.unsent), sent);
        world.run_for(Duration::from_secs(120));
        assert_eq!(world.listener_stats().sessions, 0, "nobody at the server hears of it");
    }
}

/// What ends a session, how, and what its client is told.
type Ending = (
    &'static str,
    fn() -> Setup,
    fn(&mut World, ClientId),
    fn(&CloseReason) -> bool,
);

fn plain() -> Setup {
    Setup::default()
}

fn capturing() -> Setup {
    Setup {
        provider: provider::with_key_limits(1 << 20, 100),
        transport: Transport {
            capture: true,
            ..Transport::default()
        },
        ..Setup::default()
    }
}

const ENDINGS: [Ending; 9] = [
    (
        "given up here",
        plain,
        |world, client| world.abort(client.up()),
        |reason| *reason == CloseReason::Aborted,
    ),
    (
        "given up there",
        plain,
        |world, client| world.abort(client.down()),
        |reason| {
            matches!(
                reason,
                CloseReason::ByPeer {
                    code: CloseCode::Aborted,
                    ..
                }
            )
        },
    ),
    (
        "closed here, not drained",
        plain,
        |world, client| world.close(client.up()),
        |reason| *reason == CloseReason::LingerExpired,
    ),
    (
        "closed there, not drained",
        plain,
        |world, client| world.close(client.down()),
        |reason| {
            matches!(
                reason,
                CloseReason::LingerExpired
                    | CloseReason::ByPeer {
                        code: CloseCode::LingerExpired,
                        ..
                    }
            )
        },
    ),
    (
        "nobody there",
        plain,
        |world, client| world.cut(client, Cut::for_good()),
        |reason| matches!(reason, CloseReason::Lost { .. }),
    ),
    ("lost there first", plain, lose_there, |reason| {
        matches!(
            reason,
            CloseReason::ByPeer {
                code: CloseCode::Lost,
                ..
            } | CloseReason::Lost { .. }
        )
    }),
    ("another took its place", plain, supersede, |reason| {
        *reason == CloseReason::Superseded
    }),
    ("forged packets", capturing, spend_keys, |reason| {
        *reason == CloseReason::KeysSpent
    }),
    ("restarted while closing", plain, restart_while_closing, |reason| {
        *reason == CloseReason::PeerRestarted
    }),
];

/// The server hears nothing until it has given the session up; its client hears it all the time.
fn lose_there(world: &mut World, client: ClientId) {
    world.mute(client.up());
    world.run_for(Limits::default().retention + Duration::from_secs(60));
    world.unmute(client.up());
}

fn supersede(world: &mut World, _: ClientId) {
    let twin = world.connect(&ClientSetup {
        endpoint_name: EndpointName::Is("client 0".into()),
        identity: Some(pki::Authority::trusted().client("client.test", pki::Validity::Current)),
        ..ClientSetup::default()
    });
    world.run_until(|world| world.client(twin).is_established());
}

fn spend_keys(world: &mut World, client: ClientId) {
    let last = world
        .captured()
        .iter()
        .rev()
        .find(|parcel| parcel.name.flow == client.down());
    let mut forged = last.unwrap().packet[..21].to_vec();
    forged.extend_from_slice(&[7; 30]);
    for number in 0..200_u32 {
        forged[17..21].copy_from_slice(&(1_000_000 + number).to_be_bytes());
        world.inject_to_client(client, forged.clone());
    }
}

fn restart_while_closing(world: &mut World, client: ClientId) {
    world.close(client.up());
    world.run_for(Duration::from_millis(5));
    world.restart_server(Cut::RESET);
}

/// The world's books compare every list with what was sent, acknowledged and taken: a message that is acknowledged and in a
/// list, or in none and not acknowledged, fails this test at once. What they cannot know is whether the end came at all.
#[test]
fn whatever_ends_a_session_its_lists_are_exact() {
    for (what, setup, end, is_reason) in ENDINGS {
        let (mut world, client) = established(setup());
        let delivered = send(&mut world, client.up(), 3);
        world.run_until_settled();
        world.set_reading(NodeId::Server, Reading::Paused);
        let kept = send(&mut world, client.up(), 20);
        world.run_for(Duration::from_millis(20));
        assert_eq!(world.acknowledged(client.up()), Some(delivered[2]));
        end(&mut world, client);
        world.run_for(Limits::default().retention + Duration::from_secs(60));
        let Some(closed) = world.closed(client.up()) else {
            panic!("{what}: no end\n{}", world.timeline())
        };
        assert!(is_reason(&closed.reason), "{what}: {}", closed.reason);
        assert_eq!([ids(&closed.in_doubt), ids(&closed.unsent)].concat(), kept, "{what}");
        assert!(!closed.in_doubt.is_empty() && !closed.unsent.is_empty(), "{what}");
    }
}
