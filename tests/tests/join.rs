//! A fresh handshake beside a session that runs: the session goes on under new keys, and nobody notices.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseCode, CloseReason, Event, Limits};
use steadfast_sim::{
    Action, ClientId, ClientSetup, Cut, Direction, Fault, Flow, NodeId, PacketKind, PacketName, Reading, ServerSetup,
    Setup, Tail, Transport, World,
};
use steadfast_tests::captured::{idle, setup};
use steadfast_tests::{mixed, pattern};

fn stream_both(world: &mut World, client: ClientId, count: usize) {
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(count)));
}

/// Whether both ends are past a join.
fn both_joined(world: &World, client: ClientId) -> bool {
    let at_server = world.server_stats(client).map_or(0, |stats| stats.joins);
    world.client_stats(client).joins > 0 && at_server > 0
}

/// One session, of which both applications were told its beginning and nothing else.
#[track_caller]
fn assert_unbroken(world: &World, client: ClientId) {
    for flow in client.both() {
        let told: Vec<_> = world.seen(flow).iter().map(|seen| seen.event.to_string()).collect();
        assert_eq!(told.len(), 1, "{flow}: {told:?}\n{}", world.timeline());
        assert_eq!(world.bindings(flow).len(), 1, "{flow}");
    }
    assert_eq!(world.bindings(client.up()), world.bindings(client.down()));
    assert_eq!(world.listener_stats().sessions, 1);
    let stats = world.client_stats(client);
    assert_eq!(stats.handshakes, 1 + stats.joins);
}

#[test]
fn either_side_may_ask_for_it_and_nobody_is_told() {
    for asks in [Direction::Up, Direction::Down] {
        let (mut world, client) = idle();
        let session = world.session(client);
        let flow = match asks {
            Direction::Up => client.up(),
            Direction::Down => client.down(),
        };
        world.renew(flow);
        let took = world.run_until_within(Duration::from_secs(1), |world| both_joined(world, client));
        assert!(took <= Duration::from_millis(8), "four round trips at most: {took:?}");
        stream_both(&mut world, client, 20);
        world.run_until_settled();
        assert_unbroken(&world, client);
        assert_eq!(world.session(client), session);
        assert_eq!(world.listener_stats().joins, 1);
        assert_eq!(world.server_stats(client).unwrap().handshakes, 2);
    }
}

#[test]
fn it_comes_by_itself_once_a_day() {
    let (mut world, client) = idle();
    world.run_for(Duration::from_secs(20 * 3600));
    assert_eq!(world.client_stats(client).joins, 0);
    world.run_for(Duration::from_secs(5 * 3600));
    assert_eq!(world.client_stats(client).joins, 1);
    world.run_for(Duration::from_secs(24 * 3600));
    assert_eq!(world.client_stats(client).joins, 2);
    assert_unbroken(&world, client);
}

#[test]
fn it_comes_by_itself_as_often_as_configured() {
    let limits = Limits {
        renew_after: Duration::from_secs(1),
        ..Limits::default()
    };
    let mut world = World::new(setup());
    let client = world.connect(&ClientSetup {
        limits,
        ..ClientSetup::default()
    });
    for _ in 0..60 {
        stream_both(&mut world, client, 2);
        world.run_for(Duration::from_millis(500));
    }
    world.run_until_settled();
    let joins = world.client_stats(client).joins;
    assert!((29..=35).contains(&joins), "{joins} in half a minute");
    assert_unbroken(&world, client);
}

