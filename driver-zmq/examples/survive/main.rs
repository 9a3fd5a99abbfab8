//! `cargo survive`: one session, two processes, and a network that breaks.
//!
//! A server and a client stream numbered messages both ways through a TCP proxy in this process, which cuts the connection under
//! 0MQ in every way that it can. What arrived is judged from what both processes wrote down.

mod arguments;
mod children;
mod clock;
mod director;
mod peer;
mod record;
mod side;
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
