//! A process, as the first one sees it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::Result;
use crate::ledger::Ledger;
use crate::record::Tail;

/// A process and what it wrote down so far. Ends with its value.
pub(crate) struct Process {
    pub(crate) name: &'static str,
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
    tail: Tail,
    pub(crate) ledger: Ledger,
}

/// How long a process has to answer.
const PATIENCE: Duration = Duration::from_secs(15);

impl Process {
    /// Starts a process that writes this record, and waits until it does.
    pub(crate) fn start(name: &'static str, arguments: &[String], record: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("peer")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(std::io::Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let tail = open_when_there(&mut child, record)?;
        Ok(Self {
            name,
            child,
            commands,
            answers,
            tail,
            ledger: Ledger::default(),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn tell(&mut self, command: &str) -> Result<()> {
        Ok(writeln!(self.commands, "{command}")?)
    }

    /// The rest of the next answer, which must begin so.
    pub(crate) fn answer(&mut self, beginning: &str) -> Result<String> {
        let answer = self
            .answers
            .recv_timeout(PATIENCE)
            .map_err(|_| format!("the {} does not answer", self.name))?;
        let rest = answer
            .strip_prefix(beginning)
            .ok_or_else(|| format!("the {} says {answer}", self.name))?;
        Ok(rest.to_owned())
    }

    /// Reads on in the record.
    pub(crate) fn follow(&mut self) -> Result<()> {
        self.ledger.extend(self.tail.lines()?);
        match self.child.try_wait()? {
            Some(status) if !status.success() => Err(format!("the {} failed: {status}", self.name).into()),
            _ => Ok(()),
        }
    }

    /// Ends the process as the system would for want of memory: SIGKILL, which it never sees.
    pub(crate) fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }

    /// Waits until the process that was killed is no more, and reads the end of its record.
    pub(crate) fn reap(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.code().is_some() {
            return Err(format!("the {} ended by itself: {status}", self.name).into());
        }
        self.ledger.extend(self.tail.lines()?);
        Ok(())
    }

    /// Waits for the end of the process; whether it ended well.
    pub(crate) fn finish(&mut self) -> Result<bool> {
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("the {} does not end", self.name).into())
    }
}

fn open_when_there(child: &mut Child, path: &Path) -> Result<Tail> {
    let limit = Instant::now() + PATIENCE;
    loop {
        match Tail::open(path) {
            Ok(tail) => return Ok(tail),
            Err(error) if Instant::now() > limit || child.try_wait()?.is_some() => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only for a process that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
