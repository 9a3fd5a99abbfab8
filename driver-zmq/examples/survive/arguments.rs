//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::party;

/// Cuts the connection under a secure session and kills the processes at its ends, and shows that nothing is lost without a word.
///
/// Starts a server and a client as two processes on loopback 0MQ, with mutual TLS, and streams numbered messages of 0 bytes to
/// 16 MiB both ways through a TCP proxy that breaks. Then kills them (SIGKILL), one by one and both, and starts them anew. Prints a
/// line for every cut and kill and a table at the end. Fails if a cut cost a handshake, or a restart any but one; if
/// anything was reordered, delivered twice or damaged; if anything was lost while both processes lived; or if the
/// survivor of a kill was told of its messages (acknowledged, in doubt, unsent) otherwise than as the record of the killed one
/// has it, to the message. Judged from the records of all processes and from the bytes on the wire.
#[derive(Debug, Parser)]
#[command(name = "cargo survive", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// What sizes, contents and random kills are drawn from
    #[arg(long, default_value_t = 1, global = true)]
    pub(crate) seed: u64,

    /// The cuts and kills, in order
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [
        Cut::Reset, Cut::Close, Cut::LargeUp, Cut::LargeDown, Cut::Mute, Cut::Down, Cut::Reset,
        Cut::KillServer, Cut::KillClient, Cut::KillServerLarge, Cut::KillBoth,
    ])]
    pub(crate) cuts: Vec<Cut>,

    /// Instead: kills the server, the client or both this many times, 20 to 400 ms after data flows again; one time in four
    /// sooner, while they still recover from the kill before
    #[arg(long, value_name = "N", conflicts_with = "cuts", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) kills: Option<u32>,

    /// How long data flows between two cuts, in milliseconds
    #[arg(long, default_value_t = 800)]
    pub(crate) flow_ms: u64,

    /// How long the link stays down, in milliseconds
    #[arg(long, default_value_t = 3000)]
    pub(crate) down_ms: u64,

    /// Shows the log of all processes
    #[arg(long, global = true)]
    pub(crate) log: bool,

    /// Keeps the records in this directory; otherwise they are kept only if something went wrong
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn flow(&self) -> Duration {
        Duration::from_millis(self.flow_ms)
    }

    pub(crate) fn down(&self) -> Duration {
        Duration::from_millis(self.down_ms)
    }
}

/// A way to break a connection, or what is at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cut {
    /// TCP reset
    Reset,
    /// Orderly end
    Close,
    /// Everything vanishes, nobody is told; a new connection works
    Mute,
    /// TCP reset, and connections are refused for a while
    Down,
    /// TCP reset in the middle of a 16 MiB message to the server
    LargeUp,
    /// TCP reset in the middle of a 16 MiB message to the client
    LargeDown,
    /// SIGKILL for the server, which is started anew at once
    KillServer,
    /// SIGKILL for the client, which is started anew at once
    KillClient,
    /// SIGKILL for both, which are started anew at once
    KillBoth,
    /// SIGKILL for the server in the middle of a 16 MiB message to it
    KillServerLarge,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// One of the two processes
    #[command(hide = true)]
    Peer(Peer),
}

#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// Connects to this address; listens otherwise
    #[arg(long)]
    pub(crate) connect: Option<String>,
    /// Where to listen
    #[arg(long, default_value = "tcp://127.0.0.1:*")]
    pub(crate) listen: String,
    /// How many processes there were in this one's place, with itself
    #[arg(long)]
    pub(crate) life: usize,
    /// Where credentials are and the record is written
    #[arg(long)]
    pub(crate) directory: PathBuf,
}

impl Peer {
    pub(crate) fn record(&self) -> PathBuf {
        let name = if self.connect.is_some() { "client" } else { "server" };
        party::record(&self.directory, name, self.life)
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
