//! What stands on the wire is what the document says.

use std::time::Duration;

use super::frame::{self, Frame, Frames, Join, ReceiveState};
use super::header::{ConnectionId, Header, Kind};
use super::parameters::Parameters;
use super::varint;
use crate::vectors::{array, block, vector};

const CLIENT: ConnectionId = ConnectionId(*b"client 1");
const SERVER: ConnectionId = ConnectionId(*b"server 1");

#[test]
fn integers_are_those_of_the_document() {
    for (value, bytes) in block("varints") {
        let value = value.parse().expect("a number");
        let mut encoded = Vec::new();
        varint::encode(value, &mut encoded);
        assert_eq!(encoded, bytes);
        assert_eq!(varint::decode(&bytes), Some((value, bytes.len())));
    }
}

#[test]
fn headers_are_those_of_the_document() {
    let first_destination = ConnectionId(array("initial", "first destination"));
    let header = |kind, destination, epoch, number| Header {
        kind,
        destination,
        epoch,
        number,
    };
    let initial = |source, token_bytes| Kind::Initial { source, token_bytes };
    let retry = Kind::Retry { first_destination };
    let expected = [
        (
            "initial",
            "from the client",
            header(initial(CLIENT, 0), first_destination, 0, 0),
        ),
        (
            "initial",
            "with a token",
            header(initial(CLIENT, 6), first_destination, 0, 1),
        ),
        ("initial", "from the server", header(initial(SERVER, 0), CLIENT, 0, 0)),
        ("handshake", "handshake", header(Kind::Handshake, SERVER, 0, 2)),
        ("data", "epoch 0, packet", header(Kind::Data, SERVER, 0, 3)),
        ("data", "epoch 1, packet", header(Kind::Data, SERVER, 1, 654_360_564)),
        ("unsealed", "retry", header(retry, CLIENT, 0, 0)),
        ("unsealed", "unknown", header(Kind::Unknown, SERVER, 1, 654_360_564)),
    ];
    for (block_name, name, header) in expected {
        let packet = vector(block_name, name);
        let (decoded, header_bytes) = Header::decode(&packet).expect("a packet");
        assert_eq!(decoded, header, "{name}");
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        if let Kind::Initial { token_bytes: 6, .. } = header.kind {
            encoded.extend_from_slice(b"cookie");
        }
        assert_eq!(encoded, packet[..header_bytes], "{name}");
    }
}

#[test]
fn an_unknown_id_is_answered_as_in_the_document() {
    let packet = vector("data", "epoch 1, packet");
    let (header, _) = Header::decode(&packet).expect("a packet");
    assert_eq!(header.unknown(), vector("unsealed", "unknown"));
}

/// What a frame of the document says, and its bytes as this crate writes them.
type Expected = (Frame<'static>, Vec<u8>);

fn written(frame: Frame<'static>, write: impl FnOnce(&mut Vec<u8>)) -> Expected {
    let mut out = Vec::new();
    write(&mut out);
    (frame, out)
}

fn simple_frames() -> [Expected; 10] {
    let close = |code, reason| {
        written(Frame::Close { code, reason }, |out| {
            frame::encode_close(code, reason, out);
        })
    };
    let data = b"ClientHello";
    [
        written(Frame::Ping, frame::encode_ping),
        written(Frame::Crypto { offset: 0, data }, |out| {
            frame::encode_crypto(0, data, out);
        }),
        written(Frame::Confirmed, frame::encode_confirmed),
        written(Frame::Finish { end: 20_000 }, |out| frame::encode_finish(20_000, out)),
        close(0, ""),
        close(0x12e, "unknown issuer"),
        stream_frame(),
        written(Frame::Fresh, frame::encode_fresh),
        written(Frame::Renew, frame::encode_renew),
        (Frame::Skipped, b"\x40\x05later".to_vec()),
    ]
}

fn stream_frame() -> Expected {
    let (offset, data) = (1_000_000, b"\x14hello");
    written(Frame::Stream { offset, data }, |out| {
        frame::encode_stream_head(offset, out);
        out.extend_from_slice(data);
    })
}

fn joining_frames() -> [Expected; 2] {
    let state = ReceiveState {
        handed: 100,
        arrived: 20_000,
        credit: 1_048_676,
        packets: 256,
    };
    let join = Join {
        earlier: SERVER,
        proof: std::array::from_fn(|index| 0x20 + index as u8),
        state,
    };
    [
        written(Frame::Join(join), |out| frame::encode_join(&join, out)),
        written(Frame::Joined(state), |out| frame::encode_joined(&state, out)),
    ]
}

#[test]
fn frames_are_those_of_the_document() {
    let mut expected: Vec<_> = simple_frames().into_iter().chain(joining_frames()).collect();
    for (name, bytes) in block("frames").iter().filter(|(name, _)| !name.starts_with("ACK")) {
        let decoded: Vec<_> = Frames::new(bytes).collect();
        let index = expected.iter().position(|(_, written)| written == bytes);
        let (frame, _) = expected.remove(index.unwrap_or_else(|| panic!("this crate does not write {name}")));
        assert_eq!(decoded, [Ok(frame)], "{name}");
    }
    assert_eq!(expected, [], "not in the document");
}

#[test]
fn acknowledgements_are_those_of_the_document() {
    let expected = [vec![7..=9, 0..=4], vec![5_000..=5_000, 4_900..=4_998, 70..=70, 3..=3]];
    let blocks = block("frames");
    let acknowledgements: Vec<_> = blocks.iter().filter(|(name, _)| name.starts_with("ACK")).collect();
    assert_eq!(acknowledgements.len(), expected.len());
    for ((name, bytes), ranges) in acknowledgements.iter().zip(expected) {
        let mut encoded = Vec::new();
        frame::encode_ack((100, 1_048_676, 256), ranges.iter().cloned(), &mut encoded);
        assert_eq!(&encoded, bytes, "{name}");
        let Some(Ok(Frame::Ack(ack))) = Frames::new(bytes).next() else {
            panic!("not an acknowledgement: {name}")
        };
        assert_eq!((ack.handed, ack.credit, ack.packets), (100, 1_048_676, 256), "{name}");
        assert_eq!(ack.ranges.iter().collect::<Vec<_>>(), ranges, "{name}");
    }
}

#[test]
fn transport_parameters_are_those_of_the_document() {
    let client = Parameters {
        source: CLIENT,
        original_destination: None,
        incarnation: std::array::from_fn(|index| index as u8),
        endpoint_name: Some("meter 7".into()),
        max_message_bytes: 64 << 20,
        window_bytes: 1 << 20,
        packets: 256,
        retention: Duration::from_secs(600),
        ping_interval: Duration::from_secs(15),
    };
    let server = Parameters {
        source: SERVER,
        original_destination: Some(ConnectionId(array("initial", "first destination"))),
        incarnation: std::array::from_fn(|index| 0x10 + index as u8),
        endpoint_name: None,
        ..client.clone()
    };
    for (side, parameters) in [("client", client), ("server", server)] {
        let lines = block("parameters")
            .into_iter()
            .filter(|(name, _)| name.starts_with(side));
        let bytes = lines.map(|(_, bytes)| bytes).collect::<Vec<_>>().concat();
        assert_eq!(parameters.encode(), bytes, "{side}");
        assert_eq!(Parameters::decode(&bytes), Ok(parameters), "{side}");
    }
}
