//! A server for tests that need a process of its own: `answerer ADDRESS DIRECTORY` prints each request, and answers it with itself
//! and whether it may have come before; but `keep` never, and from the first `nap` on that comes to it nothing any more.

use std::error::Error;
use std::path::Path;
use std::thread::park;

use steadfast::Bytes;
use steadfast_tests::processes::server_config;
use steadfast_zmq::requests::{Asked, Replies};
use steadfast_zmq::{Endpoint, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory] = &arguments[..] else {
        return Err("ADDRESS DIRECTORY".into());
    };
    let config = server_config(Path::new(directory))?;
    let mut server = Server::bind(Endpoint::new(&zmq::Context::new(), address), &config)?;
    let mut replies = Replies::new();
    loop {
        let received = server.recv()?;
        let Asked::Request(request) = replies.sort(received.session, received.event) else {
            continue;
        };
        let (text, again) = (request.parts[0].clone(), request.is_possible_duplicate());
        println!("{}", String::from_utf8_lossy(&text));
        match &text[..] {
            b"keep" => {}
            b"nap" if !again => loop {
                park();
            },
            _ => {
                let reply = [text, Bytes::from(if again { "again" } else { "new" })];
                request.reply(&reply, |session, parts| server.send_parts(session, parts))?;
            }
        }
    }
}
