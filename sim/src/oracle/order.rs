//! The order of events that every session promises.

use steadfast::Event;

use super::{Violation, demand};

/// Which events one side of one session has told.
#[derive(Debug, Default)]
pub(crate) struct EventOrder {
    progress: Progress,
    unreachable: bool,
}

/// How far a session is, as its events have told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Connecting,
    Established,
    /// The peer is another one now, and is to be named next.
    Restarted,
    Closed,
}

impl EventOrder {
    pub(crate) fn told(&mut self, event: &Event) -> Result<(), Violation> {
        match self.progress {
            Progress::Closed => return Err(Violation(format!("after the end: {event}"))),
            Progress::Restarted => demand(matches!(event, Event::Established(_) | Event::Closed(_)), || {
                format!("between a restart and what it led to: {event}")
            })?,
            Progress::Connecting | Progress::Established => {}
        }
        match event {
            Event::Established(_) => {
                demand(!self.is_established(), || "established twice".into())?;
                self.progress = Progress::Established;
                // A client may have waited for its server before; it is heard now.
                self.unreachable = false;
            }
            Event::Message(_) => demand(self.is_established(), || {
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
            Event::PeerRestarted(_) => {
                demand(self.is_established(), || {
                    "the peer restarted before the session was established".into()
                })?;
                self.progress = Progress::Restarted;
            }
            Event::Closed(_) => self.progress = Progress::Closed,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn is_established(&self) -> bool {
        self.progress == Progress::Established
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.progress == Progress::Closed
    }
}

#[cfg(test)]
mod tests {
    use steadfast::{CloseReason, Closed, Established, PeerRestarted};

    use super::*;
    use crate::{Setup, World};

    fn established() -> Event {
        let (world, client) = World::established(Setup::default());
        let told = world.seen(client.up()).iter().find_map(|seen| match &seen.event {
            Event::Established(established) => Some(Established::clone(established)),
            _ => None,
        });
        Event::Established(told.expect("the client was told"))
    }

    fn restarted() -> Event {
        Event::PeerRestarted(Box::new(PeerRestarted {
            in_doubt: Vec::new(),
            unsent: Vec::new(),
            redelivered_as: Vec::new(),
        }))
    }

    fn closed() -> Event {
        Event::Closed(Box::new(Closed {
            reason: CloseReason::Finished,
            in_doubt: Vec::new(),
            unsent: Vec::new(),
        }))
    }

    /// Whether these events may follow each other.
    fn may_be(events: &[Event]) -> bool {
        let mut order = EventOrder::default();
        events.iter().all(|event| order.told(event).is_ok())
    }

    #[test]
    fn established_comes_again_after_a_restart_and_only_then() {
        assert!(may_be(&[established(), restarted(), established()]));
        assert!(may_be(&[
            established(),
            restarted(),
            established(),
            restarted(),
            established()
        ]));
        assert!(!may_be(&[established(), established()]));
    }

    #[test]
    fn only_an_established_peer_restarts() {
        assert!(!may_be(&[restarted()]));
        assert!(!may_be(&[established(), closed(), restarted()]));
    }

    #[test]
    fn nothing_comes_between_a_restart_and_what_it_led_to() {
        assert!(may_be(&[established(), restarted(), closed()]));
        assert!(!may_be(&[established(), restarted(), restarted()]));
        let unreachable = Event::Unreachable(steadfast::Unreachable {
            silent_for: std::time::Duration::ZERO,
            established: true,
            probable_cause: None,
        });
        assert!(!may_be(&[established(), restarted(), unreachable]));
    }
}
