//! The order of events that every session promises.

use steadfast::Event;

use super::{Violation, demand};

/// Which events one side of one session has told.
#[derive(Debug, Default)]
pub(crate) struct EventOrder {
    established: bool,
    unreachable: bool,
    closed: bool,
}

impl EventOrder {
    pub(crate) fn told(&mut self, event: &Event) -> Result<(), Violation> {
        demand(!self.closed, || format!("after the end: {event}"))?;
        match event {
            Event::Established(_) => {
                demand(!self.established, || "established twice".into())?;
                self.established = true;
                // A client may have waited for its server before; it is heard now.
                self.unreachable = false;
            }
            Event::Message(_) => demand(self.established, || {
                "a message before the session was established".into()
            })?,
            Event::Unreachable(_) => {
                demand(!self.unreachable, || "unreachable twice".into())?;
                self.unreachable = true;
            }
            Event::Reachable(_) => {
                demand(self.unreachable, || "reachable, but was not unreachable".into())?;
                self.unreachable = false;
            }
            Event::Closed(_) => self.closed = true,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established && !self.closed
    }
}
