//! The table at the end.

use crate::verdict::Verdict;

/// A name, and what stands there for one direction.
type Row = (&'static str, fn(&Verdict) -> usize);

const ROWS: [Row; 7] = [
    ("sent", |v| v.sent),
    ("delivered", |v| v.delivered),
    ("MiB delivered", |v| {
        usize::try_from(v.bytes >> 20).unwrap_or(usize::MAX)
    }),
    ("in doubt", |v| v.in_doubt),
    ("  of those delivered", |v| v.in_doubt_delivered),
    ("unsent", |v| v.unsent),
    ("gone with their sender", |v| v.died),
];

/// What must not be.
const FAULTS: [Row; 8] = [
    ("lost without a word", |v| v.faults.lost),
    ("delivered, told unsent", |v| v.faults.unsent_delivered),
    ("told wrongly", |v| v.faults.told_wrongly),
    ("across a restart", |v| v.faults.across_lives),
    ("out of order", |v| v.faults.out_of_order),
    ("twice", |v| v.faults.twice),
    ("damaged", |v| v.faults.damaged),
    ("left at the end", |v| v.faults.left_over),
];

pub(crate) fn print(up: &Verdict, down: &Verdict) {
    println!("\n{:24}{:>14}{:>14}", "", "to the server", "to the client");
    for (name, value) in ROWS.iter().chain(&FAULTS) {
        println!("{name:24}{:>14}{:>14}", value(up), value(down));
    }
}
