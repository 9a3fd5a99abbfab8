//! A forked child has the parent's keys, and must not seal with them.

use crate::Error;

/// The process that opened a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(u32);

impl Owner {
    pub(crate) fn this_process() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        if self.0 == std::process::id() {
            Ok(())
        } else {
            Err(Error::Forked)
        }
    }
}
