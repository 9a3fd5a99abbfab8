//! Restarts, releases and certificates, one process after another.
//!
//! # What may change between releases
//!
//! The protocol is named in every handshake by ALPN, `steadfast/1`, and its rules for change are in section 19 of
//! `core/PROTOCOL.md`. For whoever runs it:
//!
//! * Within `steadfast/1`, releases may differ in parameters, optional frames and close codes that the other side
//!   skips. Old and new talk to each other, whichever is the client.
//! * A release that brings `steadfast/2` still offers and accepts `steadfast/1`: release N talks to N−1. So do not leap
//!   over a release that brought one.
//! * TLS authenticates the choice; nobody on the way can bring it down.
//!
//! This is the first release: there is none before it that this could have been tested with.
//!
//! # In which order
//!
//! Any. Nothing in a session depends on who was upgraded first. Each restarted *server* costs each of its clients one
//! handshake, and each restarted *client* one. Take one process at a time, and go on when its peers are `Established`
//! again.
//!
//! # How a process should stop
//!
//! It depends on whether its peers shall see an end or a restart:
//!
//! | the old process | its peers are told | nothing is in doubt if |
//! |---|---|---|
//! | calls [`Server::close`] or [`Client::close`] | `Closed`, `Finished`: they begin another session, if they want one | it returns before its time is over |
//! | ends without closing: killed, or by `std::process::exit` while the value lives | `PeerRestarted`, `Established` when the new one is there; the session goes on | everything was acknowledged |
//! | drops the value | that this side closes; what was not acknowledged may be lost | |
//!
//! Closing is for a process that will not come back, and for clients without a name. The second is for a process that
//! is replaced. Before it, `flush` each session, so that the peers' applications have what this side sent. What the
//! peers send from then on is in their `PeerRestarted`, for the new process to get by redelivery or from their
//! applications. Do not drop the value: that begins to close, and a session that is closing when its peer restarts
//! ends.
//!
//! `PeerRestarted` in a rolling restart is thus no failure. A program that treats it as one (by alarm, by exit) turns
//! each upgrade into an outage.
//!
//! A server holds nobody's place while it is down: clients keep trying, and hold for their retention (10 min) what they
//! want to send. They are there again some tens of milliseconds after the new one listens, or about a second when it
//! was away for long.
//!
//! # New certificates
//!
//! Certificates are judged in handshakes: when a session begins, at a restart, and once in
//! [`renew_after`](steadfast::Limits::renew_after). What a configuration was built with stays in it. So:
//!
//! 1. **A new authority:** first into every verifier beside the old one (a PEM file may hold both), then the new
//!    certificates, last the old one out.
//! 2. **A client's new certificate:** restart the client with it. With the same names and endpoint name it is the same
//!    client, with a new key too, unless the server compares keys ([`SameClient`](steadfast::SameClient)):
//!
//! ```
//! use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::steadfast::ClientConfig;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let config = credentials.server().client_verifier(credentials.client_verifier()).build()?;
//! # let mut server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &config)?;
//! # let address = server.local_address()?;
//! # let config = || -> ClientConfig {
//! #     let (chain, key) = credentials.issue("worker.example"); // Another key each time.
//! #     let config = credentials.client().identity(chain, key).endpoint_name("worker-7");
//! #     config.build().expect("complete")
//! # };
//! # let connect = || Client::connect(Endpoint::new(&context, &address), "localhost".try_into().expect("a name"), &config());
//! # let _old = connect()?.spawn()?; // Says nothing more, as a process that was killed.
//! # let established = server.recv()?;
//! # assert!(matches!(established.event, Event::Established(_)));
//! # let session = established.session;
//! # let _new = connect()?.spawn()?;
//! // The worker was restarted, with a certificate for the same name and another key.
//! loop {
//!     let received = server.recv()?;
//!     if let Event::PeerRestarted(_) = received.event {
//!         assert_eq!(received.session, session); // The one that it had before.
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! 3. **A server's new certificate:** restart the server with it.
//! 4. **Somebody to be shut out at once:** make the verifier refuse it, *and* end its session with
//!    [`Server::close_session`]. The verdict alone does not end a session that stands: a renewal that is refused is a
//!    failed handshake beside it, and the client tries again every few seconds, with a line in the server's log. The
//!    same holds for a certificate that has expired meanwhile.
//!
//! A verifier whose mind can be changed while the server runs is one of your own around that of rustls. This one shuts
//! out single certificates; one that is given other roots or revocation lists looks the same:
//!
//! ```
//! use std::sync::{Arc, RwLock};
//! use steadfast_zmq::steadfast::rustls::client::danger::HandshakeSignatureValid;
//! use steadfast_zmq::steadfast::rustls::pki_types::{CertificateDer, UnixTime};
//! use steadfast_zmq::steadfast::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
//! use steadfast_zmq::steadfast::rustls::{
//!     CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
//! };
//! # use std::time::Duration;
//! # use steadfast_zmq::steadfast::{CloseReason, Event};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//!
//! #[derive(Debug)]
//! struct Doorkeeper {
//!     inner: Arc<dyn ClientCertVerifier>,
//!     shut_out: RwLock<Vec<CertificateDer<'static>>>,
//! }
//!
//! impl ClientCertVerifier for Doorkeeper {
//!     fn verify_client_cert(
//!         &self,
//!         own: &CertificateDer<'_>,
//!         issuers: &[CertificateDer<'_>],
//!         now: UnixTime,
//!     ) -> Result<ClientCertVerified, Error> {
//!         if self.shut_out.read().expect("no panic").contains(own) {
//!             return Err(CertificateError::Revoked.into()); // The client is told, and does not try again.
//!         }
//!         self.inner.verify_client_cert(own, issuers, now)
//!     }
//!
//!     fn verify_tls13_signature(
//!         &self,
//!         message: &[u8],
//!         own: &CertificateDer<'_>,
//!         signed: &DigitallySignedStruct,
//!     ) -> Result<HandshakeSignatureValid, Error> {
//!         self.inner.verify_tls13_signature(message, own, signed)
//!     }
//!
//!     fn verify_tls12_signature(
//!         &self,
//!         message: &[u8],
//!         own: &CertificateDer<'_>,
//!         signed: &DigitallySignedStruct,
//!     ) -> Result<HandshakeSignatureValid, Error> {
//!         self.inner.verify_tls12_signature(message, own, signed) // Never asked: only TLS 1.3 is spoken.
//!     }
//!
//!     fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
//!         self.inner.supported_verify_schemes()
//!     }
//!
//!     fn root_hint_subjects(&self) -> &[DistinguishedName] {
//!         self.inner.root_hint_subjects()
//!     }
//! }
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//!
//! let inner = credentials.client_verifier(); // Or pem::client_verifier("clients.pem")?
//! let doorkeeper = Arc::new(Doorkeeper { inner, shut_out: RwLock::default() });
//! let config = credentials.server().client_verifier(doorkeeper.clone()).build()?;
//! # let mut server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &config)?;
//! # let address = server.local_address()?;
//! # let (chain, key) = credentials.issue("worker.example");
//! # let config = credentials.client().identity(chain, key).build()?;
//! # let connect = || {
//! #     let name = "localhost".try_into().expect("a name");
//! #     Client::connect(Endpoint::new(&context, &address), name, &config).and_then(Client::spawn)
//! # };
//! # let client = connect()?;
//! # let established = server.recv()?;
//! # let (session, peer) = (established.session, established.peer);
//! // While the server runs:
//! doorkeeper.shut_out.write().expect("no panic").push(peer.certificates()[0].clone());
//! # server.renew(session)?;
//! # while server.stats().attempts_failed == 0 {
//! #     let quiet = server.recv_timeout(Duration::from_millis(1))?;
//! #     assert!(quiet.is_none(), "{quiet:?}");
//! # }
//! # // The renewal was refused, and the session goes on.
//! # client.send(b"still here")?;
//! # assert!(matches!(server.recv()?.event, Event::Message(_)));
//! server.close_session(session)?;
//! # while !matches!(server.recv()?.event, Event::Closed(_)) {}
//! # let again = connect()?;
//! # let serving = server.spawn()?;
//! # let event = again.recv()?;
//! # assert!(matches!(&event, Event::Closed(closed) if matches!(closed.reason, CloseReason::ByPeer { .. })), "{event}");
//! # drop(serving);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same works for a client's `ServerCertVerifier`.

#[expect(unused_imports, reason = "the text links to them")]
use crate::{Client, Server};
