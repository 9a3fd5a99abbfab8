//! Which sockets, who binds, what may lie between, and which thread drives it.
//!
//! # Which of the two is the client?
//!
//! The one that should prove itself second, and that can repair a broken connection: a client begins handshakes, a
//! server answers them and always shows a certificate. Both may send whenever they like, as many messages as they like,
//! in both directions. Which side *binds* is another question:
//!
//! | | server binds, client connects | client binds, server connects |
//! |---|---|---|
//! | calls | [`Server::bind`], [`Client::connect`] | [`Client::bind`], [`Server::connect`] |
//! | many clients | yes: `DEALER`s to one `ROUTER` | no: one server at a time at a client's address |
//! | one to one | the same, or `PAIR` to `PAIR` | the same, or `PAIR` to `PAIR` |
//! | for | nearly everything | clients with a fixed address, servers that nobody may connect to |
//! | after a cut, an idle session | is found again at once | is found again after [`Limits::ping_interval`](steadfast::Limits::ping_interval) (15 s) |
//!
//! # DEALER to ROUTER
//!
//! What [`Endpoint::new`] gives: a client has a `DEALER`, a server a `ROUTER`. The 0MQ sockets are nobody's business
//! but the driver's: no routing ids, no envelopes, no delimiters. A `REQ`, `REP` or plain `DEALER` at the other end
//! cannot take part.
//!
//! A `DEALER` connected to several addresses would deal packets out by turns; so one client has one address, and one
//! session. Who talks to three servers has three clients.
//!
//! # PAIR to PAIR, whoever binds
//!
//! [`Endpoint::pair`] at *both* ends. A server on a `PAIR` has one client at a time; one with the same certificate
//! takes its place, any other is told that the server is busy, and goes on trying. 0MQ itself lets nobody in at a bound
//! `PAIR` while a connection stands; one that has died silently counts as standing until
//! [heartbeats](Endpoint::heartbeat) find out, after three seconds.
//!
//! ```
//! use std::time::Duration;
//! use steadfast_zmq::steadfast::Event;
//! use steadfast_zmq::{Client, Endpoint, Server};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let (client_config, server_config) = (credentials.client().build()?, credentials.server().build()?);
//!
//! // The client waits at its address, and the server comes to it.
//! let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*").pair();
//! let client = Client::bind(endpoint, "localhost".try_into()?, &client_config)?;
//! let address = client.local_address()?;
//! let server = Server::connect(Endpoint::new(&context, &address).pair(), &server_config)?;
//!
//! let (client, server) = (client.spawn()?, server.spawn()?);
//! client.send(b"who connects is one thing, who is the client another")?;
//! let session = loop {
//!     let received = server.recv()?;
//!     if let Event::Message(_) = received.event {
//!         break received.session;
//!     }
//! };
//! server.send(session, b"so it is")?;
//! while !matches!(client.recv()?, Event::Message(answer) if answer.payload() == "so it is") {}
//! # let last = std::thread::spawn(move || server.close(Duration::from_secs(10)));
//! # client.close(Duration::from_secs(10))?;
//! # last.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Through a `zmq_proxy`
//!
//! A session goes through stock proxies, up to seven in a row: they see envelopes and ciphertext. Clients connect to
//! the proxy's `ROUTER`, its `DEALER` connects to the server or the server to it (`examples/proxy.rs` is one to run):
//!
//! ```
//! use steadfast_zmq::steadfast::Event;
//! use steadfast_zmq::{Client, Endpoint, Server};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let (client_config, server_config) = (credentials.client().build()?, credentials.server().build()?);
//! # let mut hop = zmq::Context::new();
//!
//! let (front, back) = (hop.socket(zmq::ROUTER)?, hop.socket(zmq::DEALER)?);
//! # front.set_linger(0)?;
//! # back.set_linger(0)?;
//! front.bind("tcp://127.0.0.1:*")?;
//! back.bind("tcp://127.0.0.1:*")?;
//! let at = |socket: &zmq::Socket| socket.get_last_endpoint().map(|address| address.expect("text"));
//! let (front_address, back_address) = (at(&front)?, at(&back)?);
//! let proxy = std::thread::spawn(move || zmq::proxy(&front, &back));
//!
//! let mut server = Server::connect(Endpoint::new(&context, &back_address), &server_config)?;
//! let endpoint = Endpoint::new(&context, &front_address);
//! let client = Client::connect(endpoint, "localhost".try_into()?, &client_config)?.spawn()?;
//! client.send(b"past a proxy that cannot read this")?;
//! while !matches!(server.recv()?.event, Event::Message(_)) {}
//! # drop((client, server));
//! # hop.destroy()?;
//! # assert!(proxy.join().expect("no panic").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! *One* backend: a proxy deals to several by turns, so a client's packets would reach servers that do not know its
//! session; it ends with [`Misrouted`](steadfast::CloseReason::Misrouted). Who wants to spread work lets the workers be
//! clients of the one that spreads it (`examples/load_balancer`).
//!
//! Behind a proxy all clients share one pipe: when it is full because one of them does not read, the others wait too.
//! Nothing is lost by it.
//!
//! # Request and reply
//!
//! [`requests`](crate::requests) keeps the books of questions and answers over any of these: many requests may be open
//! at once, replies find them in any order, and of each request the application hears in the end, whatever restarts. It
//! sends nothing itself: events go through it on their way to the application.
//!
//! # Which thread drives
//!
//! | | how | for |
//! |---|---|---|
//! | the caller's | `recv`, `recv_timeout`, `send` on a [`Client`] or [`Server`] | one thread that does nothing else for long |
//! | one in the background | [`Client::spawn`], [`Server::spawn`] | several threads; work that takes longer than a second |
//! | futures of any runtime | `poll_recv`, `poll_send_parts` of the handles | async programs |
//! | your `zmq::poll` | `poll_items`, `deadline`, `try_recv` | a loop that serves other 0MQ sockets too |
//! | your epoll, kqueue, libuv | `descriptors`, `deadline`, `try_recv` | a loop of another kind |
//!
//! A client or server that is not driven does not answer: after
//! [`Limits::unreachable_after`](steadfast::Limits::unreachable_after) (3 s) the peer takes it for unreachable, and
//! after [`Limits::retention`](steadfast::Limits::retention) (10 min) for lost. Until then nothing is lost by a pause.
//!
//! ## In the background
//!
//! [`ClientHandle`](crate::ClientHandle) and [`ServerHandle`](crate::ServerHandle) are `Clone`, `Send` and `Sync`. Each
//! event is returned to one caller. Sending and receiving happen in the calling thread, so they cost no switch; the
//! thread in the background sees to what would otherwise wait. Nothing is taken from the session until somebody asks
//! for it: a message that nobody has received is not acknowledged.
//!
//! ## Futures
//!
//! The handles know no runtime; they wake whatever polled them (`examples/futures.rs` is a whole program):
//!
//! ```
//! use std::future::poll_fn;
//! use steadfast_zmq::steadfast::{Bytes, Event};
//! use steadfast_zmq::{ClientHandle, Error};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! # use std::sync::Arc;
//! # use std::task::{Context, Poll, Wake, Waker};
//! # use std::thread::{self, Thread};
//!
//! async fn ask(client: &ClientHandle, question: &'static str) -> Result<Bytes, Error> {
//!     let question = [Bytes::from(question)];
//!     poll_fn(|task| client.poll_send_parts(task, &question)).await?;
//!     loop {
//!         if let Event::Message(answer) = poll_fn(|task| client.poll_recv(task)).await? {
//!             return Ok(answer.payload().clone());
//!         }
//!     }
//! }
//! # struct Unpark(Thread);
//! # impl Wake for Unpark {
//! #     fn wake(self: Arc<Self>) {
//! #         self.0.unpark();
//! #     }
//! # }
//! # fn block_on<T>(future: impl Future<Output = T>) -> T {
//! #     let mut future = std::pin::pin!(future);
//! #     let waker = Waker::from(Arc::new(Unpark(thread::current())));
//! #     loop {
//! #         if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
//! #             return done;
//! #         }
//! #         thread::park();
//! #     }
//! # }
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?.spawn()?;
//! # let echo = thread::spawn(move || -> Result<(), Error> {
//! #     loop {
//! #         let received = server.recv()?;
//! #         if let Event::Message(message) = received.event {
//! #             server.send_parts(received.session, message.parts())?;
//! #             return server.flush(received.session, std::time::Duration::from_secs(10));
//! #         }
//! #     }
//! # });
//! # let answer = block_on(ask(&client, "is anybody awake?"))?;
//! # assert_eq!(answer, "is anybody awake?");
//! # echo.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Your own `zmq::poll`
//!
//! What to wait for changes from call to call, so ask each time; and never wait past the deadline, which has passed
//! already if an event waits that no socket shows any more:
//!
//! ```
//! use std::time::Instant;
//! use steadfast_zmq::Client;
//! use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Endpoint, Server};
//!
//! /// The next event of this client, with other sockets served meanwhile.
//! fn next(client: &mut Client, other: &zmq::Socket) -> Result<Event, Box<dyn std::error::Error>> {
//!     loop {
//!         if let Some(event) = client.try_recv()? {
//!             return Ok(event);
//!         }
//!         let deadline = client.deadline()?;
//!         let mut items = vec![other.as_poll_item(zmq::POLLIN)];
//!         items.extend(client.poll_items());
//!         zmq::poll(&mut items, milliseconds_until(deadline))?;
//!         if items[0].is_readable() {
//!             other.recv_bytes(zmq::DONTWAIT)?;
//!         }
//!     }
//! }
//!
//! /// Rounded up, since 0MQ takes whole milliseconds; -1 is for ever.
//! fn milliseconds_until(deadline: Option<Instant>) -> i64 {
//!     deadline.map_or(-1, |at| {
//!         let left = at.saturating_duration_since(Instant::now());
//!         i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
//!     })
//! }
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let (other, feeder) = (context.socket(zmq::PAIR)?, context.socket(zmq::PAIR)?);
//! # other.bind("inproc://other")?;
//! # feeder.connect("inproc://other")?;
//! # feeder.send("busy", 0)?;
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//! # assert!(matches!(next(&mut client, &other)?, Event::Established(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## A foreign event loop
//!
//! [`Client::descriptors`] and [`Server::descriptors`] (on Unix) are 0MQ's `ZMQ_FD`. They signal that something
//! *changed*, and any call on the socket may take the signal away, sending too. So there is one rule, whatever the
//! loop: **before every wait**, call `try_recv` until it returns nothing, then ask for `deadline`, and wait no longer
//! than that. A signal that was missed shows as a deadline that has passed. Watch for readability alone; level- or
//! edge-triggered makes no difference then. `examples/event_loop.rs` does it with mio.
//!
//! ```
//! use std::os::fd::RawFd;
//! use std::time::{Duration, Instant};
//! use steadfast_zmq::Client;
//! use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Endpoint, Error, Server};
//! # fn wait(descriptors: &[RawFd], longest: Option<Duration>) -> Result<(), Error> {
//! #     let mut items: Vec<_> = descriptors.iter().map(|&fd| zmq::PollItem::from_fd(fd, zmq::POLLIN)).collect();
//! #     zmq::poll(&mut items, longest.map_or(-1, |longest| longest.as_millis() as i64 + 1))?;
//! #     Ok(())
//! # }
//!
//! /// What your loop calls before it waits; returns for how long it may.
//! fn serve(client: &mut Client, events: &mut Vec<Event>) -> Result<Option<Duration>, Error> {
//!     while let Some(event) = client.try_recv()? {
//!         events.push(event);
//!     }
//!     Ok(client.deadline()?.map(|at| at.saturating_duration_since(Instant::now())))
//! }
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//!
//! let descriptors: Vec<RawFd> = client.descriptors()?.collect(); // They stay the same.
//! let mut events = Vec::new();
//! while events.is_empty() {
//!     let longest = serve(&mut client, &mut events)?;
//!     if events.is_empty() {
//!         wait(&descriptors, longest)?; // Your epoll, kqueue or poll.
//!     }
//! }
//! assert!(matches!(events[0], Event::Established(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[expect(unused_imports, reason = "the text links to them")]
use crate::{Client, Endpoint, Server};
