//! The packet numbers received: what an acknowledgement states, and what a replay is told by.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::wire::frame::MAX_ACK_RANGES;

/// The packet numbers received, as ranges in ascending order.
///
/// One structure is both acknowledgement and replay window: a number is taken once, and marked only after its packet
/// opened. When there are more gaps than an acknowledgement holds, the oldest range is forgotten and everything below the
/// next one counts as received: late packets there are dropped as if they were replays, which costs a retransmission.
#[derive(Debug, Default)]
pub(super) struct Received {
    ranges: VecDeque<(u64, u64)>,
    /// Numbers below this one are no longer told apart.
    floor: u64,
}

impl Received {
    /// Whether a packet with this number must not be used (again).
    #[inline]
    pub(super) fn contains(&self, number: u64) -> bool {
        match self.ranges.back() {
            Some(&(_, last)) if number > last => false,
            _ => number < self.floor || self.find(number).is_ok(),
        }
    }

    /// The range that holds `number`, or else the index where it would stand.
    fn find(&self, number: u64) -> Result<usize, usize> {
        let index = self.ranges.partition_point(|&(_, last)| last < number);
        match self.ranges.get(index) {
            Some(&(first, _)) if first <= number => Ok(index),
            _ => Err(index),
        }
    }

    /// Marks a number that is not contained, and says how it stands to the others.
    pub(super) fn insert(&mut self, number: u64) -> Position {
        match self.ranges.back_mut() {
            Some((_, last)) if number == *last + 1 => {
                *last = number;
                return Position::Next;
            }
            Some((_, last)) if number < *last => {
                self.insert_late(number);
                return Position::Late;
            }
            _ => {}
        }
        let position = if self.ranges.is_empty() {
            Position::Next
        } else {
            Position::BehindGap
        };
        self.ranges.push_back((number, number));
        self.forget_oldest();
        position
    }

    fn insert_late(&mut self, number: u64) {
        let Err(index) = self.find(number) else { return };
        let joins_next = self.ranges.get(index).is_some_and(|&(first, _)| first == number + 1);
        let joins_before = index > 0 && self.ranges[index - 1].1 + 1 == number;
        match (joins_before, joins_next) {
            (true, true) => {
                self.ranges[index - 1].1 = self.ranges[index].1;
                self.ranges.remove(index);
            }
            (true, false) => self.ranges[index - 1].1 = number,
            (false, true) => self.ranges[index].0 = number,
            (false, false) => self.ranges.insert(index, (number, number)),
        }
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        if self.ranges.len() > MAX_ACK_RANGES {
            self.ranges.pop_front();
            self.floor = self.ranges.front().map_or(self.floor, |&(first, _)| first);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, largest first.
    pub(super) fn descending(&self) -> impl Iterator<Item = RangeInclusive<u64>> + Clone + '_ {
        self.ranges.iter().rev().map(|&(first, last)| first..=last)
    }
}

/// How a packet number stands to those received before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// It follows the largest.
    Next,
    /// It is the largest, and others are missing before it.
    BehindGap,
    /// A larger one came before.
    Late,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn every_number_is_taken_exactly_once(numbers in proptest::collection::vec(0u64..100, 0..200)) {
            let (mut received, mut model) = (Received::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(received.contains(number), model.contains(&number));
                if model.insert(number) {
                    let newest = model.last() == Some(&number);
                    prop_assert_eq!(received.insert(number) == Position::Late, !newest);
                }
            }
            let listed: BTreeSet<u64> = received.descending().flatten().collect();
            prop_assert_eq!(listed, model);
        }
    }

    #[test]
    fn beyond_the_window_everything_counts_as_a_replay() {
        let mut received = Received::default();
        for n in 0..=MAX_ACK_RANGES as u64 {
            received.insert(10 + 2 * n);
        }
        assert!(
            received.contains(9) && received.contains(11),
            "below the oldest range that is kept"
        );
        assert!(!received.contains(13), "a gap that is kept");
        assert_eq!(received.descending().count(), MAX_ACK_RANGES);
    }
}
