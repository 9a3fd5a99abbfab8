//! What wakes the thread in the background while it waits for its sockets.

use zmq::{DONTWAIT, POLLIN, PollItem};

use crate::inproc::unused_endpoint;

/// The end that is heard.
pub(crate) struct Bell(zmq::Socket);

/// The end that is pulled.
pub(crate) struct Rope(zmq::Socket);

/// Both ends: sockets, since nothing else works with `zmq::poll` on every system.
pub(crate) fn bell(context: &zmq::Context) -> Result<(Bell, Rope), zmq::Error> {
    let endpoint = unused_endpoint();
    let (bell, rope) = (context.socket(zmq::PAIR)?, context.socket(zmq::PAIR)?);
    for socket in [&bell, &rope] {
        socket.set_linger(0)?;
    }
    bell.bind(&endpoint)?;
    rope.connect(&endpoint)?;
    Ok((Bell(bell), Rope(rope)))
}

impl Bell {
    pub(crate) fn as_poll_item(&self) -> PollItem<'_> {
        self.0.as_poll_item(POLLIN)
    }

    /// Forgets that it rang.
    pub(crate) fn hush(&self) {
        let mut ring = zmq::Message::new();
        while self.0.recv(&mut ring, DONTWAIT).is_ok() {}
    }
}

impl Rope {
    pub(crate) fn pull(&self) {
        // If there is no room, it rings already; if the context is gone, nobody sleeps any more.
        let _ = self.0.send("", DONTWAIT);
    }
}
