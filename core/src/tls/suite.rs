//! The suite of initial packets, which both sides know before anything is negotiated.

use rustls::crypto::CryptoProvider;
use rustls::crypto::tls13::OkmBlock;
use rustls::quic::{Keys, Suite};
use rustls::{CipherSuite, Side};

use super::{KeyPair, QUIC_VERSION};
use crate::ConfigError;
use crate::wire::header::ConnectionId;

/// `TLS13_AES_128_GCM_SHA256`, whose keys protect initial packets (RFC 9001 §5.2).
///
/// Anybody can derive these keys from the header: they protect against accidents, and no rule may lean on them.
#[derive(Clone, Copy)]
pub(crate) struct InitialSuite(Suite);

impl InitialSuite {
    pub(crate) fn of(provider: &CryptoProvider) -> Result<Self, ConfigError> {
        provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256)
            .find_map(|suite| suite.tls13()?.quic_suite())
            .map(Self)
            .ok_or(ConfigError::NoInitialSuite)
    }

    /// The keys that belong to the id to which the client addressed its first packet.
    pub(crate) fn keys(&self, first_destination: &ConnectionId, side: Side) -> KeyPair {
        let Keys { local, remote } = self.0.keys(&first_destination.0, side, QUIC_VERSION);
        KeyPair::new(local.packet, remote.packet)
    }

    /// The first half of the SHA-256 of `bytes`: tells two first packets apart.
    pub(crate) fn fingerprint(&self, bytes: &[u8]) -> [u8; 16] {
        *self.digest(bytes).first_chunk().expect("SHA-256 has 32 bytes")
    }

    /// The SHA-256 of `bytes`.
    pub(crate) fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let hash = self.0.suite.common.hash_provider.hash(bytes);
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// The HMAC-SHA-256 of `bytes` (RFC 2104).
    pub(crate) fn authenticate(&self, key: &MacKey, bytes: &[u8]) -> [u8; 32] {
        let tag = self.0.suite.hkdf_provider.hmac_sign(&key.0, bytes);
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

/// A key for [`InitialSuite::authenticate`].
pub(crate) struct MacKey(OkmBlock);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(OkmBlock::new(key))
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

impl std::fmt::Debug for InitialSuite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InitialSuite")
    }
}
