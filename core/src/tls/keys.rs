//! Packet keys, and their generations.

use std::time::Instant;

use rustls::quic::{PacketKey, PacketKeySet, Secrets};

use crate::wire::header::{ConnectionId, HEADER_BYTES, Header, Kind, TAG_BYTES};

/// A packet could not be opened: forged, damaged, or under other keys. It changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOpened;

/// The keys of one level, both directions.
pub(crate) struct KeyPair {
    local: Box<dyn PacketKey>,
    remote: Box<dyn PacketKey>,
}

impl KeyPair {
    pub(crate) fn new(local: Box<dyn PacketKey>, remote: Box<dyn PacketKey>) -> Self {
        Self { local, remote }
    }

    /// Seals what stands behind the header and appends the tag. The caller uses each packet number once.
    pub(crate) fn seal(&self, number: u64, header_bytes: usize, packet: &mut Vec<u8>) {
        let (header, payload) = packet.split_at_mut(header_bytes);
        let tag = self
            .local
            .encrypt_in_place(number, header, payload)
            .expect("packets are far shorter than any AEAD allows");
        packet.extend_from_slice(tag.as_ref());
    }

    /// Opens what stands behind the header in place, and returns the length of the payload.
    pub(crate) fn open(&self, number: u64, header_bytes: usize, packet: &mut [u8]) -> Result<usize, NotOpened> {
        let (header, sealed) = packet.split_at_mut(header_bytes);
        self.remote
            .decrypt_in_place(number, header, sealed)
            .map(<[u8]>::len)
            .map_err(|_| NotOpened)
    }

    /// Builds a packet of one of the kinds that hold handshake bytes.
    pub(crate) fn packet(&self, kind: Kind, destination: ConnectionId, number: u64, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER_BYTES + 9 + payload.len() + TAG_BYTES);
        Header {
            kind,
            destination,
            epoch: 0,
            number,
        }
        .encode(&mut packet);
        let header_bytes = packet.len();
        packet.extend_from_slice(payload);
        self.seal(number, header_bytes, &mut packet);
        packet.shrink_to_fit();
        packet
    }
}

impl From<PacketKeySet> for KeyPair {
    fn from(keys: PacketKeySet) -> Self {
        Self::new(keys.local, keys.remote)
    }
}

/// The keys of data packets: one generation to seal with, and its neighbours to open with.
///
/// The epoch is explicit in the header. Keys of both directions roll together, as rustls derives them, and these rules
/// make updates begun by both sides at once converge: whoever opens a packet of the next epoch seals in it from then on; nobody
/// begins another update before a packet of this epoch was acknowledged in it; only one epoch is derived ahead.
pub(crate) struct EpochKeys {
    epoch: u32,
    current: KeyPair,
    previous: Option<Previous>,
    next: Option<KeyPair>,
    secrets: Secrets,
    /// Packets sealed under the present key.
    sealed: u64,
    /// Packets that did not open, under any of these keys (RFC 9001 §6.6).
    failed: u64,
    /// Whether the peer acknowledged something in this epoch.
    confirmed: bool,
}

/// The generation before the current one opens what is late, for a while. That while begins when the peer is known to be in the
/// current one (RFC 9001 §6.5): until then it may say anything under the old keys, and nothing under others.
struct Previous {
    keys: KeyPair,
    until: Option<Instant>,
    /// The smallest number that opened in the epoch behind it: from here up, the older epoch is wrong.
    below: u64,
}

