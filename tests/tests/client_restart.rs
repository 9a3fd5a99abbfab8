//! A client that restarts takes its own place again, and nobody else's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseReason, Limits, SameClient};
use steadfast_sim::pki::{Authority, Identity, Validity};
use steadfast_sim::{ClientId, ClientSetup, Cut, EndpointName, NodeId, PacketKind, Reading, ServerSetup, Setup, World};
use steadfast_tests::restarts::{exchange_within, texts, told, told_of_lives, transports};

const SOON: Duration = Duration::from_secs(2);
const RETENTION: Duration = Duration::from_secs(600);

fn identity(name: &str) -> Option<Identity> {
    Some(Authority::trusted().client(name, Validity::Current))
}

fn worker(identity: Option<Identity>) -> ClientSetup {
    ClientSetup {
        endpoint_name: EndpointName::Is("worker".into()),
        identity,
        ..ClientSetup::default()
    }
}

fn world_of(server: ServerSetup) -> World {
    World::new(Setup {
        server,
        ..Setup::default()
    })
}

fn establish(world: &mut World, client: ClientId) {
    world.run_until_within(Duration::from_secs(30), |world| world.is_established(client));
}

fn sessions(world: &mut World) -> usize {
    world.with_server(|listener, _| listener.sessions().count())
}

#[test]
fn a_named_client_comes_back_into_its_session_and_its_server_is_told() {
    for transport in transports() {
        let (mut world, client) = World::established(Setup {
            transport,
            ..Setup::default()
        });
        let session = world.session(client);
        world.set_reading(NodeId::Client(client), Reading::Paused);
        world.send(client.down(), b"never taken").unwrap();
        world.send(client.up(), b"of the first").unwrap();
        world.run_for(Duration::from_millis(100));

        world.restart_client(client, Cut::RESET);
        world.set_reading(NodeId::Client(client), Reading::Eager);
        world.send(client.up(), b"of the second").unwrap();
        establish(&mut world, client);
        assert_eq!(world.session(client), session, "the same session");
        assert_eq!(told(&world, client.down()), ["established", "restarted", "established"]);
        let restarts = world.restarts(client.down());
        assert_eq!(texts(&restarts[0].in_doubt), ["never taken"]);
        assert!(restarts[0].unsent.is_empty());
        world.run_until_settled();
        assert_eq!(texts(world.delivered(client.up())), ["of the first", "of the second"]);
        assert!(world.delivered(client.down()).is_empty());
        let stats = world.listener_stats();
        assert_eq!((stats.sessions, stats.restarts, stats.joins), (1, 1, 0));
        assert_eq!(world.client_stats(client).handshakes, 1);
        exchange_within(&mut world, client, SOON);
    }
}

#[test]
fn what_had_arrived_of_the_dead_client_is_delivered_before_its_end_is_told() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    for number in 0..3 {
        world.send(client.up(), format!("{number}")).unwrap();
    }
    world.run_for(Duration::from_millis(100));
    world.restart_client(client, Cut::RESET);
    world.send(client.up(), b"of the new one").unwrap();
    world.run_for(Duration::from_millis(100));
    world.send(client.down(), b"too early").unwrap();
    world.set_reading(NodeId::Server, Reading::Eager);
    assert_eq!(texts(&world.restarts(client.down())[0].unsent), ["too early"]);
    assert_eq!(
        texts(world.delivered_to(client.up(), 0)),
        ["0", "1", "2", "of the new one"]
    );
    let lives = world.bindings(client.down());
    assert_eq!(texts(world.delivered_in(client.up(), lives[0])), ["0", "1", "2"]);
    assert_eq!(texts(world.delivered_in(client.up(), lives[1])), ["of the new one"]);
}

