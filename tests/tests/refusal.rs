//! Who is not accepted is told why, and gets its messages back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseCode, CloseReason};
use steadfast_sim::pki::{Authority, Identity, SERVER_NAME, Validity};
use steadfast_sim::{
    Action, ClientId, ClientSetup, Fault, PacketKind, PacketName, ServerSetup, Setup, Transport, World,
};

fn world_with_server(identity: Identity) -> World {
    let server = ServerSetup {
        identity,
        ..ServerSetup::default()
    };
    World::new(Setup {
        server,
        ..Setup::default()
    })
}

/// Connects a client that shall be refused or refuse; it has three messages to send.
fn refused(world: &mut World, setup: &ClientSetup) -> ClientId {
    let client = world.connect(setup);
    for number in 0..3 {
        world.send(client.up(), format!("precious {number}")).unwrap();
    }
    world.run_until_within(Duration::from_secs(10), |world| world.closed(client.up()).is_some());
    client
}

/// Nothing reached the server's application, and the client has all of its messages back.
fn assert_nothing_lost(world: &World, client: ClientId) {
    let closed = world.closed(client.up()).unwrap();
    let unsent: Vec<_> = closed.unsent.iter().map(|message| message.payload().to_vec()).collect();
    assert_eq!(unsent, [b"precious 0", b"precious 1", b"precious 2"]);
    assert!(closed.in_doubt.is_empty());
    assert!(
        !closed.reason.retryable(),
        "somebody must change a configuration first: {}",
        closed.reason
    );
    assert!(
        world.seen(client.down()).is_empty(),
        "the server's application hears nothing of it"
    );
    assert_eq!(world.listener_stats().sessions, 0);
}

/// Lets the server hear of the client's refusal.
fn assert_server_counted(world: &mut World) {
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.listener_stats().attempts_failed, 1, "{}", world.timeline());
}

fn assert_client_rejects(identity: Identity, setup: &ClientSetup, words: &[&str]) {
    let mut world = world_with_server(identity);
    let client = refused(&mut world, setup);
    let reason = world.close_reason(client.up()).unwrap();
    assert!(matches!(reason, CloseReason::PeerRejected(_)), "{reason}");
    let text = reason.to_string().to_lowercase();
    assert!(words.iter().any(|word| text.contains(word)), "{text}");
    assert_nothing_lost(&world, client);
    assert_server_counted(&mut world);
}

#[test]
fn a_client_rejects_a_server_of_another_name() {
    let identity = Authority::trusted().server("other.test", Validity::Current);
    assert_client_rejects(identity, &ClientSetup::default(), &["name"]);
}

#[test]
fn a_client_rejects_an_expired_server() {
    let identity = Authority::trusted().server(SERVER_NAME, Validity::Expired);
    assert_client_rejects(identity, &ClientSetup::default(), &["expired"]);
}

#[test]
fn a_client_rejects_a_server_whose_time_has_not_come() {
    let identity = Authority::trusted().server(SERVER_NAME, Validity::NotYet);
    assert_client_rejects(identity, &ClientSetup::default(), &["not valid yet", "notvalidyet"]);
}

#[test]
fn a_client_rejects_a_server_of_an_unknown_authority() {
    let identity = Authority::stranger().server(SERVER_NAME, Validity::Current);
    assert_client_rejects(identity, &ClientSetup::default(), &["issuer", "unknownissuer"]);
}

fn assert_server_rejects(identity: Option<Identity>) {
    let mut world = World::new(Setup::default());
    let client = refused(
        &mut world,
        &ClientSetup {
            identity,
            ..ClientSetup::default()
        },
    );
    let reason = world.close_reason(client.up()).unwrap();
    assert!(
        matches!(
            reason,
            CloseReason::ByPeer {
                code: CloseCode::Tls(_),
                ..
            }
        ),
        "{reason}"
    );
    assert_nothing_lost(&world, client);
    assert_server_counted(&mut world);
}

#[test]
fn a_server_rejects_a_client_without_a_certificate() {
    assert_server_rejects(None);
}

#[test]
fn a_server_rejects_an_expired_client() {
    assert_server_rejects(Some(Authority::trusted().client("late.test", Validity::Expired)));
}

#[test]
fn a_server_rejects_a_client_whose_time_has_not_come() {
    assert_server_rejects(Some(Authority::trusted().client("early.test", Validity::NotYet)));
}

#[test]
fn a_server_rejects_a_client_of_an_unknown_authority() {
    assert_server_rejects(Some(Authority::stranger().client("who.test", Validity::Current)));
}

#[test]
fn a_certificate_of_a_server_is_none_of_a_client() {
    assert_server_rejects(Some(Authority::trusted().server("client.test", Validity::Current)));
}

