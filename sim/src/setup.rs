//! What a world is made of.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{KeyLog, NoKeyLog};
use steadfast::{ClientConfig, Delivery, Limits, SameClient, ServerConfig};

use crate::clock::Clock;
use crate::flow::ClientId;
use crate::network::Transport;
use crate::pki::{Authority, Identity, SERVER_NAME, Validity};
use crate::provider;

/// How a world begins. The defaults are a server that asks for certificates, over a network without faults.
#[derive(Debug)]
pub struct Setup {
    /// What every choice and every random byte follows from.
    pub seed: u64,
    /// The cryptography of all nodes. With another than the default, runs are not repeatable byte for byte.
    pub provider: Arc<CryptoProvider>,
    /// Where all nodes write the secrets of their handshakes.
    pub key_log: Arc<dyn KeyLog>,
    /// How the transport behaves.
    pub transport: Transport,
    /// The server.
    pub server: ServerSetup,
}

impl Setup {
    /// The defaults, with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            provider: provider::deterministic(),
            key_log: Arc::new(NoKeyLog),
            transport: Transport::default(),
            server: ServerSetup::default(),
        }
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::seeded(0)
    }
}

/// The server of a world. Its endpoint has no name.
#[derive(Clone, Debug)]
pub struct ServerSetup {
    /// What it shows to clients.
    pub identity: Identity,
    /// Whose clients it accepts. None: it asks for no certificate.
    pub trusts: Option<Authority>,
    /// Times and sizes.
    pub limits: Limits,
    /// How many sessions it holds at once.
    pub max_sessions: usize,
    /// How many handshakes it has in progress at once.
    pub max_attempts: usize,
    /// From how many handshakes in progress on it asks for a cookie.
    pub retry_above: usize,
    /// By what it recognises a client that handshakes anew.
    pub same_client: SameClient,
    /// When messages count as delivered, and what becomes of those in doubt.
    pub delivery: Delivery,
}

impl Default for ServerSetup {
    fn default() -> Self {
        Self {
            identity: Authority::trusted().server(SERVER_NAME, Validity::Current),
            trusts: Some(Authority::trusted()),
            limits: Limits::default(),
            max_sessions: 10_000,
            max_attempts: 1_000,
            retry_above: 100,
            same_client: SameClient::default(),
            delivery: Delivery::default(),
        }
    }
}

impl ServerSetup {
    pub(crate) fn config(&self, world: &Setup, clock: &Clock) -> ServerConfig {
        let provider = &world.provider;
        let Identity { chain, key } = self.identity.clone();
        let mut builder = ServerConfig::builder(provider.clone(), chain, key)
            .limits(self.limits.clone())
            .max_sessions(self.max_sessions)
            .max_attempts(self.max_attempts)
            .retry_above(self.retry_above)
            .same_client(self.same_client)
            .delivery(self.delivery)
            .key_log(Arc::clone(&world.key_log))
            .time_provider(clock.wall());
        if let Some(authority) = &self.trusts {
            builder = builder.client_verifier(authority.client_verifier(provider));
        }
        builder.build().expect("a world's server can be configured")
    }
}

/// What a client calls its endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EndpointName {
    /// By its [`ClientId`]: "client 0" is the name of the first, and nobody else's.
    #[default]
    Numbered,
    /// This. Another client may be called the same.
    Is(String),
    /// Nothing.
    Unnamed,
}

/// A client of a world.
#[derive(Clone, Debug)]
pub struct ClientSetup {
    /// What it calls its endpoint.
    pub endpoint_name: EndpointName,
    /// What it shows to a server that asks. None: nothing.
    pub identity: Option<Identity>,
    /// Whose servers it accepts.
    pub trusts: Authority,
    /// The server it wants to reach.
    pub server_name: &'static str,
    /// Times and sizes.
    pub limits: Limits,
    /// When messages count as delivered, and what becomes of those in doubt.
    pub delivery: Delivery,
}

impl Default for ClientSetup {
    fn default() -> Self {
        Self {
            endpoint_name: EndpointName::default(),
            identity: Some(Authority::trusted().client("client.test", Validity::Current)),
            trusts: Authority::trusted(),
            server_name: SERVER_NAME,
            limits: Limits::default(),
            delivery: Delivery::default(),
        }
    }
}

impl ClientSetup {
    pub(crate) fn config(&self, id: ClientId, world: &Setup, clock: &Clock) -> ClientConfig {
        let provider = &world.provider;
        let mut builder = ClientConfig::builder(provider.clone(), self.trusts.server_verifier(provider))
            .limits(self.limits.clone())
            .delivery(self.delivery)
            .key_log(Arc::clone(&world.key_log))
            .time_provider(clock.wall());
        if let Some(name) = self.endpoint_name(id) {
            builder = builder.endpoint_name(name);
        }
        if let Some(Identity { chain, key }) = self.identity.clone() {
            builder = builder.identity(chain, key);
        }
        builder.build().expect("a world's client can be configured")
    }

    pub(crate) fn endpoint_name(&self, id: ClientId) -> Option<String> {
        match &self.endpoint_name {
            EndpointName::Numbered => Some(id.to_string()),
            EndpointName::Is(name) => Some(name.clone()),
            EndpointName::Unnamed => None,
        }
    }

    pub(crate) fn server(&self) -> ServerName<'static> {
        ServerName::try_from(self.server_name).expect("a valid server name")
    }
}
