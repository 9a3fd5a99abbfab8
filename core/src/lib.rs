//! Secure sessions over transports that hide their disconnects: a pure state machine on rustls.
//!
//! A message transport such as ZeroMQ reconnects behind the application's back: what was on the way is gone, the peer may be
//! found by another route, and nobody says so. A session of this crate does not live in the connection. Each packet
//! names its session, its keys and its number, so a new connection needs no new handshake; what is lost is found out and sent
//! again; each message reaches the peer's application once and in order, or the application is told which did not.
//!
//! The crate does no I/O, reads no clock and draws no randomness but through the rustls provider it is given. Bytes, events and
//! time go in; bytes, events and a deadline come out. [`Session`] is a client's end, [`Listener`] a server with any number of
//! them, [`Endpoint`] either end of a transport that joins two.
//!
//! # How to drive it
//!
//! 1. Give each packet that arrives to `handle_packet`, and then, if the deadline of `poll_timeout` has passed, call `handle_timeout`.
//! 2. Take all events from `poll_event`: a message that is taken is acknowledged to the peer, one that is left is not.
//!    With [`Delivery::manual_acknowledgement`] one that is taken is acknowledged by `acknowledge` alone.
//! 3. Send every packet from `poll_transmit`. When the transport has no room, keep that one packet and ask for no more, but go
//!    on with events and time.
//! 4. Sleep until a packet arrives, the transport has room, or the deadline.
//!
//! Packets may be lost, repeated, overtaken and delayed, and are at most 64 KiB. On a route that keeps packets in
//! order, a loss is noticed by the first packet behind it.
//!
//! ```
//! # use std::{sync::Arc, time::Instant};
//! # use steadfast::{ClientConfig, Event, Listener, ServerConfig, Session, rustls};
//! # let own = rcgen::generate_simple_self_signed(["server".to_owned()])?;
//! # let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! # let mut roots = rustls::RootCertStore::empty();
//! # roots.add(own.cert.der().clone())?;
//! # let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
//! let server = ServerConfig::builder(provider.clone(), vec![own.cert.into()], own.signing_key.into()).build()?;
//! let client = ClientConfig::builder(provider, verifier).build()?;
//!
//! let now = Instant::now();
//! let mut listener = Listener::new(&server, now)?;
//! let mut session = Session::new(&client, "server".try_into()?, now)?;
//! session.send(b"hello", now)?;
//!
//! // A transport that works: what one side sends the other receives. The route of this one client is `0`.
//! let heard = loop {
//!     while let Some(packet) = session.poll_transmit(now) {
//!         listener.handle_packet(0, packet, now);
//!     }
//!     while let Some(transmit) = listener.poll_transmit(now) {
//!         session.handle_packet(transmit.packet, now);
//!     }
//!     if let Some((_, Event::Message(message))) = listener.poll_event(now) {
//!         break message;
//!     }
//! };
//! assert_eq!(heard.payload(), "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised, and what is not
//!
//! * While both processes live, each message is handed over once, whole and in order, over any number of lost connections shorter
//!   than [`Limits::retention`].
//! * When one of them dies and is started anew, the session goes on with the new one: the other side is told
//!   [`PeerRestarted`](Event::PeerRestarted), then [`Established`](Event::Established). Nothing crosses over from one process to the next
//!   unless [`Delivery::redeliver`] is set.
//! * With `PeerRestarted` and [`Closed`](Event::Closed), every message that was not acknowledged is listed: in doubt, or unsent. None
//!   that was acknowledged is.
//! * Acknowledged means that the peer's application took the message, not that it has acted on it: a crash right after counts as
//!   delivered. With [`Delivery::manual_acknowledgement`] it means that the application said so.
//! * Nothing that is not authenticated ends, moves or changes an established session. Before the first handshake is confirmed, whoever
//!   controls the network can prevent it, also by a certificate that is refused for good reason.
//! * [`Unreachable`](Event::Unreachable) is advice: the session waits until its retention is over.
//! * Sizes and timing of packets can be seen. The first packet shows that this protocol is spoken, and the client's [`Limits`] and
//!   endpoint name.
//! * A server knows a client again by its identity (see [`SameClient`]) and its endpoint name together. Of two that live and share both,
//!   the older one ends with [`Superseded`](CloseReason::Superseded). A client without either is nobody in particular: started anew, it
//!   is another one, and the session of the process that died is kept until its retention is over.
//! * Behind one address there is one server: who finds two ends with [`Misrouted`](CloseReason::Misrouted).
//! * Once in [`Limits::renew_after`], a session goes on under the secrets of another handshake, without a gap.
//! * Errors say what can be done. A panic would be a defect of this crate: no input may cause one.
//!
//! # States
//!
//! A session is connecting, established, closing and closed, in this order; [`StateTables`] prints every legal move.
//! It stays established when it is renewed, and when its peer restarts; a session that is closing then has nobody left to close with, and
//! ends.
//!
//! ```text
//!                       renewed, peer restarted
//!                             +-----+
//!                             v     |
//!                confirmed    |     |     close, by either side
//! connecting ------------> established ------------------------> closing
//!      |                        |                                   |
//!      | refused, failed, lost, | ended by the peer, failed, lost   | drained, linger over, ended, failed, lost,
//!      | drained, linger over   |                                   | peer restarted
//!      +------------------------+---------------> closed <----------+
//! ```
#![forbid(unsafe_code)]

mod attempt;
mod channel;
mod clock;
mod config;
mod delivery;
mod endpoint;
mod error;
mod event;
mod identity;
mod limits;
mod listener;
mod message;
mod packet;
mod session;
mod state;
mod stats;
mod stream;
mod tls;
#[cfg(test)]
mod vectors;
mod wire;

pub use bytes::Bytes;
pub use rustls;

pub use config::{ClientConfig, ClientConfigBuilder, SameClient, ServerConfig, ServerConfigBuilder};
pub use delivery::Delivery;
pub use endpoint::Endpoint;
pub use error::{AcknowledgeError, CloseCode, CloseReason, ConfigError, ConnectError, SendError, Violation};
pub use event::{Closed, Established, Event, PeerRestarted, Reachable, Unreachable};
pub use identity::{ChannelBinding, Negotiated, PeerIdentity};
pub use limits::Limits;
pub use listener::{FailedAttempt, Listener, SessionId, Transmit};
pub use message::{Message, MessageId};
pub use packet::Packet;
pub use session::{PathHint, Session};
pub use state::{Reachability, ReachabilityInput, SessionInput, SessionState, StateTables};
pub use stats::{InFlight, ListenerStats, SessionStats};
