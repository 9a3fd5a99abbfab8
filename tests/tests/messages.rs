//! Messages of all shapes and lengths arrive as they were sent.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use steadfast::{CloseReason, Limits, SendError};
use steadfast_sim::{ClientId, ClientSetup, ServerSetup, Setup, World};
use steadfast_tests::{mixed, pattern};

fn with_limits(limits: &Limits) -> (World, ClientId) {
    let server = ServerSetup {
        limits: limits.clone(),
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup {
        server,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup {
        limits: limits.clone(),
        ..ClientSetup::default()
    });
    world.run_until(|world| world.is_established(client));
    (world, client)
}

/// The world's books compare every part of every message: arrived is arrived as sent.
fn assert_arrive(world: &mut World, client: ClientId, messages: &[Vec<Bytes>]) {
    for flow in client.both() {
        world.stream(flow, messages.iter().cloned());
        world.run_until_settled();
        assert_eq!(world.refused(flow), []);
        assert_eq!(world.delivered(flow).len(), messages.len());
        for (message, sent) in world.delivered(flow).iter().zip(messages) {
            assert_eq!(message.parts(), sent);
        }
    }
}

#[test]
fn messages_of_every_length_around_the_edges_of_packets() {
    let around = |edge: usize| edge.saturating_sub(70)..edge + 10;
    let lengths = (0..300)
        .chain(around(1_200))
        .chain(around(16_384))
        .chain(around(65_536))
        .chain(around(131_072));
    let messages: Vec<_> = lengths.map(|len| vec![pattern(len, len)]).collect();
    let (mut world, client) = World::established(Setup::default());
    assert_arrive(&mut world, client, &messages);
}

#[test]
fn parts_stay_apart_even_where_they_are_empty() {
    let part = |text: &'static str| Bytes::from_static(text.as_bytes());
    let messages = [
        vec![part("")],
        vec![part(""), part("")],
        vec![part("envelope"), part(""), part("body")],
        vec![part(""), part("a"), part("")],
        vec![part("ab"), part("c")],
        vec![part("a"), part("bc")],
        (0..500).map(|number| pattern(number % 7, number)).collect(),
        vec![pattern(70_000, 1), part(""), pattern(70_000, 2)],
        vec![Bytes::new(); 300],
    ];
    let (mut world, client) = World::established(Setup::default());
    assert_arrive(&mut world, client, &messages);
}

#[test]
fn a_message_of_sixty_four_mebibytes_arrives() {
    let (mut world, client) = World::established(Setup::default());
    let bytes = pattern(64 << 20, 1);
    world.stream(client.up(), [vec![bytes.clone()]]);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up())[0].payload(), &bytes);
}

#[test]
fn messages_larger_than_the_window_arrive_through_the_smallest_packets() {
    let limits = Limits {
        window_bytes: 4_096,
        max_packet_bytes: 1_200,
        ..Limits::default()
    };
    let (mut world, client) = with_limits(&limits);
    let mut messages = mixed(30);
    messages.push(vec![pattern(1_000_000, 3), pattern(10, 4), pattern(300_000, 5)]);
    assert_arrive(&mut world, client, &messages);
}

#[test]
fn one_packet_in_flight_is_enough() {
    let limits = Limits {
        max_packets_in_flight: 1,
        ..Limits::default()
    };
    let (mut world, client) = with_limits(&limits);
    assert_arrive(&mut world, client, &mixed(60));
}

#[test]
fn both_sides_may_have_different_limits() {
    let server = ServerSetup {
        limits: Limits {
            window_bytes: 2_000,
            max_packet_bytes: 1_200,
            ..Limits::default()
        },
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup {
        server,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    assert_arrive(&mut world, client, &mixed(60));
}

#[test]
fn a_message_above_the_peers_limit_is_refused_with_both_sizes() {
    let server = ServerSetup {
        limits: Limits {
            max_message_bytes: 1_000,
            ..Limits::default()
        },
        ..ServerSetup::default()
    };
    let (mut world, client) = World::established(Setup {
        server,
        ..Setup::default()
    });
    world.send(client.up(), pattern(1_000, 1)).unwrap();
    let refused = world.send(client.up(), pattern(1_001, 1)).unwrap_err();
    assert_eq!(
        refused,
        SendError::TooLarge {
            message_bytes: 1_001,
            limit_bytes: 1_000
        }
    );
    // Parts count together, with the two bytes before each; the other direction has its own limit.
    let refused = world
        .send_parts(client.up(), &[pattern(600, 1), pattern(600, 2)])
        .unwrap_err();
    assert_eq!(
        refused,
        SendError::TooLarge {
            message_bytes: 1_204,
            limit_bytes: 1_000
        }
    );
    world.send(client.down(), pattern(1_001, 1)).unwrap();
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 1);
    assert_eq!(world.delivered(client.down()).len(), 1);
}

#[test]
fn before_the_handshake_ones_own_limit_counts() {
    let limits = Limits {
        max_message_bytes: 5_000,
        ..Limits::default()
    };
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup {
        limits,
        ..ClientSetup::default()
    });
    let refused = world.send(client.up(), pattern(5_001, 1)).unwrap_err();
    assert_eq!(
        refused,
        SendError::TooLarge {
            message_bytes: 5_001,
            limit_bytes: 5_000
        }
    );
}

#[test]
fn a_message_queued_before_the_handshake_that_the_peer_cannot_take_ends_the_session_and_comes_back() {
    let server = ServerSetup {
        limits: Limits {
            max_message_bytes: 1_000,
            ..Limits::default()
        },
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup {
        server,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    world.send(client.up(), b"small").unwrap();
    world.send(client.up(), pattern(1_001, 1)).unwrap();
    world.run_until(|world| world.closed(client.up()).is_some());
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(
        closed.reason,
        CloseReason::TooLarge {
            message_bytes: 1_001,
            limit_bytes: 1_000
        }
    );
    assert!(!closed.reason.retryable());
    assert_eq!(closed.unsent.last().unwrap().total_bytes(), 1_001);
}

#[test]
fn ids_grow_and_name_the_message_at_both_sides() {
    let (mut world, client) = World::established(Setup::default());
    let ids: Vec<_> = (0..100)
        .map(|number| world.send(client.up(), pattern(number, number)).unwrap())
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    world.run_until_settled();
    let delivered: Vec<_> = world
        .delivered(client.up())
        .iter()
        .map(steadfast::Message::id)
        .collect();
    assert_eq!(delivered, ids);
    assert_eq!(world.acknowledged(client.up()), ids.last().copied());
}
