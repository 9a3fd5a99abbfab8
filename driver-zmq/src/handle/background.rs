//! A client or server that many threads use and one in the background drives.
//!
//! All of it is behind one lock, the socket too. The thread in the background waits for the socket's descriptors *without* the lock,
//! and takes a turn when they signal, or when a deadline has passed. A thread that sends does so itself, socket and all: nothing
//! waits for a switch of threads. What it may take away from the thread in the background is a signal of the socket
//! ([`Link::missed_a_signal`](crate::link::Link::missed_a_signal)), and what it may bring is an earlier deadline; so it looks at both before it
//! leaves, and rings a bell if need be.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::bell::{Bell, Rope, bell};
use super::waiting::{Threads, Waiting};
use crate::process::Owner;
use crate::turn::Driven;
use crate::{Error, OpenError, wait};

/// What a handle has.
pub(crate) struct Background<D: Driven>(Arc<LastHandle<D>>);

impl<D: Driven> Clone for Background<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Shared<D: Driven> {
    owner: Owner,
    state: Mutex<State<D>>,
    /// Wait for an event.
    receivers: Threads,
    /// Wait for room, or for an acknowledgement.
    senders: Threads,
}

struct State<D> {
    driven: D,
    rope: Rope,
    sleep: Sleep,
    receivers: Waiting,
    senders: Waiting,
    /// Packets that had arrived when senders were woken last.
    packets_seen: u64,
    /// What ended the thread in the background.
    failed: Option<Error>,
    /// No handle is left: until when what was sent may still be delivered.
    end_by: Option<Instant>,
}

/// Whether the thread in the background sleeps, and until when if nothing wakes it.
#[derive(Clone, Copy)]
enum Sleep {
    Awake,
    Until(Option<Instant>),
}

impl<D: Driven> Background<D> {
    pub(crate) fn start(driven: D) -> Result<Self, OpenError> {
        let (bell, rope) = bell(driven.link().context())?;
        let owner = driven.link().owner();
        let shared = Arc::new(Shared {
            owner,
            state: Mutex::new(State {
                driven,
                rope,
                sleep: Sleep::Awake,
                receivers: Waiting::default(),
                senders: Waiting::default(),
                packets_seen: 0,
                failed: None,
                end_by: None,
            }),
            receivers: Threads::default(),
            senders: Threads::default(),
        });
        let driver = shared.clone();
        let thread = thread::Builder::new()
            .name("steadfast".into())
            .spawn(move || driver.drive(&bell))
            .map_err(OpenError::Thread)?;
        Ok(Self(Arc::new(LastHandle {
            shared,
            thread: Some(thread),
        })))
    }

    fn shared(&self) -> &Shared<D> {
        &self.0.shared
    }

