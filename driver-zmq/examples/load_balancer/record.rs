//! What a worker did: one line a job, in a file that only grows.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::job::Job;

/// A job that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    pub(crate) number: u64,
    /// Whether the worker knew that it may have been done before.
    pub(crate) again: bool,
}

/// Writes a record.
pub(crate) struct Recorder {
    file: File,
    path: PathBuf,
}

impl Recorder {
    /// Goes on with the record of an earlier process.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let path = path.to_owned();
        Ok(Self { file, path })
    }

    /// One write, so that a killed process leaves whole lines.
    pub(crate) fn done(&mut self, job: &Job) -> Result<()> {
        let word = if job.again { "again" } else { "once" };
        let line = format!("{} {word}\n", job.number);
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()).into())
    }
}

/// All that a worker did. Nothing if it never began a record.
pub(crate) fn read(path: &Path) -> Result<Vec<Done>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let lines = fs::read_to_string(path)?;
    lines
        .lines()
        .map(|line| parse(line).ok_or_else(|| format!("{}: not a line of a record: {line}", path.display()).into()))
        .collect()
}

fn parse(line: &str) -> Option<Done> {
    let mut fields = line.split(' ');
    Some(Done {
        number: fields.next()?.parse().ok()?,
        again: fields.next()? == "again",
    })
}
