//! Keys are used for so many packets and no more; what is under the next ones loses nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseReason, Limits};
use steadfast_sim::{
    Action, ClientId, Cut, Direction, Fault, PacketKind, PacketName, PerMille, Rates, Setup, Transport, World, provider,
};
use steadfast_tests::{limited, mixed, numbered};

/// A session whose sides update their keys after so many packets each.
fn updating(client_packets: u64, server_packets: u64, setup: Setup) -> (World, ClientId) {
    let limits = |packets_per_key| Limits {
        packets_per_key,
        max_packets_in_flight: 16,
        max_packet_bytes: 8_000,
        ..Limits::default()
    };
    limited(setup, limits(client_packets), limits(server_packets))
}

const NEVER: u64 = 1 << 20;

fn stream_both(world: &mut World, client: ClientId, count: usize) {
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(count)));
}

#[track_caller]
fn assert_all_delivered(world: &World, client: ClientId, count: usize) {
    for flow in client.both() {
        assert_eq!(world.delivered(flow).len(), count, "{flow}");
        assert_eq!(world.seen(flow).len(), 1, "{flow}: nothing is told");
    }
    assert_eq!(world.client_stats(client).handshakes, 1);
    // Both count the updates of both; one that nobody answered yet is ahead by one.
    let (here, there) = (updates(world, client), world.server_stats(client).unwrap().key_updates);
    assert!(here.abs_diff(there) <= 1, "{here} and {there}");
}

fn updates(world: &World, client: ClientId) -> u64 {
    world.client_stats(client).key_updates
}

#[test]
fn either_side_or_both_update_and_lose_nothing() {
    for (client_packets, server_packets) in [(1, NEVER), (NEVER, 1), (1, 1), (2, 3), (20, 20)] {
        let (mut world, client) = updating(client_packets, server_packets, Setup::default());
        for _ in 0..25 {
            stream_both(&mut world, client, 8);
            world.run_until_settled();
        }
        assert_all_delivered(&world, client, 200);
        assert!(updates(&world, client) >= 40, "{}", updates(&world, client));
    }
}

#[test]
fn packets_of_the_epochs_say_which() {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let setup = Setup {
        transport,
        ..Setup::default()
    };
    let (mut world, client) = updating(5, 5, setup);
    stream_both(&mut world, client, 30);
    world.run_until_settled();
    for direction in [Direction::Up, Direction::Down] {
        let data = world
            .captured()
            .iter()
            .filter(|parcel| parcel.name.kind == PacketKind::Data && parcel.name.flow.direction == direction);
        let epochs: Vec<_> = data
            .map(|parcel| u32::from_be_bytes(parcel.packet[9..13].try_into().unwrap()))
            .collect();
        assert!(epochs.is_sorted(), "no epoch comes back: {epochs:?}");
        let steps = epochs.windows(2).all(|pair| pair[1] - pair[0] <= 1);
        assert!(steps && epochs.last() > Some(&3), "one after the other: {epochs:?}");
    }
}

#[test]
fn hundreds_of_updates_over_a_bad_network_lose_nothing() {
    let rates = Rates {
        drop: PerMille(40),
        duplicate: PerMille(30),
        delay: PerMille(20),
        reorder: PerMille(60),
        corrupt: PerMille(20),
    };
    for seed in 0..2 {
        let (mut world, client) = updating(2, 3, Setup::seeded(seed));
        client.both().iter().for_each(|flow| world.set_rates(*flow, rates));
        let mut sent = 0;
        while updates(&world, client) < 200 {
            stream_both(&mut world, client, 8);
            sent += 8;
            world.run_for(Duration::from_millis(200));
            if sent % 5 == 0 {
                world.cut(
                    client,
                    Cut::RESET.with_late_tail(Duration::from_millis(sent as u64 % 7)),
                );
            }
            assert!(sent < 20_000, "{} updates", updates(&world, client));
        }
        world.heal();
        world.run_until_settled();
        world.run_for(Duration::from_secs(1));
        for flow in client.both() {
            assert_eq!(world.delivered(flow).len(), sent, "{flow}");
            assert_eq!(world.closed(flow).map(|closed| &closed.reason), None);
        }
        assert_eq!(world.client_stats(client).handshakes, 1);
    }
}

