//! What a session costs beside a plain 0MQ socket with the same options: DEALER to ROUTER, two processes on loopback.
//!
//! `cargo bench -p steadfast-zmq`; `-- --help` shows what can be chosen. Samples of all carriers alternate, so that a slow hour of
//! the machine is everybody's, and what is reported is the ratio within each round: its median, and the range of all rounds.

mod arguments;
mod carriers;
mod clock;
mod memory;
mod messages;
mod report;
mod round_trip;
mod server;
mod server_process;
mod stream;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Part, Role};
use report::Report;
use server_process::Credentials;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.role {
        Some(Role::Serve(serve)) => server::run(serve),
        None => measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("beside_plain: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let credentials = Credentials::create()?;
    let mut report = Report::default();
    for part in &arguments.parts {
        match part {
            Part::Stream => stream::measure(arguments, &credentials, &mut report)?,
            Part::RoundTrip => round_trip::measure(arguments, &credentials, &mut report)?,
            Part::Memory => memory::measure(arguments, &credentials, &mut report)?,
        }
    }
    report.print();
    Ok(())
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;
