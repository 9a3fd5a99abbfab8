//! What is written to the log, and what is counted.
//!
//! # The log
//!
//! Through [`tracing`], from the crate `steadfast_zmq` alone; the core writes nothing. Nothing of a message is ever in
//! it, and no key.
//!
//! Every line is inside a span, of level `ERROR` so that no filter hides it:
//!
//! | span | fields |
//! |---|---|
//! | `steadfast_client` | `address` as it was given, `server`: the name that is expected in the certificate |
//! | `steadfast_server` | `address` as it was given |
//!
//! | level | a client says | a server says |
//! |---|---|---|
//! | `WARN` | `Unreachable`, `PeerRestarted` | `PeerRestarted`; a client that was turned away, with why; packets that come to nothing, with a probable cause and the sender's address |
//! | `INFO` | `Established`, `Reachable`, `Closed` | |
//! | `DEBUG` | | all other events, with their `session`: they may be many |
//!
//! Messages are not logged. An event is logged when the application takes it. What strangers can cause is written at
//! most once in ten seconds for each kind, with `times` or `handshakes`, how often it happened: a port scan does not
//! fill a disk.
//!
//! ```
//! use steadfast_zmq::{Client, Endpoint, Server};
//! # use std::io::Write;
//! # use std::sync::{Arc, Mutex};
//! # use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # #[derive(Clone, Default)]
//! # struct Lines(Arc<Mutex<Vec<u8>>>);
//! # impl Write for Lines {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         self.0.lock().expect("no panic").write(bytes)
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> {
//! #         Ok(())
//! #     }
//! # }
//! # let log = Lines::default();
//! # let lines = log.clone();
//!
//! tracing_subscriber::fmt() // `main` does this once, whatever it uses.
//!     # .with_ansi(false)
//!     # .without_time()
//!     # .with_writer(move || lines.clone())
//!     .init();
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().endpoint_name("worker-7").build()?);
//! let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//! let first = client.recv()?;
//! # assert!(matches!(first, Event::Established(_)));
//! # let log = String::from_utf8(log.0.lock().expect("no panic").clone())?;
//! # let expected = format!(
//! #     "INFO steadfast_client{{address=\"{address}\" server=\"localhost\"}}: steadfast_zmq::client::drive: \
//! #      established with an unnamed peer over X25519MLKEM768 and TLS13_AES_128_GCM_SHA256"
//! # );
//! # assert!(log.contains(&expected), "{log}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! INFO steadfast_client{address="tcp://127.0.0.1:7000" server="localhost"}: steadfast_zmq::client::drive: established with an unnamed peer over X25519MLKEM768 and TLS13_AES_128_GCM_SHA256
//! ```
//!
//! The same text is what an [`Event`](steadfast::Event) prints with `{}`, for a log of your own. Other events look like
//! this:
//!
//! ```text
//! nothing heard from the peer for 3.0s; probable cause: no connection to tcp://10.0.0.7:7000: is a Steadfast server listening there, and does the network between let it through?; still trying
//! reachable again after 4.2s
//! the peer restarted (2 messages in doubt, 0 unsent, all sent again)
//! closed: finished (0 messages in doubt, 0 unsent)
//! closed: the peer's certificate is not accepted: invalid peer certificate: UnknownIssuer (0 messages in doubt, 1 unsent)
//! ```
//!
//! # Counters
//!
//! All but the last count from the beginning, and never go back:
//!
//! | what | from | look at |
//! |---|---|---|
//! | [`SessionStats`](steadfast::SessionStats) | [`Client::stats`], [`Server::session_stats`] | `outages`; `packets_lost`, `messages_replayed`: what the network costs; `restarts`: how often the peer began anew |
//! | [`ListenerStats`](steadfast::ListenerStats) | [`Server::stats`] | `sessions_refused`, `attempts_refused`: room is short; `attempts_failed`: certificates; `retries`: many come at once; `unknown_id`: clients of a process that is gone; `joins_refused`, `cookies_refused`: nearly always 0 |
//! | [`Counters`](crate::Counters) | [`Client::counters`], [`Server::counters`] | `packets_held`: 0MQ had no room or no connection; `packets_dropped`; `strangers`, `odd`: somebody else talks to this port; `redials`: 0MQ had given up |
//! | [`InFlight`](steadfast::InFlight) | [`Client::in_flight`], [`Server::in_flight`] | what is held for the peer at this moment; what only grows is a peer that does not read |
//!
//! ```
//! # use std::time::Duration;
//! # use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::testing::{CutProxy, insecure_test_credentials};
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let link = CutProxy::start(server.local_address()?.trim_start_matches("tcp://").parse()?)?;
//! # let (address, config) = (link.zmq_address(), credentials.client().build()?);
//! # let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?.spawn()?;
//! # let taker = server.clone();
//! # std::thread::spawn(move || while taker.recv().is_ok() {});
//! client.send(b"before the cut")?;
//! client.flush(Duration::from_secs(10))?;
//! # link.reset();
//! client.send(b"after it")?; // The TCP connection was reset meanwhile.
//! client.flush(Duration::from_secs(10))?;
//!
//! let stats = client.stats()?;
//! assert_eq!(stats.handshakes, 1); // A new connection, and no new handshake.
//! assert_eq!((stats.restarts, stats.outages), (0, 0)); // Nobody was away for three seconds.
//! # assert_eq!(link.connections(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Peers that 0MQ itself turns away (CURVE, or TCP that is no ZMTP) are seen by 0MQ alone: no counter and no line tells
//! of them.

#[expect(unused_imports, reason = "the text links to them")]
use crate::{Client, Server};
