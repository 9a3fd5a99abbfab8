//! One side: the process that lives, and what is left of those that lived before it.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::children::Process;
use crate::ledger::Ledger;

/// One side over all its lives.
pub(crate) struct Party {
    name: &'static str,
    directory: PathBuf,
    options: Vec<String>,
    pub(crate) process: Process,
    dead: Vec<Ledger>,
}

impl Party {
    pub(crate) fn start(name: &'static str, directory: &Path, options: Vec<String>) -> Result<Self> {
        Ok(Self {
            name,
            directory: directory.to_owned(),
            process: start(name, directory, &options, 1)?,
            options,
            dead: Vec::new(),
        })
    }

    /// Options for the lives that follow.
    pub(crate) fn add_options(&mut self, options: [String; 2]) {
        self.options.extend(options);
    }

    /// Another process in the place of the one that was killed and reaped.
    pub(crate) fn start_anew(&mut self) -> Result<()> {
        let life = self.lives() + 1;
        let process = start(self.name, &self.directory, &self.options, life)?;
        let mut killed = std::mem::replace(&mut self.process, process);
        self.dead.push(std::mem::take(&mut killed.ledger));
        Ok(())
    }

    /// How many processes there were so far.
    pub(crate) fn lives(&self) -> usize {
        self.dead.len() + 1
    }

    /// The record of the last process that was killed.
    pub(crate) fn last_killed(&self) -> Option<&Ledger> {
        self.dead.last()
    }

    /// The records of all processes so far, as far as they were read.
    pub(crate) fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.dead.iter().chain([&self.process.ledger])
    }

    /// The records of all processes, read again from the beginning.
    pub(crate) fn read_again(&self) -> Result<Vec<Ledger>> {
        let lives = 1..=self.lives();
        lives
            .map(|life| Ledger::read(&record(&self.directory, self.name, life)))
            .collect()
    }
}

fn start(name: &'static str, directory: &Path, options: &[String], life: usize) -> Result<Process> {
    let mut arguments = vec!["--life".into(), life.to_string(), "--directory".into()];
    arguments.push(directory.to_str().ok_or("a directory whose name is no text")?.into());
    arguments.extend_from_slice(options);
    Process::start(name, &arguments, &record(directory, name, life))
}

/// Where a process keeps its record.
pub(crate) fn record(directory: &Path, name: &str, life: usize) -> PathBuf {
    directory.join(format!("{name}.{life}"))
}
