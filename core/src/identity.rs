//! Who the peer is, and what was agreed with it.

use std::fmt;

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

/// A value that both ends of a session know and nobody else (RFC 9266, `tls-exporter`): for an application that ties
/// something of its own to this very session.
///
/// It is that of the handshake which began the session; later handshakes of the same session do not change it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelBinding(pub(crate) [u8; 32]);

impl AsRef<[u8]> for ChannelBinding {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelBinding")
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
