//! Many sessions in one place: who they are, what to keep of each, and what to do about a slow one.
//!
//! # A configuration
//!
//! ```no_run
//! use steadfast_zmq::{Endpoint, Server, pem};
//!
//! let config = pem::server("server.pem", "server.key")?
//!     .client_verifier(pem::client_verifier("clients.pem")?) // Only clients that this authority vouches for.
//!     .build()?;
//! let server = Server::bind(Endpoint::new(&zmq::Context::new(), "tcp://*:7000"), &config)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without a `client_verifier` anybody may come: the server proves itself to them, and they prove nothing to it.
//!
//! # Sessions
//!
//! [`Server::recv`] returns what happens in any session, with the [`SessionId`](steadfast::SessionId) and the verified
//! peer. A server that keeps something for each of its clients has four events to act on:
//!
//! ```
//! use std::collections::HashMap;
//! use steadfast_zmq::steadfast::{Event, SessionId};
//! use steadfast_zmq::{Endpoint, Error, Received, Server};
//! # use std::time::Duration;
//! # use steadfast_zmq::Client;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//!
//! /// How many messages each client has sent.
//! #[derive(Default)]
//! struct Tally {
//!     of: HashMap<SessionId, u64>,
//! }
//!
//! impl Tally {
//!     fn take(&mut self, server: &mut Server, received: Received) -> Result<(), Error> {
//!         let session = received.session;
//!         match received.event {
//!             // The session has begun: nothing was received in it, and nothing could be sent before.
//!             Event::Established(_) => {
//!                 self.of.insert(session, 0);
//!             }
//!             Event::Message(_) => {
//!                 let count = self.of.entry(session).or_default();
//!                 *count += 1;
//!                 match server.try_send(session, &count.to_be_bytes()) {
//!                     // A client that does not read: its session is told to end, and nobody else waits for it.
//!                     Err(Error::WouldBlock) => server.close_session(session)?,
//!                     // `Closed` is on the way.
//!                     Err(Error::Closed) => {}
//!                     other => _ = other?,
//!                 }
//!             }
//!             // Another process of the same client, under the same id. `Established` is next.
//!             Event::PeerRestarted(restarted) => {
//!                 eprintln!("{} answers in doubt", restarted.in_doubt.len());
//!             }
//!             Event::Closed(_) => {
//!                 self.of.remove(&session);
//!             }
//!             // Unreachable, Reachable: for the log, at most.
//!             _ => {}
//!         }
//!         Ok(())
//!     }
//! }
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let config = credentials.server().client_verifier(credentials.client_verifier()).build()?;
//! # let mut server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &config)?;
//! # let address = server.local_address()?;
//! # let clients: Vec<_> = ["ann", "bob"]
//! #     .map(|name| {
//! #         let (chain, key) = credentials.issue(name);
//! #         let config = credentials.client().identity(chain, key).endpoint_name(name).build().expect("complete");
//! #         let endpoint = Endpoint::new(&context, &address);
//! #         let client = Client::connect(endpoint, "localhost".try_into().expect("a name"), &config);
//! #         client.and_then(Client::spawn).expect("opens")
//! #     })
//! #     .into();
//! # for client in &clients {
//! #     client.send(b"one")?;
//! #     client.send(b"two")?;
//! # }
//! # let askers: Vec<_> = clients
//! #     .into_iter()
//! #     .map(|client| {
//! #         std::thread::spawn(move || -> Result<Vec<u8>, Error> {
//! #             let mut got = Vec::new();
//! #             while got.len() < 2 {
//! #                 if let Event::Message(message) = client.recv()? {
//! #                     got.push(message.payload()[7]);
//! #                 }
//! #             }
//! #             client.close(Duration::from_secs(10))?;
//! #             Ok(got)
//! #         })
//! #     })
//! #     .collect();
//! # let mut tally = Tally::default();
//! # let mut ended = 0;
//! # while ended < 2 {
//! #     let received = server.recv()?;
//! #     ended += usize::from(matches!(received.event, Event::Closed(_)));
//! #     tally.take(&mut server, received)?;
//! # }
//! # for asker in askers {
//! #     assert_eq!(asker.join().expect("no panic")?, [1, 2]);
//! # }
//! # assert!(tally.of.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server cannot send before `Established`: only that names a session. There is no way to send to a client by its
//! endpoint name or its certificate; keep a map of your own from what you call it to its `SessionId`, filled at
//! `Established` and emptied at `Closed`.
//!
//! # Who is it?
//!
//! [`Received::peer`](crate::Received::peer) is the same in all events of a session until its client makes another
//! handshake:
//!
//! * [`certificates`](steadfast::PeerIdentity::certificates): the chain that the verifier accepted, as DER, the
//!   client's own first. Take names out of it with a parser of certificates of your choice.
//! * [`endpoint_name`](steadfast::PeerIdentity::endpoint_name): what the client calls itself. Any client can claim any
//!   name; it means something only together with the certificate. Do not grant rights by the name alone.
//!
//! Whom the verifier accepts, the server lets in. What a client may *do* is the application's to decide, at each
//! message or once at `Established`: [`Server::close_session`] shows it out.
//!
//! Two handshakes come from *the same client* if the names in their certificates are equal, and so are the endpoint
//! names. With a verifier that pins keys rather than trusting an authority, names are only the owner's word: set
//! [`same_client`](steadfast::ServerConfigBuilder::same_client) to [`PublicKey`](steadfast::SameClient::PublicKey).
//!
//! # A slow client
//!
//! Each session has room of its own for what is sent and not acknowledged. A client that does not read fills its own,
//! and no other. What that costs is a matter of the call:
//!
//! * [`Server::send`] waits, and the thread with it: all sessions are served meanwhile, but nobody takes their events.
//! * [`Server::try_send`] returns [`Error::WouldBlock`](crate::Error::WouldBlock): drop the message, keep it, or end
//!   the session.
//! * [`ServerHandle::send`](crate::ServerHandle::send) waits in its own thread alone; others go on.
//!
//! Behind a `zmq_proxy` this is not so: its clients share one pipe ([`patterns`](super::patterns)).
//!
//! # Ending
//!
//! [`Server::close_session`] ends one session in order; its `Closed` comes when both sides have everything, or after
//! [`Limits::linger`](steadfast::Limits::linger). [`Server::close`] does this to all of them and waits; new clients are
//! no longer let in. It stays a quarter of a second longer for those that missed the last word. Dropping a `Server`
//! tells its clients that it closes and waits for nothing.

#[expect(unused_imports, reason = "the text links to it")]
use crate::Server;
