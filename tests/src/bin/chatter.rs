//! A client for tests that need a process of its own: `chatter ADDRESS DIRECTORY NAME [pair]` sends a number every few
//! milliseconds and prints each that comes back, until it is killed; over a `PAIR` if that is asked for.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use steadfast::rustls::client::WebPkiServerVerifier;
use steadfast::{ClientConfig, Event};
use steadfast_tests::over_zmq::{impatient, localhost};
use steadfast_zmq::{Client, Endpoint, default_provider, pem};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, name, pair @ ..] = &arguments[..] else {
        return Err("ADDRESS DIRECTORY NAME [pair]".into());
    };
    let (directory, provider) = (Path::new(directory), default_provider());
    let roots = Arc::new(pem::roots(directory.join("authority.pem"))?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (chain, key) = pem::identity(
        directory.join(format!("{name}.pem")),
        directory.join(format!("{name}.key")),
        &provider,
    )?;
    let config = ClientConfig::builder(provider, verifier)
        .identity(chain, key)
        .endpoint_name(name)
        .build()?;
    let context = zmq::Context::new();
    let endpoint = impatient(Endpoint::new(&context, address));
    let endpoint = if pair.is_empty() { endpoint } else { endpoint.pair() };
    chat(Client::connect(endpoint, localhost(), &config)?)
}

fn chat(mut client: Client) -> Result<(), Box<dyn Error>> {
    for number in 0_u64.. {
        client.send(&number.to_be_bytes())?;
        if let Some(Event::Message(message)) = client.recv_timeout(Duration::from_millis(2))? {
            println!("echo {:?}", message.id());
        }
    }
    Ok(())
}
