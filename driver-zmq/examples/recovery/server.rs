//! A server process, as the client sees it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::Result;
use crate::arguments::{Kind, Serve};
use crate::serve::{FIRST, LISTENING};

/// How long a server has to do anything that it is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server process. Ends with its value.
pub(crate) struct ServerProcess {
    serve: Serve,
    child: Child,
    /// What it says, and when.
    lines: Receiver<(String, Instant)>,
}

impl ServerProcess {
    /// Starts a server at a free port, and waits until it listens.
    pub(crate) fn start(kind: Kind, directory: &Path) -> Result<Self> {
        let serve = Serve {
            kind,
            address: "tcp://127.0.0.1:*".into(),
            directory: directory.into(),
        };
        let (child, lines) = spawn(&serve)?;
        let mut server = Self { serve, child, lines };
        let (line, _) = server.lines.recv_timeout(PATIENCE)?;
        server.serve.address = line.strip_prefix(LISTENING).ok_or("not an address")?.into();
        Ok(server)
    }

    /// Where this one listens, and all that come after it.
    pub(crate) fn address(&self) -> &str {
        &self.serve.address
    }

    /// SIGKILL, and another in its place.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        (self.child, self.lines) = spawn(&self.serve)?;
        Ok(())
    }

    /// What the server says, if it says something, and when it did.
    pub(crate) fn news(&self) -> Option<(News, Instant)> {
        let (line, at) = self.lines.try_recv().ok()?;
        let news = if line == FIRST {
            News::FirstMessage
        } else {
            News::Listening
        };
        Some((news, at))
    }
}

/// What a server says.
pub(crate) enum News {
    Listening,
    FirstMessage,
}

fn spawn(serve: &Serve) -> Result<(Child, Receiver<(String, Instant)>)> {
    let kind = match serve.kind {
        Kind::Plain => "plain",
        Kind::Session => "session",
    };
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", kind, "--address", &serve.address, "--directory"])
        .arg(&serve.directory)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = output.lines().map_while(std::io::Result::ok);
        said.try_for_each(|line| sender.send((line, Instant::now())))
    });
    Ok((child, lines))
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails only for a process that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
