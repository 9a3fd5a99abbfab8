//! From plain 0MQ sockets, and from CURVE.
//!
//! # Socket by socket
//!
//! | plain 0MQ | with Steadfast |
//! |---|---|
//! | `DEALER` connects, `ROUTER` binds | [`Client::connect`], [`Server::bind`] |
//! | `PAIR`, `PAIR` | the same two, each with [`Endpoint::pair`](crate::Endpoint::pair) |
//! | `ROUTER` connects, `DEALER` binds | [`Server::connect`], [`Client::bind`] |
//! | `REQ`, `REP` | [`requests`](crate::requests); or messages of your own, as below |
//! | `PUSH`, `PULL` | workers that are clients, and a server that gives each what it has room for: `examples/load_balancer` |
//! | `PUB`, `SUB` | not yet; a server that sends to each of its sessions does for few |
//! | `inproc` | the plain socket: threads of one process have nothing to hide from each other |
//! | several `connect`s of one socket | one [`Client`] for each |
//!
//! Both ends must change at once: a plain socket and a Steadfast one do not understand each other. Each finds out: a
//! client says `Unreachable` with the cause, a server counts and names the stranger in its log. To change a large
//! system bit by bit, listen at a second port.
//!
//! # What becomes of the ideas
//!
//! | plain 0MQ | with Steadfast |
//! |---|---|
//! | a routing id names a connection, and anybody may set it | a [`SessionId`](steadfast::SessionId) names a verified peer; it outlives connections, and processes if the client has a certificate and an endpoint name |
//! | `ZMQ_IDENTITY`, so that a restarted client keeps its place | [`endpoint_name`](steadfast::ClientConfigBuilder::endpoint_name), with a certificate: nobody takes a place by a name alone |
//! | envelope frames before the payload | none: the session is beside the message, in [`Received`](crate::Received) |
//! | a message to a peer that is away is dropped (`ROUTER`) | it waits, for the retention; then it is listed |
//! | a message that was on the way at a cut is gone, and nobody knows | it is sent again |
//! | HWM in messages: `DEALER` blocks, `ROUTER` drops or fails | a buffer in bytes for each session: `send` waits, `try_send` says `WouldBlock`; nothing is dropped |
//! | `ZMQ_LINGER`: for how long the context waits for a network | [`Client::close`] and [`Server::close`]: until the peer's *application* has it, for as long as you say; what is left is listed |
//! | `zmq_socket_monitor`: a connection came or went, of a descriptor | `Established`, `Unreachable`, `Reachable`, `Closed`: the peer came or went, with who it is |
//! | heartbeats of your own | none: 0MQ's and the session's are on |
//! | a lost answer leaves a `REQ` stuck | answers are not lost; if the server restarts, `PeerRestarted` says which questions are in doubt |
//! | sockets belong to one thread | [`Client`] and [`Server`] too; handles from `spawn` belong to as many as you like |
//! | `zmq_poll`, `ZMQ_FD` | `poll_items` or `descriptors`, and `deadline`: [`patterns`](super::patterns) |
//!
//! A question and its answer, before:
//!
//! ```
//! # let context = zmq::Context::new();
//! # let (server, client) = (context.socket(zmq::ROUTER)?, context.socket(zmq::DEALER)?);
//! # server.bind("tcp://127.0.0.1:*")?;
//! # client.connect(&server.get_last_endpoint()?.expect("text"))?;
//! client.send("question", 0)?;
//! let frames = server.recv_multipart(0)?;
//! let (who, question) = (&frames[0], &frames[1]);
//! # assert_eq!(question, b"question");
//! server.send_multipart([&who[..], b"answer"], 0)?;
//! assert_eq!(client.recv_bytes(0)?, b"answer");
//! # Ok::<(), zmq::Error>(())
//! ```
//!
//! And after:
//!
//! ```
//! use steadfast_zmq::steadfast::Event;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # use steadfast_zmq::{Client, Endpoint, Server};
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let (address, config) = (server.local_address()?, credentials.client().build()?);
//! # let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?.spawn()?;
//! client.send(b"question")?;
//! let (who, question) = loop {
//!     let received = server.recv()?;
//!     if let Event::Message(message) = received.event {
//!         break (received.session, message);
//!     }
//! };
//! # assert_eq!(question.payload(), "question");
//! server.send(who, b"answer")?;
//! while !matches!(client.recv()?, Event::Message(answer) if answer.payload() == "answer") {}
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The loops are the difference: besides messages there is news, and a program that wants to know who came, went or
//! restarted finds it there.
//!
//! # From CURVE
//!
//! | CURVE | with Steadfast |
//! |---|---|
//! | `ZMQ_CURVE_SERVERKEY`: the client knows the server's key | [`pem::client`](crate::pem::client): it trusts an authority and expects a name. A self-signed certificate as its own authority pins one key |
//! | `ZMQ_CURVE_PUBLICKEY`, `SECRETKEY` of a client | [`pem::client_with_identity`](crate::pem::client_with_identity) |
//! | a ZAP handler says yes or no | [`client_verifier`](steadfast::ServerConfigBuilder::client_verifier): [`pem::client_verifier`](crate::pem::client_verifier) for an authority, a `ClientCertVerifier` of your own for anything else |
//! | the ZAP user id, in each message's metadata | [`Received::peer`](crate::Received::peer), in each event |
//! | a list of keys in a directory | an authority, and dates in certificates |
//! | domain, IP address in ZAP | no counterpart: addresses prove nothing |
//!
//! Take CURVE off the sockets: the driver's are plain 0MQ, and the `zmq` crate's own build of libzmq has no CURVE.
//!
//! What one gains: certificates with names and dates; a hybrid post-quantum key exchange; fresh keys within a session;
//! sessions that outlive connections, without another handshake; nothing lost or repeated at a cut; to be told of a
//! restart; security past a proxy, end to end, where CURVE ends at each hop.
//!
//! What one loses: every language that libzmq has a binding for (Steadfast is Rust); `PUB`/`SUB` and the other
//! patterns; keys that need no authority, no dates and no clock; years of use by many (Steadfast is new, and nobody has
//! audited it); one fewer dependency, since TLS and X.509 come along.

#[expect(unused_imports, reason = "the text links to them")]
use crate::{Client, Server};
