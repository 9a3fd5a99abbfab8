//! Sockets without a session on them, to measure what sessions add.

use crate::endpoint::HEARTBEAT;
use crate::options;

/// A plain `DEALER` with the very options that a client's socket has; the reconnect interval, drawn once a process, is the same
/// too.
///
/// # Errors
/// If 0MQ refuses it.
pub fn plain_dealer(context: &zmq::Context) -> Result<zmq::Socket, zmq::Error> {
    let socket = with_common_options(context, zmq::DEALER)?;
    options::set_connecting(&socket)?;
    Ok(socket)
}

/// A plain `ROUTER` with the very options that a server's socket has.
///
/// # Errors
/// If 0MQ refuses it.
pub fn plain_router(context: &zmq::Context) -> Result<zmq::Socket, zmq::Error> {
    let socket = with_common_options(context, zmq::ROUTER)?;
    options::set_router(&socket)?;
    Ok(socket)
}

fn with_common_options(context: &zmq::Context, kind: zmq::SocketType) -> Result<zmq::Socket, zmq::Error> {
    let socket = context.socket(kind)?;
    options::set_common(
        &socket,
        HEARTBEAT,
        false,
        steadfast::Limits::default().max_packets_in_flight,
    )?;
    Ok(socket)
}
