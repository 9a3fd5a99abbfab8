//! What is not genuine is counted, and disturbs nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{Chooser, ClientId, Direction, RandomChooser, RouteId, Setup, Transport, World};
use steadfast_tests::mixed;

fn busy_world() -> (World, ClientId) {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let (mut world, client) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(20)));
    world.run_until_settled();
    (world, client)
}

/// Throws a packet at both sides, at the server from the client's route and from another.
fn throw(world: &mut World, client: ClientId, stranger: RouteId, packet: &[u8]) {
    let route = world.route(client);
    world.inject_to_server(route, packet);
    world.inject_to_server(stranger, packet);
    world.inject_to_client(client, packet);
}

/// The session works as before, and nobody was told anything.
fn assert_undisturbed(world: &mut World, client: ClientId) {
    let seen = client.both().map(|flow| world.seen(flow).len());
    let had = client.both().map(|flow| world.delivered(flow).len());
    client.both().iter().for_each(|flow| world.stream(*flow, mixed(20)));
    world.run_until_settled();
    assert_eq!(client.both().map(|flow| world.seen(flow).len()), seen);
    assert_eq!(
        client.both().map(|flow| world.delivered(flow).len()),
        had.map(|count| count + 20)
    );
    assert_eq!(world.client_stats(client).handshakes, 1);
    assert_eq!(world.client_stats(client).packets_lost, 0);
    assert_eq!(world.listener_stats().sessions, 1);
}

/// Everything that the server counted as noise, in or out of sessions.
fn noise_at_server(world: &World) -> u64 {
    let stats = world.listener_stats();
    stats.malformed + stats.other_version + stats.unknown_id + stats.dropped + stats.attempts_failed
}

/// Everything that was counted as noise, at the server and at the client.
fn noise(world: &World, client: ClientId) -> (u64, u64) {
    (noise_at_server(world), world.client_stats(client).packets_dropped)
}

/// How much more it is now.
fn since(before: (u64, u64), world: &World, client: ClientId) -> (u64, u64) {
    let now = noise(world, client);
    (now.0 - before.0, now.1 - before.1)
}

/// The first byte of a data packet: kind 2, version 1.
const DATA: u8 = 0x12;

/// The newest that the client sent in the session.
fn data_packet(world: &World, client: ClientId) -> Vec<u8> {
    let newest = world
        .captured()
        .iter()
        .rfind(|parcel| parcel.name.flow == client.up() && parcel.packet[0] == DATA);
    newest.unwrap().packet.clone()
}

fn genuine_packets(world: &World) -> Vec<Vec<u8>> {
    world.captured().iter().map(|parcel| parcel.packet.clone()).collect()
}

#[test]
fn truncated_packets_are_counted() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = noise(&world, client);
    let mut thrown = 0;
    let packets = genuine_packets(&world);
    let newest = packets.last().unwrap();
    for len in 0..newest.len() {
        throw(&mut world, client, stranger, &newest[..len]);
        thrown += 1;
    }
    for packet in packets.iter().filter(|packet| packet[0] == DATA).take(20) {
        for len in [0, 1, 8, 9, 20, 21, 22, 36, 37, 40, packet.len() / 2, packet.len() - 1] {
            throw(&mut world, client, stranger, &packet[..len.min(packet.len() - 1)]);
            thrown += 1;
        }
    }
    assert_eq!(since(before, &world, client), (2 * thrown, thrown));
    assert_undisturbed(&mut world, client);
}

#[test]
fn oversized_packets_are_counted() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = noise_at_server(&world);
    for packet in genuine_packets(&world).into_iter().rev().take(12) {
        for len in [65_536, 65_537, 100_000, 1 << 20] {
            let mut long = packet.clone();
            long.resize(len, 0xaa);
            throw(&mut world, client, stranger, &long);
        }
    }
    assert_eq!(noise_at_server(&world) - before, 2 * 12 * 4);
    assert_undisturbed(&mut world, client);
}

#[test]
fn random_packets_are_counted() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = noise_at_server(&world);
    let mut chooser = RandomChooser::seeded(1);
    for _ in 0..3_000 {
        let len = chooser.choose(1_500, "length") as usize;
        let packet: Vec<u8> = (0..len).map(|_| chooser.choose(256, "byte") as u8).collect();
        throw(&mut world, client, stranger, &packet);
    }
    assert_eq!(noise_at_server(&world) - before, 6_000);
    assert_undisturbed(&mut world, client);
}

