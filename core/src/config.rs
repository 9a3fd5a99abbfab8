//! What both sides are configured with. The rustls configurations are built here, from verifier, credentials and
//! provider, so that no setting of theirs can contradict the protocol (RFC 9001: TLS 1.3 alone, no tickets, no early data).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};

use crate::ConfigError;
use crate::stream::{MAX_MESSAGE_BYTES, OutboxLimits};
use crate::tls::{self, Credentials, InitialSuite};
use crate::wire::header::{ConnectionId, MAX_PACKET_BYTES};
use crate::wire::parameters::{MAX_NAME_BYTES, Parameters};

/// Smaller packets would only cost more of them (RFC 9000 §14).
const MIN_PACKET_BYTES: usize = 1200;
/// More packets than this on the way would be more than any transport's high-water mark.
const MAX_PACKETS_IN_FLIGHT: u16 = 4096;
/// No deadline is further away: arithmetic with instants stays far from its limits.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Times and sizes. Each default states its reason; both sides may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message accepted from the peer, in bytes, announced to it; of a message of several parts, the 1 to 8
    /// bytes before each part count as well. Default 64 MiB.
    pub max_message_bytes: u64,
    /// How much the peer may send ahead of what the application took, in bytes. Default 1 MiB: a loopback or a LAN is
    /// kept busy, and a thousand sessions whose applications all look away hold a few gigabytes at worst.
    pub window_bytes: u64,
    /// How many bytes are held for messages that the peer has not acknowledged. Default 64 MiB. One message is always accepted
    /// when nothing is held.
    pub send_buffer_bytes: u64,
    /// Memory for messages larger than the window, over all sessions together, in bytes. Default 256 MiB.
    pub pool_bytes: u64,
    /// The largest packet sent, in bytes, but for the first of each side, which is as long as its TLS hello: 1,200 to 65,536. Default 64 KiB: RFC 9001 §6.6 states its limits for packets up to that length.
    pub max_packet_bytes: usize,
    /// How many packets may be unacknowledged: 1 to 4,096. Default 256: message transports count messages at their high-water mark.
    pub max_packets_in_flight: u16,
    /// After how long without a sign of the peer `Unreachable` is told. Default 3 s: below, a busy peer would count as gone.
    pub unreachable_after: Duration,
    /// How long a session with an unreachable peer is kept; the smaller of both sides' wins. Default 10 min.
    pub retention: Duration,
    /// How often an idle client shows the server where it is; the smaller of both sides' wins. Default 15 s: the longest
    /// that a changed route goes unnoticed while the client is idle.
    pub ping_interval: Duration,
    /// How long `close` waits until both sides have everything. Default 30 s.
    pub linger: Duration,
    /// How long a large message may make no progress while others wait for the pool. Default 60 s.
    pub stall_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 << 20,
            window_bytes: 1 << 20,
            send_buffer_bytes: 64 << 20,
            pool_bytes: 256 << 20,
            max_packet_bytes: MAX_PACKET_BYTES,
            max_packets_in_flight: 256,
            unreachable_after: Duration::from_secs(3),
            retention: Duration::from_secs(600),
            ping_interval: Duration::from_secs(15),
            linger: Duration::from_secs(30),
            stall_after: Duration::from_secs(60),
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let packets = 1..=MAX_PACKETS_IN_FLIGHT;
        let rules: [(&str, &str, bool); 8] = [
            (
                "max_message_bytes",
                "at most 2^61 - 1",
                self.max_message_bytes <= MAX_MESSAGE_BYTES,
            ),
            (
                "window_bytes",
                "1,200 bytes to 4 GiB",
                (1200..=1 << 32).contains(&self.window_bytes),
            ),
            ("pool_bytes", "at least max_message_bytes and at most 2^61 - 1", {
                (self.max_message_bytes..=MAX_MESSAGE_BYTES).contains(&self.pool_bytes)
            }),
            ("max_packet_bytes", "1,200 to 65,536", {
                (MIN_PACKET_BYTES..=MAX_PACKET_BYTES).contains(&self.max_packet_bytes)
            }),
            (
                "max_packets_in_flight",
                "1 to 4,096",
                packets.contains(&self.max_packets_in_flight),
            ),
            (
                "ping_interval",
                "at least 10 ms",
                self.ping_interval >= Duration::from_millis(10),
            ),
            (
                "stall_after",
                "at least 1 ms",
                self.stall_after >= Duration::from_millis(1),
            ),
            (
                "send_buffer_bytes",
                "at most 2^61 - 1",
                self.send_buffer_bytes <= MAX_MESSAGE_BYTES,
            ),
        ];
        let durations = [
            ("unreachable_after", self.unreachable_after),
            ("retention", self.retention),
            ("ping_interval", self.ping_interval),
            ("linger", self.linger),
            ("stall_after", self.stall_after),
        ];
        let rules = rules.into_iter().chain(
            durations
                .into_iter()
                .map(|(name, duration)| (name, "at most ten years", duration <= MAX_DURATION)),
        );
        match rules.into_iter().find(|(.., kept)| !kept) {
            Some((name, must, _)) => Err(ConfigError::Limit { name, must }),
            None => Ok(()),
        }
    }

    /// The limits of what is sent to a peer that accepts messages of `peer_message_bytes`.
    pub(crate) fn outbox(&self, peer_message_bytes: u64) -> OutboxLimits {
        OutboxLimits {
            message_bytes: peer_message_bytes,
            held_bytes: self.send_buffer_bytes,
        }
    }
}

/// What a client and a server configure alike.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) initial: InitialSuite,
    pub(crate) limits: Limits,
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
    limits: Limits,
    endpoint_name: Option<String>,
}

impl Parts {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            time: Arc::new(DefaultTimeProvider),
            limits: Limits::default(),
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

    /// Where the validity of certificates gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.parts.time = time;
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigError`] names what cannot work.
    pub fn build(self) -> Result<ClientConfig, ConfigError> {
        let (provider, time) = (Arc::clone(&self.parts.provider), Arc::clone(&self.parts.time));
        let tls = tls::client_config(provider, time, self.verifier, self.identity)?;
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
}

/// Builds a [`ServerConfig`].
pub struct ServerConfigBuilder {
    parts: Parts,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    identity: Credentials,
    max_sessions: usize,
    max_attempts: usize,
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

    /// Where the validity of certificates gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        self.parts.time = time;
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
        let tls = tls::server_config(provider, time, self.verifier, self.identity)?;
        Ok(ServerConfig {
            common: Arc::new(Common::new(self.parts)?),
            tls: Arc::new(tls),
            max_sessions: self.max_sessions,
            max_attempts: self.max_attempts,
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
