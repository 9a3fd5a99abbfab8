//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures how soon data flows again after a server was killed: cargo run --release -p steadfast-zmq --example recovery
///
/// Kills a server (SIGKILL), starts another in its place at once, and takes the time from the kill to the first message
/// at the new one; with a secure session (mutual TLS) and with plain 0MQ in turns, DEALER to ROUTER over loopback TCP
/// with the same socket options. The client stays, and sends a message every millisecond. Part of the time goes by until the
/// new server listens, which is stated too: libraries for TLS gather entropy when a process starts. Fails if a restart
/// cost other than one handshake.
#[derive(Debug, Parser)]
#[command(name = "recovery", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// How often each of the two is measured
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Measures instead how soon so many clients of one server are all back, each with one handshake
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4000))]
    pub(crate) clients: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// A server
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Where to listen
    #[arg(long, default_value = "tcp://127.0.0.1:*")]
    pub(crate) address: String,
    /// Where credentials are
    #[arg(long)]
    pub(crate) directory: PathBuf,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Plain,
    Session,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain 0MQ",
            Self::Session => "secure session",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
