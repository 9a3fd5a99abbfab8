//! The examples, as programs to run.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds an example, and returns where it is. By cargo, for the tests of one package do not build the examples of another.
///
/// # Panics
/// If it cannot be built.
pub fn example_program(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of this package to its tests: build scripts that look at it would run again, and half of the workspace.
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_"]
                .iter()
                .any(|own| name.to_string_lossy().starts_with(own))
        })
        .for_each(|name| {
            cargo.env_remove(name);
        });
    let built = cargo
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--example",
            name,
            "--message-format=json",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the example {name} cannot be built");
    let messages = String::from_utf8(built.stdout).expect("JSON");
    let (_, rest) = messages
        .rsplit_once("\"executable\":\"")
        .expect("the path of what was built");
    PathBuf::from(rest.split('"').next().expect("at least one piece"))
}
