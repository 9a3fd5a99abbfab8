//! Who has which job, and what becomes of those whose worker is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use steadfast_zmq::steadfast::{Bytes, Message, SessionId};

use crate::job::Job;

/// How many jobs a worker is given ahead. More: its jobs wait while others are idle. Fewer: it is idle between two jobs.
const AHEAD: usize = 6;

/// All jobs that are not done, and their workers.
#[derive(Default)]
pub(crate) struct Jobs {
    last_number: u64,
    waiting: VecDeque<Job>,
    workers: BTreeMap<SessionId, Worker>,
    done: BTreeSet<u64>,
}

#[derive(Default)]
struct Worker {
    jobs: BTreeMap<u64, Job>,
    /// It was not heard for a while: it keeps what it has, and is given no more.
    silent: bool,
}

/// How many jobs were taken from a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    /// Those that it may have done.
    pub(crate) marked: usize,
    /// Those that it never had.
    pub(crate) unmarked: usize,
}

impl Jobs {
    pub(crate) fn add(&mut self, text: Bytes) {
        self.last_number += 1;
        self.waiting.push_back(Job {
            number: self.last_number,
            again: false,
            text,
        });
    }

    /// Whether another job would find a worker.
    pub(crate) fn are_wanted(&self) -> bool {
        self.waiting.is_empty() && self.least_busy().is_some()
    }

    pub(crate) fn are_all_done(&self) -> bool {
        self.waiting.is_empty() && self.workers.values().all(|worker| worker.jobs.is_empty())
    }

    pub(crate) fn worker_came(&mut self, session: SessionId) {
        self.workers.entry(session).or_default().silent = false;
    }

    pub(crate) fn worker_is_silent(&mut self, session: SessionId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.silent = true;
        }
    }

    /// The next job and the worker that should have it.
    pub(crate) fn next(&mut self) -> Option<(SessionId, Job)> {
        let session = self.least_busy()?;
        let job = self.waiting.pop_front()?;
        Some((session, job))
    }

    fn least_busy(&self) -> Option<SessionId> {
        let ready = self
            .workers
            .iter()
            .filter(|(_, worker)| !worker.silent && worker.jobs.len() < AHEAD);
        ready
            .min_by_key(|(_, worker)| worker.jobs.len())
            .map(|(session, _)| *session)
    }

    pub(crate) fn given(&mut self, session: SessionId, job: Job) {
        self.workers.entry(session).or_default().jobs.insert(job.number, job);
    }

    pub(crate) fn not_given(&mut self, job: Job) {
        self.waiting.push_front(job);
    }

    /// Takes note of a result. Whether it is the first one of this job.
    pub(crate) fn is_done(&mut self, number: u64) -> bool {
        // Another worker may have it in hand by now. That cannot be taken back, and what comes of it is not told again.
        self.waiting.retain(|job| job.number != number);
        for worker in self.workers.values_mut() {
            worker.jobs.remove(&number);
        }
        self.done.insert(number)
    }

    /// Gives jobs of a worker that never left to others.
    pub(crate) fn take_back(&mut self, session: SessionId, unsent: &[Message]) -> Returned {
        let Some(worker) = self.workers.get_mut(&session) else {
            return Returned::default();
        };
        let numbers = unsent.iter().filter_map(|message| Job::read(message).ok());
        let jobs: Vec<_> = numbers.filter_map(|job| worker.jobs.remove(&job.number)).collect();
        let unmarked = jobs.len();
        jobs.into_iter().rev().for_each(|job| self.waiting.push_front(job));
        Returned { marked: 0, unmarked }
    }

    /// Gives all jobs of a process that is gone to others: as they are if they never left, marked otherwise.
    ///
    /// Marked are not only those in doubt, but also those that the worker was done with and whose result died with it.
    pub(crate) fn worker_died(&mut self, session: SessionId, unsent: &[Message]) -> Returned {
        let unmarked = self.take_back(session, unsent).unmarked;
        let left = self.workers.remove(&session).unwrap_or_default().jobs;
        let marked = left.len();
        for (_, job) in left.into_iter().rev() {
            self.waiting.push_front(Job { again: true, ..job });
        }
        Returned { marked, unmarked }
    }
}
