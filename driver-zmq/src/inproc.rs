//! Addresses for sockets that only the driver itself joins.

use std::sync::atomic::{AtomicU64, Ordering};

/// One that nobody else uses.
pub(crate) fn unused_endpoint() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("inproc://steadfast-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