/// A client that cannot be told from others takes nobody's place.
#[track_caller]
fn assert_old_session_ends_by_retention(server: ServerSetup, setup: &ClientSetup) {
    let mut world = world_of(server);
    let client = world.connect(setup);
    establish(&mut world, client);
    let old = world.session(client);
    world.restart_client(client, Cut::RESET);
    establish(&mut world, client);
    assert_ne!(world.session(client), old);
    assert_eq!(sessions(&mut world), 2);
    assert_eq!(world.listener_stats().restarts, 0);
    exchange_within(&mut world, client, SOON);
    world.run_for(RETENTION - Duration::from_secs(30));
    assert_eq!(sessions(&mut world), 2);
    world.run_for(Duration::from_secs(60));
    assert_eq!(sessions(&mut world), 1);
    assert!(matches!(
        world.close_reason(client.down()),
        Some(CloseReason::Lost { .. })
    ));
    assert!(world.is_established(client));
    exchange_within(&mut world, client, SOON);
}

#[test]
fn a_client_without_a_name_begins_another_session_and_the_old_one_is_lost_in_time() {
    let unnamed = ClientSetup {
        endpoint_name: EndpointName::Unnamed,
        ..ClientSetup::default()
    };
    assert_old_session_ends_by_retention(ServerSetup::default(), &unnamed);
}

#[test]
fn a_client_without_a_certificate_begins_another_session_whatever_it_calls_itself() {
    let anybody = ServerSetup {
        trusts: None,
        ..ServerSetup::default()
    };
    assert_old_session_ends_by_retention(anybody, &worker(None));
}

#[test]
fn another_identity_of_the_same_name_is_another_client() {
    let mut world = World::new(Setup::default());
    let one = world.connect(&worker(identity("one.test")));
    establish(&mut world, one);
    let two = world.connect(&worker(identity("two.test")));
    establish(&mut world, two);
    world.restart_client(two, Cut::RESET);
    establish(&mut world, two);
    world.run_for(Duration::from_secs(120));
    assert_eq!(told(&world, one.up()), ["established"]);
    assert_eq!(told(&world, one.down()), ["established"]);
    assert_eq!(sessions(&mut world), 2);
    for client in [one, two] {
        exchange_within(&mut world, client, SOON);
    }
}

#[test]
fn the_same_identity_under_another_name_is_another_client() {
    let mut world = World::new(Setup::default());
    let clients = [(); 2].map(|()| world.connect(&ClientSetup::default()));
    for client in clients {
        establish(&mut world, client);
    }
    world.restart_client(clients[1], Cut::RESET);
    establish(&mut world, clients[1]);
    assert_eq!(told(&world, clients[0].down()), ["established"]);
    assert_eq!(sessions(&mut world), 2);
}

#[test]
fn of_two_living_processes_with_one_name_the_older_is_superseded_and_stays_out() {
    for transport in transports() {
        let mut world = World::new(Setup {
            transport,
            ..Setup::default()
        });
        let older = world.connect(&worker(identity("worker.test")));
        establish(&mut world, older);
        let session = world.session(older);
        let younger = world.connect(&worker(identity("worker.test")));
        establish(&mut world, younger);
        assert_eq!(world.session(younger), session);
        // An idle client hears it when it pings.
        world.run_for(Duration::from_secs(20));
        assert_eq!(world.close_reason(older.up()), Some(&CloseReason::Superseded));
        assert!(!CloseReason::Superseded.retryable());
        let packets = world.packets(older.up(), PacketKind::Data);
        world.run_for(RETENTION);
        assert_eq!(world.packets(older.up(), PacketKind::Initial), 1);
        assert_eq!(world.packets(older.up(), PacketKind::Data), packets, "it is over");
        assert_eq!(told_of_lives(&world, older.up()), ["established", "closed"]);
        assert_eq!(told_of_lives(&world, younger.up()), ["established"]);
        let stats = world.listener_stats();
        assert_eq!((stats.sessions, stats.restarts), (1, 1));
        exchange_within(&mut world, younger, SOON);
    }
}