/// A message each millisecond, each way: each arrives when it would without a handshake.
#[test]
fn no_message_waits_for_it() {
    for asks in [Direction::Up, Direction::Down] {
        let transport = Transport {
            latency: Duration::from_millis(10),
            ..Transport::default()
        };
        let (mut world, client) = World::established(Setup {
            transport,
            ..Setup::default()
        });
        world.run_for(Duration::from_secs(1));
        for sent in 1..200 {
            for flow in client.both() {
                world.send(flow, b"no time to lose").unwrap();
            }
            if sent == 50 {
                world.renew(if asks == Direction::Up {
                    client.up()
                } else {
                    client.down()
                });
            }
            world.run_for(Duration::from_millis(1));
            for flow in client.both() {
                let arrived = world.delivered(flow).len();
                assert!(
                    arrived + 11 >= sent,
                    "{flow}: {arrived} of {sent}\n{}",
                    world.timeline()
                );
            }
        }
        assert!(both_joined(&world, client));
    }
}

#[test]
fn ids_of_messages_go_on() {
    let (mut world, client) = idle();
    for flow in client.both() {
        let before = world.send(flow, b"before").unwrap();
        world.run_until_settled();
        world.renew(flow);
        world.run_for(Duration::from_millis(100));
        assert_eq!(world.acknowledged(flow), Some(before));
        let after = world.send(flow, b"after").unwrap();
        assert!(after > before);
        world.run_until_settled();
        assert_eq!(world.acknowledged(flow), Some(after));
    }
    assert_unbroken(&world, client);
}

/// Every packet that is sent while a session renews itself, idle or with messages both ways.
fn packets_of_a_join(messages: usize) -> Vec<(PacketName, usize)> {
    let (mut world, client) = idle();
    let before = world.captured().len();
    stream_both(&mut world, client, messages);
    world.renew(client.up());
    world.run_until(|world| both_joined(world, client) && world.is_settled());
    world.run_for(Duration::from_secs(1));
    let parcels = &world.captured()[before..];
    parcels
        .iter()
        .map(|parcel| (parcel.name, parcel.packet.len()))
        .collect()
}

/// Renews a session under these faults, and looks whether all is well in the end. Returns how long the join took.
fn renew_under(faults: &[Fault], messages: usize) -> Duration {
    let (mut world, client) = idle();
    faults.iter().for_each(|fault| world.plan(*fault));
    stream_both(&mut world, client, messages);
    world.renew(client.up());
    let took = world.run_until_within(Duration::from_secs(30), |world| {
        both_joined(world, client) && world.is_settled()
    });
    world.run_for(Duration::from_secs(25));
    world.expect_all_faults_applied();
    stream_both(&mut world, client, 1);
    world.run_until_settled();
    for flow in client.both() {
        assert_eq!(world.delivered(flow).len(), messages + 1);
    }
    assert_unbroken(&world, client);
    took
}

#[test]
fn one_lost_packet_costs_one_resend() {
    for messages in [0, 4] {
        for (at, _) in packets_of_a_join(messages) {
            let fault = Fault {
                at,
                action: Action::Drop,
            };
            let took = renew_under(&[fault], messages);
            assert!(took < Duration::from_millis(650), "{at} lost: {took:?}");
        }
    }
}

#[test]
fn late_repeated_and_overtaken_packets_change_nothing() {
    let actions = [
        Action::Duplicate { after: Duration::ZERO },
        Action::Duplicate {
            after: Duration::from_millis(3),
        },
        Action::Duplicate {
            after: Duration::from_secs(20),
        },
        Action::Delay(Duration::from_millis(2)),
        Action::Delay(Duration::from_millis(400)),
        Action::Delay(Duration::from_secs(20)),
    ];
    for (at, _) in packets_of_a_join(4) {
        for action in actions {
            renew_under(&[Fault { at, action }], 4);
        }
    }
}

#[test]
fn a_damaged_packet_counts_as_lost() {
    for (at, bytes) in packets_of_a_join(0) {
        for byte in (0..bytes).step_by(1 + bytes / 12).chain([bytes - 1]) {
            let action = Action::Corrupt { byte, mask: 0x10 };
            renew_under(&[Fault { at, action }], 0);
        }
        for to_bytes in [0, 20, 22, bytes - 1] {
            let action = Action::Truncate { to_bytes };
            renew_under(&[Fault { at, action }], 0);
        }
    }
}