    /// Changes something, which those who wait for room may have waited for.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut D) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.shared().lock()?;
        let done = self.shared().run(&mut state, run);
        state.senders.wake_all(&self.shared().senders);
        done
    }

    /// Does something if that is possible without waiting.
    pub(crate) fn attempt<T>(&self, attempt: impl FnOnce(&mut D) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.shared().lock()?;
        self.shared().run(&mut state, attempt)
    }

    /// Looks at something.
    pub(crate) fn look<T>(&self, run: impl FnOnce(&D) -> T) -> Result<T, Error> {
        Ok(run(&self.shared().lock()?.driven))
    }

    /// Does something as soon as that is possible without waiting.
    pub(crate) fn when_possible<T>(
        &self,
        until: Option<Instant>,
        mut attempt: impl FnMut(&mut D) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = self.shared().lock()?;
        loop {
            match self.shared().run(&mut state, &mut attempt) {
                Err(Error::WouldBlock) if until.is_some_and(|until| until <= Instant::now()) => {
                    return Err(Error::TimedOut);
                }
                Err(Error::WouldBlock) => {}
                other => return other,
            }
            state = self.shared().senders.wait(state, |state| &mut state.senders, until);
            state.check()?;
        }
    }

    /// The same for a task.
    pub(crate) fn poll_possible<T>(
        &self,
        task: &Context<'_>,
        attempt: impl FnOnce(&mut D) -> Result<T, Error>,
    ) -> Poll<Result<T, Error>> {
        let mut state = self.shared().lock()?;
        match self.shared().run(&mut state, attempt) {
            Err(Error::WouldBlock) => {
                state.senders.add_task(task.waker());
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    /// Waits for an event, but not longer than this.
    pub(crate) fn recv_until(&self, until: Option<Instant>) -> Result<Option<D::Event>, Error> {
        let mut state = self.shared().lock()?;
        loop {
            if let Some(event) = self.shared().run(&mut state, D::next_event)? {
                return Ok(Some(event));
            } else if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(None);
            }
            state = self.shared().receivers.wait(state, |state| &mut state.receivers, until);
            state.check()?;
        }
    }

    /// The same for a task.
    pub(crate) fn poll_recv(&self, task: &Context<'_>) -> Poll<Result<D::Event, Error>> {
        let mut state = self.shared().lock()?;
        if let Some(event) = self.shared().run(&mut state, D::next_event)? {
            return Poll::Ready(Ok(event));
        }
        state.receivers.add_task(task.waker());
        Poll::Pending
    }

    /// Ends the thread in the background once nothing is left to do, or at this moment, and waits for that: afterwards the socket is
    /// closed, and dropping the context waits for its last packets. Not if there are other handles.
    pub(crate) fn end(self, until: Instant) {
        if let Some(last) = Arc::into_inner(self.0) {
            last.end(until);
        }
    }
}

impl<D: Driven> Shared<D> {
    /// # Errors
    /// [`Error::Forked`]: in a forked child the lock may be held for ever, by a thread that is not there.
    fn lock(&self) -> Result<MutexGuard<'_, State<D>>, Error> {
        self.owner.check()?;
        let state = self.locked();
        state.check()?;
        Ok(state)
    }

    fn locked(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().expect("nothing panics under the lock")
    }

    /// Does something in another thread than the one in the background, and sees to what follows from it.
    fn run<T>(&self, state: &mut State<D>, run: impl FnOnce(&mut D) -> Result<T, Error>) -> Result<T, Error> {
        let done = run(&mut state.driven);
        self.tell(state);
        if let Sleep::Until(until) = state.sleep
            && let Some(due) = state.driven.turn_due()?
            && until.is_none_or(|until| due < until)
        {
            state.wake_driver();
        }
        done
    }

    /// Wakes those who may find what they wait for.
    fn tell(&self, state: &mut State<D>) {
        if state.driven.has_event() {
            state.receivers.wake_one(&self.receivers);
        }
        let packets = state.driven.link().counters.packets_received;
        if std::mem::replace(&mut state.packets_seen, packets) != packets {
            state.senders.wake_all(&self.senders);
        }
    }

    fn drive(&self, bell: &Bell) {
        let _ending = Ending(self);
        if let Err(error) = self.turns(bell) {
            self.locked().failed = Some(error);
        }
    }

    /// Takes turns until no handle is left and nothing is left to do.
    fn turns(&self, bell: &Bell) -> Result<(), Error> {
        let mut items = vec![bell.as_poll_item()];
        items.extend(self.locked().driven.link().signals()?);
        while let Some(deadline) = self.turn()? {
            wait::poll(&mut items, &[deadline])?;
            bell.hush();
        }
        Ok(())
    }

    /// One turn; returns until when to sleep, or nothing if it was the last.
    fn turn(&self) -> Result<Option<Option<Instant>>, Error> {
        loop {
            let mut state = self.locked();
            state.sleep = Sleep::Awake;
            state.driven.turn()?;
            self.tell(&mut state);
            state.senders.wake_all(&self.senders);
            let (now, ends_at) = (Instant::now(), state.ends_at());
            if ends_at.is_some_and(|ends_at| ends_at <= now) {
                return Ok(None);
            }
            let deadline = [state.driven.turn_due()?, ends_at].into_iter().flatten().min();
            if deadline.is_none_or(|deadline| deadline > now) {
                state.sleep = Sleep::Until(deadline);
                return Ok(Some(deadline));
            }
            drop(state);
            // Those who wait for the lock go first.
            thread::yield_now();
        }
    }
}

impl<D: Driven> State<D> {
    fn check(&self) -> Result<(), Error> {
        self.failed.map_or(Ok(()), Err)
    }

    fn wake_driver(&mut self) {
        self.sleep = Sleep::Awake;
        self.rope.pull();
    }

    /// When the thread in the background is not needed any longer, as far as is known.
    fn ends_at(&self) -> Option<Instant> {
        let end_by = self.end_by?;
        Some(self.driven.over_at().map_or(end_by, |over_at| end_by.min(over_at)))
    }
}

/// Whatever ends the thread in the background, nobody goes on waiting for it.
struct Ending<'a, D: Driven>(&'a Shared<D>);

impl<D: Driven> Drop for Ending<'_, D> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.receivers.wake_all(&self.0.receivers);
            state.senders.wake_all(&self.0.senders);
        }
    }
}

/// Dropped with the last handle: the thread in the background goes on until everything sent is delivered, but not for long.
struct LastHandle<D: Driven> {
    shared: Arc<Shared<D>>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Driven> LastHandle<D> {
    fn end(mut self, until: Instant) {
        self.begin_to_end(Some(until));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread in the background does not panic");
        }
    }

    fn begin_to_end(&self, until: Option<Instant>) {
        // Neither a forked child nor a thread that met a panic may touch the rest.
        let Ok(()) = self.shared.owner.check() else { return };
        let Ok(mut state) = self.shared.state.lock() else {
            return;
        };
        let patience = state.driven.begin_to_end().unwrap_or(Duration::ZERO);
        state.end_by = Some(until.unwrap_or_else(|| Instant::now() + patience));
        state.wake_driver();
    }
}

impl<D: Driven> Drop for LastHandle<D> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.begin_to_end(None);
        }
    }
}
