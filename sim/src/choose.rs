//! The one source of choice. Whatever a world does not decide by itself, it asks here: random, exhaustive and
//! replaying campaigns differ in nothing else.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Decides what the world leaves open.
pub trait Chooser {
    /// One of `0..n`; `n` is at least 1. `tag` says what is decided. Zero is always the choice without a fault.
    fn choose(&mut self, n: u32, tag: &'static str) -> u32;
}

/// Chooses by a seeded stream of its own: the nodes' random bytes do not shift when a choice is added.
#[derive(Debug)]
pub struct RandomChooser(ChaCha8Rng);

/// Stream numbers of nodes start at zero; this one stays clear of them.
const CHOICE_STREAM: u64 = u64::MAX;

impl RandomChooser {
    /// Equal seeds choose equally.
    pub fn seeded(seed: u64) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(CHOICE_STREAM);
        Self(stream)
    }
}

impl Chooser for RandomChooser {
    fn choose(&mut self, n: u32, _tag: &'static str) -> u32 {
        // The high half of the product: no division, and a bias below 2^-32 (Lemire 2019).
        let wide = u64::from(self.0.next_u32()) * u64::from(n);
        (wide >> 32) as u32
    }
}

/// How often something happens, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerMille(pub u16);

impl PerMille {
    /// Whether it happens this time. What never happens is not asked for, so that it costs no choice.
    pub(crate) fn happens(self, chooser: &mut dyn Chooser, tag: &'static str) -> bool {
        self.0 > 0 && chooser.choose(1000, tag) >= 1000 - u32::from(self.0.min(1000))
    }
}