impl EpochKeys {
    pub(super) fn new(keys: KeyPair, secrets: Secrets) -> Self {
        Self {
            epoch: 0,
            current: keys,
            previous: None,
            next: None,
            secrets,
            sealed: 0,
            failed: 0,
            confirmed: true,
        }
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Seals a data packet. The caller has seen that the key is not [`exhausted`](Self::exhausted), which updates keep far away.
    pub(crate) fn seal(&mut self, number: u64, packet: &mut Vec<u8>) {
        self.sealed += 1;
        self.current.seal(number, HEADER_BYTES, packet);
    }

    /// Whether so much was sealed under this key that it is time for the next: what is configured, and never more than an
    /// eighth of what RFC 9001 §6.6 allows.
    pub(crate) fn wants_update(&self, packets_per_key: u64) -> bool {
        self.confirmed && self.sealed >= packets_per_key.min(self.current.local.confidentiality_limit() / 8)
    }

    /// Whether no packet may be sealed any more.
    pub(crate) fn exhausted(&self) -> bool {
        self.sealed >= self.current.local.confidentiality_limit()
    }

    /// Whether so many packets failed to open that it is time for keys of another handshake: half of what RFC 9001 §6.6 allows.
    pub(crate) fn wants_renewal(&self) -> bool {
        self.failed >= self.current.remote.integrity_limit() / 2
    }

    /// Whether so many packets failed to open that the key no longer proves anything (RFC 9001 §6.6).
    pub(crate) fn integrity_spent(&self) -> bool {
        self.failed >= self.current.remote.integrity_limit()
    }

    /// The peer acknowledged a packet, in a packet of the current epoch.
    pub(crate) fn acknowledged_in(&mut self, epoch: u32) {
        self.confirmed |= epoch == self.epoch;
    }

    /// Opens a data packet in place, and returns the length of its payload. If it is the first of its epoch, the one before opens
    /// late packets until `old_until`.
    pub(crate) fn open(&mut self, header: &Header, packet: &mut [u8], old_until: Instant) -> Result<usize, NotOpened> {
        if self.integrity_spent() {
            return Err(NotOpened);
        }
        let opened = match header.epoch.wrapping_sub(self.epoch) {
            0 => self.current.open(header.number, HEADER_BYTES, packet),
            1 => self.open_next(header, packet),
            u32::MAX => self.open_previous(header, packet),
            _ => return Err(NotOpened),
        };
        self.failed += u64::from(opened.is_err());
        if let (Ok(_), Some(previous)) = (&opened, &mut self.previous)
            && header.epoch == self.epoch
        {
            previous.below = previous.below.min(header.number);
            previous.until.get_or_insert(old_until);
        }
        opened
    }

    fn open_previous(&self, header: &Header, packet: &mut [u8]) -> Result<usize, NotOpened> {
        match &self.previous {
            Some(previous) if header.number < previous.below => previous.keys.open(header.number, HEADER_BYTES, packet),
            _ => Err(NotOpened),
        }
    }

    fn open_next(&mut self, header: &Header, packet: &mut [u8]) -> Result<usize, NotOpened> {
        let length = self.next_keys().open(header.number, HEADER_BYTES, packet)?;
        self.update();
        // The peer is in this epoch: that is as good as an acknowledgement of ours.
        self.confirmed = true;
        Ok(length)
    }

    fn next_keys(&mut self) -> &mut KeyPair {
        self.next.get_or_insert_with(|| self.secrets.next_packet_keys().into())
    }

    /// Goes on to the next epoch; the present one opens late packets.
    pub(crate) fn update(&mut self) {
        self.next_keys();
        let next = self.next.take().expect("derived just above");
        let keys = std::mem::replace(&mut self.current, next);
        self.previous = Some(Previous {
            keys,
            until: None,
            below: u64::MAX,
        });
        // A peer may go on to the next with every packet: 2^32 of them are no end.
        self.epoch = self.epoch.wrapping_add(1);
        (self.sealed, self.confirmed) = (0, false);
    }

    /// As if so many packets had been sealed under the present key.
    #[cfg(test)]
    pub(super) fn pretend_sealed(&mut self, packets: u64) {
        self.sealed = packets;
    }

    /// Forgets the previous epoch when its time is over.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        self.previous
            .take_if(|previous| previous.until.is_some_and(|until| until <= now));
    }

    /// When the previous epoch may be forgotten, if that is known.
    pub(crate) fn old_until(&self) -> Option<Instant> {
        self.previous.as_ref()?.until
    }
}

impl std::fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EpochKeys")
            .field("epoch", &self.epoch)
            .field("sealed", &self.sealed)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair")
    }
}
