//! What carries messages from one process to the other. Another one is a file beside these, a [`Kind`], and a line in each
//! `match` here.

mod plain;
mod session;

use std::path::Path;

use clap::ValueEnum;
use steadfast_zmq::zmq::Context;

use crate::Result;

/// A carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// 0MQ sockets, and nothing else
    Plain,
    /// Secure sessions, as they are by default
    Session,
    /// Secure sessions in which every message has packets of its own
    Unshared,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain 0MQ",
            Self::Session => "session",
            Self::Unshared => "session, unshared packets",
        }
    }

    /// How the command line calls it.
    pub(crate) fn argument(self) -> String {
        let value = self.to_possible_value().expect("none is skipped");
        value.get_name().to_owned()
    }

    pub(crate) fn connect(self, context: &Context, address: &str, directory: &Path) -> Result<Box<dyn Dealer>> {
        Ok(match self {
            Self::Plain => Box::new(plain::PlainDealer::connect(context, address)?),
            Self::Session => Box::new(session::SessionDealer::connect(context, address, directory, true)?),
            Self::Unshared => Box::new(session::SessionDealer::connect(context, address, directory, false)?),
        })
    }

    pub(crate) fn bind(self, context: &Context, directory: &Path) -> Result<Box<dyn Router>> {
        Ok(match self {
            Self::Plain => Box::new(plain::PlainRouter::bind(context, ANY_PORT)?),
            Self::Session => Box::new(session::SessionRouter::bind(context, ANY_PORT, directory, true)?),
            Self::Unshared => Box::new(session::SessionRouter::bind(context, ANY_PORT, directory, false)?),
        })
    }
}

const ANY_PORT: &str = "tcp://127.0.0.1:*";

/// The client's end.
pub(crate) trait Dealer {
    /// Waits until there is room.
    fn send(&mut self, message: &[u8]) -> Result<()>;
    /// Waits for a message.
    fn recv(&mut self) -> Result<Vec<u8>>;
}

/// The server's end.
pub(crate) trait Router {
    fn address(&self) -> Result<String>;
    /// Waits for a message, and sends back to where it came from what `respond` makes of it.
    fn answer(&mut self, respond: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) -> Result<()>;
}
