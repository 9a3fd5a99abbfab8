//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Hands jobs to workers that may die, and loses none.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Role,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    Balancer(Balancer),
    Worker(Worker),
    Demo(Demo),
}

/// Reads jobs from standard input, one a line, and prints their results; ends when the last one is there.
///
/// A line of the output is the number of the job, the worker that did it first, and the result. What becomes of the workers is told on
/// standard error.
#[derive(Debug, Args)]
pub(crate) struct Balancer {
    /// Where to listen
    #[arg(long, default_value = "tcp://127.0.0.1:7100")]
    pub(crate) listen: String,
    /// The directory with authority.pem, server.pem and server.key
    #[arg(long)]
    pub(crate) credentials: PathBuf,
    /// How long a worker that is not heard keeps what it has begun, in milliseconds
    #[arg(long, default_value_t = 5000)]
    pub(crate) retention_ms: u64,
}

/// Does jobs until the balancer has no more.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The name of this worker, which it keeps when it is started anew, and of its certificate
    pub(crate) name: String,
    /// Where the balancer is
    #[arg(long, default_value = "tcp://127.0.0.1:7100")]
    pub(crate) connect: String,
    /// The name in the balancer's certificate
    #[arg(long, default_value = "localhost")]
    pub(crate) server_name: String,
    /// The directory with authority.pem, and with this worker's certificate and key: NAME.pem and NAME.key
    #[arg(long)]
    pub(crate) credentials: PathBuf,
    /// How long a job takes, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub(crate) work_ms: u64,
    /// Writes down every job that is done, at the end of this file
    #[arg(long)]
    pub(crate) record: Option<PathBuf>,
}

impl Worker {
    pub(crate) fn work(&self) -> Duration {
        Duration::from_millis(self.work_ms)
    }
}

/// Starts a balancer and three workers as processes, kills two and cuts one off, twice, amid their jobs, and judges what was done.
///
/// Fails if a job was not done, or was done twice and not marked as one that may have been done before.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keeps the workers' records in this directory; otherwise they are kept only if something went wrong
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}
