//! A short session with all that can happen in one, as it travels.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use rustls::KeyLog;
use steadfast::{Delivery, Limits};
use steadfast_sim::{ClientId, ClientSetup, Cut, Direction, PacketKind, ServerSetup, Setup, Transport, World};

use crate::observer::Observer;
use crate::text::{self, Vectors, unhex};
use crate::wire::{Kind, Packet};

/// A secret of one handshake, as rustls logs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) label: String,
    pub(crate) random: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

/// What travelled, and the secrets to read it by.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    secrets: Vec<Secret>,
    /// Whether the client sent it, and its bytes.
    packets: Vec<(bool, Vec<u8>)>,
    /// What the applications were told.
    pub(crate) bindings: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Log(Mutex<Vec<Secret>>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let secret = Secret {
            label: label.into(),
            random: client_random.into(),
            secret: secret.into(),
        };
        let mut secrets = self.0.lock().unwrap();
        // Both sides log in here.
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
}

impl Recording {
    /// Runs the shipped core. The random bytes of all nodes follow from the seed, so that the bytes are the same each time.
    pub(crate) fn run() -> Self {
        let log = Arc::new(Log::default());
        let mut world = world(Arc::clone(&log));
        let client = act(&mut world);
        let packets = world.captured().iter().map(|parcel| {
            let from_client = parcel.name.flow.direction == Direction::Up;
            (from_client, parcel.packet.clone())
        });
        let told = |flow| {
            world
                .bindings(flow)
                .iter()
                .map(|binding| binding.as_ref().to_vec())
                .collect()
        };
        let bindings: Vec<_> = told(client.up());
        assert_eq!(bindings, told(client.down()));
        Self {
            secrets: log.0.lock().unwrap().clone(),
            packets: packets.collect(),
            bindings,
        }
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut recording = Self::default();
        for (name, bytes) in text::read(text) {
            let mut words = name.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("secret"), Some(random), Some(label)) => recording.secrets.push(Secret {
                    label: label.into(),
                    random: unhex(random),
                    secret: bytes,
                }),
                (Some("packet"), Some(_), Some(sender)) => recording.packets.push((sender == "client", bytes)),
                (Some("binding"), ..) => recording.bindings.push(bytes),
                _ => {}
            }
        }
        recording
    }

    /// Everything, read with the document alone.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from(HEAD);
        let mut packets = Vectors::default();
        let mut observer = Observer::new(&self.secrets);
        let mut sent = Vec::new();
        for (index, (from_client, bytes)) in self.packets.iter().enumerate() {
            let packet = Packet::read(bytes);
            assert_eq!(&packet.fields().concat(), bytes);
            let observed = observer.read(*from_client, &packet);
            packets.gap();
            let mut name = format!(
                "packet {} {}",
                index + 1,
                if *from_client { "client" } else { "server" }
            );
            write!(name, " {}", PacketKind::of(bytes)).unwrap();
            if let Some(handshake) = observed.handshake {
                write!(name, " of handshake {handshake}").unwrap();
            } else {
                assert!(answers_one_of(&packet, &sent), "{name} answers nothing");
            }
            packets.add(name, packet.fields());
            for frame in &observed.frames {
                packets.add(format!("- {frame}"), frame.fields());
            }
            sent.push(packet);
        }
        text.push_str(&self.secrets_as_text().0);
        let mut bindings = Vectors::default();
        for (handshake, binding) in observer.bindings() {
            bindings.add(format!("binding of handshake {handshake}"), [binding]);
        }
        text + &bindings.0 + &packets.0
    }

    fn secrets_as_text(&self) -> Vectors {
        let mut vectors = Vectors::default();
        for Secret { label, random, secret } in &self.secrets {
            let random: String = random
                .iter()
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            vectors.add(format!("secret {random} {label}"), [secret]);
        }
        vectors
    }
}

const HEAD: &str = "\
# One session, packet by packet: see PROTOCOL.md, section 21. Written and checked by tests/tests/vectors.
#
# Lines are `name = bytes`, spaced by field; what is indented goes on with the line before. A secret is named by the random
# of its ClientHello and its label in a key log. Behind each sealed packet stand its frames, each with what it says.

";

/// Whether this is what a server answers to one of these, holding nothing.
fn answers_one_of(answer: &Packet, sent: &[Packet]) -> bool {
    sent.iter().any(|packet| match (&answer.kind, &packet.kind) {
        (Kind::Retry { first_destination }, Kind::Initial { source, .. }) => {
            (packet.destination, *source, packet.number) == (*first_destination, answer.destination, answer.number)
        }
        (Kind::Unknown, Kind::Handshake | Kind::Data) => {
            let unknown = Packet {
                kind: Kind::Unknown,
                rest: Vec::new(),
                ..packet.clone()
            };
            *answer == unknown
        }
        _ => false,
    })
}

/// A server that asks everybody for a cookie, over a network that keeps what travels.
fn world(key_log: Arc<Log>) -> World {
    World::new(Setup {
        key_log,
        transport: Transport {
            capture: true,
            ..Transport::default()
        },
        server: ServerSetup {
            retry_above: 0,
            ..ServerSetup::default()
        },
        ..Setup::seeded(1)
    })
}

fn act(world: &mut World) -> ClientId {
    let client = world.connect(&ClientSetup {
        // So few that an update comes soon.
        limits: Limits {
            packets_per_key: 3,
            ..Limits::default()
        },
        delivery: Delivery {
            redeliver: true,
            ..Delivery::default()
        },
        ..ClientSetup::default()
    });
    world.send(client.up(), "a question").unwrap();
    world.run_until_settled();
    let answer = ["an answer", "", "in three parts"].map(|part| bytes::Bytes::from_static(part.as_bytes()));
    world.send_parts(client.down(), &answer).unwrap();
    world.send(client.up(), "").unwrap();
    world.run_until_settled();
    // The session goes on under the keys of another handshake, as the server asks.
    let session = world.session(client).unwrap();
    world.with_server(|listener, now| listener.renew(session, now));
    world.run_until(|world| world.client_stats(client).joins == 1);
    world.send(client.up(), "after the join").unwrap();
    world.run_until_settled();
    world.send(client.down(), "as before").unwrap();
    world.run_until_settled();
    assert!(world.client_stats(client).key_updates > 0);
    // The server restarts, and knows nothing; what it may have had is sent again.
    world.send(client.up(), "in doubt").unwrap();
    world.restart_server(Cut::RESET);
    world.run_until_settled();
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    client
}
