//! Secure sessions over transports that hide their disconnects.
#![forbid(unsafe_code)]

mod attempt;
mod channel;
mod clock;
mod config;
mod endpoint;
mod error;
mod event;
mod identity;
mod listener;
mod message;
mod packet;
mod session;
mod state;
mod stats;
mod stream;
mod tls;
mod wire;

pub use bytes::Bytes;
pub use rustls;

pub use config::{ClientConfig, ClientConfigBuilder, Limits, ServerConfig, ServerConfigBuilder};
pub use endpoint::Endpoint;
pub use error::{CloseCode, CloseReason, ConfigError, ConnectError, SendError, Violation};
pub use event::{Closed, Established, Event, Reachable, Unreachable};
pub use identity::{Negotiated, PeerIdentity};
pub use listener::{FailedAttempt, Listener, SessionId, Transmit};
pub use message::{Message, MessageId};
pub use packet::Packet;
pub use session::{PathHint, Session};
pub use state::{Reachability, ReachabilityInput, SessionInput, SessionState, StateTables};
pub use stats::{InFlight, ListenerStats, SessionStats};
