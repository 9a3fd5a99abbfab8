//! An end in order: everything is delivered first, in both directions, and both sides are told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseCode, CloseReason, Event, Limits, SendError, Session};
use steadfast_sim::{Action, ClientId, ClientSetup, Cut, Fault, NodeId, PacketKind, PacketName, Reading, Setup, World};
use steadfast_tests::{mixed, numbered};

const LINGER: Duration = Duration::from_secs(30);

fn assert_finished(world: &World, client: ClientId) {
    for flow in client.both() {
        assert_eq!(world.close_reason(flow), Some(&CloseReason::Finished), "{flow}");
    }
}

#[test]
fn either_side_may_close_and_nothing_is_lost() {
    for client_closes in [true, false] {
        let (mut world, client) = World::established(Setup::default());
        for flow in client.both() {
            for message in mixed(80) {
                world.send_parts(flow, &message).unwrap();
            }
        }
        world.close(if client_closes { client.up() } else { client.down() });
        world.run_until(|world| world.is_closed(client));
        assert_finished(&world, client);
        assert_eq!(world.delivered(client.up()).len(), 80);
        assert_eq!(world.delivered(client.down()).len(), 80);
    }
}

#[test]
fn both_sides_may_close_at_once() {
    let (mut world, client) = World::established(Setup::default());
    client.both().iter().for_each(|flow| world.stream(*flow, numbered(50)));
    world.close(client.up());
    world.close(client.down());
    world.run_until(|world| world.is_closed(client));
    assert_finished(&world, client);
    assert_eq!(world.delivered(client.up()).len(), 50);
    assert_eq!(world.delivered(client.down()).len(), 50);
}

#[test]
fn closing_twice_is_closing_once() {
    let (mut world, client) = World::established(Setup::default());
    world.close(client.up());
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    world.close(client.up());
    world.run_for(Duration::from_secs(60));
    assert_finished(&world, client);
}

#[test]
fn an_idle_session_closes_within_two_round_trips() {
    let (mut world, client) = World::established(Setup::default());
    world.run_for(Duration::from_secs(1));
    world.close(client.up());
    let took = world.run_until_within(LINGER, |world| world.is_closed(client));
    assert!(took <= Duration::from_millis(20), "{took:?}");
}

/// How many data packets each side sends from close to the end.
fn packets_of_a_close() -> [u32; 2] {
    let (mut world, client) = World::established(Setup::default());
    world.send(client.up(), b"last words").unwrap();
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    world.run_for(Duration::from_secs(1));
    client.both().map(|flow| world.packets(flow, PacketKind::Data))
}

#[test]
fn any_lost_packet_of_the_end_is_made_good() {
    let counts = packets_of_a_close();
    for (direction, count) in counts.into_iter().enumerate() {
        for nth in 1..=count {
            for lost in 1..=3 {
                let mut world = World::new(Setup::default());
                let client = world.connect(&ClientSetup::default());
                let flow = client.both()[direction];
                for nth in nth..nth + lost {
                    let at = PacketName {
                        flow,
                        kind: PacketKind::Data,
                        nth,
                    };
                    world.plan(Fault {
                        at,
                        action: Action::Drop,
                    });
                }
                world.run_until(|world| world.is_established(client));
                world.send(client.up(), b"last words").unwrap();
                world.close(client.up());
                world.run_until(|world| world.is_closed(client));
                assert_finished(&world, client);
                assert_eq!(world.delivered(client.up()).len(), 1);
            }
        }
    }
}

#[test]
fn a_close_during_a_cut_waits_for_the_link() {
    let (mut world, client) = World::established(Setup::default());
    world.cut(client, Cut::for_good());
    for flow in client.both() {
        world.send(flow, b"on its way").unwrap();
    }
    world.close(client.up());
    world.run_for(LINGER / 2);
    assert!(!world.is_closed(client));
    world.reconnect(client);
    world.run_until(|world| world.is_closed(client));
    assert_finished(&world, client);
    assert_eq!(world.delivered(client.up()).len(), 1);
    assert_eq!(world.delivered(client.down()).len(), 1);
}

#[test]
fn linger_ends_a_close_that_nobody_answers_and_lists_what_is_in_doubt() {
    let (mut world, client) = World::established(Setup::default());
    world.cut(client, Cut::for_good());
    world.send(client.up(), b"lost").unwrap();
    world.close(client.up());
    world.run_for(LINGER - Duration::from_secs(1));
    assert!(world.closed(client.up()).is_none(), "too early");
    world.run_for(Duration::from_secs(2));
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::LingerExpired);
    assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 1);
}

