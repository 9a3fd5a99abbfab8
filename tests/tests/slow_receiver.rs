//! A slow application slows its peer down; nobody's memory grows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{Limits, SendError};
use steadfast_sim::{
    Action, ClientId, ClientSetup, Fault, NodeId, PacketKind, PacketName, Reading, Setup, Transport, World,
};
use steadfast_tests::{captured, limited, numbered, pattern};

const WINDOW: u64 = 20_000;
const SEND_BUFFER: u64 = 100_000;

fn small_windows() -> (World, ClientId) {
    let limits = Limits {
        window_bytes: WINDOW,
        send_buffer_bytes: SEND_BUFFER,
        ..Limits::default()
    };
    limited(captured::setup(), limits.clone(), limits)
}

/// Bytes of data packets that a client gave to the network so far.
fn bytes_on_the_wire(world: &World, client: ClientId) -> usize {
    let of_client = world.captured().iter().filter(|parcel| parcel.name.flow == client.up());
    of_client
        .filter(|parcel| parcel.name.kind == PacketKind::Data)
        .map(|parcel| parcel.packet.len())
        .sum()
}

#[test]
fn a_receiver_that_does_not_read_gets_one_window_and_no_more() {
    let (mut world, client) = small_windows();
    world.set_reading(NodeId::Server, Reading::Paused);
    let before = bytes_on_the_wire(&world, client);
    world.stream(client.up(), (0..500).map(|seed| vec![pattern(1_000, seed)]));
    world.run_for(Duration::from_millis(100));
    let sent = bytes_on_the_wire(&world, client) - before;
    let window = usize::try_from(WINDOW).unwrap();
    assert!(sent > window / 2, "the window is used: {sent}");
    assert!(sent < window * 3 / 2, "the window is kept: {sent}");
    assert!(world.delivered(client.up()).is_empty());
}

#[test]
fn a_receiver_that_stops_reading_gets_one_window_more_and_no_more() {
    let (mut world, client) = small_windows();
    world.stream(client.up(), (0..60).map(|seed| vec![pattern(1_000, seed)]));
    world.run_until_settled();
    world.set_reading(NodeId::Server, Reading::Paused);
    let before = bytes_on_the_wire(&world, client);
    world.stream(client.up(), (0..500).map(|seed| vec![pattern(1_000, seed)]));
    world.run_for(Duration::from_millis(100));
    let sent = bytes_on_the_wire(&world, client) - before;
    assert!(
        sent < usize::try_from(WINDOW).unwrap() * 3 / 2,
        "the window is kept: {sent}"
    );
}

#[test]
fn a_sender_is_told_when_its_buffer_is_full_and_may_go_on_later() {
    let (mut world, client) = small_windows();
    world.set_reading(NodeId::Server, Reading::Paused);
    let mut accepted = 0;
    let refused = loop {
        match world.send(client.up(), pattern(1_000, accepted)) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    let SendError::Full {
        held_bytes,
        limit_bytes,
    } = refused
    else {
        panic!("{refused}")
    };
    assert_eq!(limit_bytes, SEND_BUFFER);
    assert!(
        held_bytes <= limit_bytes && held_bytes > limit_bytes - 2_000,
        "{held_bytes}"
    );
    let in_flight = world.in_flight(client.up());
    assert_eq!(in_flight.sent_bytes + in_flight.unsent_bytes, held_bytes);

    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), accepted);
    world.send(client.up(), pattern(1_000, 0)).unwrap();
}

#[test]
fn a_blocked_sender_asks_seldom() {
    let (mut world, client) = small_windows();
    world.set_reading(NodeId::Server, Reading::Paused);
    world.stream(client.up(), (0..50).map(|seed| vec![pattern(1_000, seed)]));
    world.run_for(Duration::from_secs(10));
    let before = world.packets(client.up(), PacketKind::Data);
    world.run_for(Duration::from_secs(60));
    let asked = world.packets(client.up(), PacketKind::Data) - before;
    // Five probes a second at most; at least one in half a minute, or a lost answer would stop everything.
    assert!((2..=300).contains(&asked), "{asked} packets in a minute without credit");
    assert_eq!(
        world.count(client.up(), |event| matches!(event, steadfast::Event::Unreachable(_))),
        0
    );
}

#[test]
fn messages_are_acknowledged_when_the_application_takes_them() {
    let (mut world, client) = small_windows();
    world.set_reading(NodeId::Server, Reading::Paused);
    world.stream(client.up(), numbered(10));
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.acknowledged(client.up()), None, "arrived is not taken");
    world.set_reading(NodeId::Server, Reading::Paced(Duration::from_millis(100)));
    world.run_for(Duration::from_millis(250));
    let taken = world.delivered(client.up()).len();
    assert!((1..10).contains(&taken));
    world.run_until_settled();
}

#[test]
fn a_slow_reader_gets_everything_in_both_directions() {
    for slow_is_server in [true, false] {
        let (mut world, client) = small_windows();
        let slow = if slow_is_server {
            NodeId::Server
        } else {
            NodeId::Client(client)
        };
        world.set_reading(slow, Reading::Paced(Duration::from_millis(20)));
        for flow in client.both() {
            world.stream(flow, (0..200).map(|seed| vec![pattern(seed * 13, seed)]));
        }
        world.run_until_settled();
        assert_eq!(world.delivered(client.up()).len(), 200);
        assert_eq!(world.delivered(client.down()).len(), 200);
        assert_eq!(world.client_stats(client).packets_lost, 0);
    }
}

#[test]
fn a_message_larger_than_the_window_waits_for_a_slow_reader() {
    let (mut world, client) = small_windows();
    world.set_reading(NodeId::Server, Reading::Paced(Duration::from_millis(50)));
    let sizes = [10, 60_000, 5, 90_000, 19_999, 20_001];
    world.stream(client.up(), sizes.map(|len| vec![pattern(len, len)]));
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), sizes.len());
}

#[test]
fn a_transport_that_takes_little_at_a_time_loses_nothing() {
    for mark in [1, 2, 7] {
        let transport = Transport {
            high_water: Some(mark),
            ..Transport::default()
        };
        let (mut world, client) = World::established(Setup {
            transport,
            ..Setup::default()
        });
        for flow in client.both() {
            world.stream(flow, steadfast_tests::mixed(80));
        }
        world.run_until_settled();
        assert_eq!(world.client_stats(client).packets_lost, 0, "a full queue is no loss");
    }
}

#[test]
fn one_full_route_does_not_hold_up_another() {
    let transport = Transport {
        high_water: Some(3),
        ..Transport::default()
    };
    let (mut world, one) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    let two = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(two));
    world.set_reading(NodeId::Client(one), Reading::Paused);
    world.stream(one.down(), (0..50).map(|seed| vec![pattern(100_000, seed)]));
    world.stream(two.down(), numbered(50));
    world.run_until_within(Duration::from_secs(5), |world| world.delivered(two.down()).len() == 50);
}

#[test]
fn a_full_route_takes_nothing_even_for_a_client_that_repeats_its_handshake() {
    let transport = Transport {
        high_water: Some(1),
        hints: false,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    world.plan(Fault {
        at: PacketName {
            flow: client.down(),
            kind: PacketKind::Handshake,
            nth: 1,
        },
        action: Action::Duplicate {
            after: Duration::from_millis(251),
        },
    });
    world.run_until(|world| world.is_established(client));
    world.expect_all_faults_applied();
}
