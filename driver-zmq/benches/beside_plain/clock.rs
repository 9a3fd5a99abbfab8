//! Processor time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long this process computed so far, all its threads together, in user mode and in the kernel.
pub(crate) fn busy() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).expect("less than a second");
    Duration::new(u64::try_from(time.tv_sec).expect("not negative"), nanoseconds)
}
