//! The legal moves, all of them: a change to the machine is a visible change here.

use steadfast::StateTables;

#[test]
fn every_state_answers_every_input_as_the_printed_tables_say() {
    insta::assert_snapshot!(StateTables, @"");
}
