//! A set of stream offsets as few disjoint spans.

use std::ops::Range;

/// Disjoint spans in ascending order, never touching each other.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Range<u64>>);

impl Spans {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest offset, if any.
    pub(crate) fn first(&self) -> Option<u64> {
        self.0.first().map(|span| span.start)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().cloned()
    }

    /// Adds a span, merging it with those it meets.
    pub(crate) fn insert(&mut self, span: Range<u64>) {
        if span.is_empty() {
            return;
        }
        let from = self.0.partition_point(|held| held.end < span.start);
        let to = self.0.partition_point(|held| held.start <= span.end);
        let merged = self.0[from..to].iter().fold(span, |merged, held| {
            merged.start.min(held.start)..merged.end.max(held.end)
        });
        self.0.splice(from..to, [merged]);
    }

    /// Takes at most `max` offsets from the front.
    pub(crate) fn take_first(&mut self, max: u64) -> Option<Range<u64>> {
        let first = self.0.first_mut()?;
        let taken = first.start..first.end.min(first.start.saturating_add(max));
        first.start = taken.end;
        if first.is_empty() {
            self.0.remove(0);
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Forgets everything below `offset`.
    pub(crate) fn remove_below(&mut self, offset: u64) {
        self.0.retain_mut(|span| {
            span.start = span.start.max(offset);
            !span.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn spans_hold_exactly_what_a_set_of_offsets_would(
            inserts in proptest::collection::vec((0u64..100, 0u64..20), 0..20),
            floor in 0u64..100,
            takes in proptest::collection::vec(1u64..10, 0..10),
        ) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for (start, length) in inserts {
                spans.insert(start..start + length);
                set.extend(start..start + length);
            }
            spans.remove_below(floor);
            set = set.split_off(&floor);
            for max in takes {
                for offset in spans.take_first(max).into_iter().flatten() {
                    prop_assert_eq!(set.pop_first(), Some(offset));
                }
            }
            prop_assert_eq!(spans.0.iter().cloned().flatten().collect::<Vec<_>>(), Vec::from_iter(set));
            prop_assert!(spans.0.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
