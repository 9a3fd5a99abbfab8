//! A client for tests that need a process of its own: `chatter ADDRESS DIRECTORY NAME [pair]` sends a number every few
//! milliseconds and prints each that comes back, until it is killed; over a `PAIR` if that is asked for.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use steadfast::Event;
use steadfast_tests::over_zmq::{impatient, localhost};
use steadfast_tests::processes::client_config;
use steadfast_zmq::{Client, Endpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, name, pair @ ..] = &arguments[..] else {
        return Err("ADDRESS DIRECTORY NAME [pair]".into());
    };
    let config = client_config(Path::new(directory), name)?;
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
