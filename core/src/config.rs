//! What both sides are configured with. The rustls configurations are built here, from verifier, credentials and
//! provider, so that no setting of theirs can contradict the protocol (RFC 9001: TLS 1.3 alone, no tickets, no early data).

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{KeyLog, NoKeyLog};

use crate::tls::{self, Credentials, InitialSuite};
use crate::wire::header::ConnectionId;
use crate::wire::parameters::{MAX_NAME_BYTES, Parameters};
use crate::{ConfigError, Delivery, Limits};

/// What a client and a server configure alike.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) initial: InitialSuite,
    pub(crate) limits: Limits,
    pub(crate) delivery: Delivery,
    pub(crate) endpoint_name: Option<String>,
}

impl Common {
    fn new(parts: Parts) -> Result<Self, ConfigError> {
        parts.limits.check()?;
        if parts
            .endpoint_name
            .as_ref()
            .is_some_and(|name| name.is_empty() || name.len() > MAX_NAME_BYTES)
        {
            return Err(ConfigError::Limit {
                name: "endpoint_name",
                must: "1 to 255 bytes",
            });
        }
        let initial = InitialSuite::of(&parts.provider)?;
        Ok(Self {
            provider: parts.provider,
            initial,
            limits: parts.limits,
            delivery: parts.delivery,
            endpoint_name: parts.endpoint_name,
        })
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], rustls::Error> {
        let mut bytes = [0; N];
        let filled = self.provider.secure_random.fill(&mut bytes);
        filled
            .map(|()| bytes)
            .map_err(|_| rustls::Error::FailedToGetRandomBytes)
    }

    /// Spreads what many would else do at one instant: where the provider has no randomness, nothing is spread.
    pub(crate) fn random_byte(&self) -> u8 {
        self.random::<1>().map_or(0, |[byte]| byte)
    }

    pub(crate) fn connection_id(&self) -> Result<ConnectionId, rustls::Error> {
        self.random().map(ConnectionId)
    }

    /// What the endpoint of this incarnation says of itself in a handshake.
    pub(crate) fn parameters(
        &self,
        incarnation: [u8; 16],
        source: ConnectionId,
        original_destination: Option<ConnectionId>,
    ) -> Parameters {
        Parameters {
            source,
            original_destination,
            incarnation,
            endpoint_name: self.endpoint_name.clone(),
            max_message_bytes: self.limits.max_message_bytes,
            window_bytes: self.limits.window_bytes,
            packets: u64::from(self.limits.max_packets_in_flight),
            retention: self.limits.retention,
            ping_interval: self.limits.ping_interval,
        }
    }
}

/// What the builders of both sides gather.
#[derive(Debug)]
struct Parts {
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
    key_log: Arc<dyn KeyLog>,
    limits: Limits,
    delivery: Delivery,
    endpoint_name: Option<String>,
}

impl Parts {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            time: Arc::new(DefaultTimeProvider),
            key_log: Arc::new(NoKeyLog),
            limits: Limits::default(),
            delivery: Delivery::default(),
            endpoint_name: None,
        }
    }
}

/// A client's configuration; cheap to clone, for any number of sessions.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    common: Arc<Common>,
    tls: Arc<rustls::ClientConfig>,
}

impl ClientConfig {
    /// Begins a configuration from a crypto provider, whose first key exchange group the server must support too, and whatever decides whether a server's certificate is accepted
    /// ([`rustls::client::WebPkiServerVerifier`] for a set of roots).
    pub fn builder(provider: Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> ClientConfigBuilder {
        ClientConfigBuilder {
            parts: Parts::new(provider),
            verifier,
            identity: None,
        }
    }

    /// The times and sizes in force.
    pub fn limits(&self) -> &Limits {
        &self.common.limits
    }

    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    pub(crate) fn tls(&self) -> &Arc<rustls::ClientConfig> {
        &self.tls
    }
}

/// Builds a [`ClientConfig`].
pub struct ClientConfigBuilder {
    parts: Parts,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Credentials>,
}

impl ClientConfigBuilder {
    /// The certificate chain (own certificate first) and key that this client shows to a server that asks.
    #[must_use]
    pub fn identity(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.identity = Some((chain, key));
        self
    }

    /// A name for this endpoint that stays the same when its process restarts: 1 to 255 bytes.
    #[must_use]
    pub fn endpoint_name(mut self, name: impl Into<String>) -> Self {
        self.parts.endpoint_name = Some(name.into());
        self
    }

    /// Times and sizes; [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// When messages count as delivered, and what becomes of those in doubt; [`Delivery::default`] otherwise.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.parts.delivery = delivery;
        self
    }

