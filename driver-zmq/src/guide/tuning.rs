//! Every setting, its default, the reason for the default, and when to change it; and what bounds memory.
//!
//! Change nothing first. The defaults suit a loopback, a LAN and an ordinary connection over the internet. The two that
//! servers with many clients do change are `send_buffer_bytes` and `max_message_bytes`.
//!
//! # Limits
//!
//! [`Limits`](steadfast::Limits) is set at a client or a server with `limits(..)`. Both sides may differ; where both
//! have a say, the table tells who wins.
//!
//! | field | default | why, and when to change it |
//! |---|---|---|
//! | `max_message_bytes` | 64 MiB | The longest message *accepted*, announced to the peer: it cannot send a longer one. Lower it to what your application can use at all: a peer that is authenticated may still be careless. Raise it with `pool_bytes`. |
//! | `window_bytes` | 1 MiB | What the peer may send ahead of what the application took. Throughput is at most one window in a round trip: 1 MiB keeps a loopback or a LAN busy, and is 10 MB/s at 100 ms. Raise it for fast and distant peers; lower it to bound memory, or to let a worker take little ahead of what it has done. |
//! | `send_buffer_bytes` | 64 MiB | What is held *for each session* until the peer has it. Then `send` waits and `try_send` says `WouldBlock`. One message is accepted in any case when nothing is held. Lower it at a server with many clients: a thousand that do not read may hold a thousand times this. |
//! | `pool_bytes` | 256 MiB | Memory for messages larger than the window, over all sessions of a server together, first come first served. Room for four of the largest. At least `max_message_bytes`. |
//! | `max_packet_bytes` | 64 KiB | The longest packet, and the longest for which RFC 9001 states how much one key may seal. Each costs a 0MQ message, so long ones are fast. Lower it if messages of others shall get a turn sooner on a slow link. |
//! | `max_packets_in_flight` | 256 | Unacknowledged packets; the smaller of both sides' counts. 0MQ counts messages at its high-water mark, default 1,000: this stays well below. |
//! | `unreachable_after` | 3 s | A sign of the peer is overdue for so long: `Unreachable`. Sooner, and a busy peer counts as gone. It is advice alone, so lower it freely if your application acts on it. |
//! | `retention` | 10 min | How long a silent peer's session is kept, with what is held for it; the smaller of both sides' counts. Long enough for a machine to boot. Raise it for devices that are away for longer; lower it at a server whose clients come and go without names. |
//! | `ping_interval` | 15 s | How often an idle client shows where it is; the smaller of both sides' counts. A broken route goes unnoticed for so long while the client is idle and 0MQ does not notice either. Lower it if a server must reach idle clients sooner; it costs a packet each way. |
//! | `linger` | 30 s | How long closing waits for both sides to have everything. As long as you would wait yourself. |
//! | `renew_after` | 1 day | After so long (less up to an eighth) the session goes on under secrets of another handshake. Who copies a process's memory reads on until then. An hour costs one handshake an hour. |
//! | `packets_per_key` | 2²⁰ | Packets under one key: an eighth of what RFC 9001 allows. Changing to the next costs nothing; there is no reason to change this but tests. |
//! | `share_packets` | yes | Messages that wait share packets: about a thousand of 64 bytes in one. Without, the number and lengths of packets show those of messages, and small messages take several times the time. |
//! | `stall_after` | 60 s | How long a message that holds memory of the pool may make no progress *while others wait for it*. Lower it where clients are fast and many. |
//!
//! # Builders
//!
//! | method | at | default | why, and when to change it |
//! |---|---|---|---|
//! | `identity` | client | none | a certificate for servers that ask; also what makes it the same client after a restart |
//! | `endpoint_name` | both | none | the other half of that; 1 to 255 bytes; anybody can read a client's in its first packet |
//! | `delivery` | both | nothing is redelivered, `recv` acknowledges | so nothing is ever done twice unasked: [`failures`](super::failures) |
//! | `client_verifier` | server | none: anybody may come | nearly always to be set |
//! | `same_client` | server | `Names` | a renewed certificate is still the same client. `PublicKey` where no authority vouches for names |
//! | `max_sessions` | server | 10,000 | a further client is told *busy*, and goes on trying; lower it if memory is short: it is the only bound against strangers where clients need no certificate |
//! | `max_attempts` | server | 1,000 | handshakes in progress, about 10 KB each; further first packets are dropped, and come again |
//! | `retry_above` | server | 100 | from so many handshakes in progress on, a client must return a cookie first: a round trip for it, no memory here. 0 asks everybody |
//! | `time_provider` | both | the system's clock | for tests, and for a clock of your own |
//! | `key_log` | both | none | for reading recordings of your own; whoever has it reads everything |
//!
//! # The endpoint
//!
//! | method | default | why, and when to change it |
//! |---|---|---|
//! | [`heartbeat`](crate::Endpoint::heartbeat) | every 1 s, 2 s for the answer | A connection that died without a word is replaced after both together, as long as `unreachable_after`. Shorter loses connections of overloaded machines; longer lets data wait. |
//! | [`without_monitor`](crate::Endpoint::without_monitor) | with | Without, an idle client notices a cut only at its next ping. |
//! | [`socket`](crate::Endpoint::socket) | one of the driver's own | For options of yours: TOS, buffers, a proxy, IPv6. Those that sessions need are set nevertheless, and listed there. |
//! | [`pair`](crate::Endpoint::pair) | `DEALER` and `ROUTER` | [`patterns`](super::patterns) |
//!
//! Not to be set: 0MQ reconnects 10 to 50 ms after a break, later up to about a second (both drawn once a process, so
//! that clients do not come back in step); a connection has 3 s to come up; a closed socket has 1 s to get its last
//! packets out.
//!
//! # High-water marks
//!
//! 0MQ's marks count 0MQ messages, here packets, and are no limit of yours any longer: what is held and for how long is
//! settled in the session, in bytes. The driver raises `SNDHWM` and `RCVHWM` to more than twice `max_packets_in_flight`
//! where they are lower, and never lowers them. A mark that is reached would stop 0MQ's heartbeats, too.
//!
//! # A peer that stops reading
//!
//! Its window fills, then the send buffer here; then `send` waits, and `try_send` returns `WouldBlock`. Nothing is
//! dropped, nobody else is held up, and the session does not end: as long as its process is alive and drives, it may
//! look away for hours.
//!
//! ```
//! use steadfast_zmq::steadfast::{Event, Limits};
//! use steadfast_zmq::{Client, Endpoint, Error, Server};
//! # use std::time::Duration;
//! # use steadfast_zmq::testing::insecure_test_credentials;
//! # let (credentials, context) = (insecure_test_credentials("localhost"), zmq::Context::new());
//! # let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
//! # let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
//! # let address = server.local_address()?;
//!
//! let limits = Limits { send_buffer_bytes: 100_000, ..Limits::default() };
//! let config = credentials.client().limits(limits).build()?;
//! let client = Client::connect(Endpoint::new(&context, &address), "localhost".try_into()?, &config)?.spawn()?;
//!
//! // The server's application looks away.
//! let payload = [7; 10_000];
//! let accepted = (0..).take_while(|_| client.try_send(&payload).is_ok()).count();
//! assert_eq!(client.try_send(&payload), Err(Error::WouldBlock));
//! assert!(client.in_flight()?.sent_bytes + client.in_flight()?.unsent_bytes <= 100_000);
//!
//! // It looks again.
//! let mut taken = 0;
//! while taken < accepted {
//!     taken += usize::from(matches!(server.recv()?.event, Event::Message(_)));
//! }
//! client.flush(Duration::from_secs(10))?;
//! client.try_send(&payload)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two sides that only `send` and never receive fill each other's windows and wait for ever. One of them must use
//! `try_send`, or another thread.
//!
//! With [`manual_acknowledgement`](steadfast::Delivery::manual_acknowledgement), what the application has received and
//! not acknowledged takes up the window, too: a worker with a small window is given no more than it can do.
//!
//! # How much memory is a session?
//!
//! | what | at most |
//! |---|---|
//! | idle | about 3 KB at a client and 4 KB at a server (heap, measured by `cargo bench -p steadfast --bench memory`), the peer's certificates, and what libzmq needs for a connection (28 KB for a plain one, measured) |
//! | sent and not acknowledged | `send_buffer_bytes` for each session, or one message if that is larger; messages given as `Bytes` are shared, not copied |
//! | packets in 0MQ's queue | about the peer's window for each session: what is not acknowledged is not sent on and on |
//! | received and not taken | four times `window_bytes` for each session in the worst case, which small pieces of large packets make; about once as a rule |
//! | messages larger than the window | `pool_bytes` over all sessions of a server; of its own at each client |
//! | handshakes in progress | about 10 KB each, `max_attempts` of them |
//! | messages that the application keeps | each pins the buffer that it arrived in, up to 64 KiB, or its own length if that is more: copy what is kept for long |
//!
//! So a server with a thousand clients that all look away holds at worst 4 GiB of what they sent with the defaults, and
//! up to 64 GiB of what *it* sent them. It is the second that a server has in its hands: `send_buffer_bytes` of 1 MiB,
//! and `try_send`.
