//! Those who wait for something: threads that block, and tasks of any runtime.

use std::sync::{Condvar, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// Threads that wait for one thing. Counted, so that nobody is woken where nobody waits.
#[derive(Default)]
pub(crate) struct Threads(Condvar);

/// How many threads wait, and the tasks that do; kept under the lock.
#[derive(Default)]
pub(crate) struct Waiting {
    threads: usize,
    tasks: Vec<Waker>,
}

impl Waiting {
    pub(crate) fn add_task(&mut self, task: &Waker) {
        if !self.tasks.iter().any(|other| other.will_wake(task)) {
            self.tasks.push(task.clone());
        }
    }

    /// Wakes one thread, and all tasks: which of these are still there, nobody can tell.
    pub(crate) fn wake_one(&mut self, threads: &Threads) {
        if self.threads > 0 {
            threads.0.notify_one();
        }
        self.wake_tasks();
    }

    pub(crate) fn wake_all(&mut self, threads: &Threads) {
        if self.threads > 0 {
            threads.0.notify_all();
        }
        self.wake_tasks();
    }

    fn wake_tasks(&mut self) {
        self.tasks.drain(..).for_each(Waker::wake);
    }
}

impl Threads {
    /// Waits until woken, or until this moment; who else may be woken is told by `which`.
    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        which: impl Fn(&mut T) -> &mut Waiting,
        until: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        which(&mut guard).threads += 1;
        let woken = match until {
            None => self.0.wait(guard),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                (self.0.wait_timeout(guard, left))
                    .map(|(guard, _)| guard)
                    .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0))
            }
        };
        let mut guard = woken.expect("nothing panics under the lock");
        which(&mut guard).threads -= 1;
        guard
    }
}