#[test]
fn a_packet_of_the_epoch_before_may_be_a_little_late() {
    for late in [2, 20, 500, 5_000].map(Duration::from_millis) {
        for nth in 1..12 {
            let (mut world, client) = updating(4, NEVER, Setup::default());
            let flow = client.up();
            let nth = world.packets(flow, PacketKind::Data) + nth;
            let at = PacketName {
                flow,
                kind: PacketKind::Data,
                nth,
            };
            world.plan(Fault {
                at,
                action: Action::Delay(late),
            });
            stream_both(&mut world, client, 8);
            world.run_until_settled();
            world.run_for(late);
            world.expect_all_faults_applied();
            assert_all_delivered(&world, client, 8);
        }
    }
}

/// A side that has begun an epoch may have nothing to say in it, or not be heard, for long.
#[test]
fn a_pause_or_an_outage_after_an_update_does_not_part_the_two_sides() {
    for (client_packets, server_packets) in [(1, NEVER), (NEVER, 1), (1, 1), (2, 3)] {
        for outage in [false, true] {
            for sends in [Direction::Up, Direction::Down] {
                let (mut world, client) = updating(client_packets, server_packets, Setup::default());
                let flow = if sends == Direction::Up {
                    client.up()
                } else {
                    client.down()
                };
                for round in 1..=12 {
                    world.stream(flow, numbered(3));
                    if outage {
                        world.run_for(Duration::from_micros(round * 700));
                        world.cut(client, Cut::down_for(Duration::from_secs(2)));
                        world.run_for(Duration::from_secs(2));
                    }
                    world.run_until_within(Duration::from_secs(10), World::is_settled);
                    world.run_for(Duration::from_secs(7));
                }
                assert_eq!(world.delivered(flow).len(), 36);
                assert_eq!(world.client_stats(client).handshakes, 1);
            }
        }
    }
}

/// The network swallows what one side says just after it has begun an epoch, until it has forgotten the one before.
#[test]
fn silence_around_an_update_does_not_part_the_two_sides() {
    for muted in [Direction::Up, Direction::Down] {
        for micros in (0..8_000).step_by(1_000) {
            let (mut world, client) = updating(2, 2, Setup::default());
            let flow = if muted == Direction::Up {
                client.up()
            } else {
                client.down()
            };
            stream_both(&mut world, client, 4);
            world.run_for(Duration::from_micros(micros));
            world.mute(flow);
            world.run_for(Duration::from_secs(30));
            world.unmute(flow);
            world.run_until_within(Duration::from_secs(10), World::is_settled);
            assert_eq!(world.client_stats(client).handshakes, 1);
        }
    }
}

/// The simulator's keys panic when they are used beyond their limits.
#[test]
fn no_key_seals_more_than_it_may() {
    let setup = Setup {
        provider: provider::with_key_limits(64, 1 << 30),
        ..Setup::default()
    };
    let (mut world, client) = updating(NEVER, NEVER, setup);
    for round in 0..20 {
        stream_both(&mut world, client, 16);
        if round % 4 == 0 {
            world.cut(client, Cut::down_for(Duration::from_secs(3)));
        }
        world.run_until_settled();
    }
    for flow in client.both() {
        assert_eq!(world.delivered(flow).len(), 320);
        assert_eq!(world.closed(flow).map(|closed| &closed.reason), None);
    }
    assert!(updates(&world, client) >= 20);
}

#[test]
fn a_session_whose_peer_never_answers_ends_before_its_key_is_spent() {
    let setup = Setup {
        provider: provider::with_key_limits(64, 1 << 30),
        ..Setup::default()
    };
    let (mut world, client) = updating(NEVER, NEVER, setup);
    world.mute(client.up());
    world.send(client.up(), b"to nobody").unwrap();
    world.run_for(Duration::from_secs(700));
    let closed = world.closed(client.up()).unwrap();
    assert!(
        matches!(closed.reason, CloseReason::KeysSpent | CloseReason::Lost { .. }),
        "{}",
        closed.reason
    );
    assert_eq!(closed.in_doubt.len(), 1);
    assert!(closed.reason.retryable());
}