#[test]
fn the_other_side_hears_that_linger_ended() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(client.up(), b"nobody takes it").unwrap();
    world.close(client.up());
    world.run_for(LINGER + Duration::from_secs(1));
    assert_eq!(world.close_reason(client.up()), Some(&CloseReason::LingerExpired));
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_for(Duration::from_secs(1));
    let reason = world.close_reason(client.down()).unwrap();
    assert!(
        matches!(
            reason,
            CloseReason::ByPeer {
                code: CloseCode::LingerExpired,
                ..
            }
        ),
        "{reason}"
    );
}

#[test]
fn nothing_is_sent_after_close_by_either_side() {
    let (mut world, client) = World::established(Setup::default());
    world.close(client.up());
    assert_eq!(world.send(client.up(), b"late"), Err(SendError::Closed));
    world.run_until(|world| world.is_closed(client));
    assert_eq!(world.send(client.down(), b"late"), Err(SendError::Closed));
}

#[test]
fn a_slow_reader_still_gets_everything_before_the_end() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paced(Duration::from_millis(100)));
    for message in numbered(100) {
        world.send_parts(client.up(), &message).unwrap();
    }
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    assert_finished(&world, client);
    assert_eq!(world.delivered(client.up()).len(), 100);
}

#[test]
fn close_before_the_handshake_delivers_what_was_queued() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    for message in numbered(5) {
        world.send_parts(client.up(), &message).unwrap();
    }
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    assert_finished(&world, client);
    assert_eq!(world.delivered(client.up()).len(), 5);
}

#[test]
fn close_before_the_handshake_with_nobody_there_gives_the_messages_back() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.cut(client, Cut::for_good());
    world.send(client.up(), b"for nobody").unwrap();
    world.close(client.up());
    world.run_for(LINGER + Duration::from_secs(1));
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::LingerExpired);
    assert_eq!(closed.unsent.len(), 1);
}

#[test]
fn a_new_session_may_follow_at_once() {
    let (mut world, first) = World::established(Setup::default());
    world.close(first.up());
    let second = world.connect(&ClientSetup::default());
    world.stream(second.up(), numbered(10));
    world.run_until(|world| world.is_closed(first) && world.delivered(second.up()).len() == 10);
}

#[test]
fn close_all_ends_every_session_and_admits_no_other() {
    let (mut world, one) = World::established(Setup::default());
    let two = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(two));
    for client in [one, two] {
        client.both().iter().for_each(|flow| world.stream(*flow, numbered(20)));
    }
    world.with_server(steadfast::Listener::close_all);
    let late = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_closed(one) && world.is_closed(two));
    for client in [one, two] {
        assert_finished(&world, client);
        assert_eq!(world.delivered(client.up()).len(), 20);
    }
    world.run_for(Duration::from_secs(5));
    assert!(world.count(late.up(), |event| matches!(event, Event::Established(_))) == 0);
}

#[test]
fn nothing_is_left_to_do_after_the_end() {
    let (mut world, client) = World::established(Setup::default());
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    world.run_for(Limits::default().retention);
    assert_eq!(
        world.client(client).poll_timeout(),
        None,
        "a closed session needs no timer"
    );
    assert!(world.client(client).is_closed() && !world.client(client).is_established());
}

#[test]
fn a_session_that_is_closing_when_its_server_restarts_ends() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.stream(client.up(), numbered(3));
    world.run_for(Duration::from_millis(20));
    world.close(client.up());
    world.run_for(Duration::from_millis(20));
    world.restart_server(Cut::RESET);
    world.run_until_within(Duration::from_secs(1), |world| world.closed(client.up()).is_some());
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::PeerRestarted);
    assert_eq!(closed.in_doubt.len(), 3);
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 0);
}

#[test]
fn a_client_whose_session_the_server_has_ended_is_not_told_that_another_took_its_place() {
    let (mut world, client) = World::established(Setup::default());
    let session = world.session(client).unwrap();
    world.set_reading(NodeId::Server, Reading::Paused);
    world.mute(client.down());
    world.with_server(|listener, now| listener.abort(session, now));
    world.unmute(client.down());
    world.with_client(client, Session::renew);
    world.run_for(Duration::from_secs(1));
    let reason = world.close_reason(client.up());
    assert!(
        matches!(
            reason,
            Some(CloseReason::ByPeer {
                code: CloseCode::Aborted,
                ..
            })
        ),
        "{reason:?}"
    );
}
