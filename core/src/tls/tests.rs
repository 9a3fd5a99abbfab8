//! Keys that a real handshake leads to, and their updates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::{CipherSuite, Side};

use super::keys::{EpochKeys, NotOpened};
use super::{Handshake, InitialSuite, KeyPair, Level, NewKeys, client_config, server_config};
use crate::vectors::{array, vector};
use crate::wire::header::{ConnectionId, Header, Kind};
use crate::wire::parameters::Parameters;

const ID: ConnectionId = ConnectionId([7; 8]);

/// Both sides' keys after a handshake in memory: client, server.
fn shaken() -> (EpochKeys, EpochKeys) {
    let own = rcgen::generate_simple_self_signed(["server".to_owned()]).expect("a certificate");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).expect("a root");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let time = Arc::new(rustls::time_provider::DefaultTimeProvider);
    let client = client_config(Arc::clone(&provider), time.clone(), verifier.expect("a verifier"), None);
    let server = server_config(provider, time, None, (vec![own.cert.into()], own.signing_key.into()));
    let name = "server".try_into().expect("a name");
    let mut client = Handshake::client(Arc::new(client.expect("valid")), name, &parameters()).expect("begun");
    let mut server = Handshake::server(Arc::new(server.expect("valid")), &parameters()).expect("begun");
    let (hello, _) = client.write();
    server.read(Level::Initial, 0, &hello).expect("accepted");
    let (hello, _) = server.write();
    client.read(Level::Initial, 0, &hello).expect("accepted");
    client.write();
    let (rest, Some(NewKeys::Data(server_keys))) = server.write() else {
        panic!("no keys")
    };
    client.read(Level::Handshake, 0, &rest).expect("accepted");
    let (_, Some(NewKeys::Data(client_keys))) = client.write() else {
        panic!("no keys")
    };
    (*client_keys, *server_keys)
}

fn parameters() -> Parameters {
    let second = Duration::from_secs(1);
    Parameters {
        source: ID,
        original_destination: None,
        incarnation: [0; 16],
        endpoint_name: None,
        max_message_bytes: 1,
        window_bytes: 1,
        packets: 1,
        retention: second,
        ping_interval: second,
    }
}

fn sealed(keys: &mut EpochKeys, number: u64) -> (Header, Vec<u8>) {
    let header = Header {
        kind: Kind::Data,
        destination: ID,
        epoch: keys.epoch(),
        number,
    };
    let mut packet = Vec::new();
    header.encode(&mut packet);
    packet.extend_from_slice(b"frames");
    keys.seal(number, &mut packet);
    (header, packet)
}

fn open(keys: &mut EpochKeys, (header, packet): &(Header, Vec<u8>)) -> Result<usize, NotOpened> {
    keys.open(header, &mut packet.clone(), Instant::now() + Duration::from_secs(9))
}

#[test]
fn a_packet_opens_once_per_key_and_not_when_any_bit_of_it_is_changed() {
    let (mut client, mut server) = shaken();
    let (header, packet) = sealed(&mut client, 5);
    for bit in 0..packet.len() * 8 {
        let mut damaged = packet.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let header = Header::decode(&damaged).map_or(header, |(header, _)| header);
        assert_eq!(open(&mut server, &(header, damaged)), Err(NotOpened), "bit {bit}");
    }
    assert_eq!(open(&mut server, &(header, packet)), Ok(6));
}

#[test]
fn whoever_opens_a_packet_of_the_next_epoch_seals_in_it() {
    let (mut client, mut server) = shaken();
    let late = sealed(&mut client, 1);
    client.update();
    assert_eq!(open(&mut server, &sealed(&mut client, 2)), Ok(6));
    assert_eq!(server.epoch(), 1);
    assert_eq!(open(&mut client, &sealed(&mut server, 1)), Ok(6));
    assert_eq!(open(&mut server, &late), Ok(6), "the previous epoch opens what is late");
}

#[test]
fn updates_begun_by_both_at_once_converge() {
    let (mut client, mut server) = shaken();
    let crossing = (sealed(&mut client, 1), sealed(&mut server, 1));
    client.update();
    server.update();
    assert_eq!(open(&mut server, &crossing.0), Ok(6));
    assert_eq!(open(&mut client, &crossing.1), Ok(6));
    assert_eq!(open(&mut server, &sealed(&mut client, 2)), Ok(6));
    assert_eq!(open(&mut client, &sealed(&mut server, 2)), Ok(6));
    assert_eq!((client.epoch(), server.epoch()), (1, 1));
}

