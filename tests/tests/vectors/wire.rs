//! Packets and frames, from sections 4 and 7 of the document. What cannot be read is a failure of the test.

use std::fmt;

/// A variable-length integer in its shortest form (RFC 9000 §16).
pub(crate) fn varint(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

/// Bytes behind their length: two fields.
pub(crate) fn prefixed(bytes: &[u8]) -> [Vec<u8>; 2] {
    [varint(bytes.len() as u64), bytes.to_vec()]
}

/// What is left to read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    pub(crate) fn varint(&mut self) -> u64 {
        let length = 1 << (self.0[0] >> 6);
        let bytes = self.take(length);
        let value = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        value & (u64::MAX >> (64 - 8 * length + 2))
    }

    fn prefixed(&mut self) -> Vec<u8> {
        let length = self.varint();
        self.take(length as usize).to_vec()
    }
}

/// A packet: its header, and what stands behind that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: Kind,
    pub(crate) destination: [u8; 8],
    pub(crate) epoch: u32,
    pub(crate) number: u64,
    /// Of sealed kinds, what is sealed; of retry packets the cookie.
    pub(crate) rest: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Initial { source: [u8; 8], token: Vec<u8> },
    Handshake,
    Data,
    Retry { first_destination: [u8; 8] },
    Unknown,
}

impl Packet {
    pub(crate) fn read(packet: &[u8]) -> Self {
        let mut reader = Reader(packet);
        let [first] = reader.array();
        assert_eq!(first >> 4, 1, "the version");
        let destination = reader.array();
        let (epoch, number) = (u32::from_be_bytes(reader.array()), u64::from_be_bytes(reader.array()));
        let kind = match first & 0xf {
            0 => {
                let source = reader.array();
                let [length] = reader.array();
                Kind::Initial {
                    source,
                    token: reader.take(length.into()).to_vec(),
                }
            }
            1 => Kind::Handshake,
            2 => Kind::Data,
            3 => Kind::Retry {
                first_destination: reader.array(),
            },
            4 => Kind::Unknown,
            other => panic!("no kind of packet: {other}"),
        };
        Self {
            kind,
            destination,
            epoch,
            number,
            rest: reader.0.to_vec(),
        }
    }

    /// The fields of the header.
    pub(crate) fn header_fields(&self) -> Vec<Vec<u8>> {
        let first = match self.kind {
            Kind::Initial { .. } => 0x10,
            Kind::Handshake => 0x11,
            Kind::Data => 0x12,
            Kind::Retry { .. } => 0x13,
            Kind::Unknown => 0x14,
        };
        let mut fields = vec![
            vec![first],
            self.destination.to_vec(),
            self.epoch.to_be_bytes().to_vec(),
            self.number.to_be_bytes().to_vec(),
        ];
        match &self.kind {
            Kind::Initial { source, token } => {
                fields.extend([source.to_vec(), vec![token.len() as u8], token.clone()]);
            }
            Kind::Retry { first_destination } => fields.push(first_destination.to_vec()),
            Kind::Handshake | Kind::Data | Kind::Unknown => {}
        }
        fields
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        self.header_fields().concat()
    }

    pub(crate) fn fields(&self) -> Vec<Vec<u8>> {
        let mut fields = self.header_fields();
        fields.push(self.rest.clone());
        fields
    }
}

/// How far a side's receiving is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) handed: u64,
    pub(crate) arrived: u64,
    pub(crate) credit: u64,
    pub(crate) packets: u64,
}

impl State {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            handed: reader.varint(),
            arrived: reader.varint(),
            credit: reader.varint(),
            packets: reader.varint(),
        }
    }

    fn fields(self) -> [Vec<u8>; 4] {
        [self.handed, self.arrived, self.credit, self.packets].map(varint)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            handed,
            arrived,
            credit,
            packets,
        } = self;
        write!(
            f,
            "handed {handed}, arrived {arrived}, credit {credit}, packets {packets}"
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Ping,
    Ack {
        handed: u64,
        credit: u64,
        packets: u64,
        /// Largest first: smallest and largest number of each.
        ranges: Vec<(u64, u64)>,
    },
    Crypto {
        offset: u64,
        bytes: Vec<u8>,
    },
    Confirmed,
    Finish {
        end: u64,
    },
    Close {
        code: u64,
        reason: String,
    },
    Stream {
        offset: u64,
        bytes: Vec<u8>,
    },
    Join {
        earlier: [u8; 8],
        proof: [u8; 32],
        state: State,
    },
    Joined(State),
    Fresh,
    Renew,
    Skippable {
        kind: u8,
        bytes: Vec<u8>,
    },
}

