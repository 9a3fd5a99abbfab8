//! The vectors in the document: each block computed from what it states, and nothing else.

use crate::crypto::{Keys, Suite, hmac_sha256, sha256};
use crate::text::{Vectors, unhex};
use crate::wire::{Frame, Kind, Packet, State, prefixed, varint};

/// The destination of RFC 9001 appendix A, whose initial keys are published there.
const FIRST_DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const CLIENT: [u8; 8] = *b"client 1";
const SERVER: [u8; 8] = *b"server 1";
/// The secret of RFC 9001 appendix A.5.
const CHACHA_SECRET: &str = "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b";

/// All blocks, by their names.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![
        ("varints", varints()),
        ("initial", initial()),
        ("handshake", handshake()),
        ("data", data()),
        ("unsealed", unsealed()),
        ("cookie", cookie()),
        ("parameters", parameters()),
        ("frames", frames()),
        ("messages", messages()),
        ("exporters", exporters()),
    ]
}

fn counting<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|index| from + index as u8)
}

fn varints() -> String {
    let mut vectors = Vectors::default();
    for value in [
        0,
        37,
        63,
        64,
        15_293,
        494_878_333,
        151_288_809_941_952_652,
        (1 << 62) - 1,
    ] {
        vectors.add(value.to_string(), [varint(value)]);
    }
    vectors.0
}

fn add_keys(vectors: &mut Vectors, whose: &str, keys: &Keys) {
    for (what, bytes) in [("secret", &keys.secret), ("key", &keys.key), ("iv", &keys.iv)] {
        vectors.add(format!("{whose} {what}"), [bytes]);
    }
}

/// Header, plaintext and packet, all of one name.
fn add_sealed(vectors: &mut Vectors, name: &str, keys: &Keys, packet: &Packet, frame: &Frame) {
    let header = packet.header();
    let rest = keys.seal(packet.number, &header, &frame.encode());
    assert_eq!(keys.open(packet.number, &header, &rest), Some(frame.encode()));
    vectors.add(format!("{name}, plaintext"), frame.fields());
    let sealed = Packet { rest, ..packet.clone() };
    assert_eq!(Packet::read(&sealed.fields().concat()), sealed);
    vectors.add(name, sealed.fields());
}

fn crypto(bytes: &[u8]) -> Frame {
    Frame::Crypto {
        offset: 0,
        bytes: bytes.to_vec(),
    }
}

fn initial() -> String {
    let mut vectors = Vectors::default();
    let (secret, [client, server]) = Keys::initial(&FIRST_DESTINATION);
    vectors.say("The keys are those of RFC 9001 appendix A.1. The bytes of TLS are stand-ins.");
    vectors.add("first destination", [FIRST_DESTINATION]);
    vectors.add("initial secret", [&secret]);
    add_keys(&mut vectors, "client", &client);
    add_keys(&mut vectors, "server", &server);
    let from_client = |number, token: &[u8]| Packet {
        kind: Kind::Initial {
            source: CLIENT,
            token: token.to_vec(),
        },
        destination: FIRST_DESTINATION,
        epoch: 0,
        number,
        rest: Vec::new(),
    };
    let from_server = Packet {
        kind: Kind::Initial {
            source: SERVER,
            token: Vec::new(),
        },
        destination: CLIENT,
        ..from_client(0, b"")
    };
    let hello = crypto(b"ClientHello");
    add_sealed(&mut vectors, "from the client", &client, &from_client(0, b""), &hello);
    let with_token = from_client(1, b"cookie");
    add_sealed(&mut vectors, "with a token", &client, &with_token, &hello);
    let hello = crypto(b"ServerHello");
    add_sealed(&mut vectors, "from the server", &server, &from_server, &hello);
    vectors.0
}

fn handshake() -> String {
    let mut vectors = Vectors::default();
    vectors.say("TLS_AES_256_GCM_SHA384; the secret is client_handshake_traffic_secret.");
    let keys = Keys::new(Suite::Aes256GcmSha384, &counting::<48>(0));
    add_keys(&mut vectors, "client", &keys);
    let packet = Packet {
        kind: Kind::Handshake,
        destination: SERVER,
        epoch: 0,
        number: 2,
        rest: Vec::new(),
    };
    add_sealed(&mut vectors, "handshake", &keys, &packet, &crypto(b"Finished"));
    vectors.0
}

fn data() -> String {
    let mut vectors = Vectors::default();
    vectors.say("TLS_CHACHA20_POLY1305_SHA256; the secret of epoch 0 is that of RFC 9001 appendix A.5.");
    let keys = Keys::new(Suite::ChaCha20Poly1305Sha256, &unhex(CHACHA_SECRET));
    for (epoch, number) in [(0, 3), (1, 654_360_564)] {
        let keys = keys.of_epoch(epoch);
        add_keys(&mut vectors, &format!("epoch {epoch},"), &keys);
        let packet = Packet {
            kind: Kind::Data,
            destination: SERVER,
            epoch,
            number,
            rest: Vec::new(),
        };
        let frame = Frame::Stream {
            offset: 6,
            bytes: message(0, b"hello"),
        };
        add_sealed(&mut vectors, &format!("epoch {epoch}, packet"), &keys, &packet, &frame);
    }
    vectors.0
}

