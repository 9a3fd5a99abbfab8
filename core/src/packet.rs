//! The buffer a packet arrives in.

use std::fmt;

use bytes::Bytes;

/// One received packet, in a buffer that the core may open in place and that delivered messages then share.
///
/// A `Vec<u8>` converts directly. A transport with buffers of its own hands them over without a copy through
/// [`Packet::from_owner`].
pub struct Packet(Buffer);

enum Buffer {
    Vec(Vec<u8>),
    Owner(Box<dyn Owner>),
}

/// A transport's own buffer.
trait Owner: Send {
    fn bytes_mut(&mut self) -> &mut [u8];
    fn freeze(self: Box<Self>) -> Bytes;
}

impl<T: AsRef<[u8]> + AsMut<[u8]> + Send + 'static> Owner for T {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut()
    }

    fn freeze(self: Box<Self>) -> Bytes {
        Bytes::from_owner(*self)
    }
}

impl Packet {
    /// Wraps a transport's own buffer. The bytes must be this owner's alone: they are decrypted in place.
    pub fn from_owner<T: AsRef<[u8]> + AsMut<[u8]> + Send + 'static>(owner: T) -> Self {
        Self(Buffer::Owner(Box::new(owner)))
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Buffer::Vec(bytes) => bytes,
            Buffer::Owner(owner) => owner.bytes_mut(),
        }
    }

    pub(crate) fn freeze(self) -> Bytes {
        match self.0 {
            Buffer::Vec(bytes) => bytes.into(),
            Buffer::Owner(owner) => owner.freeze(),
        }
    }
}

impl From<Vec<u8>> for Packet {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Buffer::Vec(bytes))
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packet")
    }
}
