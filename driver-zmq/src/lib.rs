//! Secure sessions over ZeroMQ that outlive their connections.
#![forbid(unsafe_code)]

mod backlog;
mod carrier;
mod client;
mod counters;
mod endpoint;
mod error;
mod monitor;
mod options;
pub mod pem;
mod process;
mod provider;
mod redial;
mod route;
mod server;
mod strangers;
#[cfg(feature = "testing")]
pub mod testing;
mod wait;

pub use client::Client;
pub use counters::Counters;
pub use endpoint::Endpoint;
pub use error::{Error, OpenError};
pub use provider::default_provider;
pub use server::{Received, Server};
pub use steadfast;
pub use zmq;

use steadfast::Bytes;

fn copied(parts: &[impl AsRef<[u8]>]) -> Vec<Bytes> {
    parts.iter().map(|part| Bytes::copy_from_slice(part.as_ref())).collect()
}
