//! Servers and clients that are killed at any moment, again and again: nothing is lost without a word.

use std::process::Command;

use steadfast_tests::examples::example_program;

/// Which process dies is drawn: over so many kills each side does fifty times or nearly so, with the seed given here at least that.
const KILLS: &str = "120";
const SEED: &str = "7";

#[test]
fn whoever_is_killed_whenever_the_records_of_both_sides_agree_to_the_message() {
    let soak = Command::new(example_program("survive"))
        .args(["--kills", KILLS, "--seed", SEED])
        .output()
        .expect("starts");
    let (told, errors) = (
        String::from_utf8_lossy(&soak.stdout),
        String::from_utf8_lossy(&soak.stderr),
    );
    assert!(soak.status.success(), "{}\n{told}\n{errors}", soak.status);
    let victims: String = told.lines().filter_map(victims).collect();
    for side in ["server", "client"] {
        let killed = victims.matches("both").count() + victims.matches(side).count();
        assert!(killed >= 50, "the {side} was killed {killed} times\n{told}");
    }
}

/// Whom a line says to have been killed, once or several times.
fn victims(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("kill ")?;
    Some(rest.split("data again").next().unwrap_or(rest))
}
