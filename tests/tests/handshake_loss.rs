//! Whatever happens to any packet of the handshake, there is one session in the end, soon.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use steadfast::Limits;
use steadfast_sim::{
    Action, ClientId, ClientSetup, Cut, Direction, Fault, PacketKind, PacketName, ServerSetup, Setup, Tail, Transport,
    WhileDown, World, provider,
};

/// Every packet of a handshake without faults; the last is the server's confirmation.
fn packets_of_a_handshake() -> Vec<(PacketName, usize)> {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let (world, _) = World::established(Setup {
        transport,
        ..Setup::default()
    });
    world
        .captured()
        .iter()
        .map(|parcel| (parcel.name, parcel.packet.len()))
        .collect()
}

/// Runs a handshake and one message each way under these faults. Returns how long it took.
fn run_under(faults: &[Fault]) -> Duration {
    let mut world = World::new(Setup::default());
    faults.iter().for_each(|fault| world.plan(*fault));
    let client = world.connect(&ClientSetup::default());
    world.send(client.up(), b"up").unwrap();
    world.stream(client.down(), [vec!["down".into()]]);
    world.run_until_within(Duration::from_secs(30), |world| exchanged(world, client));
    let took = world.elapsed();
    // Late duplicates arrive, too.
    world.run_for(Duration::from_secs(30));
    world.expect_all_faults_applied();
    assert_eq!(world.client_stats(client).handshakes, 1);
    assert_eq!(world.listener_stats().sessions, 1, "{}", world.timeline());
    took
}

fn exchanged(world: &World, client: ClientId) -> bool {
    world.is_settled() && client.both().iter().all(|flow| world.delivered(*flow).len() == 1)
}

/// Without a packet nothing moves until it is sent again: after 250 ms in the handshake; the first one behind it may take
/// longer, while no round trip is measured.
const ONE_LOSS: Duration = Duration::from_millis(650);

#[test]
fn one_lost_packet_costs_one_resend() {
    for (at, _) in packets_of_a_handshake() {
        let took = run_under(&[Fault {
            at,
            action: Action::Drop,
        }]);
        assert!(took < ONE_LOSS, "{at} lost: {took:?}");
    }
}

#[test]
fn two_lost_packets_cost_two_resends() {
    let packets = packets_of_a_handshake();
    for (index, (first, _)) in packets.iter().enumerate() {
        for (second, _) in &packets[index + 1..] {
            let faults = [*first, *second].map(|at| Fault {
                at,
                action: Action::Drop,
            });
            let took = run_under(&faults);
            assert!(took < Duration::from_secs(2), "{first} and {second} lost: {took:?}");
        }
    }
}

#[test]
fn duplicated_late_and_stale_packets_change_nothing() {
    let actions = [
        Action::Duplicate { after: Duration::ZERO },
        Action::Duplicate {
            after: Duration::from_millis(3),
        },
        Action::Duplicate {
            after: Duration::from_secs(20),
        },
        Action::Delay(Duration::from_millis(5)),
        Action::Delay(Duration::from_millis(400)),
        Action::Delay(Duration::from_secs(20)),
    ];
    for (at, _) in packets_of_a_handshake() {
        for action in actions {
            run_under(&[Fault { at, action }]);
        }
    }
}

#[test]
fn two_faults_of_different_kinds_change_nothing() {
    let actions = [
        Action::Drop,
        Action::Duplicate {
            after: Duration::from_millis(2),
        },
        Action::Delay(Duration::from_millis(300)),
        Action::Cut(Cut::RESET),
    ];
    let packets = packets_of_a_handshake();
    for (index, (first, _)) in packets.iter().enumerate() {
        for (second, _) in &packets[index + 1..] {
            for pair in actions.iter().flat_map(|a| actions.iter().map(move |b| [*a, *b])) {
                run_under(&[
                    Fault {
                        at: *first,
                        action: pair[0],
                    },
                    Fault {
                        at: *second,
                        action: pair[1],
                    },
                ]);
            }
        }
    }
}

#[test]
fn a_damaged_packet_counts_as_lost() {
    for (at, bytes) in packets_of_a_handshake() {
        for byte in (0..bytes).step_by(1 + bytes / 40).chain([bytes - 1]) {
            run_under(&[Fault {
                at,
                action: Action::Corrupt { byte, mask: 0x10 },
            }]);
        }
        for to_bytes in [0, 1, 8, 20, 22, 40, bytes - 1] {
            run_under(&[Fault {
                at,
                action: Action::Truncate { to_bytes },
            }]);
        }
    }
}

#[test]
fn a_cut_at_any_packet_changes_nothing() {
    for (at, _) in packets_of_a_handshake() {
        for tail in [
            Tail::Lost,
            Tail::Late(Duration::ZERO),
            Tail::Late(Duration::from_millis(700)),
        ] {
            for down_for in [Duration::ZERO, Duration::from_secs(2)] {
                run_under(&[Fault {
                    at,
                    action: Action::Cut(Cut {
                        down_for: Some(down_for),
                        tail,
                    }),
                }]);
            }
        }
    }
}

