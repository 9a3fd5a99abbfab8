//! What both sides are configured with. The rustls configurations are built here, from verifier, credentials and
//! provider, so that no setting of theirs can contradict the protocol (RFC 9001: TLS 1.3 alone, no tickets, no early data).

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};

use crate::ConfigError;

/// Times and sizes. Each default states its reason; both sides may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message accepted from the peer, in bytes, announced to it. Default 64 MiB.
    pub max_message_bytes: u64,
    /// How much the peer may send ahead of what the application took, in bytes. Default 1 MiB: a loopback or a LAN is
    /// kept busy, and ten thousand sessions that all misbehave hold 10 GiB, not more.
    pub window_bytes: u64,
    /// How many bytes are held for messages that the peer has not acknowledged. Default 64 MiB. One message is always accepted
    /// when nothing is held.
    pub send_buffer_bytes: u64,
    /// Memory for messages larger than the window, over all sessions together, in bytes. Default 256 MiB.
    pub pool_bytes: u64,
    /// The largest packet sent, in bytes: 1,200 to 65,536. Default 64 KiB: RFC 9001 §6.6 states its limits for packets up to that length.
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
            max_packet_bytes: 64 << 10,
            max_packets_in_flight: 256,
            unreachable_after: Duration::from_secs(3),
            retention: Duration::from_secs(600),
            ping_interval: Duration::from_secs(15),
            linger: Duration::from_secs(30),
            stall_after: Duration::from_secs(60),
        }
    }
}

/// A client's configuration; cheap to clone, for any number of sessions.
#[derive(Clone, Debug)]
pub struct ClientConfig {
}

impl ClientConfig {
    /// Begins a configuration from a crypto provider and whatever decides whether a server's certificate is accepted
    /// ([`rustls::client::WebPkiServerVerifier`] for a set of roots).
    pub fn builder(provider: Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> ClientConfigBuilder {
        todo!()
    }
}

/// Builds a [`ClientConfig`].
#[derive(Debug)]
pub struct ClientConfigBuilder {
}

impl ClientConfigBuilder {
    /// The certificate chain (own certificate first) and key that this client shows to a server that asks.
    #[must_use]
    pub fn identity(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        todo!()
    }
    /// A name for this endpoint that stays the same when its process restarts.
    #[must_use]
    pub fn endpoint_name(mut self, name: impl Into<String>) -> Self { todo!() }
    /// Times and sizes; [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self { todo!() }
    /// Where certificates' validity gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self { todo!() }
    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigError`] names what cannot work.
    pub fn build(self) -> Result<ClientConfig, ConfigError> { todo!() }
}

/// A server's configuration; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerConfig {
}

impl ServerConfig {
    /// Begins a configuration from a crypto provider and the certificate chain (own certificate first) and key that this server shows.
    pub fn builder(
        provider: Arc<CryptoProvider>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> ServerConfigBuilder {
        todo!()
    }
}

/// Builds a [`ServerConfig`].
#[derive(Debug)]
pub struct ServerConfigBuilder {
}

impl ServerConfigBuilder {
    /// What decides whether a client's certificate is accepted: mutual TLS. Without it, clients are not asked for a certificate.
    #[must_use]
    pub fn client_verifier(mut self, verifier: Arc<dyn ClientCertVerifier>) -> Self { todo!() }
    /// A name for this endpoint that stays the same when its process restarts.
    #[must_use]
    pub fn endpoint_name(mut self, name: impl Into<String>) -> Self { todo!() }
    /// Times and sizes; [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self { todo!() }
    /// How many sessions are held at once. Default 10,000.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self { todo!() }
    /// How many handshakes may be in progress at once. Default 1,000: each holds a few kilobytes.
    #[must_use]
    pub fn max_attempts(mut self, attempts: usize) -> Self { todo!() }
    /// Where certificates' validity gets its wall time; the system's clock otherwise.
    #[must_use]
    pub fn time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self { todo!() }
    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigError`] names what cannot work.
    pub fn build(self) -> Result<ServerConfig, ConfigError> { todo!() }
}
