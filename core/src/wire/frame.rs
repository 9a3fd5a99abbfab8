//! Frames: what a sealed packet carries.
//!
//! A frame begins with one byte of type. Types from 0x40 up are followed by a length, so that a release that does not
//! know them skips them; an unknown type below 0x40 must be understood, and breaks the protocol.

use std::ops::RangeInclusive;

use super::header::ConnectionId;
use super::reader::Reader;
use super::{Malformed, varint};

const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const CRYPTO: u8 = 0x03;
const CONFIRMED: u8 = 0x04;
const FINISH: u8 = 0x05;
const CLOSE: u8 = 0x06;
const STREAM: u8 = 0x07;
const JOIN: u8 = 0x08;
const JOINED: u8 = 0x09;
const FRESH: u8 = 0x0a;
const RENEW: u8 = 0x0b;
const SKIPPABLE: u8 = 0x40;

/// How many ranges of packet numbers one acknowledgement holds at most.
pub(crate) const MAX_ACK_RANGES: usize = 64;
/// The longest reason that a close carries, in bytes.
const MAX_REASON_BYTES: usize = 256;

/// What a sealed packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Asks for an acknowledgement at once.
    Ping,
    Ack(Ack<'a>),
    /// Bytes of the TLS handshake at their offset within their level (RFC 9001 §4).
    Crypto {
        offset: u64,
        data: &'a [u8],
    },
    /// The server has verified the client's Finished.
    Confirmed,
    /// The sender's stream of messages ends here.
    Finish {
        end: u64,
    },
    /// The sender's last word.
    Close {
        code: u64,
        reason: &'a str,
    },
    /// Bytes of the stream of messages, up to the end of the packet.
    Stream {
        offset: u64,
        data: &'a [u8],
    },
    /// A client asks, in a handshake that it made beside its session, to go on with that session.
    Join(Join),
    /// The server goes on with the session.
    Joined(ReceiveState),
    /// The server does not know the session, or does not believe that it is this client's: both streams begin anew.
    Fresh,
    /// The server asks its client to handshake anew beside the session.
    Renew,
    /// A frame of a later release that may be ignored.
    Skipped,
}

/// What a client asks for in a *join*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    /// By which id it called the server in the session so far.
    pub(crate) earlier: ConnectionId,
    /// What only the two ends of the session so far can know, tied to this handshake.
    pub(crate) proof: [u8; 32],
    pub(crate) state: ReceiveState,
}

/// How far one side's receiving is, when the session goes on under new keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveState {
    /// As in an acknowledgement.
    pub(crate) handed: u64,
    /// The stream offset up to which everything has arrived.
    pub(crate) arrived: u64,
    /// As in an acknowledgement.
    pub(crate) credit: u64,
    /// As in an acknowledgement.
    pub(crate) packets: u64,
}

/// The three parts of an acknowledgement, complete and idempotent each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ack<'a> {
    /// The stream offset behind the last message that the application took.
    pub(crate) handed: u64,
    /// The stream offset up to which the peer may send.
    pub(crate) credit: u64,
    /// How many packets the peer may have unacknowledged.
    pub(crate) packets: u64,
    /// The packet numbers received.
    pub(crate) ranges: AckRanges<'a>,
}

/// The packet numbers received, encoded: the largest first, then lengths and gaps downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckRanges<'a>(&'a [u8]);

/// Why the frames of an opened packet cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFrame {
    Malformed,
    Unknown,
}

impl From<Malformed> for BadFrame {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The frames of one packet, in order.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a>(Reader<'a>);

impl<'a> Frames<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self(Reader::new(payload))
    }

    fn frame(&mut self) -> Result<Frame<'a>, BadFrame> {
        let reader = &mut self.0;
        Ok(match reader.u8()? {
            PING => Frame::Ping,
            ACK => Frame::Ack(Ack::decode(reader)?),
            CRYPTO => Frame::Crypto {
                offset: reader.varint()?,
                data: reader.prefixed()?,
            },
            CONFIRMED => Frame::Confirmed,
            FINISH => Frame::Finish { end: reader.varint()? },
            CLOSE => Frame::Close {
                code: reader.varint()?,
                reason: text(reader.prefixed()?)?,
            },
            STREAM => Frame::Stream {
                offset: reader.varint()?,
                data: reader.rest(),
            },
            JOIN => Frame::Join(Join {
                earlier: ConnectionId(reader.array()?),
                proof: reader.array()?,
                state: ReceiveState::decode(reader)?,
            }),
            JOINED => Frame::Joined(ReceiveState::decode(reader)?),
            FRESH => Frame::Fresh,
            RENEW => Frame::Renew,
            kind if kind >= SKIPPABLE => {
                reader.prefixed()?;
                Frame::Skipped
            }
            _ => return Err(BadFrame::Unknown),
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, BadFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let frame = self.frame();
        if frame.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(frame)
    }
}

impl Frame<'_> {
    /// Whether the frame asks for an acknowledgement.
    pub(crate) fn elicits_ack(&self) -> bool {
        matches!(
            self,
            Self::Ping
                | Self::Confirmed
                | Self::Finish { .. }
                | Self::Stream { .. }
                | Self::Join(_)
                | Self::Joined(_)
                | Self::Fresh
                | Self::Renew
        )
    }
}

