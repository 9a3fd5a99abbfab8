//! Secure sessions, with mutual TLS.

use std::path::Path;
use std::sync::Arc;

use steadfast_zmq::steadfast::rustls::client::WebPkiServerVerifier;
use steadfast_zmq::steadfast::rustls::server::WebPkiClientVerifier;
use steadfast_zmq::steadfast::{ClientConfig, Event, Limits, ServerConfig};
use steadfast_zmq::zmq::Context;
use steadfast_zmq::{Client, Endpoint, Server, default_provider, pem};

use super::{Dealer, Router};
use crate::Result;
use crate::server_process::{AUTHORITY, CLIENT, Files, SERVER, SERVER_NAME};

fn limits(share_packets: bool) -> Limits {
    Limits {
        share_packets,
        ..Limits::default()
    }
}

/// The client's configuration.
pub(super) fn client_config(directory: &Path, share_packets: bool) -> Result<ClientConfig> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join(AUTHORITY))?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let Files { chain, key } = CLIENT.in_directory(directory);
    let (chain, key) = pem::identity(chain, key, &provider)?;
    let builder = ClientConfig::builder(provider, verifier).identity(chain, key);
    Ok(builder.limits(limits(share_packets)).build()?)
}

/// The server's configuration.
pub(super) fn server_config(directory: &Path, share_packets: bool) -> Result<ServerConfig> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join(AUTHORITY))?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let Files { chain, key } = SERVER.in_directory(directory);
    let (chain, key) = pem::identity(chain, key, &provider)?;
    let builder = ServerConfig::builder(provider, chain, key).client_verifier(verifier);
    Ok(builder.limits(limits(share_packets)).build()?)
}

pub(super) struct SessionDealer(Client);

impl SessionDealer {
    pub(super) fn connect(context: &Context, address: &str, directory: &Path, share_packets: bool) -> Result<Self> {
        // A monitor would be another pair of sockets for each of many peers.
        let endpoint = Endpoint::new(context, address).without_monitor();
        let config = client_config(directory, share_packets)?;
        Ok(Self(Client::connect(endpoint, SERVER_NAME.try_into()?, &config)?))
    }
}

impl Dealer for SessionDealer {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.0.send(message)?;
        Ok(())
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            match self.0.recv()? {
                Event::Message(message) => return Ok(message.payload().to_vec()),
                Event::Closed(closed) => return Err(closed.reason.to_string().into()),
                _ => {}
            }
        }
    }
}

pub(super) struct SessionRouter(Server);

impl SessionRouter {
    pub(super) fn bind(context: &Context, address: &str, directory: &Path, share_packets: bool) -> Result<Self> {
        let config = server_config(directory, share_packets)?;
        Ok(Self(Server::bind(Endpoint::new(context, address), &config)?))
    }
}

impl Router for SessionRouter {
    fn address(&self) -> Result<String> {
        Ok(self.0.local_address()?)
    }

    fn answer(&mut self, respond: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
        loop {
            let received = self.0.recv()?;
            if let Event::Message(message) = received.event {
                if let Some(answer) = respond(message.payload()) {
                    self.0.send(received.session, &answer)?;
                }
                return Ok(());
            }
        }
    }
}
