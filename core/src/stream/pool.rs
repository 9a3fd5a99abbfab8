//! The memory that large messages share: a message beyond the window is granted credit only when its length is reserved.

use std::collections::VecDeque;

/// Bytes that may be reserved, and who waits for them: first come, first served.
///
/// Without the queue, a large message could wait for ever behind a stream of smaller ones that always fit.
#[derive(Debug)]
pub(crate) struct Pool<Owner> {
    free: u64,
    waiting: VecDeque<(Owner, u64)>,
}

impl<Owner: PartialEq> Pool<Owner> {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            free: bytes,
            waiting: VecDeque::new(),
        }
    }

    /// Asks for `bytes`; each owner waits for one reservation at a time.
    pub(crate) fn request(&mut self, owner: Owner, bytes: u64) {
        self.waiting.push_back((owner, bytes));
    }

    /// Who gets its reservation next, if the first in line can have it now.
    pub(crate) fn grant(&mut self) -> Option<(Owner, u64)> {
        let (_, bytes) = self.waiting.front()?;
        self.free = self.free.checked_sub(*bytes)?;
        self.waiting.pop_front()
    }

    pub(crate) fn release(&mut self, bytes: u64) {
        self.free += bytes;
    }

    /// Whether somebody waits.
    pub(crate) fn is_contended(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes back a request that was not granted.
    pub(crate) fn withdraw(&mut self, owner: &Owner) {
        self.waiting.retain(|(waiting, _)| waiting != owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_request_is_not_overtaken_by_a_small_one_that_would_fit() {
        let mut pool = Pool::new(100);
        pool.request('a', 60);
        assert_eq!(pool.grant(), Some(('a', 60)));
        pool.request('b', 80);
        pool.request('c', 10);
        assert_eq!(pool.grant(), None);
        pool.release(60);
        assert_eq!(
            (pool.grant(), pool.grant(), pool.grant()),
            (Some(('b', 80)), Some(('c', 10)), None)
        );
    }

    #[test]
    fn whoever_leaves_the_line_lets_the_next_one_through() {
        let mut pool = Pool::new(100);
        pool.request('a', 200);
        pool.request('b', 100);
        assert_eq!(pool.grant(), None);
        pool.withdraw(&'a');
        assert_eq!(pool.grant(), Some(('b', 100)));
        assert!(!pool.is_contended());
    }
}
