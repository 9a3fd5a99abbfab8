//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Cuts the connection under a secure session again and again, and shows that nothing is lost.
///
/// Starts a server and a client as two processes on loopback 0MQ, with mutual TLS, and streams numbered messages of 0 bytes to
/// 16 MiB both ways through a TCP proxy that breaks. Prints a line for every cut and a table at the end. Fails if a cut cost a
/// handshake, or if anything was lost, reordered, delivered twice or damaged: judged from the records of both processes and
/// from the bytes on the wire.
#[derive(Debug, Parser)]
#[command(name = "cargo survive", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// What sizes and contents are drawn from
    #[arg(long, default_value_t = 1, global = true)]
    pub(crate) seed: u64,

    /// The cuts, in order
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [
        Cut::Reset, Cut::Close, Cut::LargeUp, Cut::LargeDown, Cut::Mute, Cut::Down, Cut::Reset,
    ])]
    pub(crate) cuts: Vec<Cut>,

    /// How long data flows between two cuts, in milliseconds
    #[arg(long, default_value_t = 800)]
    pub(crate) flow_ms: u64,

    /// How long the link stays down, in milliseconds
    #[arg(long, default_value_t = 3000)]
    pub(crate) down_ms: u64,

    /// Shows the log of both processes
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

/// A way to break a connection.
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// One of the two processes
    #[command(hide = true)]
    Peer(Peer),
}

#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// Connects to this address; listens at a free port otherwise
    #[arg(long)]
    pub(crate) connect: Option<String>,
    /// Where credentials are and the record is written
    #[arg(long)]
    pub(crate) directory: PathBuf,
}

impl Peer {
    pub(crate) fn name(&self) -> &'static str {
        if self.connect.is_some() { "client" } else { "server" }
    }
}
