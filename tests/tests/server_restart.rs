//! A server that restarts is found out by its clients, who hand back what its predecessor did not take.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseReason, Event, Limits, PeerRestarted};
use steadfast_sim::{
    ClientId, ClientSetup, Cut, NodeId, PacketKind, Reading, ServerSetup, Setup, Transport, World, pki,
};
use steadfast_tests::restarts::{
    LONGEST_JITTER, exchange_within, texts, told, told_of_lives, told_with_messages, transports,
};

const PING: Duration = Duration::from_secs(15);
const DOWN: Duration = Duration::from_millis(300);
/// One way over the default transport.
const WAY: Duration = Duration::from_millis(1);
/// From the client's first packet to the new server: *unknown* comes back, then four ways of a handshake, and one more until
/// the server hears that its confirmation arrived.
const SOONEST: Duration = WAY.saturating_mul(7);
const LATEST: Duration = SOONEST.saturating_add(LONGEST_JITTER);

fn world_over(transport: Transport) -> (World, ClientId) {
    let (mut world, client) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    // Whatever the first handshake left behind is over.
    world.run_for(Duration::from_secs(1));
    (world, client)
}

fn without_hints() -> Transport {
    Transport {
        hints: false,
        ..Transport::default()
    }
}

/// The one restart that the client was told of.
#[track_caller]
fn restart(world: &World, client: ClientId) -> &PeerRestarted {
    let restarts = world.restarts(client.up());
    assert_eq!(restarts.len(), 1, "{}", world.timeline());
    restarts[0]
}

fn establish(world: &mut World, client: ClientId, within: Duration) -> Duration {
    world.run_until_within(within, |world| world.is_established(client))
}

/// Both applications know of one restart, and it cost one handshake.
#[track_caller]
fn assert_one_handshake(world: &World, client: ClientId) {
    let stats = world.client_stats(client);
    assert_eq!((stats.handshakes, stats.restarts, stats.joins), (2, 1, 0));
    let listener = world.listener_stats();
    assert_eq!((listener.sessions, listener.restarts, listener.joins), (1, 0, 0));
    assert_eq!(
        told_of_lives(world, client.up()),
        ["established", "restarted", "established"]
    );
    assert_eq!(told_of_lives(world, client.down()), ["established"]);
}

#[test]
fn with_a_hint_the_restart_is_found_within_a_round_trip_of_the_connection() {
    for transport in transports().filter(|transport| transport.hints) {
        for seed in 0..20 {
            let (mut world, client) = World::established(Setup {
                transport,
                ..Setup::seeded(seed)
            });
            world.run_for(Duration::from_secs(1));
            world.restart_server(Cut::down_for(DOWN));
            world.run_for(DOWN);
            let took = establish(&mut world, client, Duration::from_secs(1));
            assert!((SOONEST..=LATEST).contains(&took), "{took:?}\n{}", world.timeline());
            assert_one_handshake(&world, client);
            exchange_within(&mut world, client, Duration::from_millis(10));
        }
    }
}

#[test]
fn without_a_hint_the_restart_is_found_within_a_round_trip_of_the_next_packet() {
    for transport in transports().filter(|transport| !transport.hints) {
        let (mut world, client) = world_over(transport);
        world.restart_server(Cut::down_for(DOWN));
        world.run_for(DOWN + Duration::from_secs(1));
        assert!(!world.is_established(client), "nothing was sent that could tell");
        world.send(client.up(), b"the next packet").unwrap();
        let took = establish(&mut world, client, Duration::from_secs(1));
        assert!((SOONEST..=LATEST).contains(&took), "{took:?}\n{}", world.timeline());
        assert_one_handshake(&world, client);
        assert_eq!(texts(&restart(&world, client).in_doubt), ["the next packet"]);
    }
}

