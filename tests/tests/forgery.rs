//! What an attacker on the path can say without a secret: initial packets, under keys that everybody can derive. It may
//! cost an attempt, and a moment; never a session, a message or a verdict.

use std::time::Duration;

use steadfast_sim::{ClientId, ClientSetup, Setup, Transport, World};
use steadfast_tests::forge::{FirstPacket, close, crypto};
use steadfast_tests::numbered;

/// bad_certificate (RFC 8446 §6.2), as a close code.
const BAD_CERTIFICATE: u16 = 0x100 + 42;

fn connecting() -> (World, ClientId, FirstPacket) {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    world.stream(client.up(), numbered(5));
    let first = FirstPacket::read(&world.captured()[0].packet);
    (world, client, first)
}

/// Everything that can be said in an initial packet and is bad for the one who believes it.
fn lies() -> Vec<Vec<u8>> {
    vec![
        close(BAD_CERTIFICATE, "we do not like you"),
        close(0, ""),
        close(3, "busy"),
        crypto(b""),
        crypto(&[0; 90]),
        crypto(&[2, 0, 0, 4, 3, 3, 0, 0]),
        [crypto(&[1; 40]), close(BAD_CERTIFICATE, "")].concat(),
        vec![0x07, 0, 1, 2, 3],
        vec![0x04],
        vec![0x3f; 20],
        vec![0xff; 20],
        vec![],
    ]
}

#[test]
fn a_forged_answer_costs_an_attempt_and_no_more() {
    for lie in lies() {
        let (mut world, client, first) = connecting();
        world.inject_to_client(client, first.answer(0, &lie));
        assert!(!world.client(client).is_closed(), "{lie:02x?} ended the session");
        world.run_until_within(Duration::from_secs(10), |world| world.delivered(client.up()).len() == 5);
        assert!(world.is_established(client));
        assert_eq!(world.client_stats(client).handshakes, 1);
    }
}

#[test]
fn a_forged_answer_after_the_genuine_one_costs_nothing() {
    for lie in lies() {
        let (mut world, client, first) = connecting();
        world.run_until(|world| world.is_established(client));
        world.inject_to_client(client, first.answer(7, &lie));
        let took = world.run_until_within(Duration::from_secs(10), |world| world.delivered(client.up()).len() == 5);
        assert!(took < Duration::from_millis(100), "{took:?}");
        assert_eq!(world.seen(client.up()).len(), 1, "the application hears nothing of it");
    }
}

#[test]
fn a_forged_second_packet_of_a_client_costs_its_attempt_nothing() {
    for lie in lies() {
        let (mut world, client, first) = connecting();
        let stranger = world.stranger();
        world.run_for(Duration::from_millis(1));
        let route = world.route(client);
        world.inject_to_server(route, first.again(1, &lie));
        world.inject_to_server(stranger, first.again(2, &lie));
        let took = world.run_until_within(Duration::from_secs(10), |world| world.delivered(client.up()).len() == 5);
        assert!(took < Duration::from_millis(100), "{lie:02x?}: {took:?}");
    }
}

/// Whoever is faster than the client takes its first id. The client tries again under another.
#[test]
fn a_stolen_first_id_only_delays() {
    for lie in lies() {
        let (mut world, client, first) = connecting();
        let stranger = world.stranger();
        world.inject_to_server(stranger, first.again(0, &lie));
        world.run_until_within(Duration::from_secs(60), |world| world.delivered(client.up()).len() == 5);
    }
}

#[test]
fn an_attacker_that_answers_first_every_time_delays_and_the_messages_stay() {
    let (mut world, client, _) = connecting();
    let mut known = 0;
    for _ in 0..200 {
        let captured = world.captured()[known..].to_vec();
        known = world.captured().len();
        for parcel in captured
            .into_iter()
            .filter(|parcel| parcel.name.flow == client.up() && parcel.packet[0] == 0x10)
        {
            let first = FirstPacket::read(&parcel.packet);
            world.inject_to_client(client, first.answer(0, &close(BAD_CERTIFICATE, "no")));
        }
        world.run_for(Duration::from_micros(500));
    }
    world.run_for(Duration::ZERO);
    assert!(!world.client(client).is_closed());
    world.run_until_within(Duration::from_secs(60), |world| world.delivered(client.up()).len() == 5);
}

#[test]
fn garbage_in_first_packets_leaves_no_attempt_behind() {
    let (mut world, client, _) = connecting();
    world.run_until(|world| world.is_established(client));
    for (number, lie) in lies().into_iter().enumerate() {
        let stranger = world.stranger();
        let first = FirstPacket {
            destination: [number as u8; 8],
            source: *b"attacker",
        };
        world.inject_to_server(stranger, first.again(0, &lie));
    }
    assert!(world.is_established(client));
    world.run_for(Duration::from_secs(120));
    assert_eq!(world.listener_stats().sessions, 1);
    assert!(world.listener_stats().attempts_failed > 0, "they are counted");
}
