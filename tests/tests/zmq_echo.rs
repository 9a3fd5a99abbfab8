//! The echo pair, in processes of its own that are killed and started anew.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_tests::examples::example_program;
use steadfast_tests::over_zmq::{PATIENCE, Reserved};
use tempfile::TempDir;

/// Both programs, their credentials, and what they print.
struct Pair {
    files: TempDir,
    port: Reserved,
    server: PathBuf,
    client: PathBuf,
}

/// One of the two. Ends with the test, also with a failing one.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    printed: PathBuf,
    told: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn type_lines(&mut self, lines: &[&str]) {
        let input = self.input.as_mut().expect("not ended");
        lines
            .iter()
            .for_each(|line| writeln!(input, "{line}").expect("it still reads"));
    }

    fn until_printed(&self, lines: &[&str]) {
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.until(&expected, || read(&self.printed) == expected);
    }

    fn until_told(&self, news: &str) {
        self.until(news, || read(&self.told).contains(news));
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !holds() {
            let (printed, told) = (read(&self.printed), read(&self.told));
            assert!(
                Instant::now() < limit,
                "waited in vain for {what:?}; it printed {printed:?}, and told {told:?}"
            );
            sleep(Duration::from_millis(10));
        }
    }

    fn finish(&mut self) -> ExitStatus {
        self.input = None;
        let limit = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("ours") {
                Some(status) => return status,
                None => assert!(
                    Instant::now() < limit,
                    "it does not end; it told {:?}",
                    read(&self.told)
                ),
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Pair {
    fn new() -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let credentials = Command::new(example_program("credentials"))
            .arg(files.path().join("pems"))
            .stdout(Stdio::null())
            .status();
        assert!(credentials.expect("starts").success());
        Self {
            files,
            port: Reserved::default(),
            server: example_program("echo_server"),
            client: example_program("echo_client"),
        }
    }

    fn port(&self) -> String {
        self.port.address().port().to_string()
    }

    fn pem(&self, name: &str) -> PathBuf {
        self.files.path().join("pems").join(name)
    }

    /// Later ones of one name print on where the earlier one ended.
    fn start(&self, name: &str, command: &mut Command) -> Running {
        let (printed, told) = (
            self.files.path().join(name),
            self.files.path().join(format!("{name}.news")),
        );
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(append(&printed))
            .stderr(append(&told))
            .spawn()
            .expect("starts");
        Running {
            input: child.stdin.take(),
            child,
            printed,
            told,
        }
    }

    fn server(&self, name: &str) -> Running {
        let mut command = Command::new(&self.server);
        command
            .arg(self.port())
            .args([self.pem("server.pem"), self.pem("server.key")])
            .arg("--clients")
            .arg(self.pem("authority.pem"));
        let server = self.start(name, &mut command);
        server.until_told("listening");
        server
    }

    fn client(&self, name: &str) -> Running {
        let mut command = Command::new(&self.client);
        command
            .args(["localhost", &self.port()])
            .arg(self.pem("authority.pem"))
            .args(["--name", "ann", "--cert"])
            .arg(self.pem("client.pem"))
            .arg("--key")
            .arg(self.pem("client.key"));
        self.start(name, &mut command)
    }
}

fn append(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.expect("writable")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn every_line_comes_back_once_though_server_and_client_are_killed_and_started_anew() {
    let pair = Pair::new();
    let mut server = pair.server("server");
    let mut client = pair.client("client");
    client.type_lines(&["one", "two"]);
    client.until_printed(&["one", "two"]);

    server.child.kill().expect("still running");
    client.type_lines(&["three", "four"]);
    drop(server);
    let mut server = pair.server("second server");
    client.type_lines(&["five"]);
    client.until_printed(&["one", "two", "three", "four", "five"]);
    client.until_told("the peer restarted");

    // What the server says meanwhile waits for the client that comes.
    client.child.kill().expect("still running");
    drop(client);
    server.type_lines(&["who is there?"]);
    let mut client = pair.client("second client");
    client.type_lines(&["me again"]);
    client.until_printed(&["me again"]);
    server.until_told("ann: the peer restarted");
    server.until_printed(&["ann: who is there?"]);

    assert!(client.finish().success());
    server.until_told("ann: closed: finished (0 messages in doubt, 0 unsent)");
}

#[test]
fn lines_typed_before_there_is_a_server_come_back_before_the_client_ends() {
    let pair = Pair::new();
    let mut client = pair.client("client");
    client.type_lines(&["early"]);
    client.input = None;
    client.until_told("nothing heard from the peer");
    let _server = pair.server("server");
    assert!(client.finish().success());
    client.until_printed(&["early"]);
}

#[test]
fn a_second_client_of_the_same_name_ends_the_first_which_says_why() {
    let pair = Pair::new();
    let _server = pair.server("server");
    let mut first = pair.client("first client");
    first.until_told("established");
    let mut second = pair.client("second client");
    second.type_lines(&["mine"]);
    second.until_printed(&["mine"]);
    first.until_told("give each its own name");
    assert!(!first.finish().success());
}