#[test]
fn without_a_hint_an_idle_client_finds_the_restart_by_its_ping() {
    let mut longest = Duration::ZERO;
    for seed in 0..20 {
        let (mut world, client) = World::established(Setup {
            transport: without_hints(),
            ..Setup::seeded(seed)
        });
        let since = world.elapsed();
        world.run_for(Duration::from_millis(100));
        world.restart_server(Cut::RESET);
        establish(&mut world, client, 2 * PING);
        let took = world.elapsed() - since;
        assert!(took >= PING * 7 / 8 && took <= PING + LATEST, "{took:?}");
        longest = longest.max(took);
        assert_one_handshake(&world, client);
    }
    assert!(
        longest > PING * 9 / 10,
        "the bound is far from what happens: {longest:?}"
    );
}

#[test]
fn acknowledged_messages_are_in_no_list_and_the_others_in_the_right_one() {
    // Room for three messages of a thousand bytes and their heads.
    let limits = Limits {
        window_bytes: 3 * 1002,
        ..Limits::default()
    };
    let server = ServerSetup {
        limits,
        ..ServerSetup::default()
    };
    for transport in transports() {
        let mut world = World::new(Setup {
            transport,
            server: server.clone(),
            ..Setup::default()
        });
        let client = world.connect(&ClientSetup::default());
        establish(&mut world, client, Duration::from_secs(1));
        world.send(client.up(), b"acknowledged").unwrap();
        world.run_until_settled();
        world.set_reading(NodeId::Server, Reading::Paused);
        let message = |number: usize| format!("{number}").repeat(1000);
        for number in 1..=6 {
            world.send(client.up(), message(number)).unwrap();
        }
        world.run_for(Duration::from_millis(100));
        world.restart_server(Cut::down_for(DOWN));
        world.set_reading(NodeId::Server, Reading::Eager);
        establish(&mut world, client, 2 * PING);
        let restart = restart(&world, client);
        assert_eq!(texts(&restart.in_doubt), [1, 2, 3].map(message));
        assert_eq!(texts(&restart.unsent), [4, 5, 6].map(message));
        assert!(restart.redelivered_as.is_empty());
        world.run_until_settled();
        assert_eq!(texts(world.delivered(client.up())), ["acknowledged"]);
    }
}

#[test]
fn what_had_arrived_of_the_dead_server_is_delivered_before_its_end_is_told() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        world.set_reading(NodeId::Client(client), Reading::Paused);
        for number in 0..3 {
            world.send(client.down(), format!("{number}")).unwrap();
        }
        world.run_for(Duration::from_millis(100));
        world.restart_server(Cut::RESET);
        world.send(client.up(), b"anybody?").unwrap();
        world.run_until(|world| world.is_established(client) || world.listener_stats().sessions == 1);
        world.run_for(Duration::from_millis(100));
        assert_eq!(told(&world, client.up()), ["established"]);
        world.set_reading(NodeId::Client(client), Reading::Eager);
        world.send(client.down(), b"of the new one").unwrap();
        world.run_for(Duration::from_millis(100));
        assert_eq!(
            told_with_messages(&world, client),
            [
                "established with",
                "message of",
                "message of",
                "message of",
                "the peer",
                "established with",
                "message of"
            ]
        );
        assert_eq!(texts(world.delivered(client.down())), ["0", "1", "2", "of the new one"]);
    }
}

#[test]
fn half_a_message_of_the_dead_server_is_never_seen() {
    let (mut world, client) = world_over(Transport::default());
    let large = vec![7; 8 << 20];
    world.send(client.down(), &large).unwrap();
    world.run_for(Duration::from_micros(1500));
    world.restart_server(Cut::RESET);
    establish(&mut world, client, Duration::from_secs(1));
    world.send(client.down(), b"whole").unwrap();
    world.run_until_settled();
    assert_eq!(texts(world.delivered(client.down())), ["whole"]);
}