impl Frame {
    /// The frames of a packet.
    pub(crate) fn read_all(plaintext: &[u8]) -> Vec<Self> {
        let mut reader = Reader(plaintext);
        let mut frames = Vec::new();
        while !reader.0.is_empty() {
            frames.push(Self::read(&mut reader));
        }
        frames
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let [kind] = reader.array();
        match kind {
            1 => Self::Ping,
            2 => Self::read_ack(reader),
            3 => Self::Crypto {
                offset: reader.varint(),
                bytes: reader.prefixed(),
            },
            4 => Self::Confirmed,
            5 => Self::Finish { end: reader.varint() },
            6 => Self::Close {
                code: reader.varint(),
                reason: String::from_utf8(reader.prefixed()).unwrap(),
            },
            7 => {
                let offset = reader.varint();
                let bytes = std::mem::take(&mut reader.0).to_vec();
                Self::Stream { offset, bytes }
            }
            8 => Self::Join {
                earlier: reader.array(),
                proof: reader.array(),
                state: State::read(reader),
            },
            9 => Self::Joined(State::read(reader)),
            10 => Self::Fresh,
            11 => Self::Renew,
            0x40.. => Self::Skippable {
                kind,
                bytes: reader.prefixed(),
            },
            other => panic!("no frame: {other}"),
        }
    }

    fn read_ack(reader: &mut Reader<'_>) -> Self {
        let (handed, credit, packets) = (reader.varint(), reader.varint(), reader.varint());
        let encoded = reader.prefixed();
        let mut encoded = Reader(&encoded);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        while !encoded.0.is_empty() {
            let step = encoded.varint();
            let last = ranges.last().map_or(step, |(first, _)| first - step - 2);
            ranges.push((last - encoded.varint(), last));
        }
        Self::Ack {
            handed,
            credit,
            packets,
            ranges,
        }
    }

    /// The fields of the frame, as they stand on the wire.
    pub(crate) fn fields(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Ping => vec![vec![1]],
            Self::Ack {
                handed,
                credit,
                packets,
                ranges,
            } => {
                let head = vec![vec![2], varint(*handed), varint(*credit), varint(*packets)];
                [head, prefixed(&encode_ranges(ranges)).into()].concat()
            }
            Self::Crypto { offset, bytes } => [vec![vec![3], varint(*offset)], prefixed(bytes).into()].concat(),
            Self::Confirmed => vec![vec![4]],
            Self::Finish { end } => vec![vec![5], varint(*end)],
            Self::Close { code, reason } => [vec![vec![6], varint(*code)], prefixed(reason.as_bytes()).into()].concat(),
            Self::Stream { offset, bytes } => vec![vec![7], varint(*offset), bytes.clone()],
            Self::Join { earlier, proof, state } => {
                let head = vec![vec![8], earlier.to_vec(), proof.to_vec()];
                head.into_iter().chain(state.fields()).collect()
            }
            Self::Joined(state) => [vec![9]].into_iter().chain(state.fields()).collect(),
            Self::Fresh => vec![vec![10]],
            Self::Renew => vec![vec![11]],
            Self::Skippable { kind, bytes } => [vec![vec![*kind]], prefixed(bytes).into()].concat(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.fields().concat()
    }
}

fn encode_ranges(ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut smallest = None;
    for &(first, last) in ranges {
        encoded.extend(varint(smallest.map_or(last, |smallest: u64| smallest - last - 2)));
        encoded.extend(varint(last - first));
        smallest = Some(first);
    }
    encoded
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("PING"),
            Self::Ack {
                handed,
                credit,
                packets,
                ranges,
            } => {
                write!(f, "ACK: handed {handed}, credit {credit}, packets {packets}, numbers")?;
                ranges
                    .iter()
                    .try_for_each(|(first, last)| write!(f, " {last}..{first}"))
            }
            Self::Crypto { offset, .. } => write!(f, "CRYPTO: offset {offset}"),
            Self::Confirmed => f.write_str("CONFIRMED"),
            Self::Finish { end } => write!(f, "FINISH: end {end}"),
            Self::Close { code, reason } => write!(f, "CLOSE: code {code:#x}, reason {reason:?}"),
            Self::Stream { offset, .. } => write!(f, "STREAM: offset {offset}"),
            Self::Join { state, .. } => write!(f, "JOIN: {state}"),
            Self::Joined(state) => write!(f, "JOINED: {state}"),
            Self::Fresh => f.write_str("FRESH"),
            Self::Renew => f.write_str("RENEW"),
            Self::Skippable { kind, .. } => write!(f, "skippable {kind:02x}"),
        }
    }
}