#[test]
fn the_older_one_is_told_at_once_if_it_can_be_reached() {
    let mut world = World::new(Setup::default());
    let older = world.connect(&worker(identity("worker.test")));
    establish(&mut world, older);
    let younger = world.connect(&worker(identity("worker.test")));
    let took = world.run_until_within(SOON, |world| world.closed(older.up()).is_some());
    assert!(took <= Duration::from_millis(6), "{took:?}");
    assert!(world.is_established(younger));
}

#[test]
fn the_older_one_gets_its_own_messages_back() {
    let mut world = World::new(Setup::default());
    let older = world.connect(&worker(identity("worker.test")));
    establish(&mut world, older);
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(older.up(), b"arrived, and was taken in the end").unwrap();
    world.run_for(Duration::from_millis(10));
    let younger = world.connect(&worker(identity("worker.test")));
    world.run_for(Duration::from_secs(1));
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_for(Duration::from_secs(20));
    let closed = world.closed(older.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::Superseded);
    assert_eq!(texts(&closed.in_doubt), ["arrived, and was taken in the end"]);
    exchange_within(&mut world, younger, SOON);
}

/// However long the older one was away: one of the two stays, and they do not drive each other out by turns.
#[test]
fn two_processes_with_one_name_never_take_turns() {
    for away in [1, 20, 40, 100, 500].map(Duration::from_secs) {
        let mut world = World::new(Setup::default());
        let older = world.connect(&worker(identity("worker.test")));
        establish(&mut world, older);
        world.cut(older, Cut::for_good());
        let younger = world.connect(&worker(identity("worker.test")));
        establish(&mut world, younger);
        world.run_for(away);
        world.reconnect(older);
        world.run_for(RETENTION);
        let clients = [older, younger];
        let staying = clients.iter().filter(|client| world.closed(client.up()).is_none());
        assert_eq!(staying.count(), 1, "after {away:?}");
        let handshakes: u32 = clients
            .iter()
            .map(|client| world.packets(client.up(), PacketKind::Initial))
            .sum();
        assert!(handshakes <= 3, "after {away:?}: {handshakes}");
        assert!(world.listener_stats().restarts <= 2);
    }
}

/// A worker whose certificate is renewed with another key, at a server that recognises clients by this rule.
fn renewed(rule: SameClient) -> (World, ClientId) {
    let mut world = world_of(ServerSetup {
        same_client: rule,
        ..ServerSetup::default()
    });
    let client = world.connect(&worker(identity("worker.test")));
    establish(&mut world, client);
    let renewed = Authority::trusted().renewed_client("worker.test", Validity::Current);
    world.restart_client_as(client, Cut::RESET, worker(Some(renewed)));
    establish(&mut world, client);
    (world, client)
}

#[test]
fn a_renewed_certificate_with_the_same_names_is_the_same_client() {
    let (mut world, client) = renewed(SameClient::Names);
    assert_eq!(told(&world, client.down()), ["established", "restarted", "established"]);
    assert_eq!(sessions(&mut world), 1);
    exchange_within(&mut world, client, SOON);
}

#[test]
fn a_renewed_certificate_with_another_key_is_another_client_where_keys_count() {
    let (mut world, client) = renewed(SameClient::PublicKey);
    assert_eq!(told(&world, client.down()), ["established", "established"]);
    assert_eq!(sessions(&mut world), 2);
    exchange_within(&mut world, client, SOON);
}

#[test]
fn an_unchanged_key_is_the_same_client_where_keys_count() {
    let mut world = world_of(ServerSetup {
        same_client: SameClient::PublicKey,
        ..ServerSetup::default()
    });
    let client = world.connect(&worker(identity("worker.test")));
    establish(&mut world, client);
    world.restart_client(client, Cut::RESET);
    establish(&mut world, client);
    assert_eq!(world.listener_stats().restarts, 1);
}

