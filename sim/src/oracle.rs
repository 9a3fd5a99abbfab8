//! What must hold in every world at every step, whatever the network does.

mod ledger;
mod order;
mod pace;

pub(crate) use ledger::{Ledger, Letter};
pub(crate) use order::EventOrder;
pub(crate) use pace::Pace;

use std::fmt;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// A violation if `holds` does not.
pub(crate) fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(what())) }
}