#[test]
fn a_cut_and_another_route_at_any_packet_change_nothing() {
    for (at, _) in packets_of_a_join(4) {
        for tail in [
            Tail::Lost,
            Tail::Late(Duration::ZERO),
            Tail::Late(Duration::from_millis(700)),
        ] {
            for down_for in [Duration::ZERO, Duration::from_secs(2)] {
                let cut = Cut {
                    down_for: Some(down_for),
                    tail,
                };
                let action = Action::Cut(cut);
                renew_under(&[Fault { at, action }], 4);
            }
        }
    }
}

#[test]
fn two_faults_of_any_kinds_change_nothing() {
    let actions = [
        Action::Drop,
        Action::Duplicate {
            after: Duration::from_millis(2),
        },
        Action::Delay(Duration::from_millis(300)),
        Action::Cut(Cut::RESET),
    ];
    let packets = packets_of_a_join(0);
    for (index, (first, _)) in packets.iter().enumerate() {
        for (second, _) in &packets[index + 1..] {
            for (a, b) in actions.iter().flat_map(|a| actions.iter().map(move |b| (*a, *b))) {
                let faults = [Fault { at: *first, action: a }, Fault { at: *second, action: b }];
                // What the first fault changes may leave the second without its packet.
                renew_maybe_under(&faults);
            }
        }
    }
}

fn renew_maybe_under(faults: &[Fault]) {
    let (mut world, client) = idle();
    faults.iter().for_each(|fault| world.plan(*fault));
    world.renew(client.up());
    world.run_until_within(Duration::from_secs(30), |world| both_joined(world, client));
    stream_both(&mut world, client, 2);
    world.run_until_settled();
    assert_unbroken(&world, client);
}

#[test]
fn both_may_ask_at_once_and_again_while_it_is_in_progress() {
    for micros in (0..10_000).step_by(500) {
        let (mut world, client) = idle();
        stream_both(&mut world, client, 20);
        world.renew(client.up());
        world.renew(client.down());
        world.run_for(Duration::from_micros(micros));
        world.renew(client.down());
        world.renew(client.up());
        world.run_until_settled();
        world.run_for(Duration::from_secs(2));
        let joins = world.client_stats(client).joins;
        assert!((1..=4).contains(&joins), "{joins}");
        assert_unbroken(&world, client);
    }
}

#[test]
fn a_session_may_close_at_any_moment_of_it() {
    for closes in [Direction::Up, Direction::Down] {
        for micros in (0..12_000).step_by(500) {
            let (mut world, client) = idle();
            let flow = if closes == Direction::Up {
                client.up()
            } else {
                client.down()
            };
            for flow in client.both() {
                for message in mixed(8) {
                    world.send_parts(flow, &message).unwrap();
                }
            }
            world.renew(client.up());
            world.run_for(Duration::from_micros(micros));
            world.close(flow);
            world.run_until_within(Duration::from_secs(2), |world| world.is_closed(client));
            world.run_for(Duration::from_secs(120));
            for flow in client.both() {
                assert_eq!(world.close_reason(flow), Some(&CloseReason::Finished), "{flow}");
                assert_eq!(world.delivered(flow).len(), 8);
                assert_eq!(
                    world.seen(flow).len(),
                    2,
                    "{flow}: established, closed\n{}",
                    world.timeline()
                );
            }
            assert_eq!(world.listener_stats().sessions, 1, "{}", world.timeline());
            assert_eq!(world.listener_stats().joins_refused, 0, "{}", world.timeline());
        }
    }
}

