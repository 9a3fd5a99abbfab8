//! Certificates with Ed25519 keys drawn from names: the same in every run, valid or wrong in every way that matters.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

/// The name that the simulated server's certificate is issued for.
pub const SERVER_NAME: &str = "server.test";

/// An Ed25519 private key in PKCS #8 is this and the 32 bytes of its seed (RFC 8410 §7).
const ED25519_PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A certificate chain and its key.
#[derive(Debug)]
pub struct Identity {
    /// The chain, own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

/// When a certificate is valid, relative to any clock between 2025 and 2039, simulated or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// 2020 to 2040.
    Current,
    /// Until 2020.
    Expired,
    /// From 2040.
    NotYet,
}

impl Validity {
    fn years(self) -> (i32, i32) {
        match self {
            Self::Current => (2020, 2040),
            Self::Expired => (2010, 2020),
            Self::NotYet => (2040, 2050),
        }
    }
}

/// A certificate authority. Equal names make equal authorities.
#[derive(Clone)]
pub struct Authority {
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// A self-signed authority; its key follows from its name.
    pub fn new(name: &str) -> Self {
        let mut params = params(name, Validity::Current);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key(name)).expect("a valid authority");
        Self {
            issuer: Arc::new(issuer),
        }
    }

    /// The authority that simulated nodes trust unless told otherwise.
    pub fn trusted() -> Self {
        Self::new("Steadfast test authority")
    }

    /// An authority that nobody trusts.
    pub fn stranger() -> Self {
        Self::new("Authority of nobody")
    }

    /// A server's identity for a DNS name.
    pub fn server(&self, name: &str, validity: Validity) -> Identity {
        self.issue(name, ExtendedKeyUsagePurpose::ServerAuth, validity)
    }

    /// A client's identity.
    pub fn client(&self, name: &str, validity: Validity) -> Identity {
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    /// The identity of the same client after a renewal: the same names, another key.
    pub fn renewed_client(&self, name: &str, validity: Validity) -> Identity {
        let key_of = format!("{name}, renewed");
        self.issue_with_key_of(&key_of, name, ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    /// Accepts servers whose certificate this authority issued.
    pub fn server_verifier(&self, provider: &Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
        WebPkiServerVerifier::builder_with_provider(self.roots(), provider.clone())
            .build()
            .expect("a root is present")
    }

    /// Accepts clients whose certificate this authority issued, and no others.
    pub fn client_verifier(&self, provider: &Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier> {
        WebPkiClientVerifier::builder_with_provider(self.roots(), provider.clone())
            .build()
            .expect("a root is present")
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a valid authority");
        Arc::new(roots)
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose, validity: Validity) -> Identity {
        self.issue_with_key_of(name, name, usage, validity)
    }

    fn issue_with_key_of(
        &self,
        key_of: &str,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Identity {
        let mut params = params(name, validity);
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&key(key_of), &*self.issuer)
            .expect("a valid certificate");
        Identity {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(pkcs8(key_of)).into(),
        }
    }
}

fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.replace(' ', "-")]).expect("a DNS name");
    let (from, until) = validity.years();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn key(name: &str) -> KeyPair {
    let pkcs8 = PrivatePkcs8KeyDer::from(pkcs8(name));
    KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ED25519).expect("a valid key")
}

fn pkcs8(name: &str) -> Vec<u8> {
    let seed = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    [&ED25519_PKCS8_PREFIX[..], seed.as_ref()].concat()
}
