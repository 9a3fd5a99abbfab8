//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::carriers::Kind;

/// Measures secure sessions beside plain 0MQ sockets: cargo bench -p steadfast-zmq
///
/// DEALER to ROUTER, two processes on loopback TCP, mutual TLS, the same socket options for all. Every line states what a
/// session reached as a multiple of what plain sockets did in the same round, as median and range over the rounds, beside its
/// target.
#[derive(Debug, Parser)]
#[command(name = "beside_plain", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// Short samples and few rounds: shows that everything works, and roughly where it stands
    #[arg(long)]
    quick: bool,

    /// Lengths of messages in bytes
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(64..=16 << 20),
        default_values_t = [64, 1 << 10, 16 << 10, 64 << 10, 1 << 20])]
    pub(crate) sizes: Vec<u32>,

    /// How many rounds [default: 7; quick: 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,

    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Stream, Part::RoundTrip, Part::Memory])]
    pub(crate) parts: Vec<Part>,

    /// What to compare with plain sockets
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Session, Kind::Unshared])]
    carriers: Vec<Kind>,

    /// How many idle peers a server's memory is divided by [default: 500; quick: 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4000))]
    peers: Option<u32>,

    /// `cargo bench` says so; without it, as `cargo test --benches` calls this, everything is done once, and as little as possible
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Messages and bytes a second, one way, and processor time
    Stream,
    /// A message and its echo
    RoundTrip,
    /// Memory of a server for each idle peer
    Memory,
}

impl Arguments {
    /// Plain sockets, and what is compared with them: the order of a round.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let others = self.carriers.iter().copied().filter(|kind| *kind != Kind::Plain);
        std::iter::once(Kind::Plain).chain(others).collect()
    }

    pub(crate) fn rounds(&self) -> u32 {
        self.repetitions.unwrap_or(self.scale(7, 2, 1))
    }

    pub(crate) fn peers(&self) -> u32 {
        self.peers.unwrap_or(self.scale(500, 100, 5))
    }

    /// How long a sample of a stream takes, about.
    pub(crate) fn sample(&self) -> Duration {
        Duration::from_millis(self.scale(1000, 300, 5).into())
    }

    /// How many round trips make a sample.
    pub(crate) fn round_trips(&self) -> u32 {
        self.scale(5000, 1000, 50)
    }

    fn scale(&self, full: u32, quick: u32, test: u32) -> u32 {
        match (self.bench, self.quick) {
            (true, false) => full,
            (true, true) => quick,
            (false, _) => test,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// The other process
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// Where credentials are
    #[arg(long)]
    pub(crate) directory: PathBuf,
}
