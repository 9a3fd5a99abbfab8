//! What travels: packets, the frames inside of them, and the transport parameters inside of the TLS handshake.
//!
//! Everything here is pure encoding. What an encoder writes its decoder reads back, and no input makes a decoder panic.

pub(crate) mod close;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod parameters;
pub(crate) mod reader;
pub(crate) mod varint;
#[cfg(test)]
mod vectors;

/// Bytes that do not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;
