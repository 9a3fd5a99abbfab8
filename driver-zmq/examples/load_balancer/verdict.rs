//! What the workers' records say.

use std::collections::BTreeMap;

use crate::record::Done;

/// How the jobs fared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) jobs: u64,
    pub(crate) once: u64,
    /// Done more than once, and known to be possible duplicates each time but one.
    pub(crate) again_marked: u64,
    /// Done more than once without anybody knowing.
    pub(crate) again_unmarked: u64,
    pub(crate) not_done: u64,
}

impl Verdict {
    /// Jobs are numbered from 1.
    pub(crate) fn of(jobs: u64, done: impl IntoIterator<Item = Done>) -> Self {
        let mut by_number: BTreeMap<u64, Vec<Done>> = BTreeMap::new();
        for done in done {
            by_number.entry(done.number).or_default().push(done);
        }
        let mut verdict = Self {
            jobs,
            ..Self::default()
        };
        for number in 1..=jobs {
            let times = by_number.get(&number).map_or(&[][..], Vec::as_slice);
            let unmarked = times.iter().filter(|done| !done.again).count();
            *match (times.len(), unmarked) {
                (0, _) => &mut verdict.not_done,
                (1, _) => &mut verdict.once,
                (_, 0 | 1) => &mut verdict.again_marked,
                _ => &mut verdict.again_unmarked,
            } += 1;
        }
        verdict
    }

    pub(crate) fn is_good(&self) -> bool {
        self.again_unmarked == 0 && self.not_done == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(number: u64, again: bool) -> Done {
        Done { number, again }
    }

    #[test]
    fn only_a_second_time_that_was_marked_is_allowed() {
        let once = done(1, false);
        assert!(Verdict::of(1, [once]).is_good());
        assert!(
            Verdict::of(1, [done(1, true)]).is_good(),
            "in doubt, and not done before"
        );
        assert!(Verdict::of(1, [once, done(1, true), done(1, true)]).is_good());
        assert!(!Verdict::of(1, [once, once]).is_good());
        assert!(!Verdict::of(1, [once, once, done(1, true)]).is_good());
        assert!(!Verdict::of(2, [once]).is_good(), "the second was not done");
    }
}
