//! Who meets whom, and what both know of each other then.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use rustls::{CipherSuite, NamedGroup};
use steadfast::{CloseReason, Event, Limits};
use steadfast_sim::{ClientSetup, ServerSetup, Setup, Transport, World};
use steadfast_tests::numbered;

#[test]
fn both_sides_know_the_other_by_its_verified_certificate_and_name() {
    let setup = Setup::default();
    let server_chain = setup.server.identity.chain.clone();
    let client_setup = ClientSetup::default();
    let client_chain = client_setup.identity.as_ref().unwrap().chain.clone();
    let mut world = World::new(setup);
    let client = world.connect(&client_setup);
    world.run_until(|world| world.is_established(client));

    assert_eq!(world.client(client).peer().unwrap().certificates(), server_chain);
    let Event::Established(established) = &world.seen(client.down())[0].event else {
        panic!("no session at first")
    };
    assert_eq!(established.peer.certificates(), client_chain);
    assert_eq!(established.peer.endpoint_name(), Some("client 0"));
}

#[test]
fn both_sides_agree_on_the_cipher_suite_and_the_key_exchange() {
    let (mut world, client) = World::established(Setup::default());
    let session = world.session(client).unwrap();
    let at_client = world.client(client).negotiated().unwrap();
    let at_server = world.with_server(|listener, _| listener.negotiated(session)).unwrap();
    assert_eq!(at_client, at_server);
    assert_eq!(at_client.key_exchange, NamedGroup::X25519);
    assert!(matches!(
        at_client.cipher_suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS13_AES_256_GCM_SHA384
            | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
    ));
}

#[test]
fn a_server_that_asks_for_no_certificate_gets_none() {
    let server = ServerSetup {
        trusts: None,
        ..ServerSetup::default()
    };
    let (mut world, client) = World::established(Setup {
        server,
        ..Setup::default()
    });
    let session = world.session(client).unwrap();
    let certificates = world.with_server(|listener, _| listener.peer(session).unwrap().certificates().len());
    assert_eq!(certificates, 0);
}

#[test]
fn a_client_may_begin_after_two_round_trips() {
    let latency = Duration::from_millis(40);
    let transport = Transport {
        latency,
        ..Transport::default()
    };
    let (world, client) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    assert_eq!(world.seen(client.up())[0].at, 4 * latency);
    // The server hears of that in the client's next packet.
    assert!(world.seen(client.down())[0].at <= 5 * latency);
}

#[test]
fn messages_sent_before_it_are_delivered_after_it() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    for number in 0..10 {
        world.send(client.up(), format!("early {number}")).unwrap();
    }
    assert_eq!(world.client(client).acknowledged_through(), None);
    world.run_until_settled();
    assert_eq!(world.delivered(client.up()).len(), 10);
    assert_eq!(world.delivered(client.up())[3].payload().as_ref(), b"early 3");
}

#[test]
fn the_server_delivers_nothing_before_it_knows_who_sent_it() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.send(client.up(), b"early").unwrap();
    world.run_until(|world| !world.delivered(client.up()).is_empty());
    let message_at = world.elapsed();
    world.run_until_settled();
    let told = &world.seen(client.down())[0];
    assert!(matches!(told.event, Event::Established(_)));
    assert!(
        told.at <= message_at,
        "told at {:?}, a message at {message_at:?}",
        told.at
    );
}

#[test]
fn a_server_that_answers_only_much_later_is_met_in_the_end() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.send(client.up(), b"patience").unwrap();
    world.mute(client.up());
    world.run_for(Limits::default().retention - Duration::from_secs(10));
    assert!(!world.client(client).is_closed(), "no verdict, no end");
    let unreachable = world.count(
        client.up(),
        |event| matches!(event, Event::Unreachable(told) if !told.established),
    );
    assert_eq!(unreachable, 1);
    world.unmute(client.up());
    world.run_until_within(Duration::from_secs(10), World::is_settled);
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn a_server_that_never_answers_is_given_up_in_the_end_and_the_messages_come_back() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.mute(client.up());
    world.send(client.up(), b"for nobody").unwrap();
    world.run_for(Limits::default().retention + Duration::from_secs(10));
    let closed = world.closed(client.up()).unwrap();
    assert!(matches!(closed.reason, CloseReason::Lost { .. }), "{}", closed.reason);
    assert!(closed.reason.retryable());
    assert_eq!(closed.unsent.len(), 1);
}

#[test]
fn many_clients_have_a_session_each() {
    let mut world = World::new(Setup::default());
    let clients: Vec<_> = (0..40).map(|_| world.connect(&ClientSetup::default())).collect();
    for client in &clients {
        world.stream(client.up(), numbered(3 + client_number(*client)));
        world.stream(client.down(), numbered(2));
    }
    world.run_until_settled();
    assert_eq!(world.listener_stats().sessions, 40);
    for client in &clients {
        assert_eq!(world.delivered(client.up()).len(), 3 + client_number(*client));
        assert_eq!(world.delivered(client.down()).len(), 2);
    }
    assert_eq!(world.with_server(|listener, _| listener.sessions().count()), 40);
}

/// Makes what clients send different.
fn client_number(client: steadfast_sim::ClientId) -> usize {
    client.to_string().bytes().map(usize::from).sum::<usize>() % 5
}
