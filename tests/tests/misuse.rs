//! A driver that calls in the wrong order, too early, too late or too often does no harm.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use steadfast::{Event, PathHint, SendError};
use steadfast_sim::{ClientId, ClientSetup, NodeId, Reading, Setup, World};
use steadfast_tests::{mixed, numbered};

fn assert_works(world: &mut World, client: ClientId) {
    let had = client.both().map(|flow| world.delivered(flow).len());
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(20)));
    world.run_until_settled();
    assert_eq!(
        client.both().map(|flow| world.delivered(flow).len()),
        had.map(|count| count + 20)
    );
    assert_eq!(world.client_stats(client).handshakes, 1);
}

#[test]
fn a_message_without_parts_is_refused() {
    let (mut world, client) = World::established(Setup::default());
    for flow in client.both() {
        let refused = world.send_parts(flow, &[]).unwrap_err();
        assert!(matches!(refused, SendError::PartCount { parts: 0, .. }), "{refused}");
    }
    assert_works(&mut world, client);
}

#[test]
fn a_message_with_too_many_parts_is_refused_and_leaves_nothing_behind() {
    let (mut world, client) = World::established(Setup::default());
    let parts = vec![bytes::Bytes::new(); 1 << 20];
    let refused = world.send_parts(client.up(), &parts).unwrap_err();
    let SendError::PartCount { parts, limit } = refused else {
        panic!("{refused}")
    };
    assert!(parts == 1 << 20 && limit < parts);
    assert_works(&mut world, client);
}

#[test]
fn timeouts_that_come_early_and_again_are_harmless() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(60)));
    for _ in 0..400 {
        for _ in 0..3 {
            world.with_client(client, steadfast::Session::handle_timeout);
            world.with_server(steadfast::Listener::handle_timeout);
        }
        world.run_for(Duration::from_micros(200));
    }
    world.run_until_settled();
    assert_eq!(world.client_stats(client).packets_lost, 0);
    assert_works(&mut world, client);
}

#[test]
fn a_clock_that_runs_back_is_taken_for_one_that_stands() {
    let (mut world, client) = World::established(Setup::default());
    world.run_for(Duration::from_secs(20));
    let long_ago = |now: Instant| now - Duration::from_secs(19);
    for _ in 0..20 {
        world.with_client(client, |session, now| {
            session.handle_timeout(long_ago(now));
            session.handle_path(PathHint::Up, long_ago(now));
        });
        world.with_server(|listener, now| listener.handle_timeout(long_ago(now)));
        world.run_for(Duration::from_millis(10));
    }
    assert_eq!(
        world.count(client.up(), |event| matches!(event, Event::Unreachable(_))),
        0
    );
    assert_works(&mut world, client);
}

#[test]
fn a_clock_that_jumps_ahead_ends_nothing_that_is_not_due() {
    let (mut world, client) = World::established(Setup::default());
    // A computer that slept for nine minutes; the session is kept for ten.
    world.with_client(client, |session, now| {
        session.handle_timeout(now + Duration::from_secs(540));
    });
    assert!(!world.client(client).is_closed());
    world.run_for(Duration::from_secs(600));
    assert!(world.is_established(client));
}

#[test]
fn hints_that_are_wrong_cost_little() {
    let (mut world, client) = World::established(Setup::default());
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(60)));
    for round in 0..200 {
        let hint = if round % 3 == 0 { PathHint::Down } else { PathHint::Up };
        world.with_client(client, |session, now| session.handle_path(hint, now));
        let session = world.session(client).unwrap();
        world.with_server(|listener, now| listener.handle_route_gone(session, now));
        world.run_for(Duration::from_micros(300));
    }
    world.with_client(client, |session, now| session.handle_path(PathHint::Up, now));
    world.run_until_settled();
    assert_works(&mut world, client);
}

#[test]
fn pause_and_resume_in_any_order_lose_nothing() {
    let (mut world, client) = World::established(Setup::default());
    let session = world.session(client).unwrap();
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(60)));
    world.with_server(|listener, _| listener.resume(session));
    for _ in 0..20 {
        world.with_server(|listener, _| {
            listener.pause(session);
            listener.pause(session);
        });
        world.run_for(Duration::from_millis(1));
        world.with_server(|listener, _| listener.resume(session));
        world.run_for(Duration::from_millis(1));
    }
    world.run_until_settled();
    assert_works(&mut world, client);
}

#[test]
fn a_paused_session_still_hears_and_keeps_its_deadline() {
    let (mut world, client) = World::established(Setup::default());
    let session = world.session(client).unwrap();
    world.with_server(|listener, _| listener.pause(session));
    let before = world.packets(client.down(), steadfast_sim::PacketKind::Data);
    world.stream(client.up(), numbered(10));
    world.stream(client.down(), numbered(10));
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.delivered(client.up()).len(), 10);
    assert_eq!(
        world.packets(client.down(), steadfast_sim::PacketKind::Data),
        before,
        "paused"
    );
    world.with_server(|listener, _| listener.resume(session));
    world.run_until_settled();
}

#[test]
fn events_need_not_be_taken_for_packets_to_flow() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.stream(client.up(), numbered(500));
    world.stream(client.down(), numbered(100));
    world.run_until(|world| world.delivered(client.up()).len() == 500);
    world.set_reading(NodeId::Client(client), Reading::Eager);
    world.run_until_settled();
}

#[test]
fn asking_changes_nothing() {
    let (mut world, client) = World::established(Setup::default());
    world.stream(client.up(), mixed(30));
    world.run_for(Duration::from_micros(1_500));
    let ask = |world: &World| {
        let session = world.client(client);
        (
            session.poll_timeout(),
            session.in_flight(),
            session.acknowledged_through(),
            session.stats(),
        )
    };
    let first = ask(&world);
    assert!((0..100).all(|_| ask(&world) == first));
    world.with_client(client, |session, now| {
        assert!(
            session.poll_transmit(now).is_none(),
            "the driver polled until nothing was left"
        );
        assert!(session.poll_event(now).is_none(), "the application took everything");
    });
    world.run_until_settled();
}

#[test]
fn a_closed_session_takes_every_call() {
    let (mut world, client) = World::established(Setup::default());
    let session_id = world.session(client).unwrap();
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    world.run_for(Duration::from_secs(120));
    world.with_client(client, |session, now| {
        assert_eq!(session.send(b"late", now), Err(SendError::Closed));
        assert!(session.send_parts(&[], now).is_err());
        session.handle_packet(vec![0x12; 100], now);
        session.handle_timeout(now);
        session.handle_path(PathHint::Down, now);
        session.handle_path(PathHint::Up, now);
        session.close(now);
        assert!(session.poll_event(now).is_none(), "Closed is told once");
        assert!(session.poll_transmit(now).is_none());
        assert!(session.is_closed());
    });
    world.with_server(|listener, now| {
        assert_eq!(listener.send(session_id, b"late", now), Err(SendError::Closed));
        listener.handle_route_gone(session_id, now);
        listener.pause(session_id);
        listener.resume(session_id);
        listener.close(session_id, now);
        assert!(listener.peer(session_id).is_none());
        assert!(listener.poll_event(now).is_none());
    });
}

#[test]
fn an_early_message_is_held_until_the_peer_is_known() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    let id = world.send(client.up(), b"early").unwrap();
    let held = world.in_flight(client.up());
    assert!(held.unsent_bytes >= 5 && held.sent_bytes == 0, "{held:?}");
    world.run_until_settled();
    assert_eq!(world.acknowledged(client.up()), Some(id));
    assert_eq!(world.in_flight(client.up()), steadfast::InFlight::default());
}
