//! One authority, one server and one client, and what each side is configured with.

use std::env;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use steadfast::{ClientConfig, ServerConfig};

/// Certificate chain and key of one side, by ECDSA over P-256.
struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Whether clients show a certificate too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    Server,
    Mutual,
}

pub struct Identities {
    pub provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    server: Credentials,
    client: Credentials,
    authentication: Authentication,
}

impl Identities {
    pub fn new(authentication: Authentication) -> Self {
        let key = KeyPair::generate().expect("a key pair");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&key).expect("a root certificate");
        let issuer = Issuer::new(parameters, key);
        let mut roots = RootCertStore::empty();
        roots.add(authority.into()).expect("a usable root certificate");
        Self {
            provider: provider(),
            roots: roots.into(),
            server: issue("server", &issuer),
            client: issue("client", &issuer),
            authentication,
        }
    }

    fn client_verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        (self.authentication == Authentication::Mutual).then(|| {
            let builder = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), self.provider.clone());
            builder.build().expect("a verifier with one root")
        })
    }

    fn server_verifier(&self) -> Arc<WebPkiServerVerifier> {
        let builder = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone());
        builder.build().expect("a verifier with one root")
    }

    pub fn server_config(&self, max_sessions: usize) -> ServerConfig {
        let builder = ServerConfig::builder(
            self.provider.clone(),
            self.server.chain.clone(),
            self.server.key.clone_key(),
        );
        let builder = builder.max_sessions(max_sessions);
        match self.client_verifier() {
            Some(verifier) => builder.client_verifier(verifier),
            None => builder,
        }
        .build()
        .expect("a valid configuration")
    }

    pub fn client_config(&self) -> ClientConfig {
        let builder = ClientConfig::builder(self.provider.clone(), self.server_verifier());
        match self.authentication {
            Authentication::Server => builder,
            Authentication::Mutual => builder.identity(self.client.chain.clone(), self.client.key.clone_key()),
        }
        .build()
        .expect("a valid configuration")
    }

    /// The same as [`server_config`](Self::server_config), for rustls alone.
    pub fn bare_server_config(&self) -> Arc<rustls::ServerConfig> {
        let builder = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("a provider with TLS 1.3");
        let builder = match self.client_verifier() {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(self.server.chain.clone(), self.server.key.clone_key())
            .expect("a usable key");
        config.alpn_protocols = vec![b"steadfast/1".to_vec()];
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.into()
    }

    /// The same as [`client_config`](Self::client_config), for rustls alone.
    pub fn bare_client_config(&self) -> Arc<rustls::ClientConfig> {
        let builder = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("a provider with TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(self.server_verifier());
        let mut config = match self.authentication {
            Authentication::Server => builder.with_no_client_auth(),
            Authentication::Mutual => builder
                .with_client_auth_cert(self.client.chain.clone(), self.client.key.clone_key())
                .expect("a usable key"),
        };
        config.alpn_protocols = vec![b"steadfast/1".to_vec()];
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        config.into()
    }
}

fn issue(name: &str, issuer: &Issuer<'_, KeyPair>) -> Credentials {
    let key = KeyPair::generate().expect("a key pair");
    let parameters = CertificateParams::new([name.to_owned()]).expect("a valid name");
    let certificate = parameters.signed_by(&key, issuer).expect("a certificate");
    Credentials {
        chain: vec![certificate.into()],
        key: key.into(),
    }
}

/// aws-lc-rs, or ring if the environment says `PROVIDER=ring`; with AES-128-GCM before the other suites, which is the
/// fastest of them.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = match env::var("PROVIDER").as_deref() {
        Ok("ring") => ring::default_provider(),
        _ => aws_lc_rs::default_provider(),
    };
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider.into()
}
