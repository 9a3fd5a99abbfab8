//! A server: says where it listens and when it has its first message, and takes messages until it is killed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::steadfast::rustls::server::WebPkiClientVerifier;
use steadfast_zmq::steadfast::{Event, ServerConfig};
use steadfast_zmq::testing::plain_router;
use steadfast_zmq::{Endpoint, OpenError, Server, default_provider, pem, zmq};

use crate::Result;
use crate::arguments::{Kind, Serve};

/// What a server says, a line each.
pub(crate) const LISTENING: &str = "listening ";
pub(crate) const FIRST: &str = "first";

/// How long the port of the server before may be in use.
const PORT_PATIENCE: Duration = Duration::from_secs(10);
const PORT_PAUSE: Duration = Duration::from_millis(1);

pub(crate) fn run(serve: &Serve) -> Result<()> {
    let context = zmq::Context::new();
    match serve.kind {
        Kind::Plain => plain(&context, &serve.address),
        Kind::Session => session(&context, serve),
    }
}

fn plain(context: &zmq::Context, address: &str) -> Result<()> {
    let socket = plain_router(context)?;
    persistently(|| socket.bind(address), |error| *error == zmq::Error::EADDRINUSE)?;
    let address = socket.get_last_endpoint()?.map_err(|_| "an address that is no text")?;
    println!("{LISTENING}{address}");
    let mut first = Some(FIRST);
    loop {
        socket.recv_multipart(0)?;
        first.take().into_iter().for_each(|word| println!("{word}"));
    }
}

fn session(context: &zmq::Context, serve: &Serve) -> Result<()> {
    let provider = default_provider();
    let file = |name: &str| serve.directory.join(name);
    let roots = pem::roots(file("authority.pem"))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
    let (chain, key) = pem::identity(file("server.pem"), file("server.key"), &provider)?;
    let config = ServerConfig::builder(provider, chain, key)
        .client_verifier(verifier)
        .build()?;
    let mut server = persistently(
        || Server::bind(Endpoint::new(context, &serve.address), &config),
        OpenError::retryable,
    )?;
    println!("{LISTENING}{}", server.local_address()?);
    let mut first = Some(FIRST);
    loop {
        if let Event::Message(_) = server.recv()?.event {
            first.take().into_iter().for_each(|word| println!("{word}"));
        }
    }
}

/// Binds, as soon as the port is free.
fn persistently<T, E>(
    bind: impl Fn() -> std::result::Result<T, E>,
    may_pass: impl Fn(&E) -> bool,
) -> std::result::Result<T, E> {
    let limit = Instant::now() + PORT_PATIENCE;
    loop {
        match bind() {
            Err(error) if may_pass(&error) && Instant::now() < limit => sleep(PORT_PAUSE),
            other => return other,
        }
    }
}
