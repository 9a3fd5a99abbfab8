//! Secure sessions over transports that hide their disconnects.
#![forbid(unsafe_code)]
pub use bytes::Bytes;
pub use rustls;
mod config;
mod endpoint;
mod error;
mod event;
mod identity;
mod listener;
mod message;
mod packet;
mod session;
pub use config::*;
pub use endpoint::Endpoint;
pub use error::*;
pub use event::*;
pub use identity::*;
pub use listener::*;
pub use message::*;
pub use packet::Packet;
pub use session::*;