fn unsealed() -> String {
    let mut vectors = Vectors::default();
    let retry = Packet {
        kind: Kind::Retry {
            first_destination: FIRST_DESTINATION,
        },
        destination: CLIENT,
        epoch: 0,
        number: 0,
        rest: b"cookie".to_vec(),
    };
    vectors.add("retry", retry.fields());
    let unknown = Packet {
        kind: Kind::Unknown,
        destination: SERVER,
        epoch: 1,
        number: 654_360_564,
        rest: Vec::new(),
    };
    vectors.add("unknown", unknown.fields());
    vectors.0
}

fn cookie() -> String {
    let mut vectors = Vectors::default();
    vectors.say("Made 1,234 ms after the listener began.");
    let (key, date) = (counting::<32>(0), 1_234u64.to_be_bytes());
    let (hello, route) = (b"ClientHello", b"route");
    vectors.add("key", [key]);
    vectors.add("first destination", [FIRST_DESTINATION]);
    vectors.add("ClientHello", [hello]);
    vectors.add("route", [route]);
    let message = [&date[..], &FIRST_DESTINATION, &sha256(hello), route].concat();
    vectors.add("cookie", [date.to_vec(), hmac_sha256(&key, &message)]);
    vectors.0
}

fn parameters() -> String {
    let mut vectors = Vectors::default();
    let own = |source: [u8; 8]| (1, source.to_vec());
    let numbers = [(5, 64 << 20), (6, 1 << 20), (7, 256), (8, 600_000), (9, 15_000)];
    let numbers = numbers.map(|(id, number)| (id, varint(number)));
    let client = [own(CLIENT), (3, counting::<16>(0).to_vec()), (4, b"meter 7".to_vec())];
    let server = [
        own(SERVER),
        (2, FIRST_DESTINATION.to_vec()),
        (3, counting::<16>(0x10).to_vec()),
    ];
    for (name, head) in [("client", client), ("server", server)] {
        let all = head.iter().chain(&numbers);
        for (id, value) in all {
            let fields = [varint(*id)].into_iter().chain(prefixed(value));
            vectors.add(format!("{name}, parameter {id}"), fields);
        }
    }
    vectors.0
}

fn frames() -> String {
    let mut vectors = Vectors::default();
    let state = State {
        handed: 100,
        arrived: 20_000,
        credit: 1_048_676,
        packets: 256,
    };
    let ack = |ranges: &[(u64, u64)]| Frame::Ack {
        handed: 100,
        credit: 1_048_676,
        packets: 256,
        ranges: ranges.to_vec(),
    };
    let close = |code, reason: &str| Frame::Close {
        code,
        reason: reason.into(),
    };
    let all = [
        Frame::Ping,
        ack(&[(7, 9), (0, 4)]),
        ack(&[(5_000, 5_000), (4_900, 4_998), (70, 70), (3, 3)]),
        crypto(b"ClientHello"),
        Frame::Confirmed,
        Frame::Finish { end: 20_000 },
        close(0, ""),
        close(0x12e, "unknown issuer"),
        Frame::Stream {
            offset: 1_000_000,
            bytes: message(0, b"hello"),
        },
        Frame::Join {
            earlier: SERVER,
            proof: counting(0x20),
            state,
        },
        Frame::Joined(state),
        Frame::Fresh,
        Frame::Renew,
        Frame::Skippable {
            kind: 0x40,
            bytes: b"later".to_vec(),
        },
    ];
    for frame in &all {
        assert_eq!(Frame::read_all(&frame.encode()), std::slice::from_ref(frame));
        vectors.add(frame.to_string(), frame.fields());
    }
    vectors.0
}

/// A message with these flags.
fn message(flags: u64, body: &[u8]) -> Vec<u8> {
    [&varint((body.len() as u64) << 2 | flags), body].concat()
}

fn messages() -> String {
    let mut vectors = Vectors::default();
    let several = [&[2][..], b"ab", &[0, 1], b"c"].concat();
    vectors.add("\"hello\"", [message(0, b"hello")]);
    vectors.add("empty", [message(0, b"")]);
    vectors.add("sixteen bytes", [message(0, b"0123456789abcdef")]);
    vectors.add("\"ab\", \"\", \"c\"", [message(1, &several)]);
    vectors.add("\"hello\", possible duplicate", [message(2, b"hello")]);
    vectors.add("\"ab\", \"\", \"c\", possible duplicate", [message(3, &several)]);
    vectors.0
}

fn exporters() -> String {
    let mut vectors = Vectors::default();
    vectors.say("TLS_AES_128_GCM_SHA256 in both handshakes; the secrets are their exporter_master_secret.");
    let suite = Suite::Aes128GcmSha256;
    let (earlier, later) = (counting::<32>(0x40), counting::<32>(0x60));
    vectors.add("earlier secret", [earlier]);
    vectors.add(
        "earlier binding",
        [suite.export(&earlier, "EXPORTER-Channel-Binding", &[])],
    );
    let join_secret = suite.export(&earlier, "EXPORTER-steadfast-join-secret", &[]);
    vectors.add("earlier join secret", [&join_secret]);
    vectors.add("later secret", [later]);
    let proof = suite.export(&later, "EXPORTER-steadfast-join-proof", &join_secret);
    vectors.add("later join proof", [proof]);
    vectors.0
}