#[test]
fn the_client_sends_the_same_first_packet_again_ever_more_seldom() {
    let transport = Transport {
        capture: true,
        while_down: WhileDown::Lose,
        hints: false,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    world.cut(client, Cut::for_good());
    world.run_for(Duration::from_secs(60));
    assert_same_bytes_ever_more_seldom(&world, PacketKind::Initial);
}

#[test]
fn the_client_sends_the_same_finished_again_ever_more_seldom() {
    let transport = Transport {
        capture: true,
        ..Transport::default()
    };
    let mut world = World::new(Setup {
        transport,
        ..Setup::default()
    });
    let client = world.connect(&ClientSetup::default());
    world.run_for(Duration::from_millis(1));
    world.mute(client.up());
    // The server forgets an unfinished handshake after half a minute, and the client begins another then.
    world.run_for(Duration::from_secs(25));
    assert_same_bytes_ever_more_seldom(&world, PacketKind::Handshake);
}

/// Again after 250 ms, then ever later up to 5 s; jitter makes that a little longer or shorter.
fn assert_same_bytes_ever_more_seldom(world: &World, kind: PacketKind) {
    let of_kind = world.captured().iter().filter(|parcel| parcel.name.kind == kind);
    let packets: Vec<_> = of_kind
        .filter(|parcel| parcel.name.flow.direction == Direction::Up)
        .collect();
    assert!(packets.iter().all(|parcel| parcel.packet == packets[0].packet));
    let seconds = usize::try_from(world.elapsed().as_secs()).unwrap();
    assert!(
        (2 + seconds / 7..=6 + seconds / 4).contains(&packets.len()),
        "{} packets",
        packets.len()
    );
}

thread_local! {
    static SIGNATURES: Cell<usize> = const { Cell::new(0) };
}

/// Loads keys that count the signatures made with them in this thread.
#[derive(Debug)]
struct CountingKeys(&'static dyn KeyProvider);

impl KeyProvider for CountingKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Ok(Arc::new(CountingKey(self.0.load_private_key(key)?)))
    }
}

#[derive(Debug)]
struct CountingKey(Arc<dyn SigningKey>);

impl SigningKey for CountingKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(CountingSigner(self.0.choose_scheme(offered)?)))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[derive(Debug)]
struct CountingSigner(Box<dyn Signer>);

impl Signer for CountingSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        SIGNATURES.set(SIGNATURES.get() + 1);
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

/// A world in which only the server signs, and its signatures are counted.
fn counting_setup(transport: Transport) -> Setup {
    let plain = provider::deterministic();
    let key_provider = Box::leak(Box::new(CountingKeys(plain.key_provider)));
    let provider = Arc::new(CryptoProvider {
        key_provider,
        ..(*plain).clone()
    });
    let server = ServerSetup {
        trusts: None,
        ..ServerSetup::default()
    };
    Setup {
        provider,
        server,
        transport,
        ..Setup::default()
    }
}

#[test]
fn the_server_signs_once_for_a_packet_that_comes_many_times() {
    let mut world = World::new(counting_setup(Transport {
        capture: true,
        ..Transport::default()
    }));
    let client = world.connect(&ClientSetup::default());
    let first = world.captured()[0].packet.clone();
    let route = world.route(client);
    for _ in 0..100 {
        world.inject_to_server(route, first.clone());
    }
    world.run_until(|world| world.is_established(client));
    assert_eq!(SIGNATURES.get(), 1);
}

#[test]
fn a_revived_server_signs_once_for_a_queue_of_attempts() {
    let limits = Limits {
        retention: Duration::from_secs(7200),
        ..Limits::default()
    };
    let transport = Transport {
        while_down: WhileDown::Queue,
        hints: false,
        ..Transport::default()
    };
    let mut world = World::new(counting_setup(transport));
    let client = world.connect(&ClientSetup {
        limits,
        ..ClientSetup::default()
    });
    world.cut(client, Cut::for_good());
    world.run_for(Duration::from_secs(3600));
    assert!(world.packets(client.up(), PacketKind::Initial) > 500);
    world.reconnect(client);
    world.run_until_within(Duration::from_secs(10), |world| world.is_established(client));
    assert_eq!(SIGNATURES.get(), 1);
    assert_eq!(world.listener_stats().sessions, 1);
}

#[test]
fn the_server_opens_nothing_until_the_client_finished() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.plan(Fault {
        at: PacketName {
            flow: client.up(),
            kind: PacketKind::Handshake,
            nth: 1,
        },
        action: Action::Drop,
    });
    world.run_for(Duration::from_millis(100));
    assert!(world.session(client).is_none());
    assert_eq!(world.packets(client.down(), PacketKind::Data), 0);
    world.run_until(|world| world.is_established(client));
    world.expect_all_faults_applied();
}