/// Every packet of a refusal by the server.
fn packets_of_a_refusal() -> Vec<PacketName> {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    refused(
        &mut world,
        &ClientSetup {
            identity: None,
            ..ClientSetup::default()
        },
    );
    world.captured().iter().map(|parcel| parcel.name).collect()
}

#[test]
fn the_verdict_arrives_whichever_packet_is_lost() {
    for at in packets_of_a_refusal() {
        let mut world = World::new(Setup::default());
        world.plan(Fault {
            at,
            action: Action::Drop,
        });
        let client = refused(
            &mut world,
            &ClientSetup {
                identity: None,
                ..ClientSetup::default()
            },
        );
        assert!(matches!(
            world.close_reason(client.up()),
            Some(CloseReason::ByPeer {
                code: CloseCode::Tls(_),
                ..
            })
        ));
        assert_nothing_lost(&world, client);
        world.expect_all_faults_applied();
    }
}

#[test]
fn a_damaged_verdict_is_none() {
    let last = *packets_of_a_refusal().last().unwrap();
    assert_eq!(last.flow.direction, steadfast_sim::Direction::Down);
    for byte in 0..60 {
        let mut world = World::new(Setup::default());
        world.plan(Fault {
            at: last,
            action: Action::Corrupt { byte, mask: 0x01 },
        });
        let client = refused(
            &mut world,
            &ClientSetup {
                identity: None,
                ..ClientSetup::default()
            },
        );
        assert_nothing_lost(&world, client);
        world.expect_all_faults_applied();
    }
}

#[test]
fn a_verdict_about_one_client_does_not_touch_another() {
    let (mut world, good) = World::established(Setup::default());
    let bad = refused(
        &mut world,
        &ClientSetup {
            identity: None,
            ..ClientSetup::default()
        },
    );
    world.run_for(Duration::from_secs(5));
    world.send(good.up(), b"still here").unwrap();
    world.run_until(|world| world.delivered(good.up()).len() == 1);
    assert!(world.is_established(good) && !world.is_established(bad));
}

/// What somebody without keys can say when he has seen every packet: junk, old packets, packets of another handshake,
/// and each of them with a bit changed.
#[test]
fn nothing_without_keys_ends_a_handshake_or_a_session() {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    let refused = refused(
        &mut world,
        &ClientSetup {
            identity: None,
            ..ClientSetup::default()
        },
    );
    let verdicts: Vec<_> = world.captured().iter().map(|parcel| parcel.packet.clone()).collect();
    let client = world.connect(&ClientSetup::default());
    for _ in 0..8 {
        let ours: Vec<_> = of(&world, client).iter().take(60).cloned().collect();
        for packet in verdicts.iter().chain(&ours) {
            attack(&mut world, client, packet, &ours[0]);
        }
        world.run_for(Duration::from_millis(1));
    }
    world.run_until(|world| world.is_established(client));
    world.stream(client.up(), steadfast_tests::numbered(5));
    world.run_until(|world| world.delivered(client.up()).len() == 5);
    assert!(world.closed(refused.down()).is_none());
}

fn of(world: &World, client: ClientId) -> Vec<Vec<u8>> {
    let of_client = world
        .captured()
        .iter()
        .filter(|parcel| parcel.name.flow.client == client);
    of_client.map(|parcel| parcel.packet.clone()).collect()
}

/// Sends a packet to both sides: as it is, under another kind, and with the connection id of another.
fn attack(world: &mut World, client: ClientId, packet: &[u8], ours: &[u8]) {
    let route = world.route(client);
    let mut grafted = packet.to_vec();
    let id = 1..9.min(packet.len()).min(ours.len());
    grafted[id.clone()].copy_from_slice(&ours[id]);
    for kind in 0..6 {
        for base in [packet, &grafted[..]] {
            let mut forged = base.to_vec();
            forged[0] = forged[0] & 0xf0 | kind;
            // A packet as its sender sealed it is no forgery: only the others may not matter at all.
            let genuine = forged == packet && of(world, client).contains(&forged);
            if !genuine {
                world.inject_to_client(client, forged.clone());
                world.inject_to_server(route, forged);
            }
        }
    }
}

#[test]
fn a_client_that_was_refused_says_nothing_more() {
    let mut world = World::new(Setup::default());
    let client = refused(
        &mut world,
        &ClientSetup {
            identity: None,
            ..ClientSetup::default()
        },
    );
    world.run_for(Duration::from_secs(1));
    let kinds = [PacketKind::Initial, PacketKind::Handshake, PacketKind::Data];
    let count = |world: &World| kinds.map(|kind| world.packets(client.up(), kind));
    let before = count(&world);
    world.run_for(Duration::from_secs(600));
    assert_eq!(count(&world), before);
}
