//! What tests and the programs of theirs that run as processes of their own share: credentials in files, and lines of output.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use steadfast::{ClientConfig, ServerConfig};
use steadfast_zmq::pem;
use steadfast_zmq::testing::InsecureTestCredentials;

use crate::over_zmq::PATIENCE;

/// Writes the authority's certificate, and certificates and keys of the server (as `server`) and of these clients.
///
/// # Panics
/// If a file cannot be written.
pub fn write_credentials(credentials: &InsecureTestCredentials, directory: &Path, clients: &[&str]) {
    let write = |file: String, pem: &str| std::fs::write(directory.join(file), pem).expect("writable");
    write("authority.pem".into(), &credentials.authority_pem());
    let (certificate, key) = credentials.server_pem();
    write("server.pem".into(), certificate);
    write("server.key".into(), key);
    for name in clients {
        let (certificate, key) = credentials.issue_pem(name);
        write(format!("{name}.pem"), &certificate);
        write(format!("{name}.key"), &key);
    }
}

/// The configuration of a client with a certificate and the same endpoint name.
///
/// # Errors
/// If its files are not there.
pub fn client_config(directory: &Path, name: &str) -> Result<ClientConfig, Box<dyn Error>> {
    let [chain, key] = ["pem", "key"].map(|kind| directory.join(format!("{name}.{kind}")));
    let config = pem::client_with_identity(directory.join("authority.pem"), chain, key)?;
    Ok(config.endpoint_name(name).build()?)
}

/// The configuration of the server.
///
/// # Errors
/// If its files are not there.
pub fn server_config(directory: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    Ok(pem::server(directory.join("server.pem"), directory.join("server.key"))?.build()?)
}

/// A process that is killed at the end of the test at the latest, also of a failing one.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts a program, and reads what it prints.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut read = output.lines().map_while(Result::ok);
            read.try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// The next line that it prints.
    ///
    /// # Panics
    /// If none comes.
    pub fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("another line before it ends or patience does")
    }

    /// The next line, if it is there already.
    pub fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Kills it (`SIGKILL`), and returns the lines that are left.
    ///
    /// # Panics
    /// If it ended by itself.
    pub fn kill(mut self) -> Vec<String> {
        let ended = self.child.try_wait().expect("ours");
        assert_eq!(ended, None, "it still runs");
        self.child.kill().expect("still running");
        self.child.wait().expect("killed");
        self.lines.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
