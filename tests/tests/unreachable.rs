//! Silence is told, and ends a session only after the stated time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseReason, Event, Limits};
use steadfast_sim::{ClientId, Cut, Flow, PacketKind, Setup, Transport, World};
use steadfast_tests::{limited, numbered};

const RETENTION: Duration = Duration::from_secs(100);
const PING: Duration = Duration::from_secs(15);

fn established() -> (World, ClientId) {
    with_retention(RETENTION, RETENTION)
}

fn with_retention(of_client: Duration, of_server: Duration) -> (World, ClientId) {
    let limits = |retention| Limits {
        retention,
        ..Limits::default()
    };
    // Without hints: what is told follows from silence alone.
    let transport = Transport {
        hints: false,
        ..Transport::default()
    };
    let setup = Setup {
        transport,
        ..Setup::default()
    };
    limited(setup, limits(of_client), limits(of_server))
}

fn outages(world: &World, flow: Flow) -> usize {
    world.count(flow, |event| matches!(event, Event::Unreachable(_)))
}

fn returns(world: &World, flow: Flow) -> usize {
    world.count(flow, |event| matches!(event, Event::Reachable(_)))
}

#[test]
fn a_client_that_waits_for_an_answer_is_told_of_the_silence() {
    let (mut world, client) = established();
    world.cut(client, Cut::for_good());
    world.send(client.up(), b"anybody?").unwrap();
    world.run_for(Limits::default().unreachable_after - Duration::from_millis(500));
    assert_eq!(outages(&world, client.up()), 0, "too early");
    world.run_for(Duration::from_secs(1));
    assert_eq!(outages(&world, client.up()), 1);
    let Event::Unreachable(told) = &world.seen(client.up()).last().unwrap().event else {
        unreachable!()
    };
    assert!(told.established);
    assert!(told.silent_for >= Limits::default().unreachable_after);
}

#[test]
fn a_server_that_waits_for_an_acknowledgement_is_told_of_the_silence() {
    let (mut world, client) = established();
    world.cut(client, Cut::for_good());
    world.send(client.down(), b"anybody?").unwrap();
    world.run_for(Limits::default().unreachable_after + Duration::from_secs(1));
    assert_eq!(outages(&world, client.down()), 1);
}

#[test]
fn an_idle_server_is_told_after_two_missing_pings() {
    let (mut world, client) = established();
    world.run_for(Duration::from_secs(60));
    world.cut(client, Cut::for_good());
    world.run_for(PING);
    assert_eq!(outages(&world, client.down()), 0, "one ping may be lost");
    world.run_for(2 * PING);
    assert_eq!(outages(&world, client.down()), 1);
}

#[test]
fn an_idle_client_finds_out_at_its_next_ping() {
    let (mut world, client) = established();
    world.run_for(Duration::from_secs(60));
    world.cut(client, Cut::for_good());
    world.run_for(PING + Limits::default().unreachable_after + Duration::from_secs(1));
    assert_eq!(outages(&world, client.up()), 1);
}

#[test]
fn both_hear_of_each_other_again_and_go_on() {
    let (mut world, client) = established();
    world.cut(client, Cut::for_good());
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(30)));
    world.run_for(RETENTION / 2);
    assert_eq!(client.both().map(|flow| outages(&world, flow)), [1, 1]);
    world.reconnect(client);
    world.run_until_settled();
    assert_eq!(client.both().map(|flow| returns(&world, flow)), [1, 1]);
    assert_eq!(world.delivered(client.up()).len(), 30);
    assert_eq!(world.client_stats(client).outages, 1);
    assert_eq!(world.client_stats(client).handshakes, 1);
}

#[test]
fn an_idle_session_pings_at_its_interval_and_is_never_unreachable() {
    let (mut world, client) = established();
    let before = world.packets(client.up(), PacketKind::Data);
    world.run_for(Duration::from_secs(3600));
    let pings = world.packets(client.up(), PacketKind::Data) - before;
    // The interval of 15 s makes 240 in an hour; jitter only shortens it, acknowledgements may come on top.
    assert!((230..=700).contains(&pings), "{pings} packets in an idle hour");
    assert_eq!(client.both().map(|flow| outages(&world, flow)), [0, 0]);
    assert!(world.is_established(client));
}

#[test]
fn silence_just_shorter_than_the_retention_ends_nothing() {
    let (mut world, client) = established();
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(3)));
    world.run_until_settled();
    world.cut(client, Cut::for_good());
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(3)));
    world.run_for(RETENTION - Duration::from_secs(2));
    world.reconnect(client);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 6);
    assert_eq!(world.client_stats(client).handshakes, 1);
}

#[test]
fn silence_just_longer_than_the_retention_ends_the_session_at_both_sides() {
    let (mut world, client) = established();
    world.cut(client, Cut::for_good());
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(3)));
    world.run_for(RETENTION + Duration::from_secs(2));
    for flow in client.both() {
        let closed = world.closed(flow).unwrap();
        let CloseReason::Lost { silent_for } = closed.reason else {
            panic!("{}", closed.reason)
        };
        assert!(
            silent_for >= RETENTION && silent_for < RETENTION + Duration::from_secs(2),
            "{silent_for:?}"
        );
        assert!(closed.reason.retryable());
        assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 3);
    }
}

#[test]
fn the_smaller_retention_of_both_sides_counts() {
    for (of_client, of_server) in [(50, 500), (500, 50)] {
        let (mut world, client) = with_retention(Duration::from_secs(of_client), Duration::from_secs(of_server));
        world.cut(client, Cut::for_good());
        client.both().iter().for_each(|flow| world.stream(*flow, numbered(1)));
        world.run_for(Duration::from_secs(48));
        assert_eq!(client.both().map(|flow| world.closed(flow).is_some()), [false, false]);
        world.run_for(Duration::from_secs(20));
        assert_eq!(client.both().map(|flow| world.closed(flow).is_some()), [true, true]);
    }
}

#[test]
fn an_idle_session_with_a_lost_peer_ends_too() {
    let (mut world, client) = established();
    world.cut(client, Cut::for_good());
    world.run_for(RETENTION + 2 * PING + Duration::from_secs(10));
    assert!(world.is_closed(client));
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 0);
}

#[test]
fn probes_into_the_silence_are_few() {
    let (mut world, client) = established();
    world.mute(client.up());
    world.mute(client.down());
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(30)));
    world.run_for(Duration::from_secs(10));
    let before = client.both().map(|flow| world.packets(flow, PacketKind::Data));
    world.run_for(Duration::from_secs(60));
    for (flow, before) in client.both().into_iter().zip(before) {
        let probes = world.packets(flow, PacketKind::Data) - before;
        assert!(
            (10..=70).contains(&probes),
            "{flow}: {probes} packets in a silent minute"
        );
    }
}