#[test]
fn the_previous_epoch_opens_nothing_numbered_above_the_newer_and_nothing_after_its_time() {
    let (mut client, mut server) = shaken();
    let (early, late) = (sealed(&mut client, 1), sealed(&mut client, 10));
    client.update();
    assert_eq!(open(&mut server, &sealed(&mut client, 9)), Ok(6));
    assert_eq!(open(&mut server, &late), Err(NotOpened));
    server.forget_old(Instant::now() + Duration::from_secs(10));
    assert_eq!(open(&mut server, &early), Err(NotOpened));
}

#[test]
fn the_previous_epoch_opens_whatever_comes_until_the_peer_has_left_it() {
    let (mut client, mut server) = shaken();
    server.update();
    server.forget_old(Instant::now() + Duration::from_secs(1_000_000));
    assert_eq!(open(&mut server, &sealed(&mut client, 1)), Ok(6));
}

#[test]
fn an_update_waits_for_the_acknowledgement_of_the_one_before() {
    let (mut client, _) = shaken();
    client.pretend_sealed(1 << 22);
    assert!(client.wants_update(1 << 20) && !client.exhausted());
    client.update();
    client.pretend_sealed(1 << 22);
    assert!(!client.wants_update(1 << 20));
    client.acknowledged_in(0);
    assert!(!client.wants_update(1 << 20));
    client.acknowledged_in(1);
    assert!(client.wants_update(1 << 20));
}

#[test]
fn no_key_seals_more_packets_than_rfc_9001_allows() {
    let (mut client, _) = shaken();
    client.pretend_sealed((1 << 23) - 1);
    assert!(!client.exhausted());
    sealed(&mut client, 1);
    assert!(client.exhausted());
}

/// Seals what a packet of the document holds, behind its own header, and opens that packet.
fn assert_documented(sealer: &KeyPair, opener: &KeyPair, block: &str, name: &str) {
    let (packet, plaintext) = (vector(block, name), vector(block, &format!("{name}, plaintext")));
    let (header, header_bytes) = Header::decode(&packet).expect("a packet");
    let mut sealed = [&packet[..header_bytes], &plaintext].concat();
    sealer.seal(header.number, header_bytes, &mut sealed);
    assert_eq!(sealed, packet, "{name}");
    let opened = opener.open(header.number, header_bytes, &mut sealed);
    assert_eq!(opened, Ok(plaintext.len()), "{name}");
    assert_eq!(sealed[header_bytes..][..plaintext.len()], plaintext, "{name}");
}

#[test]
fn initial_packets_are_those_of_the_document() {
    let suite = InitialSuite::of(&aws_lc_rs::default_provider()).expect("the suite of initial packets");
    let first_destination = ConnectionId(array("initial", "first destination"));
    let [client, server] = [Side::Client, Side::Server].map(|side| suite.keys(&first_destination, side));
    assert_documented(&client, &server, "initial", "from the client");
    assert_documented(&client, &server, "initial", "with a token");
    assert_documented(&server, &client, "initial", "from the server");
}

/// Keys for both directions from a key and an IV of the document.
fn documented_keys(suite: CipherSuite, block: &str, whose: &str) -> KeyPair {
    let provider = aws_lc_rs::default_provider();
    let found = provider.cipher_suites.iter().find(|known| known.suite() == suite);
    let algorithm = found.and_then(|suite| suite.tls13()?.quic).expect("a suite for QUIC");
    let one_way = || {
        let key: [u8; 32] = array(block, &format!("{whose} key"));
        let iv: [u8; 12] = array(block, &format!("{whose} iv"));
        algorithm.packet_key(key.into(), iv.into())
    };
    KeyPair::new(one_way(), one_way())
}

#[test]
fn handshake_and_data_packets_are_those_of_the_document() {
    let keys = documented_keys(CipherSuite::TLS13_AES_256_GCM_SHA384, "handshake", "client");
    assert_documented(&keys, &keys, "handshake", "handshake");
    for epoch in 0..2 {
        let whose = format!("epoch {epoch},");
        let keys = documented_keys(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "data", &whose);
        assert_documented(&keys, &keys, "data", &format!("{whose} packet"));
    }
}
