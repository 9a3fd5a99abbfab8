//! What a process sent, received and was told: one line each, in a file that only grows.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use crate::Result;
use crate::clock::Micros;
use crate::traffic::Item;

/// One line of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Sent(Item),
    Got(Item, Micros),
    /// A session was established: key exchange and cipher suite.
    Established(String, String),
    /// How many messages were sent again, as the library says.
    Replayed(u64),
    /// The session is over: why, messages in doubt, messages unsent.
    Closed(String, usize, usize),
}

impl Line {
    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Sent(item) => writeln!(out, "sent {}", item.fields()),
            Self::Got(item, at) => writeln!(out, "got {} {}", item.fields(), at.0),
            Self::Established(group, cipher) => writeln!(out, "established {group} {cipher}"),
            Self::Replayed(messages) => writeln!(out, "replayed {messages}"),
            Self::Closed(reason, doubt, unsent) => writeln!(out, "closed {doubt} {unsent} {reason}"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let mut numbers = rest.split(' ').map(|field| field.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        Some(match word {
            "sent" => Self::Sent(Item::parse(&mut next)?),
            "got" => Self::Got(Item::parse(&mut next)?, Micros(next()?)),
            "established" => {
                let (group, cipher) = rest.split_once(' ')?;
                Self::Established(group.into(), cipher.into())
            }
            "replayed" => Self::Replayed(next()?),
            "closed" => {
                let (doubt, unsent) = (next()?, next()?);
                let reason = rest.splitn(3, ' ').nth(2)?;
                Self::Closed(
                    reason.into(),
                    usize::try_from(doubt).ok()?,
                    usize::try_from(unsent).ok()?,
                )
            }
            _ => return None,
        })
    }
}

impl Item {
    fn fields(&self) -> String {
        format!(
            "{} {} {} {}",
            self.number, self.body_bytes, self.checksum, self.sent_at.0
        )
    }

    fn parse(next: &mut impl FnMut() -> Option<u64>) -> Option<Self> {
        let (number, body_bytes) = (next()?, next()?);
        let checksum = u32::try_from(next()?).ok()?;
        Some(Self {
            number,
            body_bytes,
            checksum,
            sent_at: Micros(next()?),
        })
    }
}

/// Writes a record.
pub(crate) struct Recorder(BufWriter<File>);

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Ok(Self(BufWriter::new(
            OpenOptions::new().append(true).create_new(true).open(path)?,
        )))
    }

    pub(crate) fn note(&mut self, line: &Line) -> Result<()> {
        Ok(line.write(&mut self.0)?)
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.0.flush()?)
    }
}

/// Reads a record while it is written.
pub(crate) struct Tail {
    file: File,
    partial: String,
}

impl Tail {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            partial: String::new(),
        })
    }

    /// The lines that were completed since the last call.
    pub(crate) fn lines(&mut self) -> Result<Vec<Line>> {
        self.file.read_to_string(&mut self.partial)?;
        let complete = self.partial.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.partial.split_off(complete);
        let text = std::mem::replace(&mut self.partial, rest);
        text.lines()
            .map(|line| Line::parse(line).ok_or_else(|| format!("not a line of a record: {line}").into()))
            .collect()
    }
}
