//! The embedding that shows how little a driver is: a complete program over plain TCP, within fifty lines, that works.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use steadfast_tests::examples::example_program;
use steadfast_tests::over_zmq::Reserved;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/examples/blocking_tcp.rs");

/// Ends with the test, also with a failing one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_complete_embedding_fits_in_fifty_formatted_lines() {
    let source = fs::read_to_string(EXAMPLE).unwrap();
    let lines = source.lines().count();
    assert!(lines <= 50, "{lines} lines");
    if !has_rustfmt() {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        writeln!(
            io::stderr(),
            "format of {EXAMPLE} not checked: there is no rustfmt here"
        )
        .unwrap();
        return;
    }
    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024", EXAMPLE])
        .output()
        .unwrap();
    assert!(
        formatted.status.success(),
        "not formatted: {}",
        String::from_utf8_lossy(&formatted.stdout)
    );
}

/// The command may exist and only say that the component is not installed.
fn has_rustfmt() -> bool {
    let version = Command::new("rustfmt").arg("--version").output();
    version.is_ok_and(|version| version.status.success())
}

#[test]
fn the_embedding_carries_text_to_another_process() {
    let scratch = scratch_folder();
    let (certificate, printed) = (scratch.join("certificate.der"), scratch.join("printed"));
    let port = Reserved::default();
    let address = port.address().to_string();
    let program = example_program("blocking_tcp");
    let command = |role: &str| {
        let mut command = Command::new(&program);
        command.args([role, &address]).arg(&certificate);
        command
    };
    let output = fs::File::create(&printed).unwrap();
    let mut server = Running(command("server").stdin(Stdio::null()).stdout(output).spawn().unwrap());
    wait_for(&mut server, || {
        fs::metadata(&certificate).is_ok_and(|file| file.len() > 0)
    });

    // Several windows, and not a whole number of packets.
    let text: String = (0..100_000)
        .map(|n| format!("line {n}, {}\n", "x".repeat(n % 80)))
        .collect();
    let mut client = Running(command("client").stdin(Stdio::piped()).spawn().unwrap());
    let mut input = client.0.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    assert!(client.0.wait().unwrap().success(), "the client failed");
    assert!(server.0.wait().unwrap().success(), "the server failed");
    let printed = fs::read_to_string(printed).unwrap();
    assert!(printed == text, "{} bytes became {}", text.len(), printed.len());
    fs::remove_dir_all(scratch).unwrap();
}

fn scratch_folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("embedding-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn wait_for(server: &mut Running, ready: impl Fn() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(server.0.try_wait().unwrap().is_none(), "the server ended");
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the server does not get ready"
        );
        thread::sleep(Duration::from_millis(10));
    }
}