#[test]
fn packets_with_one_flipped_bit_are_counted() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let flipped: Vec<_> = genuine_packets(&world)
        .iter()
        .take(10)
        .flat_map(|packet| flips(packet))
        .collect();
    let session = data_packet(&world, client)[1..9].to_vec();
    let (answered, dropped): (Vec<_>, Vec<_>) = flipped
        .into_iter()
        .partition(|packet| packet[0] != DATA && packet[1..9] == session);
    assert!(answered.len() > 50 && dropped.len() > 10 * answered.len());
    let before = noise(&world, client);
    dropped
        .iter()
        .for_each(|packet| throw(&mut world, client, stranger, packet));
    let thrown = dropped.len() as u64;
    assert_eq!(since(before, &world, client), (2 * thrown, thrown));

    // What names a session and is no data may be its client's Finished, once more: the server answers, and counts nothing.
    let before = noise(&world, client);
    answered
        .iter()
        .for_each(|packet| throw(&mut world, client, stranger, packet));
    assert_eq!(since(before, &world, client).1, answered.len() as u64);
    world.run_for(Duration::from_secs(60));
    assert_undisturbed(&mut world, client);
}

fn flips(packet: &[u8]) -> Vec<Vec<u8>> {
    let flip = |byte: usize, bit: u32| {
        let mut flipped = packet.to_owned();
        flipped[byte] ^= 1 << bit;
        flipped
    };
    (0..packet.len())
        .filter(|byte| *byte < 40 || byte % 37 == 0)
        .flat_map(|byte| [0, 3, 7].map(|bit| flip(byte, bit)))
        .collect()
}

#[test]
fn other_versions_are_counted_apart() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = world.listener_stats().other_version;
    let packet = genuine_packets(&world).pop().unwrap();
    for version in (0..16).filter(|version| *version != packet[0] >> 4) {
        let mut other = packet.clone();
        other[0] = version << 4 | other[0] & 0x0f;
        throw(&mut world, client, stranger, &other);
    }
    assert_eq!(world.listener_stats().other_version - before, 2 * 15);
    assert_undisturbed(&mut world, client);
}

#[test]
fn unknown_ids_are_counted_apart() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = world.listener_stats().unknown_id;
    let data = data_packet(&world, client);
    for number in 0..200_u8 {
        let mut unknown = data.clone();
        unknown[1..9].fill(number);
        throw(&mut world, client, stranger, &unknown);
    }
    assert_eq!(world.listener_stats().unknown_id - before, 400);
    assert_undisturbed(&mut world, client);
}

#[test]
fn what_other_protocols_say_first_is_noise() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let before = noise_at_server(&world);
    let others: [&[u8]; 6] = [
        b"",
        b"Hello",
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ];
    others
        .iter()
        .for_each(|packet| throw(&mut world, client, stranger, packet));
    assert_eq!(noise_at_server(&world) - before, 12);
    assert_undisturbed(&mut world, client);
}

#[test]
fn packets_sent_back_to_their_sender_are_noise() {
    let (mut world, client) = busy_world();
    for parcel in world.captured().to_vec() {
        match parcel.name.flow.direction {
            Direction::Up => world.inject_to_client(client, parcel.packet),
            Direction::Down => world.inject_to_server(parcel.route, parcel.packet),
        }
    }
    assert_undisturbed(&mut world, client);
}

/// A reply may be asked for by anybody: it must not be larger or more frequent than what asks for it.
#[test]
fn strangers_get_no_more_than_they_send() {
    let (mut world, client) = busy_world();
    let stranger = world.stranger();
    let mut thrown = 0;
    for packet in genuine_packets(&world) {
        for kind in 0..16 {
            let mut forged = packet.clone();
            forged[0] = forged[0] & 0xf0 | kind;
            forged[3] ^= 0x55;
            thrown += forged.len();
            world.inject_to_server(stranger, forged);
        }
    }
    world.run_for(Duration::from_secs(60));
    let answered: usize = world.sent_to_stranger(stranger).iter().map(Vec::len).sum();
    assert!(answered <= thrown, "{answered} bytes for {thrown}");
    assert_undisturbed(&mut world, client);
}
