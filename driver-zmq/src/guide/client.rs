//! Connecting, sending, receiving, ending.
//!
//! # A configuration
//!
//! A client needs the certificates of the authorities that it trusts, and the name that it expects in the server's
//! certificate:
//!
//! ```no_run
//! use steadfast_zmq::{Client, Endpoint, pem};
//!
//! let config = pem::client("authority.pem")?.build()?;
//! let context = zmq::Context::new();
//! let endpoint = Endpoint::new(&context, "tcp://10.0.0.7:7000");
//! let client = Client::connect(endpoint, "server.example".try_into()?, &config)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The address and the name need not have anything to do with each other: 0MQ connects to the one, TLS checks the
//! other. The name is not sent, so nobody on the way reads it.
//!
//! Two more things make a client *the same client* to its server when its process is started anew: a certificate of its
//! own, and an endpoint name. Without either it is nobody in particular ([`failures`](super::failures)).
//!
//! ```no_run
//! # use steadfast_zmq::pem;
//! let config = pem::client_with_identity("authority.pem", "worker.pem", "worker.key")?
//!     .endpoint_name("worker-7") // Not two processes at once under one name and certificate.
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A configuration is cheap to clone and serves any number of clients. What else can be set is in
//! [`tuning`](super::tuning).
//!
//! # A session from beginning to end
//!
//! ```
//! use std::time::Duration;
//! use steadfast_zmq::steadfast::{CloseReason, Event};
//! use steadfast_zmq::{Client, Endpoint};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = steadfast_zmq::Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let echo = std::thread::spawn(move || -> Result<(), steadfast_zmq::Error> {
//! #     loop {
//! #         let received = server.recv()?;
//! #         match received.event {
//! #             Event::Message(message) => server.send_multipart(received.session, message.parts())?,
//! #             Event::Closed(_) => return Ok(()),
//! #             _ => continue,
//! #         };
//! #     }
//! # });
//!
//! let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//! client.send_multipart(&["question", "7"])?;
//!
//! let answer = loop {
//!     match client.recv()? {
//!         Event::Message(answer) => break answer,
//!         // The session is over for good: the reason says whether another one makes sense.
//!         Event::Closed(closed) => return Err(closed.reason.to_string().into()),
//!         news => eprintln!("{news}"),
//!     }
//! };
//! assert_eq!(answer.parts(), ["question", "7"]);
//!
//! let events = client.close(Duration::from_secs(10))?;
//! assert!(matches!(events.last(), Some(Event::Closed(closed)) if closed.reason == CloseReason::Finished));
//! # echo.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Client::connect`] returns at once, whether or not anybody is there. What is sent meanwhile waits. Then:
//!
//! * [`Established`](steadfast::Event::Established) comes before the first message. It says who the server is and what
//!   was negotiated.
//! * [`Unreachable`](steadfast::Event::Unreachable) and [`Reachable`](steadfast::Event::Reachable) come and go with the
//!   network. There is nothing to do about them: the session waits, sends again what was lost, and goes on.
//! * [`PeerRestarted`](steadfast::Event::PeerRestarted) says that another process of the server has taken over, and
//!   which messages are in doubt.
//! * [`Closed`](steadfast::Event::Closed) is the last one, and comes once. After it `recv` returns
//!   [`Error::Closed`](crate::Error::Closed).
//!
//! A program that handles messages and `Closed`, and logs the rest, is right unless a message must not be lost with a
//! *process*. [`failures`](super::failures) says what to do then.
//!
//! # What sending means
//!
//! `send` returns when the message is accepted: it is held here until the server's application has taken it. It may be
//! held for long, while there is no network, say; when too much is held, `send` waits, and `try_send` returns
//! [`Error::WouldBlock`](crate::Error::WouldBlock) ([`tuning`](super::tuning)). How far it has come is told by ids,
//! which grow in the order of sending:
//!
//! ```
//! # use std::time::Duration;
//! # use steadfast_zmq::steadfast::{Event, InFlight};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//! # let taker = std::thread::spawn(move || -> Result<(), steadfast_zmq::Error> {
//! #     loop {
//! #         if let Event::Closed(_) = server.recv()?.event {
//! #             return Ok(());
//! #         }
//! #     }
//! # });
//! let first = client.send(b"first")?;
//! let second = client.send(b"second")?;
//! assert!(first < second);
//!
//! client.flush(Duration::from_secs(10))?; // Until the server's application has taken everything.
//! assert!(client.acknowledged_through() >= Some(second));
//! assert_eq!(client.in_flight(), InFlight::default());
//! # client.close(Duration::from_secs(10))?;
//! # taker.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! "Taken" means that `recv` returned the message to the application, or, with
//! [`Delivery::manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement), that the application called
//! `acknowledge`. An answer of the application's own is still the only proof that something was *done*.
//!
//! What [`Client::send_multipart`] is given is copied. [`Client::send_parts`] takes [`Bytes`](steadfast::Bytes) and
//! copies no part of 8 KiB or more.
//!
//! # Who drives
//!
//! A `Client` works only while one of its methods runs. An application that does something else for long hands it to a
//! thread of its own with [`Client::spawn`], and then uses the handle from as many threads as it likes;
//! [`patterns`](super::patterns) has all the ways.
//!
//! # Ending
//!
//! | call | what was sent | what the peer still sends | waits |
//! |---|---|---|---|
//! | [`Client::close`] | is delivered, or listed in `Closed` | is returned with the events | yes, as long as you say |
//! | [`Client::begin_close`], then `recv` until `Closed` | the same | comes from `recv` | in `recv`, until [`Limits::linger`](steadfast::Limits::linger) |
//! | dropping a `Client` | may be lost | is lost | no |
//! | dropping the last [`ClientHandle`](crate::ClientHandle) | is delivered in the background, within `linger`, if the process lives | is lost | no |
//!
//! Closing ends both directions: the peer's `send` fails as soon as it hears of it. Who wants the last answer waits for
//! it first.

#[expect(unused_imports, reason = "the text links to it")]
use crate::Client;
