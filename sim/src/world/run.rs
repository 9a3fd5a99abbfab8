//! Letting time pass.

use std::time::Duration;

use super::World;

/// How much simulated time anything may take unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(120);

impl World {
    /// Lets so much time pass.
    ///
    /// # Panics
    /// If something happens that must not.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) {
        let until = self.clock.elapsed() + time;
        while self.must(|world| world.step(until)) {}
    }

    /// Lets time pass until something holds, for two minutes at most.
    ///
    /// # Panics
    /// If it does not come to hold, or if something happens that must not.
    #[track_caller]
    pub fn run_until(&mut self, holds: impl FnMut(&Self) -> bool) {
        self.run_until_within(PATIENCE, holds);
    }

    /// Lets time pass until something holds, for so long at most. Returns how long it took.
    ///
    /// # Panics
    /// If it does not come to hold, or if something happens that must not.
    #[track_caller]
    pub fn run_until_within(&mut self, patience: Duration, mut holds: impl FnMut(&Self) -> bool) -> Duration {
        let began = self.clock.elapsed();
        while !holds(self) {
            if !self.must(|world| world.step(began + patience)) {
                self.fail(&format!("what was waited for did not come within {patience:?}"));
            }
        }
        self.clock.elapsed() - began
    }

    /// Lets time pass until everything sent is delivered and known to be, on all flows, for two minutes at most.
    ///
    /// # Panics
    /// If that does not happen, or if something happens that must not.
    #[track_caller]
    pub fn run_until_settled(&mut self) {
        self.run_until(Self::is_settled);
    }

    /// Ends a run: every fault of the schedule must have met its packet, or the run has shown less than it claims.
    ///
    /// # Panics
    /// If a fault is left.
    #[track_caller]
    pub fn expect_all_faults_applied(&self) {
        let unapplied = self.network.unapplied();
        if let Some(fault) = unapplied.first() {
            self.fail(&format!(
                "{} faults met no packet; the first: {} at {}",
                unapplied.len(),
                fault.action,
                fault.at
            ));
        }
    }
}