#[test]
fn messages_sent_before_the_restart_was_told_were_never_sent() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        world.set_reading(NodeId::Client(client), Reading::Paused);
        world.restart_server(Cut::RESET);
        world.send(client.up(), b"to whoever is there").unwrap();
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.client_stats(client).restarts, 1);
        world.send(client.up(), b"too early").unwrap();
        world.send(client.up(), b"too early as well").unwrap();
        world.run_for(Duration::from_secs(1));
        world.set_reading(NodeId::Client(client), Reading::Eager);
        let told = restart(&world, client);
        assert_eq!(texts(&told.in_doubt), ["to whoever is there"]);
        assert_eq!(texts(&told.unsent), ["too early", "too early as well"]);
        world.send(client.up(), b"to the new server").unwrap();
        world.run_until_settled();
        assert_eq!(texts(world.delivered(client.up())), ["to the new server"]);
    }
}

#[test]
fn nothing_of_the_old_session_crosses_to_the_new_one_in_either_direction() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        for flow in client.both() {
            world.stream(flow, (0..500).map(|number| vec![format!("old {number}").into()]));
        }
        world.run_for(Duration::from_micros(1500));
        world.restart_server(Cut::RESET.with_late_tail(Duration::from_millis(2)));
        establish(&mut world, client, 2 * PING);
        for flow in client.both() {
            world.stream(flow, (0..500).map(|number| vec![format!("new {number}").into()]));
        }
        world.run_until_settled();
        for flow in client.both() {
            let life = *world.bindings(client.up()).last().unwrap();
            let of_life = texts(world.delivered_in(flow, life));
            let news = of_life.iter().filter(|text| text.starts_with("new"));
            assert_eq!(news.count(), 500, "{flow}");
        }
        let to_new = world.delivered_to(client.up(), 1);
        assert!(texts(to_new).iter().all(|text| text.starts_with("new")));
    }
}

#[test]
fn a_server_that_stays_gone_is_lost_when_the_retention_is_over() {
    let retention = Limits::default().retention;
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        world.restart_server(Cut::down_for(10 * retention));
        world.send(client.up(), b"in vain").unwrap();
        world.run_for(retention - Duration::from_secs(30));
        assert_eq!(told(&world, client.up()), ["established", "unreachable"]);
        world.run_for(Duration::from_secs(60));
        let closed = world.closed(client.up()).unwrap();
        assert!(matches!(closed.reason, CloseReason::Lost { .. }), "{}", closed.reason);
        assert!(closed.reason.retryable());
        assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 1);
    }
}

