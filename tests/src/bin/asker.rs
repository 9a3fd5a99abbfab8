//! A client for tests that need a process of its own: `asker ADDRESS DIRECTORY NAME REQUEST...` asks all this at once, prints each
//! reply and each message that answers nothing, and stays until it is killed.

use std::error::Error;
use std::path::Path;

use steadfast_tests::over_zmq::localhost;
use steadfast_tests::processes::client_config;
use steadfast_zmq::requests::{Incoming, Requests};
use steadfast_zmq::{Client, Endpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, name, questions @ ..] = &arguments[..] else {
        return Err("ADDRESS DIRECTORY NAME REQUEST...".into());
    };
    let config = client_config(Path::new(directory), name)?;
    let mut client = Client::connect(Endpoint::new(&zmq::Context::new(), address), localhost(), &config)?;
    let mut requests = Requests::new();
    let mut asked = Vec::new();
    for question in questions {
        let request = requests.ask(&[question.clone().into()], |parts| client.send_parts(parts))?;
        asked.push((request, question));
    }
    loop {
        match requests.sort(client.recv()?) {
            Incoming::Reply(reply) => {
                let question = asked.iter().find(|(request, _)| *request == reply.to);
                let (_, question) = question.ok_or("a reply to what was not asked")?;
                println!("{question}: {}", String::from_utf8_lossy(&reply.parts[0]));
            }
            Incoming::Unawaited(_) => println!("nobody waits for this: {:?}", requests.counters()),
            Incoming::Gone(gone) => println!("{}", gone.event),
            Incoming::Other(_) => {}
        }
    }
}
