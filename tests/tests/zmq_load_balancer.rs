//! The load balancer whose workers are killed and cut off, as a person runs it.

use std::process::Command;

use steadfast_tests::examples::example_program;

#[test]
fn every_job_is_done_and_none_twice_without_being_marked_whatever_becomes_of_the_workers() {
    let demo = Command::new(example_program("load_balancer"))
        .arg("demo")
        .output()
        .expect("starts");
    let (told, errors) = (
        String::from_utf8_lossy(&demo.stdout),
        String::from_utf8_lossy(&demo.stderr),
    );
    assert!(demo.status.success(), "{}\n{told}\n{errors}", demo.status);
    // What its own verdict cannot see: that it did what it is for. (Not that a restart was told: on a machine that is slow enough a
    // worker comes back only when its session is over.)
    for act in ["kills ann", "kills cat", "breaks", "that never left"] {
        assert!(told.contains(act), "no sign of: {act}\n{told}");
    }
}
