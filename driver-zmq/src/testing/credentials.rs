//! Credentials made up on the spot.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use steadfast::{ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder};

use crate::default_provider;
use crate::pem::Identity;

/// A certificate authority that exists in this process only, and whose key nobody protects.
///
/// What it signs proves nothing to anybody: for tests and examples.
pub struct InsecureTestCredentials {
    authority: CertifiedIssuer<'static, KeyPair>,
    server: (String, String),
}

/// Credentials for a server that clients call by this DNS name or IP address.
///
/// # Panics
/// If the name is neither.
pub fn insecure_test_credentials(server_name: &str) -> InsecureTestCredentials {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "insecure test authority");
    let authority = CertifiedIssuer::self_signed(authority, new_key()).expect("the parameters are complete");
    let server = sign(&authority, server_name);
    InsecureTestCredentials { authority, server }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

fn sign(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (String, String) {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a DNS name or an IP address");
    params.distinguished_name.push(DnType::CommonName, name);
    let key = new_key();
    let certificate = params.signed_by(&key, authority).expect("the parameters are complete");
    (certificate.pem(), key.serialize_pem())
}

impl InsecureTestCredentials {
    /// A client that accepts this server.
    pub fn client(&self) -> ClientConfigBuilder {
        ClientConfig::builder(default_provider(), self.server_verifier())
    }

    /// The server.
    pub fn server(&self) -> ServerConfigBuilder {
        let (chain, key) = parse(&self.server);
        ServerConfig::builder(default_provider(), chain, key)
    }

    /// Certificate and key of a client or another server, signed by the same authority.
    pub fn issue(&self, name: &str) -> Identity {
        parse(&self.issue_pem(name))
    }

    /// The same as PEM.
    pub fn issue_pem(&self, name: &str) -> (String, String) {
        sign(&self.authority, name)
    }

    /// Certificate and key of the server, as PEM.
    pub fn server_pem(&self) -> (&str, &str) {
        (&self.server.0, &self.server.1)
    }

    /// The authority's certificate, as PEM.
    pub fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// Accepts servers that this authority vouches for.
    pub fn server_verifier(&self) -> Arc<dyn ServerCertVerifier> {
        WebPkiServerVerifier::builder_with_provider(self.roots(), default_provider())
            .build()
            .expect("there is a root")
    }

    /// Accepts clients that this authority vouches for.
    pub fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        WebPkiClientVerifier::builder_with_provider(self.roots(), default_provider())
            .build()
            .expect("there is a root")
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.authority.der().clone())
            .expect("a certificate of our own");
        Arc::new(roots)
    }
}

fn parse((certificate, key): &(String, String)) -> Identity {
    let certificate = PemObject::from_pem_slice(certificate.as_bytes()).expect("PEM of our own");
    (
        vec![certificate],
        PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM of our own"),
    )
}

impl std::fmt::Debug for InsecureTestCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InsecureTestCredentials").finish_non_exhaustive()
    }
}
