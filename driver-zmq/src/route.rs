//! Where a packet came from, as a ROUTER sees it.

use std::fmt;

use smallvec::SmallVec;

/// The envelope in front of a packet: routing ids, the nearest hop first.
///
/// One frame of five bytes as a rule, one more for every proxy on the way. Kept as one string of length-prefixed frames, so that
/// cloning and comparing it allocates nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Route(SmallVec<[u8; INLINE_BYTES]>);

/// Two routing ids as a ROUTER makes them, and their lengths.
const INLINE_BYTES: usize = 16;

impl Route {
    /// More proxies in a row than anybody has; a bound on what a stranger makes us keep.
    pub(crate) const MAX_FRAMES: usize = 8;

    /// Adds a frame behind the others; false if it is longer than a routing id can be.
    pub(crate) fn push(&mut self, frame: &[u8]) -> bool {
        let Ok(length) = u8::try_from(frame.len()) else {
            return false;
        };
        self.0.push(length);
        self.0.extend_from_slice(frame);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            let (frame, tail) = tail.split_at(length.into());
            rest = tail;
            Some(frame)
        })
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for frame in self.frames() {
            f.write_str("/")?;
            frame.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}
