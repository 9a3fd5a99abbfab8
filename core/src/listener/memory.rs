//! Memory for messages larger than the window, passed around between sessions: first come, first served.

use std::hash::Hash;
use std::time::Instant;

use super::Listener;
use super::slot::State;

impl<Route: Clone + Eq + Hash> Listener<Route> {
    /// Passes memory for large messages around: first come, first served.
    #[inline]
    pub(super) fn settle_memory(&mut self, index: u32, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        let State::Session(channel) = &slot.state else { return };
        let (wanted, in_use) = (channel.wanted_reservation(), channel.reserved());
        let released = if in_use == 0 {
            std::mem::take(&mut slot.reserved)
        } else {
            0
        };
        let request = wanted.filter(|_| !slot.waits_for_pool);
        let gives_up = slot.waits_for_pool && wanted.is_none();
        slot.waits_for_pool &= !gives_up;
        slot.waits_for_pool |= request.is_some();
        self.pool.release(released);
        if let Some(bytes) = request {
            self.pool.request(index, bytes);
        }
        if gives_up {
            self.pool.withdraw(&index);
        }
        if released > 0 || request.is_some() || gives_up {
            self.grant_memory(now);
        }
    }

    pub(super) fn grant_memory(&mut self, now: Instant) {
        while let Some((index, bytes)) = self.pool.grant() {
            let Some(slot) = self.table.get_mut(index) else {
                continue;
            };
            slot.waits_for_pool = false;
            slot.reserved = bytes;
            if let State::Session(channel) = &mut slot.state {
                channel.grant_reservation(now);
            }
            self.enqueue(index);
            self.table.schedule(index);
        }
    }

    /// Gives back what a session that is over had of the pool.
    pub(super) fn leave_pool(&mut self, index: u32, now: Instant) {
        let Some(slot) = self.table.get_mut(index) else { return };
        let reserved = std::mem::take(&mut slot.reserved);
        if std::mem::take(&mut slot.waits_for_pool) {
            self.pool.withdraw(&index);
        }
        self.pool.release(reserved);
        self.grant_memory(now);
    }
}
