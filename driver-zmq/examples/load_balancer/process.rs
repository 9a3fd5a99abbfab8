//! The other processes, as the demo sees them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::Result;

/// A line that a process printed.
pub(crate) struct Line {
    pub(crate) process: String,
    /// On standard output, not on standard error.
    pub(crate) is_output: bool,
    pub(crate) text: String,
}

/// A process. Ends with its value.
pub(crate) struct Process {
    name: String,
    child: Child,
    pub(crate) input: Option<ChildStdin>,
}

impl Process {
    /// Starts this program once more; what it prints goes to `lines`.
    pub(crate) fn start(name: &str, arguments: &[&str], lines: &Sender<Line>) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        follow(name, true, child.stdout.take().expect("piped"), lines);
        follow(name, false, child.stderr.take().expect("piped"), lines);
        let name = name.to_owned();
        Ok(Self { name, child, input })
    }

    /// SIGKILL: it can do nothing about it.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, patience: Duration) -> Result<()> {
        let limit = Instant::now() + patience;
        while Instant::now() < limit {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{} failed: {status}", self.name).into()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        Err(format!("{} does not end", self.name).into())
    }
}

fn follow(process: &str, is_output: bool, from: impl Read + Send + 'static, lines: &Sender<Line>) {
    let (process, lines) = (process.to_owned(), lines.clone());
    std::thread::spawn(move || {
        for text in BufReader::new(from).lines().map_while(std::io::Result::ok) {
            let process = process.clone();
            let line = Line {
                process,
                is_output,
                text,
            };
            if lines.send(line).is_err() {
                break;
            }
        }
    });
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only for a process that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