/// Servers that a client does not get on with, and what it says of them.
fn others() -> [(ServerSetup, &'static str); 2] {
    let stranger = pki::Authority::stranger();
    let unverified = ServerSetup {
        identity: stranger.server(pki::SERVER_NAME, pki::Validity::Current),
        ..ServerSetup::default()
    };
    let refuses = ServerSetup {
        trusts: Some(stranger),
        ..ServerSetup::default()
    };
    [(unverified, "certificate"), (refuses, "closed by the peer")]
}

#[test]
fn a_session_outlives_a_server_that_refuses_or_is_refused_and_says_why_it_is_unreachable() {
    for (other, why) in others() {
        let (mut world, client) = world_over(Transport::default());
        world.restart_server_as(Cut::RESET, other);
        world.send(client.up(), b"kept").unwrap();
        world.run_for(Duration::from_secs(300));
        assert_eq!(told(&world, client.up()), ["established", "unreachable"]);
        let Event::Unreachable(unreachable) = &world.seen(client.up())[1].event else {
            panic!("{}", world.timeline());
        };
        let failure = unreachable.probable_cause.as_deref().unwrap_or("nothing");
        assert!(failure.contains(why), "{failure}");
        // One attempt every five seconds, once they have slowed down.
        let hellos = world.packets(client.up(), PacketKind::Initial);
        assert!((50..=80).contains(&hellos), "{hellos}");
        assert_eq!(world.listener_stats().sessions, 0);

        world.restart_server_as(Cut::RESET, ServerSetup::default());
        establish(&mut world, client, Duration::from_secs(10));
        assert_eq!(texts(&restart(&world, client).in_doubt), ["kept"]);
        exchange_within(&mut world, client, Duration::from_secs(1));
    }
}

#[test]
fn a_session_with_a_server_that_goes_on_refusing_ends_with_its_retention() {
    let retention = Limits::default().retention;
    for (other, _) in others() {
        let (mut world, client) = world_over(Transport::default());
        let heard = world.elapsed();
        world.restart_server_as(Cut::RESET, other);
        world.run_until_within(2 * retention, |world| world.closed(client.up()).is_some());
        let took = world.elapsed() - heard;
        assert!(took >= retention - PING && took <= retention + PING, "{took:?}");
        let reason = world.close_reason(client.up()).unwrap();
        assert!(matches!(reason, CloseReason::Lost { .. }), "{reason}");
        let before = world.packets(client.up(), PacketKind::Initial);
        world.run_for(retention);
        assert_eq!(world.packets(client.up(), PacketKind::Initial), before, "over is over");
    }
}

/// Moments of a handshake, and a little beyond: before and after every packet of it.
fn moments() -> impl Iterator<Item = Duration> {
    (0..14).map(|half_ways| WAY / 2 * half_ways)
}

/// How a server may go down: what was on its way is lost, or reaches the other side later.
fn cuts() -> [Cut; 4] {
    [
        Cut::RESET,
        Cut::down_for(DOWN),
        Cut::RESET.with_late_tail(Duration::ZERO),
        Cut::down_for(DOWN).with_late_tail(Duration::from_millis(7)),
    ]
}

#[test]
fn a_server_may_restart_at_any_moment_of_a_clients_first_handshake() {
    // The slowest: a client that was answered by the dead server hears three times that it is not known, at its own pace.
    let bound = Duration::from_secs(3);
    for transport in transports() {
        for cut in cuts() {
            for moment in moments() {
                let mut world = World::new(Setup {
                    transport,
                    ..Setup::default()
                });
                let client = world.connect(&ClientSetup::default());
                world.send(client.up(), b"queued before").unwrap();
                world.run_for(moment);
                let was_told = !world.seen(client.up()).is_empty();
                world.restart_server(cut);
                if was_told {
                    world.send(client.up(), b"makes it look").unwrap();
                }
                let took = establish(&mut world, client, 2 * PING);
                assert!(
                    took <= bound,
                    "{moment:?}, {cut:?}, {transport:?}: {took:?}\n{}",
                    world.timeline()
                );
                world.run_until_settled();
                exchange_within(&mut world, client, Duration::from_secs(2));
                if !was_told && world.restarts(client.up()).is_empty() {
                    assert_eq!(texts(world.delivered(client.up()))[0], "queued before");
                }
            }
        }
    }
}

#[test]
fn a_session_that_was_closing_ends_when_its_server_restarts() {
    for transport in transports() {
        let (mut world, client) = world_over(transport);
        world.set_reading(NodeId::Server, Reading::Paused);
        world.send(client.up(), b"never taken").unwrap();
        world.close(client.up());
        world.run_for(Duration::from_millis(100));
        world.restart_server(Cut::RESET);
        world.set_reading(NodeId::Server, Reading::Eager);
        world.run_until_within(Duration::from_secs(5), |world| world.closed(client.up()).is_some());
        let closed = world.closed(client.up()).unwrap();
        assert_eq!(closed.reason, CloseReason::PeerRestarted);
        assert!(closed.reason.retryable());
        assert_eq!(texts(&closed.in_doubt), ["never taken"]);
        assert!(closed.unsent.is_empty());
        world.run_for(Duration::from_secs(120));
        assert_eq!(told_of_lives(&world, client.up()), ["established", "closed"]);
        assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 0);
    }
}

#[test]
fn a_close_by_the_server_that_dies_ends_the_session_too() {
    let (mut world, client) = world_over(Transport::default());
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.send(client.down(), b"arrived").unwrap();
    world.close(client.down());
    world.run_for(Duration::from_millis(100));
    world.restart_server(Cut::RESET);
    world.run_for(Duration::from_secs(1));
    world.set_reading(NodeId::Client(client), Reading::Eager);
    assert_eq!(world.close_reason(client.up()), Some(&CloseReason::PeerRestarted));
    assert_eq!(texts(world.delivered(client.down())), ["arrived"]);
}

