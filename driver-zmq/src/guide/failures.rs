//! What may happen and what may fail, and what to do about each.
//!
//! Two things are told apart throughout. What happens to a *session* is an [`Event`], comes from `recv` in its place
//! among the messages, and is told once. What happens to a *call* is an [`Error`], and concerns that call alone. Both
//! print what a person needs to know; neither prints what is in messages.
//!
//! # Events
//!
//! | event | what it means | what to do |
//! |---|---|---|
//! | `Established` | the peer is authenticated; first in every session, and again after `PeerRestarted` | begin with nothing from before; decide what this peer may do |
//! | `Message` | one message, once, in order | handle it; [`is_possible_duplicate`](steadfast::Message::is_possible_duplicate) is set only where the *sender* redelivers |
//! | `Unreachable` | nothing was heard for a while (3 s), though something was due | nothing, or tell a person: [`probable_cause`](steadfast::Unreachable::probable_cause) is written for one. Do not open another client: this one goes on trying |
//! | `Reachable` | it is heard again, and says how much had to be sent again | nothing |
//! | `PeerRestarted` | another process took over at the other end | what was in doubt and unsent: [below](#when-the-peer-restarted) |
//! | `Closed` | the session is over, and will not come back | look at the [reason](#why-a-session-ended) and at the two lists |
//!
//! A server is told of a client that is idle and silent after two ping intervals and 3 s, 33 s by default; a side that
//! waits for an answer after 3 s.
//!
//! # When the peer restarted
//!
//! Every message that was not acknowledged is in one of two lists, in the order of sending: `in_doubt`, of which the
//! old process may have had any; and `unsent`, of which it had none. What was acknowledged is in neither. There are
//! three ways to go on:
//!
//! * **Drop them.** For what is worthless a moment later: readings, positions, screens.
//! * **Send them again**, yourself, as in the example; or let it be done by
//!   [`Delivery::redeliver`](steadfast::Delivery::redeliver), before anything new and marked as possible duplicates.
//!   For what may be done twice, or is numbered so that it is not.
//! * **Ask the new process** what the old one had done, if that is written down somewhere, and send the rest.
//!
//! A process that takes a message and dies before it has acted on it has taken the message along: it counts as
//! delivered. Where that must not be, the *receiver* sets
//! [`manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement) and acknowledges what it is done with; the
//! rest is in doubt at the sender.
//!
//! ```
//! use steadfast_zmq::steadfast::{Delivery, Event, Message, SessionId};
//! use steadfast_zmq::{Client, Endpoint, Error, Server};
//! # use std::thread;
//! # use std::time::Duration;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//!
//! fn next_job(server: &mut Server) -> Result<(SessionId, Message), Error> {
//!     loop {
//!         let received = server.recv()?;
//!         if let Event::Message(job) = received.event {
//!             return Ok((received.session, job));
//!         }
//!     }
//! }
//! # /// Ends a server as a crash does: without a word to its clients.
//! # fn crash(mut server: Server, mut context: zmq::Context) {
//! #     let end = thread::spawn(move || context.destroy());
//! #     while !matches!(server.recv(), Err(Error::Terminated)) {}
//! #     drop(server);
//! #     end.join().expect("no panic").expect("no socket is left");
//! # }
//! # let (credentials, doomed) = (insecure_test_credentials("localhost"), zmq::Context::new());
//!
//! let by_hand = Delivery { manual_acknowledgement: true, ..Delivery::default() };
//! let config = credentials.server().delivery(by_hand).build()?;
//! let mut server = Server::bind(Endpoint::new(&doomed, "tcp://127.0.0.1:*"), &config)?;
//! # let (address, context) = (server.local_address()?, zmq::Context::new());
//! # let client = credentials.client().build()?;
//! # let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &client)?.spawn()?;
//!
//! client.send(b"job 1")?;
//! client.send(b"job 2")?;
//! let (session, job) = next_job(&mut server)?;
//! server.acknowledge(session, job.id())?; // Job 1 is done.
//! next_job(&mut server)?; // Amid job 2 the machine fails.
//! # while client.acknowledged_through()?.is_none() {
//! #     server.recv_timeout(Duration::from_millis(1))?;
//! # }
//! # crash(server, doomed);
//!
//! // Another process takes over at the same address. The client's session goes on with it.
//! let server = Server::bind(Endpoint::new(&context, &address), &config)?.spawn()?;
//! let restarted = loop {
//!     if let Event::PeerRestarted(restarted) = client.recv()? {
//!         break restarted;
//!     }
//! };
//! assert_eq!((restarted.in_doubt.len(), restarted.unsent.len()), (1, 0));
//! for message in restarted.in_doubt.iter().chain(&restarted.unsent) {
//!     client.send_parts(message.parts())?;
//! }
//! while !matches!(server.recv()?.event, Event::Message(job) if job.payload() == "job 2") {}
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A *server* knows a restarted client again by its certificate and its endpoint name together, and goes on under the
//! same [`SessionId`](steadfast::SessionId). A client that lacks one of the two is another one after its restart; the
//! session of the one that died ends as `Lost`, with the same two lists, when its retention is over.
//!
//! # Why a session ended
//!
//! [`CloseReason::retryable`] says whether a new session may succeed without anybody changing a configuration. It does
//! not say whether you want one, nor when: wait a second or so before the next, since nothing else limits how fast a
//! program makes new ones.
//!
//! | reason | retryable | what happened | what to do |
//! |---|---|---|---|
//! | [`Finished`](CloseReason::Finished) | yes | both sides have everything; the lists are empty | nothing |
//! | [`LingerExpired`](CloseReason::LingerExpired) | yes | this side was closing, and `Limits::linger` was over first | look at the lists |
//! | [`Aborted`](CloseReason::Aborted) | yes | the time given to `close` was over first | the same |
//! | [`Lost`](CloseReason::Lost) | yes | nothing was heard for the retention (10 min), or no server was found in that time | a client: begin another, the network may be back; a server: forget this client |
//! | [`PeerRestarted`](CloseReason::PeerRestarted) | yes | the peer restarted while the session was closing: nobody was left to close it with | look at the lists |
//! | [`Stalled`](CloseReason::Stalled) | yes | a message larger than the window made no progress for `Limits::stall_after`, and others waited for its memory | look for what is slow: the sender, or the network |
//! | [`KeysSpent`](CloseReason::KeysSpent) | yes | a key may not be used any longer, and no other could be agreed: the peer did not answer for millions of packets, or forgeries came by the billion | begin another; look for who forges |
//! | [`PeerRejected`](CloseReason::PeerRejected) | no | a client does not accept the server's certificate: another authority, another name, expired | compare name, authority and clock. Whoever controls the network can cause this too, at a first connection |
//! | [`Superseded`](CloseReason::Superseded) | no | another process with this client's certificate *and* endpoint name began a session | find out which of the two shall live; never begin another by yourself |
//! | [`Misrouted`](CloseReason::Misrouted) | no | packets reach several servers by turns | one backend for each address |
//! | [`TooLarge`](CloseReason::TooLarge) | no | a message that was queued before the handshake exceeds what the peer accepts; later ones fail in `send` | raise `Limits::max_message_bytes` there, or split |
//! | [`Violation`](CloseReason::Violation) | no | the authenticated peer broke the protocol | a defect of one of the two programs: report it |
//! | [`ByPeer`](CloseReason::ByPeer) | by its code | the peer ended the session | [below](#what-the-peer-said) |
//! | [`HandshakeFailed`](CloseReason::HandshakeFailed), [`Refused`](CloseReason::Refused) | | in the log of a server that turned a client away; no application is told | [`observing`](super::observing) |
//!
//! ## What the peer said
//!
//! | code | retryable | what to do |
//! |---|---|---|
//! | `Tls(alert)` | no | a server refuses this client's certificate, or wants one: the alert says which |
//! | `LingerExpired`, `Aborted` | yes | the peer's application closed, and did not wait for all of it; look at the lists |
//! | `Lost` | yes | the peer had given this side up; look at the lists, begin another |
//! | `Stalled`, `KeysSpent` | yes | as the reasons of these names, seen from the other side |
//! | `Finished` | yes | the peer had ended in order before this side had |
//! | `Busy` | yes | a server has no room. A client is not told: it goes on trying, and the cause is in `Unreachable` |
//! | `TooLarge`, `Violation` | no | as the reasons of these names, seen from the other side |
//! | `Superseded` | no | is told as `CloseReason::Superseded` |
//! | `Other` | no | a code of a later release |
//!
//! A *first* handshake that fails for another reason than a certificate (no cipher suite in common, a peer that is no
//! Steadfast server) ends nothing either: the client goes on trying, and says `Unreachable` with the cause, until the
//! retention is over.
//!
//! ```
//! use steadfast_zmq::steadfast::{CloseReason, Event};
//! use steadfast_zmq::{Client, Endpoint, Server};
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let config = insecure_test_credentials("localhost").server().build()?;
//! # let server = Server::bind(Endpoint::new(&context, "tcp://127.0.0.1:*"), &config)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//!
//! // This server's certificate is another authority's.
//! let mut client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?;
//! client.send(b"secret")?;
//! let Event::Closed(closed) = client.recv()? else { unreachable!("nothing comes before") };
//! assert!(matches!(closed.reason, CloseReason::PeerRejected(_)));
//! assert!(!closed.reason.retryable()); // Somebody must look.
//! assert_eq!(closed.unsent[0].payload(), "secret"); // And it was told to nobody.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors of calls
//!
//! [`Error::retryable`] says whether the same call may succeed later.
//!
//! | error | from | retryable | what to do |
//! |---|---|---|---|
//! | [`WouldBlock`](Error::WouldBlock) | `try_send`, `try_send_parts` | yes | keep the message, or drop it; try again after the next event or a moment later |
//! | [`TimedOut`](Error::TimedOut) | `flush` | yes | what was begun goes on |
//! | [`Closed`](Error::Closed) | sending, `flush`, `recv` after the end, `close` | no | take the events: `Closed` says why |
//! | [`Send`](Error::Send) | sending | no | the message is too large for the peer, or has no part or more than 65,536 |
//! | [`Acknowledge`](Error::Acknowledge) | `acknowledge` | no | `NotDelivered`: the message is of before a restart, so ignore it; `Automatic`: configure `manual_acknowledgement` |
//! | [`Forked`](Error::Forked) | anything, in a forked child | no | use it in the parent alone |
//! | [`Terminated`](Error::Terminated) | anything | no | the 0MQ context is gone: end |
//! | [`Socket`](Error::Socket) | anything | if something is used up | end, unless it is retryable |
//!
//! # What cannot be opened
//!
//! [`OpenError`] comes from `connect`, `bind` and `spawn`, before any session exists. An address where nobody answers
//! is *not* among them. [`OpenError::retryable`] says whether waiting may help.
//!
//! | error | retryable | what to do |
//! |---|---|---|
//! | [`Bind`](OpenError::Bind) | if the address is taken or not there yet | stop the other process, or take another port; the text says which |
//! | [`Connect`](OpenError::Connect) | if something is used up | correct the address |
//! | [`Address`](OpenError::Address), [`Inproc`](OpenError::Inproc) | no | use `tcp://host:port` or `ipc:///path` |
//! | [`SocketType`](OpenError::SocketType), [`SocketInUse`](OpenError::SocketInUse), [`OtherContext`](OpenError::OtherContext) | no | hand over a fresh socket of the right type and context |
//! | [`Setup`](OpenError::Setup) | if something is used up | raise the limit of open files or of 0MQ sockets |
//! | [`Session`](OpenError::Session) | no | the system's randomness or the crypto provider fails |
//! | [`Thread`](OpenError::Thread) | yes | the system has no thread to spare |
//!
//! Before that, [`PemError`](crate::pem::PemError) names a file and what is wrong with it, and
//! [`ConfigError`](steadfast::ConfigError) names the limit or the setting that cannot work. Both are for a person.

#[expect(unused_imports, reason = "the text links to them")]
use {
    crate::{Error, OpenError},
    steadfast::{CloseReason, Event},
};
