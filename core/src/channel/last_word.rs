//! The packet that ends a session or an attempt, kept for a peer that missed it.

use std::time::{Duration, Instant};

/// The first wait between two answers. It doubles each time, as RFC 9000 §10.2.1 suggests: two ends that both ended, and
/// both answer, fall silent.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);

/// The packet that ends a session or an attempt: sealed once, and sent again, the same bytes, to whoever goes on asking.
///
/// Nothing proves who asks: the answer is small, always the same, and given ever more rarely.
#[derive(Debug)]
pub(crate) struct LastWord {
    /// None if nothing is to be said, or nothing may be sealed any more.
    packet: Option<Vec<u8>>,
    owed: bool,
    answers: u32,
    not_before: Option<Instant>,
}

impl LastWord {
    /// Keeps a packet; `now_due` if it is to be sent without being asked for.
    pub(crate) fn new(packet: Option<Vec<u8>>, now_due: bool) -> Self {
        Self {
            owed: now_due && packet.is_some(),
            packet,
            answers: 0,
            not_before: None,
        }
    }

    /// Somebody still sends packets.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.owed |= self.packet.is_some() && self.not_before.is_none_or(|at| now >= at);
    }

    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.owed) {
            return None;
        }
        self.not_before = Some(now + FIRST_INTERVAL * 2u32.pow(self.answers.min(10)));
        self.answers += 1;
        self.packet.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_that_answer_each_other_fall_silent() {
        let start = Instant::now();
        let mut word = LastWord::new(Some(vec![1]), true);
        let answers = (0..30_000).filter(|&millisecond| {
            let now = start + Duration::from_millis(millisecond);
            word.asked(now);
            word.poll_transmit(now).is_some()
        });
        assert!((5..12).contains(&answers.count()));
    }

    #[test]
    fn who_has_nothing_to_say_owes_no_answer() {
        let mut word = LastWord::new(None, true);
        word.asked(Instant::now());
        assert!(!word.is_owed());
    }
}
