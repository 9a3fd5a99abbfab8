//! 0MQ sockets with the options that those of sessions have, but for the longest message.

use steadfast_zmq::testing::{plain_dealer, plain_router};
use steadfast_zmq::zmq::{Context, Message, SNDMORE, Socket};

use super::{Dealer, Router};
use crate::Result;

/// A session's messages are cut into packets; here a message is a message, however long.
const ANY: i64 = -1;

pub(super) struct PlainDealer(Socket);

impl PlainDealer {
    pub(super) fn connect(context: &Context, address: &str) -> Result<Self> {
        let socket = plain_dealer(context)?;
        socket.set_maxmsgsize(ANY)?;
        socket.connect(address)?;
        Ok(Self(socket))
    }
}

impl Dealer for PlainDealer {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        Ok(self.0.send(message, 0)?)
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.recv_bytes(0)?)
    }
}

pub(super) struct PlainRouter {
    socket: Socket,
    peer: Message,
    message: Message,
}

impl PlainRouter {
    pub(super) fn bind(context: &Context, address: &str) -> Result<Self> {
        let socket = plain_router(context)?;
        socket.set_maxmsgsize(ANY)?;
        socket.bind(address)?;
        Ok(Self {
            socket,
            peer: Message::new(),
            message: Message::new(),
        })
    }
}

impl Router for PlainRouter {
    fn address(&self) -> Result<String> {
        let endpoint = self.socket.get_last_endpoint()?;
        Ok(endpoint.map_err(|_| "an address that is no text")?)
    }

    fn answer(&mut self, respond: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
        self.socket.recv(&mut self.peer, 0)?;
        self.socket.recv(&mut self.message, 0)?;
        if let Some(answer) = respond(&self.message) {
            self.socket.send(&self.peer[..], SNDMORE)?;
            self.socket.send(answer, 0)?;
        }
        Ok(())
    }
}