#[test]
fn a_session_may_be_given_up_at_any_moment_of_it() {
    for aborts in [Direction::Up, Direction::Down] {
        for micros in (0..12_000).step_by(500) {
            let (mut world, client) = idle();
            let flow = if aborts == Direction::Up {
                client.up()
            } else {
                client.down()
            };
            stream_both(&mut world, client, 4);
            world.renew(client.up());
            world.run_for(Duration::from_micros(micros));
            world.abort(flow);
            world.run_for(Duration::from_secs(120));
            assert_eq!(world.close_reason(flow), Some(&CloseReason::Aborted));
            let told = world.close_reason(flow.reversed());
            let by_peer = matches!(
                told,
                Some(CloseReason::ByPeer {
                    code: CloseCode::Aborted,
                    ..
                })
            );
            assert!(by_peer, "after {micros} us {flow}: {told:?}\n{}", world.timeline());
            for flow in client.both() {
                assert_eq!(world.seen(flow).len(), 2, "{flow}: established, closed");
            }
            assert_eq!(world.listener_stats().sessions, 1, "no other session comes of it");
        }
    }
}

/// The server's answer is lost, and then its end comes under keys that the client has not begun to use.
#[test]
fn an_end_right_behind_a_lost_answer_is_told() {
    let (mut world, client) = idle();
    let flow = client.down();
    let nth = world.packets(flow, PacketKind::Data) + 2;
    let kind = PacketKind::Data;
    world.plan(Fault {
        at: PacketName { flow, kind, nth },
        action: Action::Drop,
    });
    world.renew(client.up());
    world.run_until(|world| world.listener_stats().joins == 1);
    world.abort(client.down());
    world.run_for(Duration::from_secs(5));
    world.expect_all_faults_applied();
    let told = world.close_reason(client.up());
    let code = CloseCode::Aborted;
    assert!(
        matches!(told, Some(CloseReason::ByPeer { code: told, .. }) if *told == code),
        "{told:?}"
    );
    assert_eq!(world.seen(client.up()).len(), 2, "established, closed");
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn it_happens_while_applications_look_away() {
    let (mut world, client) = idle();
    let nodes = [NodeId::Server, NodeId::Client(client)];
    nodes.iter().for_each(|node| world.set_reading(*node, Reading::Paused));
    for flow in client.both() {
        for _ in 0..10 {
            world.send(flow, b"unread").unwrap();
        }
    }
    for _ in 0..3 {
        world.renew(client.up());
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(world.client_stats(client).joins, 3);
    nodes.iter().for_each(|node| world.set_reading(*node, Reading::Eager));
    world.run_until_settled();
    client
        .both()
        .iter()
        .for_each(|flow| assert_eq!(world.delivered(*flow).len(), 10));
    assert_unbroken(&world, client);
}

fn small_windows() -> (World, ClientId) {
    let limits = Limits {
        window_bytes: 20_000,
        send_buffer_bytes: 200_000,
        max_packets_in_flight: 4,
        max_packet_bytes: 1_200,
        ..Limits::default()
    };
    let server = ServerSetup {
        limits: limits.clone(),
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup { server, ..setup() });
    let client = world.connect(&ClientSetup {
        limits,
        ..ClientSetup::default()
    });
    world.run_until(|world| world.is_established(client));
    (world, client)
}

#[test]
fn it_happens_amid_a_full_window() {
    let (mut world, client) = small_windows();
    let nodes = [NodeId::Server, NodeId::Client(client)];
    nodes.iter().for_each(|node| world.set_reading(*node, Reading::Paused));
    for flow in client.both() {
        world.stream(flow, (0..30).map(|seed| vec![pattern(5_000, seed)]));
    }
    world.run_for(Duration::from_secs(1));
    for _ in 0..3 {
        world.renew(client.up());
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(world.client_stats(client).joins, 3);
    for flow in client.both() {
        assert!(world.in_flight(flow).unsent_bytes > 0, "the window is full");
    }
    nodes.iter().for_each(|node| world.set_reading(*node, Reading::Eager));
    world.run_until_settled();
    assert_unbroken(&world, client);
}

#[test]
fn a_large_message_goes_on_where_it_was() {
    for message_bytes in [300_000, 10 << 20] {
        let (mut world, client) = idle();
        for flow in client.both() {
            world.stream(flow, [vec![pattern(message_bytes, 7)], vec!["behind it".into()]]);
        }
        for _ in 0..5 {
            world.run_for(Duration::from_millis(3));
            world.renew(client.up());
        }
        world.run_until_settled();
        assert_unbroken(&world, client);
        assert!(both_joined(&world, client));
        let replayed = world.client_stats(client).bytes_replayed;
        assert!(replayed <= 5 * (2 << 20), "a window for each join at most: {replayed}");
    }
}

#[test]
fn a_hundred_in_a_row_under_traffic_lose_nothing() {
    let (mut world, client) = idle();
    let slow = Reading::Paced(Duration::from_millis(2));
    world.set_reading(NodeId::Client(client), slow);
    let mut sent = 0;
    while world.client_stats(client).joins < 100 {
        client.both().iter().for_each(|flow| world.stream(*flow, mixed(6)));
        sent += 6;
        world.renew(if sent % 4 == 0 { client.up() } else { client.down() });
        world.run_for(Duration::from_millis(101));
        assert!(sent < 2_000, "{}", world.timeline());
    }
    world.run_until_settled();
    for flow in client.both() {
        assert_eq!(world.delivered(flow).len(), sent);
    }
    assert_unbroken(&world, client);
    // A second later nothing is left of all the handshakes but the session.
    world.run_for(Duration::from_secs(1));
    let attempts = world.listener_stats();
    assert_eq!(attempts.attempts_expired + attempts.attempts_failed, 0);
}

#[test]
fn it_survives_a_long_outage_in_the_middle() {
    for micros in (0..10_000).step_by(1_000) {
        let (mut world, client) = idle();
        stream_both(&mut world, client, 10);
        world.renew(client.up());
        world.run_for(Duration::from_micros(micros));
        world.cut(client, Cut::for_good());
        world.run_for(Duration::from_secs(200));
        world.reconnect(client);
        world.run_until_within(Duration::from_secs(10), World::is_settled);
        world.run_for(Duration::from_secs(10));
        assert_eq!(world.bindings(client.up()).len(), 1);
        assert_eq!(
            world.count(client.up(), |event| matches!(event, Event::PeerRestarted(_))),
            0
        );
        assert_eq!(world.listener_stats().sessions, 1);
        assert!(both_joined(&world, client), "after {micros} us\n{}", world.timeline());
    }
}

#[test]
fn a_client_without_a_certificate_renews_its_own_session() {
    for trusts in [true, false] {
        let server = ServerSetup {
            trusts: trusts.then(steadfast_sim::pki::Authority::trusted),
            ..ServerSetup::default()
        };
        let mut world = World::new(Setup { server, ..setup() });
        let client = world.connect(&ClientSetup {
            endpoint_name: steadfast_sim::EndpointName::Unnamed,
            ..ClientSetup::default()
        });
        let other = world.connect(&ClientSetup {
            endpoint_name: steadfast_sim::EndpointName::Unnamed,
            ..ClientSetup::default()
        });
        world.run_until(|world| world.is_established(client) && world.is_established(other));
        stream_both(&mut world, client, 10);
        world.renew(client.down());
        world.run_until_settled();
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.client_stats(client).joins, 1);
        assert_eq!(world.client_stats(other).joins, 0);
        assert_eq!(world.seen(client.up()).len(), 1);
        assert_eq!(world.listener_stats().sessions, 2);
    }
}

#[test]
fn a_full_server_lets_those_renew_that_it_has() {
    let server = ServerSetup {
        max_sessions: 2,
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup { server, ..setup() });
    let clients: Vec<_> = (0..2).map(|_| world.connect(&ClientSetup::default())).collect();
    world.run_until(|world| clients.iter().all(|client| world.is_established(*client)));
    let late = world.connect(&ClientSetup::default());
    for client in &clients {
        world.renew(client.up());
    }
    world.run_for(Duration::from_secs(1));
    for client in &clients {
        assert_eq!(world.client_stats(*client).joins, 1);
        assert_eq!(world.seen(client.up()).len(), 1);
    }
    assert!(!world.is_established(late));
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 2);
}

/// The packets of a join, sent again by somebody who copied them, to everybody, from everywhere.
#[test]
fn copied_packets_of_it_are_of_no_use() {
    let (mut world, client) = idle();
    let before = world.captured().len();
    world.renew(client.up());
    world.run_until(|world| both_joined(world, client));
    let recording = world.captured()[before..].to_vec();
    let other = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(other));
    for round in 0..3 {
        for parcel in &recording {
            match parcel.name.flow.direction {
                Direction::Up => {
                    let stranger = world.stranger();
                    world.inject_to_server(stranger, parcel.packet.clone());
                    let route = world.route(other);
                    world.inject_to_server(route, parcel.packet.clone());
                }
                Direction::Down => {
                    world.inject_to_client(client, parcel.packet.clone());
                    world.inject_to_client(other, parcel.packet.clone());
                }
            }
        }
        // Meanwhile the other makes a handshake of its own, into which nothing of that belongs.
        world.renew(other.up());
        stream_both(&mut world, client, 3);
        world.run_for(Duration::from_secs(1));
        assert!(world.is_settled());
        assert_eq!(world.client_stats(client).joins, 1);
        assert_eq!(world.client_stats(other).joins, round + 1);
    }
    assert_eq!(world.listener_stats().joins_refused, 0);
    assert_eq!(world.listener_stats().sessions, 2);
    for flow in [client.up(), client.down(), other.up(), other.down()] {
        assert_eq!(world.seen(flow).len(), 1, "{flow}");
    }
}