#[test]
fn a_server_may_restart_again_at_any_moment_of_the_new_handshake() {
    for transport in transports() {
        for half_ways in 0..44 {
            let (mut world, client) = world_over(transport);
            world.restart_server(Cut::RESET);
            world.send(client.up(), b"makes it look").unwrap();
            world.run_for(WAY / 2 * half_ways);
            world.restart_server(Cut::RESET.with_late_tail(Duration::from_millis(half_ways as u64 % 3)));
            let _ = world.send(client.up(), b"makes it look again");
            let took = establish(&mut world, client, 2 * PING);
            assert!(
                took <= Duration::from_secs(3),
                "{half_ways}: {took:?}\n{}",
                world.timeline()
            );
            let handshakes = world.client_stats(client).handshakes;
            assert!(handshakes <= 3, "{handshakes}");
            exchange_within(&mut world, client, Duration::from_secs(2));
        }
    }
}

#[test]
fn two_restarts_before_the_application_looks_are_told_as_one() {
    let (mut world, client) = world_over(Transport::default());
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.send(client.up(), b"acknowledged").unwrap();
    world.run_for(Duration::from_millis(100));
    world.restart_server(Cut::RESET);
    world.send(client.up(), b"in doubt").unwrap();
    world.run_for(Duration::from_secs(1));
    world.restart_server(Cut::RESET);
    world.run_for(Duration::from_secs(1));
    world.send(client.up(), b"unsent").unwrap();
    assert_eq!(world.client_stats(client).restarts, 2);
    world.set_reading(NodeId::Client(client), Reading::Eager);
    assert_eq!(told(&world, client.up()), ["established", "restarted", "established"]);
    let told = restart(&world, client);
    assert_eq!(texts(&told.in_doubt), ["in doubt"]);
    assert_eq!(texts(&told.unsent), ["unsent"]);
    exchange_within(&mut world, client, Duration::from_secs(1));
}

#[test]
fn a_server_that_restarts_again_and_again_is_found_each_time() {
    for (number, transport) in transports().enumerate() {
        let (mut world, client) = World::established(Setup {
            transport,
            ..Setup::seeded(number as u64)
        });
        let mut sent = 0;
        for round in 0..20_u32 {
            for flow in client.both() {
                let messages = (sent..sent + 50).map(|number| vec![format!("{number}").into()]);
                world.stream(flow, messages);
                sent += 50;
            }
            let millis = world.chooser().choose(400, "until the next restart");
            world.run_for(Duration::from_millis(millis.into()));
            let cut = cuts()[round as usize % cuts().len()];
            world.restart_server(cut);
        }
        establish(&mut world, client, 2 * PING);
        world.run_until_settled();
        exchange_within(&mut world, client, Duration::from_secs(2));
        let restarts = world.restarts(client.up()).len();
        assert!((5..=20).contains(&restarts), "{restarts}");
        assert_eq!(world.incarnation(NodeId::Server), 20);
        assert_eq!(world.listener_stats().sessions, 1);
    }
}

#[test]
fn other_clients_are_told_of_the_restart_too_each_with_its_own_messages() {
    let mut world = World::new(Setup::default());
    let clients = [(); 5].map(|()| world.connect(&ClientSetup::default()));
    world.run_until(|world| clients.iter().all(|client| world.is_established(*client)));
    world.run_until_settled();
    world.set_reading(NodeId::Server, Reading::Paused);
    for (number, client) in clients.iter().enumerate() {
        world.send(client.up(), format!("of {number}")).unwrap();
    }
    world.run_for(Duration::from_millis(10));
    world.restart_server(Cut::RESET);
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until(|world| clients.iter().all(|client| world.is_established(*client)));
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(texts(&restart(&world, *client).in_doubt), [format!("of {number}")]);
        assert_eq!(world.client_stats(*client).handshakes, 2);
    }
    assert_eq!(world.listener_stats().sessions, 5);
}
