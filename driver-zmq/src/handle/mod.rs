//! Clients and servers that are driven in the background.

mod background;
mod bell;
mod client;
mod server;
mod waiting;

pub use client::ClientHandle;
pub use server::ServerHandle;