/// The server gave the session up while its client was away, and forgot even that.
fn forgotten() -> (World, ClientId) {
    let (mut world, client) = idle();
    world.cut(client, Cut::for_good());
    for number in 0..5 {
        world.send(client.up(), format!("{number}")).unwrap();
    }
    world.abort(client.down());
    world.run_for(Duration::from_secs(60));
    world.reconnect(client);
    (world, client)
}

#[test]
fn a_session_that_its_server_forgot_begins_anew_and_its_losses_are_told() {
    let (mut world, client) = forgotten();
    world.run_until_within(Duration::from_secs(5), |world| world.restarts(client.up()).len() == 1);
    let restarted = world.restarts(client.up())[0];
    assert_eq!(restarted.in_doubt.len() + restarted.unsent.len(), 5);
    world.run_until(|world| world.is_established(client));
    stream_both(&mut world, client, 10);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 10);
    assert_eq!(world.listener_stats().joins_refused, 1);
    assert_eq!(world.listener_stats().sessions, 2);
    world.renew(client.up());
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client_stats(client).joins, 1, "and renews itself like any other");
}

#[test]
fn it_goes_on_after_restarts_of_either_side() {
    let (mut world, client) = idle();
    for round in 0..4 {
        match round % 2 {
            0 => world.restart_server(Cut::RESET),
            _ => world.restart_client(client, Cut::RESET),
        }
        world.send(client.up(), b"to whoever is there").unwrap();
        world.run_until(|world| world.is_established(client));
        stream_both(&mut world, client, 5);
        world.renew(client.up());
        world.run_until(|world| both_joined(world, client) && world.is_settled());
    }
}

/// Which flow a name of a packet is of, to show that the tables above are not empty.
fn kinds(packets: &[(PacketName, usize)], flow: Flow) -> Vec<PacketKind> {
    let of_flow = packets.iter().filter(|(name, _)| name.flow == flow);
    of_flow.map(|(name, _)| name.kind).collect()
}

#[test]
fn it_is_a_handshake_and_two_packets() {
    use PacketKind::{Data, Handshake, Initial};
    let (_, client) = idle();
    let packets = packets_of_a_join(0);
    assert_eq!(kinds(&packets, client.up()), [Initial, Handshake, Data, Data]);
    assert_eq!(kinds(&packets, client.down()), [Initial, Handshake, Data, Data]);
}
