//! The packets that await acknowledgement, and which of them are lost.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::time::Instant;

/// Over a change of route a packet may be overtaken: only so many later ones acknowledged prove it lost (as RFC 9002 §6.1.1).
pub(super) const REORDERING_THRESHOLD: u8 = 3;

/// What a packet carried that must arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) at: Instant,
    /// Counts the routes of the session.
    pub(super) path: u32,
    pub(super) stream: Option<Range<u64>>,
    pub(super) finish: bool,
    /// What became of the peer's request to go on with its session.
    pub(super) answer: bool,
    /// How many later packets were acknowledged.
    later: u8,
}

impl Sent {
    pub(super) fn new(number: u64, at: Instant, path: u32) -> Self {
        Self {
            number,
            at,
            path,
            stream: None,
            finish: false,
            answer: false,
            later: 0,
        }
    }

    /// Whether losing the packet loses nothing: an answer stands in the next one too.
    fn is_probe(&self) -> bool {
        self.stream.is_none() && !self.finish
    }
}

/// The packets that await acknowledgement, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct InFlightPackets {
    packets: VecDeque<Sent>,
    /// Packets that carry something; the others are probes.
    carrying: usize,
}

/// What an acknowledgement brought to light.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// When the newest of the packets acknowledged for the first time was sent.
    pub(super) newest_at: Option<Instant>,
    /// Whether one of them carried something.
    pub(super) progress: bool,
    /// Whether one of them told the end of the stream.
    pub(super) finish: bool,
    /// Whether one of them told what became of the peer's request.
    pub(super) answer: bool,
    pub(super) lost: Vec<Sent>,
}

impl InFlightPackets {
    pub(super) fn push(&mut self, sent: Sent) {
        if sent.is_probe() {
            // The answers to the newest probes say all that answers to older ones would.
            let probes = self.packets.len() - self.carrying;
            if probes >= usize::from(REORDERING_THRESHOLD) {
                let oldest = self.packets.iter().position(Sent::is_probe);
                oldest.map(|index| self.packets.remove(index));
            }
        } else {
            self.carrying += 1;
        }
        self.packets.push_back(sent);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many packets count against the peer's limit: probes must always be possible.
    pub(super) fn carrying(&self) -> usize {
        self.carrying
    }

    /// Takes note of the numbers received by the peer, largest range first.
    ///
    /// On one route packets keep their order: what is older than an acknowledged packet of the same route is lost.
    pub(super) fn acknowledge(&mut self, ranges: impl Iterator<Item = RangeInclusive<u64>>) -> Acknowledged {
        let mut outcome = Acknowledged::default();
        let mut ranges = ranges.peekable();
        let Some(largest) = ranges.peek().map(|range| *range.end()) else {
            return outcome;
        };
        let end = self.packets.partition_point(|packet| packet.number <= largest);
        let (mut later, mut path) = (0u8, None);
        let mut kept = VecDeque::new();
        for mut packet in self.packets.drain(..end).rev() {
            while ranges.next_if(|range| *range.start() > packet.number).is_some() {}
            if ranges.peek().is_some_and(|range| range.contains(&packet.number)) {
                outcome.newest_at = outcome.newest_at.max(Some(packet.at));
                outcome.progress |= !packet.is_probe();
                outcome.finish |= packet.finish;
                outcome.answer |= packet.answer;
                (later, path) = (later.saturating_add(1), Some(packet.path));
                self.carrying -= usize::from(!packet.is_probe());
                continue;
            }
            packet.later = packet.later.saturating_add(later);
            if path == Some(packet.path) || packet.later >= REORDERING_THRESHOLD {
                self.carrying -= usize::from(!packet.is_probe());
                if !packet.is_probe() {
                    outcome.lost.push(packet);
                }
            } else {
                kept.push_front(packet);
            }
        }
        for packet in kept.into_iter().rev() {
            self.packets.push_front(packet);
        }
        if self.packets.is_empty() && self.packets.capacity() > IDLE_CAPACITY {
            self.packets = VecDeque::new();
        }
        outcome
    }
}

/// An idle session keeps room for this many packets.
const IDLE_CAPACITY: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn in_flight(paths: &[u32]) -> InFlightPackets {
        let (mut packets, now) = (InFlightPackets::default(), Instant::now());
        for (number, &path) in paths.iter().enumerate() {
            let number = number as u64;
            packets.push(Sent {
                stream: Some(number..number + 1),
                ..Sent::new(number, now, path)
            });
        }
        packets
    }

    fn lost(packets: &mut InFlightPackets, ranges: &[RangeInclusive<u64>]) -> Vec<u64> {
        let mut lost: Vec<_> = packets
            .acknowledge(ranges.iter().cloned())
            .lost
            .iter()
            .map(|packet| packet.number)
            .collect();
        lost.sort_unstable();
        lost
    }

    #[test]
    fn on_one_route_a_gap_is_a_loss_at_once() {
        let mut packets = in_flight(&[0; 6]);
        assert_eq!(lost(&mut packets, &[4..=4, 1..=1]), [0, 2, 3]);
        assert_eq!(packets.carrying(), 1);
    }

    #[test]
    fn over_a_route_change_a_gap_is_a_loss_when_three_later_packets_are_acknowledged() {
        let mut packets = in_flight(&[0, 1, 1, 1]);
        assert_eq!(lost(&mut packets, &[1..=2]), []);
        assert_eq!(lost(&mut packets, &[3..=3]), [0]);
        assert!(packets.is_empty());
    }

    #[test]
    fn the_same_acknowledgement_again_proves_nothing_new() {
        let mut packets = in_flight(&[0, 1, 1, 1]);
        for _ in 0..5 {
            assert_eq!(lost(&mut packets, &[1..=2]), []);
        }
    }

    #[test]
    fn however_many_probes_go_unanswered_a_volley_is_remembered() {
        let mut packets = in_flight(&[0]);
        for number in 1..100 {
            packets.push(Sent::new(number, Instant::now(), 0));
        }
        assert_eq!((packets.packets.len(), packets.carrying()), (4, 1));
        assert_eq!(lost(&mut packets, &[99..=99]), [0]);
    }

    #[test]
    fn one_volley_of_probes_by_a_new_route_shows_what_the_old_one_lost() {
        let mut packets = in_flight(&[0]);
        for number in 1..=3 {
            packets.push(Sent::new(number, Instant::now(), 1));
        }
        assert_eq!(lost(&mut packets, &[1..=3]), [0]);
    }
}
