//! A rolling digest of everything that went over the wire: two runs are the same if theirs are.

use std::fmt;
use std::time::Duration;

use ring::digest::{Context, SHA256};

use crate::flow::{Direction, Flow};

/// The digest of all packets sent so far, with their times and flows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WireHash([u8; 32]);

impl fmt::Debug for WireHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(crate) struct RollingHash(Context);

impl RollingHash {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn absorb(&mut self, at: Duration, flow: Flow, packet: &[u8]) {
        let direction = u8::from(flow.direction == Direction::Up);
        self.0.update(&at.as_nanos().to_be_bytes());
        self.0.update(&flow.client.0.to_be_bytes());
        self.0.update(&[direction]);
        self.0.update(&packet.len().to_be_bytes());
        self.0.update(packet);
    }

    pub(crate) fn value(&self) -> WireHash {
        let digest = self.0.clone().finish();
        WireHash(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for RollingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}
