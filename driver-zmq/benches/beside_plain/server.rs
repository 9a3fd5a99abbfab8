//! The other process: counts and answers until it is killed.

use std::io::Write;

use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::Serve;
use crate::clock;
use crate::messages::{BEGIN, ECHO, FINISH, Tally};

pub(crate) fn run(serve: &Serve) -> Result<()> {
    let mut router = serve.kind.bind(&zmq::Context::new(), &serve.directory)?;
    println!("{}", router.address()?);
    std::io::stdout().flush()?;
    let mut counter = Counter::default();
    loop {
        router.answer(&mut |message| counter.take(message))?;
    }
}

#[derive(Default)]
struct Counter {
    /// Its time is that of the process when counting began.
    tally: Tally,
}

impl Counter {
    fn take(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        match message[0] {
            BEGIN => {
                self.tally = Tally {
                    busy: clock::busy(),
                    ..Tally::default()
                };
                Some(message.to_vec())
            }
            ECHO => Some(message.to_vec()),
            FINISH => {
                let busy = clock::busy() - self.tally.busy;
                Some(Tally { busy, ..self.tally }.encode())
            }
            _ => {
                self.tally.messages += 1;
                self.tally.bytes += message.len() as u64;
                None
            }
        }
    }
}
