//! `cargo survive`: one session, a network that breaks, and processes that are killed.
//!
//! A server and a client stream numbered messages both ways through a TCP proxy in this process, which cuts the connection under
//! 0MQ in every way that it can. Then it kills them, and starts others in their place. What arrived, and what the survivor of a
//! kill was told, is judged from what all processes wrote down.

mod arguments;
mod children;
mod clock;
mod cuts;
mod director;
mod draw;
mod kills;
mod ledger;
mod open;
mod party;
mod peer;
mod record;
mod side;
mod soak;
mod stage;
mod table;
mod traffic;
mod verdict;
mod wire;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Role};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.role {
        Some(Role::Peer(peer)) => peer::run(peer, &arguments).map(|()| true),
        None => director::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("survive: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;
