//! The two processes, as the first one sees them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::Result;
use crate::clock::Micros;
use crate::record::{Line, Tail};
use crate::traffic::Item;

/// A process and what it wrote down so far. Ends with its value.
pub(crate) struct Process {
    pub(crate) name: &'static str,
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
    tail: Tail,
    pub(crate) ledger: Ledger,
}

/// A record, sorted.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) sent: Vec<Item>,
    pub(crate) got: Vec<(Item, Micros)>,
    pub(crate) established: Vec<(String, String)>,
    pub(crate) replayed: u64,
    pub(crate) closed: Option<String>,
}

impl Ledger {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut ledger = Self::default();
        ledger.extend(Tail::open(path)?.lines()?);
        Ok(ledger)
    }

    fn extend(&mut self, lines: Vec<Line>) {
        for line in lines {
            match line {
                Line::Sent(item) => self.sent.push(item),
                Line::Got(item, at) => self.got.push((item, at)),
                Line::Established(group, cipher) => self.established.push((group, cipher)),
                Line::Replayed(messages) => self.replayed = messages,
                Line::Closed(reason, doubt, unsent) => {
                    self.closed = Some(format!("{reason} ({doubt} messages in doubt, {unsent} unsent)"));
                }
            }
        }
    }

    /// When the first message arrived that was sent after this moment.
    pub(crate) fn first_sent_after(&self, moment: Micros) -> Option<Micros> {
        // Both moments only grow, so the search begins at the end.
        let later = self.got.iter().rev().take_while(|(item, _)| item.sent_at > moment);
        later.last().map(|&(_, at)| at)
    }
}

/// How long a process has to answer.
const PATIENCE: Duration = Duration::from_secs(15);

impl Process {
    pub(crate) fn start(name: &'static str, directory: &Path, arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["peer", "--directory"])
            .arg(directory)
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
        let tail = open_when_there(&mut child, &directory.join(name))?;
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
