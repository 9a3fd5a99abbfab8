//! Questions and answers over a session that cannot get stuck as `REQ` does: many requests may be open at once, each reply finds
//! its request in whatever order replies come, and of every request the application hears in the end: its reply, or that it was not
//! sent, or that nobody knows what became of it.
//!
//! Books only, without I/O: [`Requests`] for the side that asks, [`Replies`] for the side that answers. What they say goes out by
//! whatever sends parts ([`Client`](crate::Client), [`Server`](crate::Server) or a handle of either), and every event that comes in
//! goes through them. Other messages may share the session: the books hand on what is not theirs.
//!
//! ```
//! use steadfast_zmq::requests::{Asked, Incoming, Replies, Requests};
//! use steadfast_zmq::steadfast::{Bytes, Event};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! #
//! # let credentials = insecure_test_credentials("localhost");
//! # let context = zmq::Context::new();
//! # let mut server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &credentials.server().build()?)?;
//! # let endpoint = Endpoint::new(&context, &server.local_address()?);
//! # let mut client = Client::connect(endpoint, "localhost".try_into()?, &credentials.client().build()?)?;
//!
//! // At the server:
//! let answering = std::thread::spawn(move || -> Result<(), steadfast_zmq::Error> {
//!     let (mut replies, mut last_first) = (Replies::new(), Vec::new());
//!     loop {
//!         let received = server.recv()?;
//!         match replies.sort(received.session, received.event) {
//!             Asked::Request(request) => last_first.push(request),
//!             Asked::Other(Event::Closed(_)) => return Ok(()),
//!             Asked::Other(_) => {}
//!         }
//!         if last_first.len() == 2 {
//!             for request in last_first.drain(..).rev() {
//!                 let reply = ["you asked".into(), request.parts[0].clone()];
//!                 let sent = request.reply(&reply, |session, parts| server.send_parts(session, parts));
//!                 sent.expect("the client is still there");
//!             }
//!         }
//!     }
//! });
//!
//! // At the client:
//! let mut requests = Requests::new();
//! let time = requests.ask(&["what time is it?".into()], |parts| client.send_parts(parts))?;
//! let place = requests.ask(&["where am I?".into()], |parts| client.send_parts(parts))?;
//! while requests.open() > 0 {
//!     match requests.sort(client.recv()?) {
//!         Incoming::Reply(reply) if reply.to == time => assert_eq!(reply.parts[1], "what time is it?"),
//!         Incoming::Reply(reply) if reply.to == place => assert_eq!(reply.parts[1], "where am I?"),
//!         Incoming::Gone(gone) => println!("ask again, or not: {:?} {:?}", gone.unsent, gone.in_doubt),
//!         _ => {}
//!     }
//! }
//! # let left = client.close(std::time::Duration::from_secs(10))?;
//! # assert!(left.into_iter().all(|event| match requests.sort(event) {
//! #     Incoming::Gone(gone) => gone.in_doubt.is_empty() && gone.unsent.is_empty(),
//! #     _ => true,
//! # }));
//! # answering.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process restarts
//!
//! *Who is asked:* [`Incoming::Gone`] lists all open requests. Those that never left are `unsent`. Any other is `in_doubt`: also one
//! that the old process had taken, and so acknowledged, and not answered before it died. With
//! [`Delivery::redeliver`](steadfast::Delivery::redeliver), those that were not acknowledged stay open instead, for the session sends
//! them again; [`Request::is_possible_duplicate`] marks those that the old process may have had.
//!
//! *Who asks:* a [`Request`] knows whether the process that asked is still there, and refuses to be answered if not. Should a reply reach
//! the next process nevertheless (it was on its way, and redelivery is configured), it is no reply to any request there: each book
//! draws a number of its own that all its requests bear.
//!
//! How long to wait for a reply is the application's business: [`Requests::give_up`] ends a request; a late reply is counted then.
//!
//! # Several threads
//!
//! Events must reach `sort` in the order in which they came: one thread receives and sorts. Requests may be asked by any thread that
//! locks the book, with `try_send_parts`: who waits for room and holds the lock keeps replies from being sorted. A request that is
//! asked between `recv` and `sort` of [`PeerRestarted`](steadfast::PeerRestarted) is told as in doubt, though the new process has it.
//! A [`Request`] may be answered by any thread, without the book.
//!
//! # On the wire
//!
//! A request and a reply is a message whose first part has 20 bytes; the application's own parts follow:
//!
//! | bytes | what |
//! |---|---|
//! | 3 | `req` or `rep` |
//! | 1 | version of this form: 1 |
//! | 8 | who asks: a random number of its book |
//! | 8 | which request: numbered by the book, big-endian, from 0 |
//!
//! A reply has the last sixteen of its request. A message whose first part does not begin with the three letters is none of ours; nor is
//! one with another version or length, which is counted besides. Whoever mixes other messages in does not begin them with these letters.

mod asking;
mod replying;
mod tag;

pub use asking::{Gone, Incoming, Reply, RequestCounters, Requests};
pub use replying::{Asked, Replies, ReplyError, Request};
pub use tag::RequestId;