impl ReceiveState {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            handed: reader.varint()?,
            arrived: reader.varint()?,
            credit: reader.varint()?,
            packets: reader.varint()?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for value in [self.handed, self.arrived, self.credit, self.packets] {
            varint::encode(value, out);
        }
    }
}

impl<'a> Ack<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (handed, credit, packets) = (reader.varint()?, reader.varint()?, reader.varint()?);
        let ranges = AckRanges(reader.prefixed()?);
        ranges.validate()?;
        Ok(Self {
            handed,
            credit,
            packets,
            ranges,
        })
    }
}

impl<'a> AckRanges<'a> {
    /// The ranges, largest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = RangeInclusive<u64>> + use<'a> {
        let mut reader = Reader::new(self.0);
        let mut smallest = None;
        std::iter::from_fn(move || Self::range(&mut reader, &mut smallest).ok())
    }

    /// The largest number received.
    pub(crate) fn largest(self) -> Option<u64> {
        self.iter().next().map(|range| *range.end())
    }

    /// Reads the next range; `smallest` is the smallest number of the range before it.
    fn range(reader: &mut Reader<'_>, smallest: &mut Option<u64>) -> Result<RangeInclusive<u64>, Malformed> {
        let step = reader.varint()?;
        // Two ranges are at least one missing number apart (RFC 9000 §19.3.1).
        let last = match *smallest {
            None => step,
            Some(above) => above
                .checked_sub(2)
                .and_then(|below| below.checked_sub(step))
                .ok_or(Malformed)?,
        };
        let first = last.checked_sub(reader.varint()?).ok_or(Malformed)?;
        *smallest = Some(first);
        Ok(first..=last)
    }

    fn validate(self) -> Result<(), Malformed> {
        let mut reader = Reader::new(self.0);
        let mut smallest = None;
        for _ in 0..MAX_ACK_RANGES {
            if reader.is_empty() {
                return Ok(());
            }
            Self::range(&mut reader, &mut smallest)?;
        }
        if reader.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > MAX_REASON_BYTES {
        return Err(Malformed);
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

pub(crate) fn encode_ping(out: &mut Vec<u8>) {
    out.push(PING);
}

pub(crate) fn encode_confirmed(out: &mut Vec<u8>) {
    out.push(CONFIRMED);
}

pub(crate) fn encode_finish(end: u64, out: &mut Vec<u8>) {
    out.push(FINISH);
    varint::encode(end, out);
}

pub(crate) fn encode_join(join: &Join, out: &mut Vec<u8>) {
    out.push(JOIN);
    out.extend_from_slice(&join.earlier.0);
    out.extend_from_slice(&join.proof);
    join.state.encode(out);
}

pub(crate) fn encode_joined(state: &ReceiveState, out: &mut Vec<u8>) {
    out.push(JOINED);
    state.encode(out);
}

pub(crate) fn encode_fresh(out: &mut Vec<u8>) {
    out.push(FRESH);
}

pub(crate) fn encode_renew(out: &mut Vec<u8>) {
    out.push(RENEW);
}

pub(crate) fn encode_crypto(offset: u64, data: &[u8], out: &mut Vec<u8>) {
    out.push(CRYPTO);
    varint::encode(offset, out);
    varint::encode(data.len() as u64, out);
    out.extend_from_slice(data);
}

pub(crate) fn encode_close(code: u64, reason: &str, out: &mut Vec<u8>) {
    let mut length = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    out.push(CLOSE);
    varint::encode(code, out);
    varint::encode(length as u64, out);
    out.extend_from_slice(&reason.as_bytes()[..length]);
}

/// The head of a stream frame; the stream's bytes follow it up to the end of the packet.
pub(crate) fn encode_stream_head(offset: u64, out: &mut Vec<u8>) {
    out.push(STREAM);
    varint::encode(offset, out);
}

/// How many bytes the head of a stream frame takes.
pub(crate) const fn stream_head_bytes(offset: u64) -> usize {
    1 + varint::encoded_bytes(offset)
}

/// Writes an acknowledgement; `ranges` come largest first.
pub(crate) fn encode_ack(
    (handed, credit, packets): (u64, u64, u64),
    ranges: impl Iterator<Item = RangeInclusive<u64>> + Clone,
    out: &mut Vec<u8>,
) {
    out.push(ACK);
    for value in [handed, credit, packets, ranges_bytes(ranges.clone()) as u64] {
        varint::encode(value, out);
    }
    for_each_step(ranges, |value| varint::encode(value, out));
}

fn ranges_bytes(ranges: impl Iterator<Item = RangeInclusive<u64>>) -> usize {
    let mut bytes = 0;
    for_each_step(ranges, |value| bytes += varint::encoded_bytes(value));
    bytes
}

fn for_each_step(ranges: impl Iterator<Item = RangeInclusive<u64>>, mut step: impl FnMut(u64)) {
    let mut smallest = None;
    for range in ranges.take(MAX_ACK_RANGES) {
        let (first, last) = range.into_inner();
        step(smallest.map_or(last, |above: u64| above - 2 - last));
        step(last - first);
        smallest = Some(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ranges as a receiver would state them: descending, at least one missing number between two.
    fn any_ranges() -> impl Strategy<Value = Vec<RangeInclusive<u64>>> {
        proptest::collection::vec((0u64..1000, 0u64..1000), 1..MAX_ACK_RANGES).prop_map(|steps| {
            let mut next = 1 << 40;
            let mut ranges = Vec::new();
            for (gap, length) in steps {
                let last = next - gap;
                ranges.push(last - length..=last);
                next = last - length - 2;
            }
            ranges
        })
    }

    fn decode(bytes: &[u8]) -> Frame<'_> {
        let mut frames = Frames::new(bytes);
        let frame = frames.next().expect("one frame").expect("a good frame");
        assert!(frames.next().is_none());
        frame
    }

    #[test]
    fn an_unknown_frame_is_an_error_below_0x40_and_skipped_above() {
        assert_eq!(Frames::new(&[0x3f]).next(), Some(Err(BadFrame::Unknown)));
        let mut frames = Frames::new(&[0x40, 2, 9, 9, PING]);
        assert_eq!(frames.next(), Some(Ok(Frame::Skipped)));
        assert_eq!(frames.next(), Some(Ok(Frame::Ping)));
    }

    #[test]
    fn an_acknowledgement_of_more_ranges_than_allowed_is_malformed() {
        let ranges = [0u8; 2 * (MAX_ACK_RANGES + 1)];
        assert_eq!(AckRanges(&ranges).validate(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn an_acknowledgement_decodes_to_what_was_encoded(
            state in (0u64..1 << 40, 0u64..1 << 40, 0u64..5000),
            ranges in any_ranges(),
        ) {
            let mut bytes = Vec::new();
            encode_ack(state, ranges.iter().cloned(), &mut bytes);
            let Frame::Ack(ack) = decode(&bytes) else { panic!("not an acknowledgement") };
            prop_assert_eq!((ack.handed, ack.credit, ack.packets), state);
            prop_assert_eq!(ack.ranges.iter().collect::<Vec<_>>(), ranges);
        }

        #[test]
        fn every_other_frame_decodes_to_what_was_encoded(
            number in 0u64..1 << 60,
            data in proptest::collection::vec(any::<u8>(), 0..100),
            reason in "\\PC{0,40}",
        ) {
            let mut bytes = Vec::new();
            encode_crypto(number, &data, &mut bytes);
            prop_assert_eq!(decode(&bytes), Frame::Crypto { offset: number, data: &data });
            bytes.clear();
            encode_finish(number, &mut bytes);
            prop_assert_eq!(decode(&bytes), Frame::Finish { end: number });
            bytes.clear();
            encode_close(number, &reason, &mut bytes);
            prop_assert_eq!(decode(&bytes), Frame::Close { code: number, reason: &reason });
            bytes.clear();
            let state = ReceiveState { handed: number / 2, arrived: number, credit: number + 1, packets: 256 };
            let join = Join { earlier: ConnectionId([7; 8]), proof: [9; 32], state };
            encode_join(&join, &mut bytes);
            prop_assert_eq!(decode(&bytes), Frame::Join(join));
            bytes.clear();
            encode_joined(&state, &mut bytes);
            prop_assert_eq!(decode(&bytes), Frame::Joined(state));
            bytes.clear();
            encode_stream_head(number, &mut bytes);
            prop_assert_eq!(bytes.len(), stream_head_bytes(number));
            bytes.extend_from_slice(&data);
            prop_assert_eq!(decode(&bytes), Frame::Stream { offset: number, data: &data });
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for frame in Frames::new(&bytes).flatten() {
                if let Frame::Ack(ack) = frame {
                    prop_assert!(ack.ranges.iter().count() <= MAX_ACK_RANGES);
                }
            }
        }
    }
}
