//! The two clients, as the same thing: something that sends, whatever becomes of its server.

use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::steadfast::Event;
use steadfast_zmq::testing::{InsecureTestCredentials, plain_dealer};
use steadfast_zmq::{Client, Endpoint, Error, zmq};

use crate::Result;

/// How often a message is sent: what a measurement is fine to.
const TICK: Duration = Duration::from_millis(1);
const PAYLOAD: [u8; 64] = [7; 64];

/// A client of one of the two kinds.
pub(crate) trait Sending {
    /// Sends one message, if that is possible, and spends a tick.
    fn tick(&mut self) -> Result<()>;
    /// How many handshakes there were so far.
    fn handshakes(&self) -> u32;
}

/// A DEALER, and nothing else.
pub(crate) struct Plain(zmq::Socket);

impl Plain {
    pub(crate) fn connect(context: &zmq::Context, address: &str) -> Result<Self> {
        let socket = plain_dealer(context)?;
        socket.connect(address)?;
        Ok(Self(socket))
    }

    /// How soon 0MQ connects again, and what it may double that to.
    pub(crate) fn reconnect_ms(&self) -> Result<(i32, i32)> {
        Ok((self.0.get_reconnect_ivl()?, self.0.get_reconnect_ivl_max()?))
    }
}

impl Sending for Plain {
    fn tick(&mut self) -> Result<()> {
        match self.0.send(&PAYLOAD[..], zmq::DONTWAIT) {
            Ok(()) | Err(zmq::Error::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        sleep(TICK);
        Ok(())
    }

    fn handshakes(&self) -> u32 {
        0
    }
}

/// A secure session.
pub(crate) struct Session {
    client: Client,
    handshakes: u32,
}

impl Session {
    pub(crate) fn connect(
        context: &zmq::Context,
        address: &str,
        credentials: &InsecureTestCredentials,
    ) -> Result<Self> {
        let (chain, key) = credentials.issue("client");
        let config = credentials.client().identity(chain, key).build()?;
        let endpoint = Endpoint::new(context, address);
        Ok(Self {
            client: Client::connect(endpoint, "localhost".try_into()?, &config)?,
            handshakes: 0,
        })
    }
}

impl Sending for Session {
    fn tick(&mut self) -> Result<()> {
        match self.client.try_send(&PAYLOAD) {
            Ok(_) | Err(Error::WouldBlock) => {}
            Err(error) => return Err(error.into()),
        }
        let until = Instant::now() + TICK;
        while let Some(event) = self
            .client
            .recv_timeout(until.saturating_duration_since(Instant::now()))?
        {
            match event {
                Event::Established(_) => self.handshakes += 1,
                Event::Closed(closed) => return Err(format!("the session ended: {}", closed.reason).into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn handshakes(&self) -> u32 {
        self.handshakes
    }
}
