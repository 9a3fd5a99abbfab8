//! Keys that are spent soon. The limits of real ones lie at 2^23 packets sealed and 2^52 forged (RFC 9001 §6.6), out of
//! reach of any test; what happens near them must be seen all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{AeadKey, Iv};
use rustls::quic::{Algorithm, HeaderProtectionKey, PacketKey, Tag};
use rustls::{Error, SupportedCipherSuite, Tls13CipherSuite};

use super::deterministic;

/// The provider of simulated nodes, whose packet keys say that they may seal `confidentiality` packets and fail to open
/// `integrity`. They compute as ever, and panic when they are used beyond.
///
/// rustls takes cipher suites for `'static`: those made here are never freed. That is a few hundred bytes for each call,
/// in a process that ends with its tests.
pub fn with_key_limits(confidentiality: u64, integrity: u64) -> Arc<CryptoProvider> {
    let limits = Limits {
        confidentiality,
        integrity,
    };
    let provider = CryptoProvider::clone(&deterministic());
    let limited = provider.cipher_suites.iter().map(|suite| limits.suite(*suite));
    Arc::new(CryptoProvider {
        cipher_suites: limited.collect(),
        ..provider
    })
}

#[derive(Clone, Copy)]
struct Limits {
    confidentiality: u64,
    integrity: u64,
}

impl Limits {
    fn suite(self, suite: SupportedCipherSuite) -> SupportedCipherSuite {
        let Some((suite, inner)) = suite.tls13().and_then(|tls13| Some((tls13, tls13.quic?))) else {
            return suite;
        };
        let quic: &'static LimitedAlgorithm = Box::leak(Box::new(LimitedAlgorithm { inner, limits: self }));
        SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
            common: rustls::crypto::CipherSuiteCommon { ..suite.common },
            hkdf_provider: suite.hkdf_provider,
            aead_alg: suite.aead_alg,
            quic: Some(quic),
        })))
    }
}

struct LimitedAlgorithm {
    inner: &'static dyn Algorithm,
    limits: Limits,
}

impl Algorithm for LimitedAlgorithm {
    fn packet_key(&self, key: AeadKey, iv: Iv) -> Box<dyn PacketKey> {
        Box::new(LimitedKey {
            inner: self.inner.packet_key(key, iv),
            limits: self.limits,
            sealed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    fn header_protection_key(&self, key: AeadKey) -> Box<dyn HeaderProtectionKey> {
        self.inner.header_protection_key(key)
    }

    fn aead_key_len(&self) -> usize {
        self.inner.aead_key_len()
    }
}

struct LimitedKey {
    inner: Box<dyn PacketKey>,
    limits: Limits,
    sealed: AtomicU64,
    failed: AtomicU64,
}

impl PacketKey for LimitedKey {
    fn encrypt_in_place(&self, packet_number: u64, header: &[u8], payload: &mut [u8]) -> Result<Tag, Error> {
        let before = self.sealed.fetch_add(1, Ordering::Relaxed);
        assert!(before < self.limits.confidentiality, "a key seals more than it may");
        self.inner.encrypt_in_place(packet_number, header, payload)
    }

    fn decrypt_in_place<'a>(
        &self,
        packet_number: u64,
        header: &[u8],
        payload: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        let failed = self.failed.load(Ordering::Relaxed);
        assert!(failed < self.limits.integrity, "a key is tried more often than it may");
        let opened = self.inner.decrypt_in_place(packet_number, header, payload);
        self.failed.fetch_add(u64::from(opened.is_err()), Ordering::Relaxed);
        opened
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.limits.confidentiality
    }

    fn integrity_limit(&self) -> u64 {
        self.limits.integrity
    }
}

#[cfg(test)]
mod tests {
    use rustls::Side;
    use rustls::quic::{Keys, Version};

    use super::*;

    fn keys(provider: &CryptoProvider, side: Side) -> Keys {
        let quic = provider
            .cipher_suites
            .iter()
            .find_map(|suite| suite.tls13()?.quic_suite());
        quic.expect("a suite for QUIC").keys(b"first id", side, Version::V1)
    }

    #[test]
    fn every_suite_says_so() {
        let provider = with_key_limits(7, 9);
        for suite in provider
            .cipher_suites
            .iter()
            .filter_map(|suite| suite.tls13()?.quic_suite())
        {
            let packet = suite.keys(b"first id", Side::Client, Version::V1).local.packet;
            assert_eq!((packet.confidentiality_limit(), packet.integrity_limit()), (7, 9));
        }
    }

    #[test]
    fn packets_are_those_of_unlimited_keys() {
        let sealer = keys(&with_key_limits(7, 9), Side::Client).local.packet;
        let opener = keys(&deterministic(), Side::Server).remote.packet;
        let mut packet = *b"payload";
        let tag = sealer
            .encrypt_in_place(3, b"header", &mut packet)
            .expect("short enough");
        let mut sealed = [&packet[..], tag.as_ref()].concat();
        let opened = opener.decrypt_in_place(3, b"header", &mut sealed).expect("genuine");
        assert_eq!(opened, b"payload");
    }
}
