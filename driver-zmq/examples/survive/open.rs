//! The two ends of the session, as any program would open them.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::steadfast::rustls::client::WebPkiServerVerifier;
use steadfast_zmq::steadfast::rustls::server::WebPkiClientVerifier;
use steadfast_zmq::steadfast::{ClientConfig, Delivery, ServerConfig};
use steadfast_zmq::{Client, Endpoint, Server, default_provider, pem, zmq};

use crate::Result;

/// A message is acknowledged when it is on record, not when it is received: a process that is killed between the two would
/// have told its peer of a message that nobody knows of any more.
const ON_RECORD: Delivery = Delivery {
    redeliver: false,
    manual_acknowledgement: true,
};

/// How long the port of a process that was killed may be in use.
const PORT_PATIENCE: Duration = Duration::from_secs(10);
const PORT_PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn client(context: &zmq::Context, address: &str, directory: &Path) -> Result<Client> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join("authority.pem"))?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (chain, key) = pem::identity(directory.join("client.pem"), directory.join("client.key"), &provider)?;
    let config = ClientConfig::builder(provider, verifier)
        .identity(chain, key)
        // By this name and its certificate a client that was started anew is known for the same.
        .endpoint_name("survivor")
        .delivery(ON_RECORD)
        .build()?;
    Ok(Client::connect(
        Endpoint::new(context, address),
        "localhost".try_into()?,
        &config,
    )?)
}

pub(crate) fn server(context: &zmq::Context, address: &str, directory: &Path) -> Result<Server> {
    let provider = default_provider();
    let roots = Arc::new(pem::roots(directory.join("authority.pem"))?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (chain, key) = pem::identity(directory.join("server.pem"), directory.join("server.key"), &provider)?;
    let config = ServerConfig::builder(provider, chain, key)
        .client_verifier(verifier)
        .delivery(ON_RECORD)
        .build()?;
    let limit = Instant::now() + PORT_PATIENCE;
    loop {
        match Server::bind(Endpoint::new(context, address), &config) {
            Err(error) if error.retryable() && Instant::now() < limit => sleep(PORT_PAUSE),
            other => return Ok(other?),
        }
    }
}
