//! A connection that is cut and made anew costs no handshake and no message.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use steadfast::Event;
use steadfast_sim::{Action, ClientId, Cut, Fault, PacketKind, PacketName, Setup, Tail, Transport, World};
use steadfast_tests::restarts::transports;
use steadfast_tests::{mixed, numbered, pattern};

fn world_over(transport: Transport) -> (World, ClientId) {
    World::established(Setup {
        transport,
        ..Setup::default()
    })
}

/// All messages arrived, with the one handshake of the beginning.
fn assert_all_delivered(world: &World, client: ClientId, count: usize) {
    for flow in client.both() {
        assert_eq!(world.delivered(flow).len(), count, "{flow}");
        assert_eq!(world.closed(flow).map(|closed| &closed.reason), None);
    }
    assert_eq!(world.client_stats(client).handshakes, 1);
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn a_stream_both_ways_outlives_many_cuts() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        client.both().iter().for_each(|flow| world.stream(*flow, mixed(200)));
        for cut in 0..8 {
            world.run_for(Duration::from_millis(5));
            let tail = if cut % 2 == 0 {
                Tail::Lost
            } else {
                Tail::Late(Duration::from_millis(3))
            };
            let down_for = Some(Duration::from_millis(cut * 40));
            world.cut(client, Cut { down_for, tail });
            world.run_for(Duration::from_millis(cut * 40));
        }
        world.run_until_settled();
        assert_all_delivered(&world, client, 200);
    }
}

#[test]
fn a_cut_at_any_packet_loses_nothing() {
    let messages = mixed(24);
    for transport in transports() {
        for nth in 1..30 {
            let (mut world, client) = world_over(transport);
            let flow = client.both()[nth as usize % 2];
            let at = PacketName {
                flow,
                kind: PacketKind::Data,
                nth: 1 + nth / 2 + world.packets(flow, PacketKind::Data),
            };
            world.plan(Fault {
                at,
                action: Action::Cut(Cut::down_for(Duration::from_millis(10))),
            });
            for flow in client.both() {
                world.stream(flow, messages.iter().cloned());
            }
            world.run_until_settled();
            world.expect_all_faults_applied();
            assert_all_delivered(&world, client, 24);
        }
    }
}

#[test]
fn a_cut_in_the_middle_of_a_large_message_does_not_show() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        client
            .both()
            .iter()
            .for_each(|flow| world.stream(*flow, [vec![pattern(16 << 20, 9)]]));
        while !world.is_settled() {
            world.run_for(Duration::from_millis(15));
            world.cut(client, Cut::down_for(Duration::from_millis(200)));
            world.run_for(Duration::from_millis(1500));
            assert!(world.elapsed() < Duration::from_secs(120), "{}", world.timeline());
        }
        assert_all_delivered(&world, client, 1);
    }
}

#[test]
fn what_is_sent_while_the_link_is_down_arrives_afterwards() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        world.cut(client, Cut::for_good());
        for flow in client.both() {
            for number in 0..50 {
                world.send(flow, format!("while down {number}")).unwrap();
            }
        }
        world.run_for(Duration::from_secs(20));
        world.reconnect(client);
        world.run_until_settled();
        assert_all_delivered(&world, client, 50);
    }
}

/// With a hint from the transport data flows within a few round trips; without, within the longest pause between probes
/// and a few round trips.
#[test]
fn data_flows_again_soon_after_the_link_is_back() {
    for transport in transports() {
        let bound = if transport.hints {
            Duration::from_millis(50)
        } else {
            Duration::from_millis(1_300)
        };
        for down_secs in [0, 1, 7, 60] {
            let (mut world, client) = world_over(transport);
            world.cut(client, Cut::down_for(Duration::from_secs(down_secs)));
            world.stream(client.up(), numbered(100));
            world.run_for(Duration::from_secs(down_secs));
            let took = world.run_until_within(Duration::from_secs(30), World::is_settled);
            assert!(
                took <= bound,
                "down for {down_secs} s, {transport:?}: {took:?}\n{}",
                world.timeline()
            );
        }
    }
}

#[test]
fn an_outage_is_told_once_with_its_end() {
    let (mut world, client) = world_over(Transport::default());
    world.stream(client.up(), numbered(10));
    world.cut(client, Cut::for_good());
    world.send(client.up(), b"lost on the way").unwrap();
    world.run_for(Duration::from_secs(60));
    assert_eq!(
        world.count(client.up(), |event| matches!(event, Event::Unreachable(_))),
        1
    );
    world.reconnect(client);
    world.run_until_settled();
    world.run_for(Duration::from_secs(1));
    let back: Vec<_> = world
        .seen(client.up())
        .iter()
        .filter_map(|seen| match &seen.event {
            Event::Reachable(reachable) => Some(reachable.silent_for),
            _ => None,
        })
        .collect();
    assert_eq!(back.len(), 1);
    assert!(
        back[0] >= Duration::from_secs(60) && back[0] < Duration::from_secs(62),
        "{back:?}"
    );
}

#[test]
fn silence_in_one_direction_is_no_end() {
    for flow_is_up in [true, false] {
        let (mut world, client) = world_over(Transport::default());
        let flow = if flow_is_up { client.up() } else { client.down() };
        world.mute(flow);
        client.both().iter().for_each(|flow| world.stream(*flow, mixed(40)));
        world.run_for(Duration::from_secs(40));
        world.unmute(flow);
        world.run_until_settled();
        assert_all_delivered(&world, client, 40);
    }
}

#[test]
fn many_clients_cut_together_come_back_together() {
    let (mut world, first) = world_over(Transport::default());
    let mut clients = vec![first];
    clients.extend((0..20).map(|_| world.connect(&steadfast_sim::ClientSetup::default())));
    world.run_until(|world| clients.iter().all(|client| world.is_established(*client)));
    for round in 0..3 {
        for client in &clients {
            client.both().iter().for_each(|flow| world.stream(*flow, numbered(10)));
        }
        world.run_for(Duration::from_micros(1500 + round * 700));
        clients
            .iter()
            .for_each(|client| world.cut(*client, Cut::down_for(Duration::from_millis(250))));
        world.run_until_settled();
    }
    assert_eq!(world.listener_stats().sessions, 21);
    assert!(clients.iter().all(|client| world.delivered(client.up()).len() == 30));
}

#[test]
fn stale_packets_of_the_cut_connection_are_harmless_however_late() {
    for late in [0, 1, 50, 999, 30_000].map(Duration::from_millis) {
        let (mut world, client) = world_over(Transport::default());
        let message = |number: usize| vec![Bytes::from(format!("{number}").repeat(100))];
        client
            .both()
            .iter()
            .for_each(|flow| world.stream(*flow, (0..100).map(message)));
        world.cut(client, Cut::RESET.with_late_tail(late));
        world.run_until_settled();
        world.run_for(late);
        assert_all_delivered(&world, client, 100);
    }
}
