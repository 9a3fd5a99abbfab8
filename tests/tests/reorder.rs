//! Packets overtake each other; messages do not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{Action, ClientSetup, Fault, PacketKind, PacketName, PerMille, Rates, Setup, World};
use steadfast_tests::{mixed, numbered, pattern};

fn exchange_under(rates: Rates, seed: u64) -> World {
    let (mut world, client) = World::established(Setup::seeded(seed));
    for flow in client.both() {
        world.set_rates(flow, rates);
        world.stream(flow, mixed(150));
    }
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 150);
    assert_eq!(world.delivered(client.down()).len(), 150);
    assert_eq!(world.client_stats(client).handshakes, 1);
    world
}

#[test]
fn packets_that_overtake_each_other_do_not_show() {
    for seed in 0..5 {
        exchange_under(
            Rates {
                reorder: PerMille(300),
                ..Rates::default()
            },
            seed,
        );
    }
}

#[test]
fn packets_that_come_very_late_do_not_show() {
    for seed in 0..5 {
        exchange_under(
            Rates {
                delay: PerMille(150),
                ..Rates::default()
            },
            seed,
        );
    }
}

#[test]
fn all_faults_together_do_not_show() {
    let rates = Rates {
        drop: PerMille(60),
        duplicate: PerMille(60),
        delay: PerMille(30),
        reorder: PerMille(100),
        corrupt: PerMille(60),
    };
    for seed in 0..10 {
        exchange_under(rates, seed);
    }
}

#[test]
fn a_message_in_many_packets_survives_any_one_of_them_coming_last() {
    let bytes = pattern(600_000, 1);
    // 600,000 bytes are at least ten packets of at most 64 KiB.
    for nth in 1..=10 {
        let mut world = World::new(Setup::default());
        let client = world.connect(&ClientSetup::default());
        let at = PacketName {
            flow: client.up(),
            kind: PacketKind::Data,
            nth,
        };
        world.plan(Fault {
            at,
            action: Action::Delay(Duration::from_millis(700)),
        });
        world.stream(client.up(), [vec![bytes.clone()]].into_iter().chain(numbered(3)));
        world.run_until_settled();
        world.expect_all_faults_applied();
        assert_eq!(world.delivered(client.up()).len(), 4);
    }
}

#[test]
fn one_lost_packet_of_a_stream_costs_little() {
    for nth in 2..20 {
        let (mut world, client) = World::established(Setup::default());
        let at = PacketName {
            flow: client.up(),
            kind: PacketKind::Data,
            nth,
        };
        world.plan(Fault {
            at,
            action: Action::Drop,
        });
        let count = usize::try_from(nth).unwrap() + 5;
        world.stream(client.up(), (0..count).map(|seed| vec![pattern(60_000, seed)]));
        let took = world.run_until_within(Duration::from_secs(10), World::is_settled);
        world.expect_all_faults_applied();
        // A gap is seen at the next packet; only the very last one needs the probe timer. No loss costs a long timeout.
        assert!(took < Duration::from_millis(500), "packet {nth} lost: {took:?}");
    }
}
