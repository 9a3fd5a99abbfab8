//! Transport parameters: each side's limits and names, carried in the TLS handshake and so authenticated by it.
//!
//! A list of (id, length, value). Unknown ids are ignored; a known one that comes twice, or does not parse, fails the handshake.

use std::time::Duration;

use super::header::ConnectionId;
use super::reader::Reader;
use super::{Malformed, varint};

const SOURCE: u64 = 1;
const ORIGINAL_DESTINATION: u64 = 2;
const INCARNATION: u64 = 3;
const ENDPOINT_NAME: u64 = 4;
const MAX_MESSAGE: u64 = 5;
const WINDOW: u64 = 6;
const PACKETS: u64 = 7;
const RETENTION: u64 = 8;
const PING_INTERVAL: u64 = 9;

/// The longest endpoint name, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// What one side tells the other about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The connection id in the sender's initial packets, authenticated by its repetition here (RFC 9000 §7.3).
    pub(crate) source: ConnectionId,
    /// From a server: the id that the client's first packet was addressed to.
    pub(crate) original_destination: Option<ConnectionId>,
    /// The life of the sender's endpoint in its process.
    pub(crate) incarnation: [u8; 16],
    pub(crate) endpoint_name: Option<String>,
    pub(crate) max_message_bytes: u64,
    pub(crate) window_bytes: u64,
    pub(crate) packets: u64,
    pub(crate) retention: Duration,
    pub(crate) ping_interval: Duration,
}

impl Parameters {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        put(SOURCE, &self.source.0, &mut out);
        if let Some(id) = &self.original_destination {
            put(ORIGINAL_DESTINATION, &id.0, &mut out);
        }
        put(INCARNATION, &self.incarnation, &mut out);
        if let Some(name) = &self.endpoint_name {
            put(ENDPOINT_NAME, name.as_bytes(), &mut out);
        }
        put_number(MAX_MESSAGE, self.max_message_bytes, &mut out);
        put_number(WINDOW, self.window_bytes, &mut out);
        put_number(PACKETS, self.packets, &mut out);
        put_number(RETENTION, milliseconds(self.retention), &mut out);
        put_number(PING_INTERVAL, milliseconds(self.ping_interval), &mut out);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut values = [None; PING_INTERVAL as usize + 1];
        while !reader.is_empty() {
            let (id, value) = (reader.varint()?, reader.prefixed()?);
            let known = usize::try_from(id).ok().and_then(|id| values.get_mut(id));
            if known.is_some_and(|slot| slot.replace(value).is_some()) {
                return Err(Malformed);
            }
        }
        let value = |id: u64| values[id as usize];
        let parameters = Self {
            source: ConnectionId(fixed(value(SOURCE))?),
            original_destination: value(ORIGINAL_DESTINATION)
                .map(|id| fixed(Some(id)).map(ConnectionId))
                .transpose()?,
            incarnation: fixed(value(INCARNATION))?,
            endpoint_name: value(ENDPOINT_NAME).map(name).transpose()?,
            max_message_bytes: number(value(MAX_MESSAGE))?,
            window_bytes: number(value(WINDOW))?,
            packets: number(value(PACKETS))?,
            retention: Duration::from_millis(number(value(RETENTION))?),
            ping_interval: Duration::from_millis(number(value(PING_INTERVAL))?),
        };
        // A peer that grants nothing, or wants to hear something all the time, cannot be worked with.
        let workable = parameters.window_bytes > 0 && parameters.packets > 0 && !parameters.ping_interval.is_zero();
        if workable { Ok(parameters) } else { Err(Malformed) }
    }
}

fn put(id: u64, value: &[u8], out: &mut Vec<u8>) {
    varint::encode(id, out);
    varint::encode(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn put_number(id: u64, value: u64, out: &mut Vec<u8>) {
    varint::encode(id, out);
    varint::encode(varint::encoded_bytes(value) as u64, out);
    varint::encode(value, out);
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(varint::MAX)
        .min(varint::MAX)
}

fn fixed<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N], Malformed> {
    value.and_then(|value| value.try_into().ok()).ok_or(Malformed)
}

fn number(value: Option<&[u8]>) -> Result<u64, Malformed> {
    match value.and_then(|value| Some((varint::decode(value)?, value.len()))) {
        Some(((number, used), length)) if used == length => Ok(number),
        _ => Err(Malformed),
    }
}

fn name(value: &[u8]) -> Result<String, Malformed> {
    if value.is_empty() || value.len() > MAX_NAME_BYTES {
        return Err(Malformed);
    }
    String::from_utf8(value.to_vec()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_parameters() -> impl Strategy<Value = Parameters> {
        let ids = (
            any::<[u8; 8]>(),
            any::<Option<[u8; 8]>>(),
            any::<[u8; 16]>(),
            any::<Option<String>>(),
        );
        let numbers = (
            0..=varint::MAX,
            1..=varint::MAX,
            1..=varint::MAX,
            0u64..1 << 40,
            1u64..1 << 40,
        );
        (ids, numbers).prop_map(|((source, original, incarnation, name), numbers)| Parameters {
            source: ConnectionId(source),
            original_destination: original.map(ConnectionId),
            incarnation,
            endpoint_name: name.filter(|name| (1..=MAX_NAME_BYTES).contains(&name.len())),
            max_message_bytes: numbers.0,
            window_bytes: numbers.1,
            packets: numbers.2,
            retention: Duration::from_millis(numbers.3),
            ping_interval: Duration::from_millis(numbers.4),
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(parameters in any_parameters()) {
            prop_assert_eq!(Parameters::decode(&parameters.encode()), Ok(parameters));
        }

        #[test]
        fn an_unknown_parameter_is_ignored_and_a_repeated_one_refused(parameters in any_parameters()) {
            let mut bytes = parameters.encode();
            put(0x1234, b"from a later release", &mut bytes);
            prop_assert_eq!(Parameters::decode(&bytes), Ok(parameters));
            put_number(WINDOW, 1, &mut bytes);
            prop_assert_eq!(Parameters::decode(&bytes), Err(Malformed));
        }

        #[test]
        fn an_empty_name_is_no_name(parameters in any_parameters()) {
            let mut bytes = Parameters { endpoint_name: None, ..parameters }.encode();
            put(ENDPOINT_NAME, b"", &mut bytes);
            prop_assert_eq!(Parameters::decode(&bytes), Err(Malformed));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Parameters::decode(&bytes);
        }
    }
}
