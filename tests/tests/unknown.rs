//! "I do not know this session" is anybody's word: it may cost a handshake beside the session, rarely, and nothing else.

use std::time::{Duration, Instant};

use steadfast::Listener;
use steadfast_sim::{ClientId, ClientSetup, Cut, Direction, NodeId, PacketKind, Reading, ServerSetup, Setup, World};
use steadfast_tests::captured::{idle, setup};
use steadfast_tests::forge::unknown;
use steadfast_tests::numbered;

/// The data packets that a client sent, from the `from`th packet of the world on.
fn data_of(world: &World, client: ClientId, from: usize) -> Vec<Vec<u8>> {
    let captured = world.captured()[from..].iter();
    captured
        .filter(|parcel| parcel.name.flow == client.up() && parcel.name.kind == PacketKind::Data)
        .map(|parcel| parcel.packet.clone())
        .collect()
}

fn handshakes_begun(world: &World, client: ClientId) -> u32 {
    world.packets(client.up(), PacketKind::Initial)
}

/// Both applications were told the beginning, and nothing else.
#[track_caller]
fn assert_undisturbed(world: &World, client: ClientId) {
    for flow in client.both() {
        let told: Vec<_> = world.seen(flow).iter().map(|seen| seen.event.to_string()).collect();
        assert_eq!(told.len(), 1, "{flow}: {told:?}\n{}", world.timeline());
    }
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn it_counts_for_nothing_about_what_the_server_has_acknowledged() {
    let (mut world, client) = idle();
    world.stream(client.up(), numbered(20));
    world.run_until_settled();
    world.run_for(Duration::from_secs(1));
    for packet in data_of(&world, client, 0) {
        world.inject_to_client(client, unknown(&packet));
    }
    world.run_for(Duration::from_secs(10));
    // The last acknowledgements of a client are not acknowledged in turn: about them the word may be true.
    assert!(handshakes_begun(&world, client) <= 2);
    assert_undisturbed(&world, client);
}

#[test]
fn it_counts_for_nothing_if_it_names_what_the_client_never_sent() {
    let (mut world, client) = idle();
    world.mute(client.up());
    world.stream(client.up(), numbered(1));
    world.run_for(Duration::from_millis(2));
    let genuine = unknown(data_of(&world, client, 0).last().unwrap_or(&vec![0; 21]));
    let dropped = world.client_stats(client).packets_dropped;
    let mut later = genuine.clone();
    later[19] ^= 0x40;
    let mut other_id = genuine.clone();
    other_id[3] ^= 1;
    let mut other_version = genuine.clone();
    other_version[0] = 0x24;
    let longer = [&genuine[..], &[0]].concat();
    let lies = [later, other_id, other_version, longer, genuine[..20].to_vec()];
    for lie in &lies {
        world.inject_to_client(client, lie.clone());
    }
    world.run_for(Duration::from_secs(1));
    assert_eq!(handshakes_begun(&world, client), 1);
    assert_eq!(world.client_stats(client).packets_dropped, dropped + lies.len() as u64);
    // The genuine one does count.
    world.inject_to_client(client, genuine);
    world.run_for(Duration::from_secs(1));
    assert!(handshakes_begun(&world, client) > 1);
}

#[test]
fn one_that_is_forged_costs_one_handshake_at_most() {
    let (mut world, client) = idle();
    let before = world.captured().len();
    world.stream(client.both()[0], numbered(3));
    for packet in data_of(&world, client, before) {
        world.inject_to_client(client, unknown(&packet));
    }
    world.run_until_settled();
    world.run_for(Duration::from_secs(1));
    assert!(handshakes_begun(&world, client) <= 2);
    assert_undisturbed(&world, client);
}

#[test]
fn a_late_one_of_a_server_that_died_changes_nothing_for_its_successor() {
    let (mut world, client) = idle();
    world.restart_server(Cut::RESET);
    world.stream(client.up(), numbered(3));
    world.run_until(|world| world.is_established(client) && world.is_settled());
    let told = world.seen(client.up()).len();
    let late: Vec<_> = world
        .captured()
        .iter()
        .filter(|parcel| parcel.name.kind == PacketKind::Unknown)
        .cloned()
        .collect();
    assert!(!late.is_empty());
    let begun = handshakes_begun(&world, client);
    for parcel in late {
        world.inject_to_client(client, parcel.packet);
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(handshakes_begun(&world, client), begun);
    assert_eq!(world.seen(client.up()).len(), told);
}

/// The most handshakes that somebody makes a client begin who answers every one of its packets at once with a forged *unknown*.
const HANDSHAKES_A_MINUTE: u32 = 30;

/// To all packets, or to those of sessions alone: handshakes beside it then go through.
const OF: [&[PacketKind]; 2] = [&[PacketKind::Data, PacketKind::Handshake], &[PacketKind::Data]];

/// Somebody on the path who sees all packets of a client, and forges an *unknown* to each of some kinds.
fn run_with_forger(
    world: &mut World,
    (client, kinds): (ClientId, &[PacketKind]),
    time: Duration,
    mut meanwhile: impl FnMut(&mut World),
) {
    let end = world.elapsed() + time;
    let mut known = world.captured().len();
    while world.elapsed() < end {
        meanwhile(world);
        let captured: Vec<_> = world.captured()[known..]
            .iter()
            .filter(|parcel| parcel.name.flow == client.up() && kinds.contains(&parcel.name.kind))
            .cloned()
            .collect();
        known = world.captured().len();
        for parcel in captured {
            world.inject_to_client(client, unknown(&parcel.packet));
        }
        world.run_for(Duration::from_millis(1));
    }
}

#[test]
fn a_flood_of_forgeries_costs_few_handshakes_and_no_message() {
    for kinds in OF {
        let (mut world, client) = idle();
        let mut sent = 0;
        run_with_forger(&mut world, (client, kinds), Duration::from_secs(60), |world| {
            if world.elapsed() >= Duration::from_millis(50) * sent {
                client.both().iter().for_each(|flow| world.stream(*flow, numbered(1)));
                sent += 1;
            }
        });
        world.run_until_settled();
        let begun = handshakes_begun(&world, client);
        assert!(
            begun <= HANDSHAKES_A_MINUTE,
            "{begun} handshakes in a minute, {kinds:?}"
        );
        assert_eq!(world.delivered(client.up()).len(), sent as usize);
        assert_undisturbed(&world, client);
    }
}

#[test]
fn forgeries_during_a_renewal_make_no_gap() {
    for kinds in OF {
        let (mut world, client) = idle();
        let mut sent = 0;
        let mut longest = 0;
        run_with_forger(&mut world, (client, kinds), Duration::from_secs(60), |world| {
            if world.elapsed() >= Duration::from_millis(50) * sent {
                client.both().iter().for_each(|flow| world.stream(*flow, numbered(1)));
                if sent % 40 == 0 {
                    world.renew(client.up());
                }
                sent += 1;
            }
            for flow in client.both() {
                longest = longest.max(world.sent(flow) - world.delivered(flow).len());
            }
        });
        world.run_until_settled();
        assert!(longest <= 3, "{longest} messages waited, {kinds:?}");
        assert_undisturbed(&world, client);
    }
}

#[test]
fn a_flood_of_forgeries_does_not_keep_a_client_from_a_server_that_restarted() {
    for kinds in OF {
        let (mut world, client) = idle();
        run_with_forger(&mut world, (client, kinds), Duration::from_secs(6), |world| {
            if world.in_flight(client.up()).sent_bytes == 0 {
                world.stream(client.up(), numbered(1));
            }
        });
        world.restart_server(Cut::RESET);
        world.stream(client.up(), numbered(1));
        world.run_until_within(Duration::from_secs(8), |world| {
            world.is_established(client) && world.is_settled()
        });
    }
}

#[test]
fn clients_never_send_one() {
    let (mut world, client) = idle();
    let data = data_of(&world, client, 0);
    let sent = world.captured().len();
    let to_nobody = [&[0x12][..], &[9; 8], &[0; 12], &[7; 40]].concat();
    for packet in [to_nobody, unknown(&data[0]), vec![0x11; 60], vec![0x14; 21]] {
        world.inject_to_client(client, packet);
    }
    assert_eq!(world.captured().len(), sent, "{}", world.timeline());
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.packets(client.up(), PacketKind::Unknown), 0);
}

/// A packet of a kind, to an id that nobody has.
fn to_nobody(kind: u8, bytes: usize) -> Vec<u8> {
    let mut packet = vec![0x5a; bytes];
    packet[0] = 0x10 | kind;
    packet[13..21].copy_from_slice(&77_u64.to_be_bytes());
    packet
}

#[test]
fn a_server_answers_with_the_header_of_what_it_does_not_know_and_nothing_more() {
    let (mut world, _) = idle();
    for (kind, bytes) in [(1, 37), (2, 37), (2, 1_000), (2, 65_536)] {
        let stranger = world.stranger();
        let packet = to_nobody(kind, bytes);
        world.inject_to_server(stranger, packet.clone());
        let expected = [&[0x14], &packet[1..21]].concat();
        assert_eq!(world.sent_to_stranger(stranger), [expected]);
    }
}

#[test]
fn a_server_never_answers_an_answer_nor_a_first_packet_nor_what_is_malformed() {
    let (mut world, _) = idle();
    let stranger = world.stranger();
    let malformed = [
        to_nobody(2, 36),
        to_nobody(1, 36),
        vec![0x12; 20],
        vec![0x12],
        vec![],
        vec![0x12; 65_537],
    ];
    let answers = [to_nobody(4, 21), to_nobody(3, 60)];
    let others = [
        to_nobody(0, 200),
        to_nobody(5, 60),
        to_nobody(9, 60),
        vec![0x22; 100],
        vec![0x02; 100],
    ];
    for packet in malformed.into_iter().chain(answers).chain(others) {
        world.inject_to_server(stranger, packet);
        world.run_for(Duration::from_millis(60));
    }
    assert!(world.sent_to_stranger(stranger).is_empty());
    assert_eq!(world.listener_stats().unknown_answered, 0);
}

#[test]
fn a_route_is_answered_once_in_fifty_milliseconds() {
    let (mut world, _) = idle();
    let (one, two) = (world.stranger(), world.stranger());
    for _ in 0..1_000 {
        world.inject_to_server(one, to_nobody(2, 50));
        world.inject_to_server(two, to_nobody(1, 50));
        world.run_for(Duration::from_millis(1));
    }
    for route in [one, two] {
        assert_eq!(world.sent_to_stranger(route).len(), 20);
    }
    assert_eq!(world.listener_stats().unknown_id, 2_000);
    assert_eq!(world.listener_stats().unknown_answered, 40);
}

#[test]
fn no_more_than_4096_routes_are_answered_in_that_time() {
    let mut now = Instant::now();
    let mut server = server(now);
    for _ in 0..2 {
        let mut answered = 0;
        for route in 0..5_000 {
            server.handle_packet(route, to_nobody(2, 50), now);
            answered += std::iter::from_fn(|| server.poll_transmit(now)).count();
        }
        assert_eq!(answered, 4_096);
        now += Duration::from_millis(50);
    }
}

fn server(now: Instant) -> Listener<u32> {
    let credentials = steadfast_zmq::testing::insecure_test_credentials("localhost");
    let config = credentials.server().build().expect("a valid configuration");
    Listener::new(&config, now).expect("randomness")
}

/// A transport gone mad hands each server what the other one sent.
#[test]
fn two_servers_do_not_answer_each_other() {
    let now = Instant::now();
    let (mut one, mut two) = (server(now), server(now));
    one.handle_packet(1, to_nobody(2, 50), now);
    let mut rounds = 0;
    loop {
        let from_one: Vec<_> = std::iter::from_fn(|| one.poll_transmit(now)).collect();
        from_one
            .iter()
            .for_each(|sent| two.handle_packet(1, sent.packet.clone(), now));
        let from_two: Vec<_> = std::iter::from_fn(|| two.poll_transmit(now)).collect();
        from_two
            .iter()
            .for_each(|sent| one.handle_packet(1, sent.packet.clone(), now));
        if from_one.is_empty() && from_two.is_empty() {
            break;
        }
        rounds += 1;
        assert!(rounds < 2, "a loop");
    }
    assert_eq!(rounds, 1);
}

#[test]
fn an_application_that_looks_away_is_not_taken_for_a_server_that_forgot() {
    let mut world = World::new(Setup {
        server: ServerSetup::default(),
        ..setup()
    });
    let client = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(client));
    world.set_reading(NodeId::Server, Reading::Paused);
    world.stream(client.up(), numbered(5));
    world.run_for(Duration::from_millis(50));
    for packet in data_of(&world, client, 0) {
        world.inject_to_client(client, unknown(&packet));
    }
    world.run_for(Duration::from_secs(5));
    assert_eq!(handshakes_begun(&world, client), 1, "all that it sent is acknowledged");
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until_settled();
    assert!(
        world
            .captured()
            .iter()
            .all(|parcel| parcel.name.flow.direction == Direction::Up || parcel.name.kind != PacketKind::Unknown)
    );
    assert_undisturbed(&world, client);
}