    /// Where the validity of certificates gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.parts.time = time;
        self
    }

    /// Where the secrets of each handshake are written, for a tool that shall read what was sealed:
    /// [`rustls::KeyLogFile`] obeys `SSLKEYLOGFILE`. Nowhere otherwise. Whoever has them reads all that the session carries, and
    /// can go on with it: not for production.
    #[must_use]
    pub fn key_log(mut self, log: Arc<dyn KeyLog>) -> Self {
        self.parts.key_log = log;
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigError`] names what cannot work.
    pub fn build(self) -> Result<ClientConfig, ConfigError> {
        let (provider, time) = (Arc::clone(&self.parts.provider), Arc::clone(&self.parts.time));
        let mut tls = tls::client_config(provider, time, self.verifier, self.identity)?;
        tls.key_log = Arc::clone(&self.parts.key_log);
        Ok(ClientConfig {
            common: Arc::new(Common::new(self.parts)?),
            tls: Arc::new(tls),
        })
    }
}

impl fmt::Debug for ClientConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfigBuilder")
            .field("limits", &self.parts.limits)
            .finish_non_exhaustive()
    }
}

/// A server's configuration; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    common: Arc<Common>,
    tls: Arc<rustls::ServerConfig>,
    max_sessions: usize,
    max_attempts: usize,
    retry_above: usize,
    same_client: SameClient,
}

impl ServerConfig {
    /// Begins a configuration from a crypto provider and the certificate chain (own certificate first) and key that this server shows.
    pub fn builder(
        provider: Arc<CryptoProvider>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> ServerConfigBuilder {
        ServerConfigBuilder {
            parts: Parts::new(provider),
            verifier: None,
            identity: (chain, key),
            max_sessions: 10_000,
            max_attempts: 1_000,
            retry_above: 100,
            same_client: SameClient::Names,
        }
    }

    /// The times and sizes in force.
    pub fn limits(&self) -> &Limits {
        &self.common.limits
    }

    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    pub(crate) fn tls(&self) -> &Arc<rustls::ServerConfig> {
        &self.tls
    }

    pub(crate) fn max_sessions(&self) -> usize {
        self.max_sessions
    }

    pub(crate) fn max_attempts(&self) -> usize {
        self.max_attempts
    }

    /// The same for a transport that joins two endpoints: one session at a time. A client that comes with the identity of the one
    /// that is there takes its place; any other is told that the server is busy, and goes on trying.
    #[must_use]
    pub fn of_one(&self) -> Self {
        Self {
            max_sessions: 1,
            ..self.clone()
        }
    }

    pub(crate) fn retry_above(&self) -> usize {
        self.retry_above
    }

    pub(crate) fn same_client(&self) -> SameClient {
        self.same_client
    }
}

/// By what a server recognises a client that handshakes anew: that its session may go on, or that it restarted.
///
/// A client without a certificate is nobody in particular: it can go on with a session that it proves to be its own, but it never takes
/// another's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameClient {
    /// The DNS and URI names in its certificate (all of them, in any order), or the public key of one that has none: a renewed
    /// certificate with another key is still the same client. For verifiers that let an authority vouch for the names.
    #[default]
    Names,
    /// The public key alone: for verifiers that pin keys or whole certificates, whose names are only the owner's word.
    PublicKey,
}

/// Builds a [`ServerConfig`].
pub struct ServerConfigBuilder {
    parts: Parts,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    identity: Credentials,
    max_sessions: usize,
    max_attempts: usize,
    retry_above: usize,
    same_client: SameClient,
}

impl ServerConfigBuilder {
    /// What decides whether a client's certificate is accepted: mutual TLS. A verifier of your own should refuse with
    /// [`rustls::Error::InvalidCertificate`]: the client is then told, and does not try again. Without it, clients are not asked for a certificate.
    #[must_use]
    pub fn client_verifier(mut self, verifier: Arc<dyn ClientCertVerifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// A name for this endpoint that stays the same when its process restarts: 1 to 255 bytes.
    #[must_use]
    pub fn endpoint_name(mut self, name: impl Into<String>) -> Self {
        self.parts.endpoint_name = Some(name.into());
        self
    }

    /// Times and sizes; [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// When messages count as delivered, and what becomes of those in doubt; [`Delivery::default`] otherwise.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.parts.delivery = delivery;
        self
    }

    /// How many sessions are held at once; a further client is told that the server is busy. Default 10,000.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// How many handshakes may be in progress at once; further first packets are dropped, and come again. Default 1,000:
    /// each holds about ten kilobytes.
    #[must_use]
    pub fn max_attempts(mut self, attempts: usize) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// From how many handshakes in progress on a further client must first show that it receives what is sent to its route,
    /// by returning a cookie; that costs it a round trip, and this server no memory. Default 100; 0 asks everybody.
    #[must_use]
    pub fn retry_above(mut self, attempts: usize) -> Self {
        self.retry_above = attempts;
        self
    }

    /// By what two clients with the same endpoint name count as one that restarted. Default [`SameClient::Names`].
    #[must_use]
    pub fn same_client(mut self, rule: SameClient) -> Self {
        self.same_client = rule;
        self
    }

    /// Where the validity of certificates gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.parts.time = time;
        self
    }

    /// Where the secrets of each handshake are written, for a tool that shall read what was sealed:
    /// [`rustls::KeyLogFile`] obeys `SSLKEYLOGFILE`. Nowhere otherwise. Whoever has them reads all that the session carries, and
    /// can go on with it: not for production.
    #[must_use]
    pub fn key_log(mut self, log: Arc<dyn KeyLog>) -> Self {
        self.parts.key_log = log;
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigError`] names what cannot work.
    pub fn build(self) -> Result<ServerConfig, ConfigError> {
        for (name, value) in [("max_sessions", self.max_sessions), ("max_attempts", self.max_attempts)] {
            if !(1..=1 << 24).contains(&value) {
                return Err(ConfigError::Limit {
                    name,
                    must: "1 to 16,777,216",
                });
            }
        }
        let (provider, time) = (Arc::clone(&self.parts.provider), Arc::clone(&self.parts.time));
        let mut tls = tls::server_config(provider, time, self.verifier, self.identity)?;
        tls.key_log = Arc::clone(&self.parts.key_log);
        Ok(ServerConfig {
            common: Arc::new(Common::new(self.parts)?),
            tls: Arc::new(tls),
            max_sessions: self.max_sessions,
            max_attempts: self.max_attempts,
            retry_above: self.retry_above,
            same_client: self.same_client,
        })
    }
}

impl fmt::Debug for ServerConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfigBuilder")
            .field("limits", &self.parts.limits)
            .finish_non_exhaustive()
    }
}
