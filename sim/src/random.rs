//! Each node's own random bytes. rustls asks a `'static` provider for randomness and cannot say for whom: the node that
//! takes a step lends its stream to its thread for as long as the step lasts, so worlds in other threads do not meet.

use std::cell::RefCell;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

thread_local! {
    static STEPPING: RefCell<Option<ChaCha8Rng>> = const { RefCell::new(None) };
}

/// The random bytes of one life of one node.
#[derive(Debug)]
pub struct NodeRandom(Option<ChaCha8Rng>);

impl NodeRandom {
    /// A stream of its own for every node and every life of it: the restart of one node shifts no draw of another.
    pub fn new(seed: u64, node: u32, incarnation: u32) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(u64::from(node) << 32 | u64::from(incarnation));
        Self(Some(stream))
    }

    /// Runs one step of the node; whatever draws random bytes in it draws from this stream.
    pub fn lend<R>(&mut self, step: impl FnOnce() -> R) -> R {
        let lent = Lent(self);
        STEPPING.set(lent.0.0.take());
        step()
    }
}

/// Gives the stream back even if the step panics: a test that catches the panic may go on.
struct Lent<'a>(&'a mut NodeRandom);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.0 = STEPPING.take();
    }
}

/// Draws from the stream of the node that takes a step in this thread.
///
/// # Panics
/// Outside of any step: such a draw could not be repeated.
pub(crate) fn fill(bytes: &mut [u8]) {
    STEPPING.with_borrow_mut(|stream| {
        stream
            .as_mut()
            .expect("random bytes are drawn inside of a node's step")
            .fill_bytes(bytes);
    });
}
