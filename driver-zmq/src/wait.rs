//! Waiting: on sockets, until a deadline.

use std::time::{Duration, Instant};

/// How many packets are taken from 0MQ before any are sent: they share an acknowledgement.
pub(crate) const PACKETS_PER_TURN: usize = 128;

/// A wait is never longer: a bound for the conversion to whole milliseconds, which costs one wake-up an hour.
const LONGEST: Duration = Duration::from_secs(3600);

/// Waits until an item has an event, a signal interrupts, or the earliest deadline has passed.
pub(crate) fn poll(items: &mut [zmq::PollItem<'_>], deadlines: &[Option<Instant>]) -> Result<(), zmq::Error> {
    let deadline = deadlines.iter().flatten().min();
    match zmq::poll(
        items,
        deadline.map_or(whole_milliseconds(LONGEST), |&deadline| milliseconds_until(deadline)),
    ) {
        Ok(_) | Err(zmq::Error::EINTR) => Ok(()),
        Err(error) => Err(error),
    }
}

fn milliseconds_until(deadline: Instant) -> i64 {
    whole_milliseconds(deadline.saturating_duration_since(Instant::now()).min(LONGEST))
}

/// Rounded up: 0MQ would otherwise return before the deadline, again and again.
fn whole_milliseconds(wait: Duration) -> i64 {
    let milliseconds = wait.as_nanos().div_ceil(1_000_000);
    i64::try_from(milliseconds).expect("an hour fits")
}
