//! How long it takes from the death of a server to the first message at the server started in its place: through a secure
//! session, and through plain 0MQ.
//!
//! The client is this process, the servers are others. Both clients have the same socket options, the drawn reconnect interval
//! included, so what differs is the session: it has to find out that its server is another, and to handshake with that.

mod arguments;
mod clients;
mod herd;
mod race;
mod serve;
mod server;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Role};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.role {
        Some(Role::Serve(serve)) => serve::run(serve).map(|()| true),
        None => match arguments.clients {
            Some(clients) => herd::run(clients.into()),
            None => race::run(arguments.rounds),
        },
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("recovery: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;
