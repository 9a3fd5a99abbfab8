//! TLS 1.3 by rustls: the only module that knows rustls's interface for QUIC (RFC 9001), which its next release rewrites.

mod config;
mod handshake;
mod keys;
mod suite;
#[cfg(test)]
mod tests;

pub(crate) use config::{Credentials, client_config, server_config};
pub(crate) use handshake::{Handshake, JoinSecret, Level, NewKeys};
pub(crate) use keys::{EpochKeys, KeyPair};
pub(crate) use suite::{InitialSuite, MacKey};

/// Both sides require it; later versions of the protocol negotiate by it (RFC 7301).
pub(crate) const ALPN: &[u8] = b"steadfast/1";

/// Labels, header protection and salts are those of QUIC version 1 (RFC 9001 §5).
const QUIC_VERSION: rustls::quic::Version = rustls::quic::Version::V1;
