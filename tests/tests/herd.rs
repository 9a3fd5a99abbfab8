//! A thousand clients whose server restarts.
//!
//! All find out together, for their transport connects them together; each waits by itself up to ten milliseconds, and then
//! handshakes once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, Cut, PacketKind, ServerSetup, Setup, World};

const CLIENTS: usize = 1000;
const DOWN: Duration = Duration::from_secs(1);
/// One way over the default transport.
const WAY: Duration = Duration::from_millis(1);

/// The longest that a client waits with its first packet.
const JITTER: Duration = Duration::from_millis(10);
/// Seven ways from the probe to the last packet that the server needs, and two more for the cookie that it asks for while a
/// hundred handshakes are in progress.
const ALL_BACK_WITHIN: Duration = JITTER.saturating_add(WAY.saturating_mul(7 + 2));

fn herd(server: ServerSetup) -> (World, Vec<ClientId>) {
    let mut world = World::new(Setup {
        server,
        ..Setup::default()
    });
    let mut clients = Vec::new();
    while clients.len() < CLIENTS {
        clients.extend((0..50).map(|_| world.connect(&ClientSetup::default())));
        world.run_for(Duration::from_millis(20));
    }
    assert_eq!(world.listener_stats().sessions, CLIENTS as u64);
    (world, clients)
}

fn packets_up(world: &World, clients: &[ClientId], kind: PacketKind) -> usize {
    let of_client = |client: &ClientId| world.packets(client.up(), kind) as usize;
    clients.iter().map(of_client).sum()
}

/// Restarts the server; returns how many clients began their handshakes in each millisecond from when it listens.
fn restart(world: &mut World, clients: &[ClientId]) -> Vec<usize> {
    world.restart_server(Cut::down_for(DOWN));
    world.run_for(DOWN);
    let mut before = packets_up(world, clients, PacketKind::Initial);
    let mut begun = |world: &mut World| {
        world.run_for(Duration::from_millis(1));
        let sent = packets_up(world, clients, PacketKind::Initial);
        sent - std::mem::replace(&mut before, sent)
    };
    let millis = ALL_BACK_WITHIN.as_millis();
    (0..millis).map(|_| begun(world)).collect()
}

#[test]
fn all_are_back_within_nineteen_milliseconds_with_one_handshake_each() {
    let (mut world, clients) = herd(ServerSetup::default());
    let begun = restart(&mut world, &clients);
    assert_eq!(world.listener_stats().sessions, CLIENTS as u64, "{ALL_BACK_WITHIN:?}");
    assert!(clients.iter().all(|client| world.is_established(*client)));
    for client in &clients {
        let stats = world.client_stats(*client);
        assert_eq!((stats.handshakes, stats.restarts, stats.joins), (2, 1, 0));
    }
    // One hello each, and one more with a cookie for some.
    let hellos: usize = begun.iter().sum();
    let retries = world.listener_stats().retries as usize;
    assert_eq!(hellos, CLIENTS + retries);
    assert_eq!(world.listener_stats().attempts_refused, 0);
    // And then there is peace.
    let packets = packets_up(&world, &clients, PacketKind::Data);
    world.run_for(Duration::from_secs(5));
    assert!(packets_up(&world, &clients, PacketKind::Data) - packets < CLIENTS);
    assert_eq!(packets_up(&world, &clients, PacketKind::Initial), CLIENTS + hellos);
}

#[test]
fn their_first_packets_are_spread_over_ten_milliseconds() {
    // Nobody is asked for a cookie, so that each packet counted is a first one.
    let (mut world, clients) = herd(ServerSetup {
        retry_above: CLIENTS,
        ..ServerSetup::default()
    });
    let begun = restart(&mut world, &clients);
    assert_eq!(begun.iter().sum::<usize>(), CLIENTS);
    let spread: Vec<_> = begun.iter().filter(|count| **count > 0).collect();
    assert!(spread.len() >= 10, "{begun:?}");
    // A tenth each, on average.
    assert!(*begun.iter().max().unwrap() < CLIENTS / 5, "{begun:?}");
}