const INTEGRITY: u64 = 200;

/// A session whose keys prove nothing any more once so many packets did not open.
fn fragile(transport: Transport) -> (World, ClientId) {
    let setup = Setup {
        provider: provider::with_key_limits(1 << 20, INTEGRITY),
        transport,
        ..Setup::default()
    };
    updating(NEVER, NEVER, setup)
}

fn capturing() -> Transport {
    Transport {
        capture: true,
        ..Transport::default()
    }
}

/// A forgery with the header of the newest data packet of a flow, and a number that was not used.
fn forgery(world: &World, client: ClientId, direction: Direction, number: u64) -> Vec<u8> {
    let flow = if direction == Direction::Up {
        client.up()
    } else {
        client.down()
    };
    let newest = world.captured().iter().rev();
    let mut of_flow = newest.filter(|parcel| parcel.name.flow == flow && parcel.name.kind == PacketKind::Data);
    let mut packet = of_flow.next().unwrap().packet[..21].to_vec();
    packet[13..21].copy_from_slice(&(1_000_000 + number).to_be_bytes());
    packet.extend_from_slice(&[7; 30]);
    packet
}

fn forge(world: &mut World, client: ClientId, direction: Direction, count: u64) {
    for number in 0..count {
        let packet = forgery(world, client, direction, number);
        match direction {
            Direction::Up => {
                let stranger = world.stranger();
                world.inject_to_server(stranger, packet);
            }
            Direction::Down => world.inject_to_client(client, packet),
        }
    }
}

#[test]
fn many_forgeries_lead_to_other_keys_before_the_limit() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = fragile(capturing());
        for round in 1..=5 {
            stream_both(&mut world, client, 3);
            world.run_until_settled();
            forge(&mut world, client, direction, INTEGRITY / 2 - 1);
            world.run_for(Duration::from_millis(50));
            assert_eq!(
                world.client_stats(client).joins,
                round - 1,
                "not before half of the limit"
            );
            forge(&mut world, client, direction, 10);
            world.run_for(Duration::from_secs(10));
            assert_eq!(world.client_stats(client).joins, round, "{}", world.timeline());
        }
        stream_both(&mut world, client, 3);
        world.run_until_settled();
        for flow in client.both() {
            assert_eq!(world.delivered(flow).len(), 18);
            assert_eq!(world.seen(flow).len(), 1, "nothing is told");
        }
    }
}

/// RFC 9001 §6.6 counts over all keys of a connection.
#[test]
fn forgeries_count_over_all_epochs() {
    for direction in [Direction::Up, Direction::Down] {
        let setup = Setup {
            provider: provider::with_key_limits(1 << 20, INTEGRITY),
            transport: capturing(),
            ..Setup::default()
        };
        let (mut world, client) = updating(5, 5, setup);
        for _ in 0..10 {
            stream_both(&mut world, client, 8);
            world.run_until_settled();
            forge(&mut world, client, direction, INTEGRITY / 20 + 1);
        }
        assert!(updates(&world, client) >= 10);
        world.run_for(Duration::from_secs(10));
        assert_eq!(world.client_stats(client).joins, 1);
    }
}

#[test]
fn at_the_limit_nothing_opens_any_more_and_both_sides_are_told() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = fragile(capturing());
        stream_both(&mut world, client, 3);
        world.run_until_settled();
        // Faster than any handshake.
        forge(&mut world, client, direction, INTEGRITY + 50);
        world.run_for(Duration::from_secs(60));
        let (receiver, sender) = match direction {
            Direction::Up => (client.down(), client.up()),
            Direction::Down => (client.up(), client.down()),
        };
        let closed = world.closed(receiver).unwrap();
        assert_eq!(closed.reason, CloseReason::KeysSpent);
        assert!(closed.reason.retryable());
        let told = world.close_reason(sender).unwrap().to_string();
        assert!(told.contains("keys may not be used"), "{told}");
    }
}
