//! The other process, as this one sees it, and the credentials that both read.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use steadfast_zmq::testing::insecure_test_credentials;

use crate::Result;
use crate::carriers::Kind;

pub(crate) const SERVER_NAME: &str = "localhost";
pub(crate) const AUTHORITY: &str = "authority.pem";
pub(crate) const SERVER: Name = Name("server");
pub(crate) const CLIENT: Name = Name("client");

/// Whose certificate and key.
#[derive(Clone, Copy)]
pub(crate) struct Name(&'static str);

/// Where certificate and key are.
pub(crate) struct Files {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Name {
    pub(crate) fn in_directory(self, directory: &Path) -> Files {
        Files {
            chain: directory.join(format!("{}.pem", self.0)),
            key: directory.join(format!("{}.key", self.0)),
        }
    }
}

/// Certificates and keys, made up for this run.
pub(crate) struct Credentials(tempfile::TempDir);

impl Credentials {
    pub(crate) fn create() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let credentials = insecure_test_credentials(SERVER_NAME);
        fs::write(directory.path().join(AUTHORITY), credentials.authority_pem())?;
        let (certificate, key) = credentials.server_pem();
        write(directory.path(), SERVER, certificate, key)?;
        let (certificate, key) = credentials.issue_pem("client");
        write(directory.path(), CLIENT, &certificate, &key)?;
        Ok(Self(directory))
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }
}

fn write(directory: &Path, name: Name, certificate: &str, key: &str) -> Result<()> {
    let files = name.in_directory(directory);
    fs::write(files.chain, certificate)?;
    Ok(fs::write(files.key, key)?)
}

/// A server process. Ends with its value.
pub(crate) struct ServerProcess {
    child: Child,
    address: String,
}

impl ServerProcess {
    /// Starts a server at a free port, and waits until it listens.
    pub(crate) fn start(kind: Kind, credentials: &Credentials) -> Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", &kind.argument(), "--directory"])
            .arg(credentials.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut server = Self {
            child,
            address: String::new(),
        };
        let output = server.child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut server.address)?;
        server.address.truncate(server.address.trim_end().len());
        Ok(server)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The memory of the process, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS")?.parse()?)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails only for a process that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
