//! Who the peer is, and what was agreed with it.

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, NamedGroup};

/// Who the peer proved to be, by the verifier that the configuration named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerIdentity {
    certificates: Vec<CertificateDer<'static>>,
    endpoint_name: Option<String>,
}

impl PeerIdentity {
    pub(crate) fn new(certificates: Vec<CertificateDer<'static>>, endpoint_name: Option<String>) -> Self {
        Self {
            certificates,
            endpoint_name,
        }
    }

    /// The verified certificate chain, the peer's own certificate first. Empty for a client without a certificate
    /// where the server did not ask for one.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The name the peer's configuration gives its endpoint, stable over its restarts.
    ///
    /// The peer chose it; only together with the certificates does it mean anything.
    pub fn endpoint_name(&self) -> Option<&str> {
        self.endpoint_name.as_deref()
    }
}

/// What the handshake settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The cipher suite that protects packets.
    pub cipher_suite: CipherSuite,
    /// The group of the key exchange.
    pub key_exchange: NamedGroup,
}