#[test]
fn a_session_that_the_server_was_closing_ends_when_its_client_restarts() {
    let (mut world, client) = World::established(Setup::default());
    let old = world.session(client);
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.send(client.down(), b"never taken").unwrap();
    world.run_for(Duration::from_millis(10));
    world.close(client.down());
    world.run_for(Duration::from_millis(10));
    world.restart_client(client, Cut::RESET);
    world.set_reading(NodeId::Client(client), Reading::Eager);
    establish(&mut world, client);
    assert_ne!(world.session(client), old);
    assert_eq!(told(&world, client.down()), ["established", "closed", "established"]);
    let closed = world.closed(client.down()).unwrap();
    assert_eq!(closed.reason, CloseReason::PeerRestarted);
    assert_eq!(texts(&closed.in_doubt), ["never taken"]);
    assert_eq!(world.client_stats(client).handshakes, 1);
    exchange_within(&mut world, client, SOON);
    // What is left of the old one does not disturb the new one.
    world.run_for(Duration::from_secs(120));
    exchange_within(&mut world, client, SOON);
    assert_eq!(sessions(&mut world), 1);
}

#[test]
fn a_session_that_the_dead_client_was_closing_ends_too() {
    let (mut world, client) = World::established(Setup::default());
    world.set_reading(NodeId::Server, Reading::Paused);
    world.send(client.up(), b"arrived").unwrap();
    world.close(client.up());
    world.run_for(Duration::from_millis(10));
    world.restart_client(client, Cut::RESET);
    world.run_for(Duration::from_secs(1));
    world.set_reading(NodeId::Server, Reading::Eager);
    establish(&mut world, client);
    assert_eq!(told(&world, client.down()), ["established", "closed", "established"]);
    assert_eq!(texts(world.delivered(client.up())), ["arrived"]);
    exchange_within(&mut world, client, SOON);
}

#[test]
fn a_full_server_lets_a_client_that_restarted_in_and_nobody_else() {
    let mut world = world_of(ServerSetup {
        max_sessions: 2,
        ..ServerSetup::default()
    });
    let known = [(); 2].map(|()| world.connect(&ClientSetup::default()));
    for client in known {
        establish(&mut world, client);
    }
    let stranger = world.connect(&ClientSetup::default());
    world.run_for(Duration::from_secs(5));
    assert!(!world.is_established(stranger));
    for _ in 0..3 {
        for client in known {
            world.restart_client(client, Cut::RESET);
            let took = world.run_until_within(SOON, |world| world.is_established(client));
            assert!(took < Duration::from_millis(10), "{took:?}");
        }
    }
    world.run_for(Duration::from_secs(20));
    assert!(!world.is_established(stranger));
    assert_eq!(sessions(&mut world), 2);
    world.kill_client(known[0]);
    world.run_for(RETENTION + Duration::from_secs(60));
    let later = world.connect(&ClientSetup::default());
    establish(&mut world, later);
}

#[test]
fn late_packets_of_a_dead_client_never_drive_out_the_living_one() {
    let lates = (0..16).map(|half| Duration::from_micros(500 * half));
    let lates = lates.chain([30, 200, 1_000, 70_000].map(Duration::from_millis));
    for late in lates {
        for lived_half_ways in 0..12 {
            for down in [0, 3, 100].map(Duration::from_millis) {
                let mut world = World::new(Setup::default());
                let client = world.connect(&worker(identity("worker.test")));
                let _ = world.send(client.up(), b"of the dead");
                world.run_for(Duration::from_micros(500) * lived_half_ways);
                world.restart_client(client, Cut::down_for(down).with_late_tail(late));
                world.send(client.up(), b"of the living").unwrap();
                establish(&mut world, client);
                world.run_for(late + Duration::from_secs(20));
                assert!(world.is_established(client), "{}", world.timeline());
                assert_eq!(told_of_lives(&world, client.up()), ["established"]);
                assert_eq!(world.client_stats(client).handshakes, 1);
                exchange_within(&mut world, client, SOON);
            }
        }
    }
}

