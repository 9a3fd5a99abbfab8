//! Secure sessions over ZeroMQ that outlive their connections: [`steadfast`] on a `DEALER` (the [`Client`]) and a `ROUTER` (the
//! [`Server`]) of the stock [`zmq`] crate, or on two `PAIR`s.
//!
//! ```
//! use std::time::Duration;
//! use steadfast_zmq::steadfast::Event;
//! use steadfast_zmq::testing::insecure_test_credentials;
//! use steadfast_zmq::{Client, Endpoint, Server};
//!
//! let credentials = insecure_test_credentials("localhost");
//! let context = zmq::Context::new();
//! let mut server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &credentials.server().build()?)?;
//! let address = server.local_address()?;
//!
//! let greeter = std::thread::spawn(move || -> Result<(), steadfast_zmq::Error> {
//!     loop {
//!         let received = server.recv()?;
//!         match received.event {
//!             Event::Message(name) => {
//!                 let parts: [&[u8]; 2] = [b"hello", name.payload()];
//!                 server.send_multipart(received.session, &parts)?;
//!             }
//!             Event::Closed(_) => return Ok(()),
//!             _ => {}
//!         }
//!     }
//! });
//!
//! let mut client =
//!     Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &credentials.client().build()?)?;
//! client.send(b"world")?; // waits for the connection and the handshake
//! let greeting = loop {
//!     if let Event::Message(message) = client.recv()? {
//!         break message;
//!     }
//! };
//! assert_eq!(greeting.parts(), [&b"hello"[..], b"world"]);
//!
//! let last = client.close(Duration::from_secs(10))?.pop();
//! assert!(matches!(last, Some(Event::Closed(closed)) if closed.unsent.is_empty() && closed.in_doubt.is_empty()));
//! greeter.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With certificates of your own, from PEM files ([`pem`]):
//!
//! ```no_run
//! use steadfast_zmq::pem;
//!
//! let server = pem::server("server.pem", "server.key")?.build()?;
//! let client = pem::client("authority.pem")?.build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [`guide`] goes through all of it, chapter by chapter: [clients](guide::client), [servers](guide::server), [patterns](guide::patterns),
//! [what may fail and what to do](guide::failures), [settings](guide::tuning), [logs and counters](guide::observing),
//! [plain 0MQ and CURVE](guide::migrating), [restarts and releases](guide::upgrading).
//!
//! # Who drives
//!
//! The thread that calls: nothing happens between calls. Whoever waits, waits in [`Client::recv`] or [`Server::recv`] and is served
//! there; whoever has other work calls `recv_timeout` or `try_recv` every second or so, or leaves it to a thread in the background
//! ([`Client::spawn`], [`Server::spawn`]): [all the ways](guide::patterns#which-thread-drives).
//!
//! # What 0MQ does beneath
//!
//! 0MQ reconnects, and what it had queued is lost then; sessions notice and send that again, without a new handshake. A connection
//! that dies silently is found by ZMTP heartbeats ([`Endpoint::heartbeat`]). Sessions pass through a `zmq_proxy` with one backend, which
//! sees ciphertext only; its clients share one pipe, so a slow one slows the others.
//!
//! `inproc` is refused: its messages never leave the process. CURVE is neither needed nor part of the `zmq` crate's own build of
//! libzmq. Peers that 0MQ itself turns away (CURVE, or TCP that is no ZMTP) are seen by 0MQ alone: no counter and no line in the log
//! tells of them. An `ipc` address belongs to whoever binds it last: libzmq replaces the file.
//!
//! After its last socket is closed, a context waits at most a second for the last packets; without connection not at all.
//!
//! # When a process restarts
//!
//! The other side goes on with the new process, and is told [`PeerRestarted`](steadfast::Event::PeerRestarted), then
//! [`Established`](steadfast::Event::Established); what had arrived of the old one comes before. A session that was
//! closing ends instead. A `Client` needs nothing for this. A `Server` knows a client again by the identity in its
//! certificate ([`SameClient`](steadfast::SameClient)) and its endpoint name
//! ([`endpoint_name`](steadfast::ClientConfigBuilder::endpoint_name)) together, and keeps its
//! [`SessionId`](steadfast::SessionId). A client that lacks one of the two is another one after its restart, with a
//! session of its own; the old session ends by [`Limits::retention`](steadfast::Limits::retention).
//!
//! * `PeerRestarted` lists the messages that were not acknowledged: in doubt, which the application that is gone may
//!   have had, and unsent. What a process held when it died is gone with it.
//! * By default nothing is sent again. With [`Delivery::redeliver`](steadfast::Delivery::redeliver) all these are sent
//!   to the new process, those in doubt first and marked as
//!   [possible duplicates](steadfast::Message::is_possible_duplicate).
//! * A message is acknowledged when `recv` returns it, whether or not it was acted on. With
//!   [`Delivery::manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement) it is when the application calls
//!   [`Client::acknowledge`] or [`Server::acknowledge`].
//! * Of two clients that live and share identity and name, the older one ends with
//!   [`Superseded`](steadfast::CloseReason::Superseded), and should not begin another: the two would take turns for ever.
//! * A client whose packets reach several servers by turns ends with [`Misrouted`](steadfast::CloseReason::Misrouted).
//!
//! Without any restart, a session is renewed once a day by itself, see
//! [`Limits::renew_after`](steadfast::Limits::renew_after): it goes on without a gap, and nothing is told.
//!
//! # Request and reply
//!
//! Replies in any order, many requests at once, and an end to each of them whatever restarts: [`requests`].
//!
//! # Features
//!
//! `testing`: the module `testing`, with credentials that protect nothing and a proxy that cuts connections.
#![forbid(unsafe_code)]

mod backlog;
mod carrier;
mod client;
mod counters;
mod diagnosis;
mod endpoint;
mod error;
pub mod guide;
mod handle;
mod inproc;
mod link;
mod monitor;
mod noise;
mod options;
pub mod pem;
mod process;
mod provider;
mod redial;
pub mod requests;
mod route;
mod seldom;
mod server;
mod strangers;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;
mod wait;

pub use client::Client;
pub use counters::Counters;
pub use endpoint::Endpoint;
pub use error::{Error, OpenError};
pub use handle::{ClientHandle, ServerHandle};
pub use provider::default_provider;
pub use server::{Received, Server};
pub use steadfast;
pub use zmq;

use steadfast::Bytes;

fn copied(parts: &[impl AsRef<[u8]>]) -> Vec<Bytes> {
    parts.iter().map(|part| Bytes::copy_from_slice(part.as_ref())).collect()
}
