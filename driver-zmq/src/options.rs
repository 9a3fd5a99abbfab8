//! The socket options that sessions need. Others are left as they are.

use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::Duration;

use crate::endpoint::Heartbeat;
use crate::provider::random;

/// 0MQ tries again this soon after a connection broke, in milliseconds; drawn once a process from this range. What a session is
/// silent for after a cut is mostly this. Longer: data waits. Shorter: a server that comes back is met by a storm.
const RECONNECT_MS: RangeInclusive<i32> = 10..=50;

/// The longest that 0MQ waits between attempts, drawn likewise. Longer: a server that comes back waits for its clients.
/// Shorter: hosts without a server are knocked at for nothing.
const RECONNECT_MAX_MS: RangeInclusive<i32> = 750..=1250;

/// How long a connection may take to come up, TCP and ZMTP each, in milliseconds. The system's own backoff of lost SYNs reaches a
/// minute, 0MQ's own patience with a silent peer half a minute; data must flow sooner than that when a link returns. Lower:
/// slow links never connect.
const CONNECT_MS: i32 = 3000;

/// How long 0MQ tries to get the last packets out after a socket was closed, in milliseconds. Acknowledged delivery is what our
/// close waits for; left is its own last word. The default waits forever and hangs the context.
pub(crate) const LINGER_MS: i32 = 1000;

/// The longest frame taken from the network, in bytes: a packet of the longest kind and something to spare, so that
/// packets slightly too long are counted here, not punished with a disconnect.
const MAX_FRAME_BYTES: i64 = 68 << 10;

/// Sets what both kinds of sockets need before they are bound or connected.
///
/// * `LINGER`: see [`LINGER_MS`].
/// * `SNDHWM`, `RCVHWM`: raised, never lowered (0 is no limit), to more than twice the packets that the core keeps in flight:
///   a mark that was reached would stop heartbeats too, and 0MQ would take a busy peer for a dead one.
/// * `MAXMSGSIZE`: see [`MAX_FRAME_BYTES`].
/// * `HEARTBEAT_IVL`, `HEARTBEAT_TIMEOUT`, `HEARTBEAT_TTL`: without them a connection that died silently stays, and a ROUTER
///   keeps sending into it.
/// * `IPV6`: switched on for an IPv6 address, never off.
pub(crate) fn set_common(
    socket: &zmq::Socket,
    heartbeat: Heartbeat,
    ipv6: bool,
    in_flight: u16,
) -> Result<(), zmq::Error> {
    socket.set_linger(LINGER_MS)?;
    let mark = 2 * i32::from(in_flight) + 1;
    if (1..mark).contains(&socket.get_sndhwm()?) {
        socket.set_sndhwm(mark)?;
    }
    if (1..mark).contains(&socket.get_rcvhwm()?) {
        socket.set_rcvhwm(mark)?;
    }
    socket.set_maxmsgsize(MAX_FRAME_BYTES)?;
    socket.set_heartbeat_ivl(milliseconds(heartbeat.interval))?;
    socket.set_heartbeat_timeout(milliseconds(heartbeat.timeout))?;
    socket.set_heartbeat_ttl(milliseconds(heartbeat.interval + heartbeat.timeout))?;
    if ipv6 {
        socket.set_ipv6(true)?;
    }
    Ok(())
}

/// Sets what a connecting DEALER needs besides.
///
/// * `IMMEDIATE`: otherwise packets queued for an earlier process of the peer reach the next one.
/// * `RECONNECT_IVL`, `RECONNECT_IVL_MAX`: see [`RECONNECT_MS`]; 0MQ draws nearly the same jitter in every process.
/// * `CONNECT_TIMEOUT`, `HANDSHAKE_IVL`: see [`CONNECT_MS`].
pub(crate) fn set_connecting(socket: &zmq::Socket) -> Result<(), zmq::Error> {
    let reconnect = reconnect();
    socket.set_immediate(true)?;
    socket.set_reconnect_ivl(reconnect.interval_ms)?;
    socket.set_reconnect_ivl_max(reconnect.max_ms)?;
    socket.set_connect_timeout(CONNECT_MS)?;
    socket.set_handshake_ivl(CONNECT_MS)
}

/// Sets what a ROUTER needs besides.
///
/// * `ROUTER_MANDATORY`: otherwise what has no route, or finds it full, is dropped silently.
pub(crate) fn set_router(socket: &zmq::Socket) -> Result<(), zmq::Error> {
    socket.set_router_mandatory(true)
}

#[derive(Clone, Copy)]
struct Reconnect {
    interval_ms: i32,
    max_ms: i32,
}

fn reconnect() -> Reconnect {
    static DRAWN: OnceLock<Reconnect> = OnceLock::new();
    *DRAWN.get_or_init(|| Reconnect {
        interval_ms: draw(RECONNECT_MS),
        max_ms: draw(RECONNECT_MAX_MS),
    })
}

fn draw(range: RangeInclusive<i32>) -> i32 {
    let Some(bytes) = random() else {
        // Without randomness there is no session either; the middle will do.
        return i32::midpoint(*range.start(), *range.end());
    };
    let span = range.end() - range.start() + 1;
    range.start() + i32::from_be_bytes(bytes).rem_euclid(span)
}

/// For options that are whole milliseconds; 0 would switch them off.
fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX).max(1)
}