#[test]
fn late_packets_of_a_dead_session_in_full_swing_change_nothing_for_the_living_one() {
    for late in [0, 1, 2, 5, 50, 2_000, 40_000].map(Duration::from_millis) {
        let (mut world, client) = World::established(Setup::default());
        for flow in client.both() {
            world.stream(flow, (0..300).map(|number| vec![format!("old {number}").into()]));
        }
        world.run_for(Duration::from_micros(1700));
        world.restart_client(client, Cut::RESET.with_late_tail(late));
        world.stream(client.up(), (0..300).map(|number| vec![format!("new {number}").into()]));
        establish(&mut world, client);
        world.run_for(late + Duration::from_secs(1));
        world.run_until_settled();
        let life = *world.bindings(client.up()).last().unwrap();
        let news: Vec<_> = (0..300).map(|number| format!("new {number}")).collect();
        assert_eq!(texts(world.delivered_in(client.up(), life)), news);
        assert_eq!(told_of_lives(&world, client.up()), ["established"]);
    }
}

#[test]
fn a_client_that_restarts_at_any_moment_of_its_handshake_is_established_in_the_end() {
    for transport in transports() {
        for half_ways in 0..12 {
            for rounds in 1..4 {
                let mut world = World::new(Setup {
                    transport,
                    ..Setup::default()
                });
                let client = world.connect(&worker(identity("worker.test")));
                for _ in 0..rounds {
                    world.run_for(Duration::from_micros(500) * half_ways);
                    world.restart_client(client, Cut::RESET);
                }
                let took = world.run_until_within(SOON, |world| world.is_established(client));
                // A first packet that was swallowed is repeated after a quarter of a second, unless there is a hint.
                assert!(took <= Duration::from_millis(256), "{took:?}\n{}", world.timeline());
                exchange_within(&mut world, client, SOON);
                assert!(sessions(&mut world) == 1);
            }
        }
    }
}

#[test]
fn a_client_that_restarts_again_and_again_keeps_its_place() {
    let (mut world, client) = World::established(Setup::default());
    let session = world.session(client);
    for round in 0..30_u32 {
        for flow in client.both() {
            world.stream(flow, (0..20).map(|number| vec![format!("{round}/{number}").into()]));
        }
        let millis = world.chooser().choose(50, "until the next restart");
        world.run_for(Duration::from_millis(millis.into()));
        world.restart_client(client, Cut::RESET);
    }
    establish(&mut world, client);
    world.run_until_settled();
    assert_eq!(world.session(client), session);
    assert_eq!(sessions(&mut world), 1);
}

/// A client that dies when its Finished is on its way, before it can have said anything.
fn ghost(world: &mut World) -> ClientId {
    let client = world.connect(&ClientSetup::default());
    world.run_until(|world| world.packets(client.up(), PacketKind::Handshake) == 1);
    world.run_for(Duration::from_micros(1500));
    world.kill_client(client);
    client
}

#[test]
fn a_client_that_died_before_it_spoke_is_never_told_of_and_holds_its_place_for_a_minute() {
    let mut world = world_of(ServerSetup {
        max_sessions: 1,
        ..ServerSetup::default()
    });
    let ghost = ghost(&mut world);
    let living = world.connect(&ClientSetup::default());
    world.run_for(Duration::from_secs(55));
    assert!(!world.is_established(living), "its place is taken");
    let took = world.run_until_within(Duration::from_secs(15), |world| world.is_established(living));
    assert!(
        took <= Duration::from_secs(11),
        "a minute, and the pause between two attempts: {took:?}"
    );
    world.run_for(2 * RETENTION);
    assert_eq!(told(&world, ghost.down()), Vec::<&str>::new());
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn a_ghost_is_replaced_at_once_by_its_own_client() {
    let mut world = world_of(ServerSetup {
        max_sessions: 2,
        ..ServerSetup::default()
    });
    let ghost = ghost(&mut world);
    world.restart_client(ghost, Cut::RESET);
    establish(&mut world, ghost);
    assert_eq!(told(&world, ghost.down()), ["established"]);
    world.run_for(Limits::default().retention * 2);
    assert_eq!(sessions(&mut world), 1);
    exchange_within(&mut world, ghost, SOON);
}
