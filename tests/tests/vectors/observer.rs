//! Who was given the secrets of all handshakes, and reads what travels: with the document alone.

use crate::crypto::{Keys, Suite};
use crate::recording::Secret;
use crate::wire::{Frame, Kind, Packet};

/// What is known of one handshake.
#[derive(Clone, Debug)]
struct Handshake {
    first_destination: [u8; 8],
    client: [u8; 8],
    server: Option<[u8; 8]>,
    random: Vec<u8>,
    suite: Option<Suite>,
    joined: bool,
}

/// Reads packets in the order in which they were sent.
pub(crate) struct Observer<'a> {
    secrets: &'a [Secret],
    handshakes: Vec<Handshake>,
}

/// Where a packet belongs: the number of its handshake, and its frames if it is sealed.
pub(crate) struct Observed {
    pub(crate) handshake: Option<usize>,
    pub(crate) frames: Vec<Frame>,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(secrets: &'a [Secret]) -> Self {
        Self {
            secrets,
            handshakes: Vec::new(),
        }
    }

    pub(crate) fn read(&mut self, from_client: bool, packet: &Packet) -> Observed {
        let index = match &packet.kind {
            Kind::Retry { .. } | Kind::Unknown => {
                return Observed {
                    handshake: None,
                    frames: Vec::new(),
                };
            }
            Kind::Initial { source, .. } if from_client => self.attempt(packet.destination, *source),
            _ => self.addressed(from_client, packet.destination),
        };
        let keys = self.keys(index, from_client, packet);
        let plaintext = keys.open(packet.number, &packet.header(), &packet.rest);
        let plaintext = plaintext.expect("the keys of the document open the packet");
        let frames = Frame::read_all(&plaintext);
        let again: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        assert_eq!(again, plaintext, "frames stand in their shortest form");
        frames
            .iter()
            .for_each(|frame| self.learn(index, from_client, &packet.kind, frame));
        Observed {
            handshake: Some(index + 1),
            frames,
        }
    }

    fn attempt(&mut self, first_destination: [u8; 8], client: [u8; 8]) -> usize {
        let known = self.handshakes.iter().position(|known| known.client == client);
        known.unwrap_or_else(|| {
            self.handshakes.push(Handshake {
                first_destination,
                client,
                server: None,
                random: Vec::new(),
                suite: None,
                joined: false,
            });
            self.handshakes.len() - 1
        })
    }

    fn addressed(&self, from_client: bool, destination: [u8; 8]) -> usize {
        let is_it = |known: &Handshake| match from_client {
            true => known.server == Some(destination),
            false => known.client == destination,
        };
        self.handshakes.iter().position(is_it).expect("a known handshake")
    }

    fn keys(&self, index: usize, from_client: bool, packet: &Packet) -> Keys {
        let handshake = &self.handshakes[index];
        let side = if from_client { "CLIENT" } else { "SERVER" };
        let of_secret = |what: &str| {
            let secret = self.secret(index, &format!("{side}_{what}"));
            Keys::new(handshake.suite.expect("a ServerHello came before"), secret)
        };
        match packet.kind {
            Kind::Initial { .. } => {
                let (_, [client, server]) = Keys::initial(&handshake.first_destination);
                if from_client { client } else { server }
            }
            Kind::Handshake => of_secret("HANDSHAKE_TRAFFIC_SECRET"),
            _ => of_secret("TRAFFIC_SECRET_0").of_epoch(packet.epoch),
        }
    }

    fn secret(&self, index: usize, label: &str) -> &[u8] {
        let random = &self.handshakes[index].random;
        let secret = self
            .secrets
            .iter()
            .find(|secret| secret.label == label && &secret.random == random);
        &secret.unwrap_or_else(|| panic!("no {label}")).secret
    }

    /// What later packets are read by.
    fn learn(&mut self, index: usize, from_client: bool, kind: &Kind, frame: &Frame) {
        let handshake = &mut self.handshakes[index];
        match (kind, frame) {
            // Type and length (4), version (2), random (32): RFC 8446 §4.1.2.
            (Kind::Initial { .. }, Frame::Crypto { bytes, .. }) if from_client => {
                handshake.random = bytes[6..38].to_vec();
            }
            // The same, an empty session id (1), the suite (2): RFC 8446 §4.1.3.
            (Kind::Initial { source, .. }, Frame::Crypto { bytes, .. }) => {
                handshake.server = Some(*source);
                handshake.suite = Some(Suite::from_wire([bytes[39], bytes[40]]));
            }
            (_, Frame::Join { earlier, proof, .. }) => {
                handshake.joined = true;
                assert_eq!(self.proof(index, *earlier), proof, "the proof of the join");
            }
            _ => {}
        }
    }

    /// What proves in one handshake that its client is that of an earlier one.
    fn proof(&self, index: usize, earlier: [u8; 8]) -> Vec<u8> {
        let join_secret = self.export(self.addressed(true, earlier), "EXPORTER-steadfast-join-secret", &[]);
        self.export(index, "EXPORTER-steadfast-join-proof", &join_secret)
    }

    fn export(&self, index: usize, label: &str, context: &[u8]) -> Vec<u8> {
        let suite = self.handshakes[index].suite.expect("a ServerHello came before");
        suite.export(self.secret(index, "EXPORTER_SECRET"), label, context)
    }

    /// The bindings of the handshakes that began a session's streams, by their numbers.
    pub(crate) fn bindings(&self) -> Vec<(usize, Vec<u8>)> {
        let began = (0..self.handshakes.len()).filter(|&index| !self.handshakes[index].joined);
        began
            .map(|index| (index + 1, self.export(index, "EXPORTER-Channel-Binding", &[])))
            .collect()
    }
}
