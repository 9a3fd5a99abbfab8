//! What a process sent, received and was told: one line each, in a file that only grows.
//!
//! The file is all that is left of a process that was killed, so it must not lag behind the facts. A line is handed to the
//! system whole and at once, which is enough: what kills a process does not take the system's memory of it. A message is noted as
//! sent before the library has it, and as received before the library hears that we are done with it.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use crate::Result;
use crate::clock::Micros;
use crate::traffic::Item;

/// One line of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// About to be sent.
    Sent(Item),
    /// The library did not take the last one.
    Refused(u64),
    Got(Item, Micros),
    Established(Session),
    /// The peer is another process from here on.
    Restarted(Returned),
    /// How many messages were sent again, as the library says.
    Replayed(u64),
    /// The session is over, and why.
    Closed(Returned, String),
}

/// What tells a session from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// A value that both ends know, in hexadecimal: their records belong together.
    pub(crate) binding: String,
    pub(crate) group: String,
    pub(crate) cipher: String,
}

/// Messages that the library handed back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    pub(crate) in_doubt: Vec<Item>,
    pub(crate) unsent: Vec<Item>,
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Sent(item) => format!("sent {}", item.fields()),
            Self::Refused(number) => format!("refused {number}"),
            Self::Got(item, at) => format!("got {} {}", item.fields(), at.0),
            Self::Established(session) => {
                format!("established {} {} {}", session.binding, session.group, session.cipher)
            }
            Self::Restarted(returned) => format!("restarted {}", returned.fields()),
            Self::Replayed(messages) => format!("replayed {messages}"),
            Self::Closed(returned, reason) => format!("closed {} : {reason}", returned.fields()),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let mut numbers = rest.split(' ').map(|field| field.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        Some(match word {
            "sent" => Self::Sent(Item::parse(&mut next)?),
            "refused" => Self::Refused(next()?),
            "got" => Self::Got(Item::parse(&mut next)?, Micros(next()?)),
            "established" => Self::Established(Session::parse(rest)?),
            "restarted" => Self::Restarted(Returned::parse(&mut next)?),
            "replayed" => Self::Replayed(next()?),
            "closed" => Self::Closed(Returned::parse(&mut next)?, rest.split_once(" : ")?.1.into()),
            _ => return None,
        })
    }
}

impl Session {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ').map(str::to_owned);
        Some(Self {
            binding: words.next()?,
            group: words.next()?,
            cipher: words.next()?,
        })
    }
}

impl Returned {
    fn fields(&self) -> String {
        let mut text = format!("{} {}", self.in_doubt.len(), self.unsent.len());
        for item in self.in_doubt.iter().chain(&self.unsent) {
            write!(text, " {}", item.fields()).expect("memory takes all");
        }
        text
    }

    fn parse(next: &mut impl FnMut() -> Option<u64>) -> Option<Self> {
        let (in_doubt, unsent) = (next()?, next()?);
        let mut items = |count| (0..count).map(|_| Item::parse(next)).collect::<Option<_>>();
        Some(Self {
            in_doubt: items(in_doubt)?,
            unsent: items(unsent)?,
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
pub(crate) struct Recorder(File);

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Ok(Self(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    /// The system has the line when this returns.
    pub(crate) fn note(&mut self, line: &Line) -> Result<()> {
        let mut text = line.text();
        text.push('\n');
        Ok(self.0.write_all(text.as_bytes())?)
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

    /// The lines that were completed since the last call. What a process was killed in the middle of writing is not a line.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u64) -> Item {
        Item {
            number,
            sent_at: Micros(number + 1),
            body_bytes: 10,
            checksum: 7,
        }
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let returned = Returned {
            in_doubt: vec![item(3), item(4)],
            unsent: vec![item(5)],
        };
        let session = Session {
            binding: "0fab".into(),
            group: "X25519".into(),
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
        };
        for line in [
            Line::Sent(item(1)),
            Line::Refused(1),
            Line::Got(item(2), Micros(9)),
            Line::Established(session),
            Line::Restarted(returned.clone()),
            Line::Restarted(Returned::default()),
            Line::Replayed(3),
            Line::Closed(returned, "the peer : closed".into()),
        ] {
            assert_eq!(Line::parse(&line.text()), Some(line));
        }
    }

    #[test]
    fn a_line_that_was_cut_short_by_the_end_of_its_writer_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("record");
        let whole = Line::Sent(item(1));
        Recorder::create(&path)
            .and_then(|mut recorder| {
                recorder.note(&whole)?;
                Ok(recorder.0.write_all(b"got 2 10")?)
            })
            .expect("a record");
        let mut tail = Tail::open(&path).expect("a record");
        assert_eq!(tail.lines().expect("lines"), [whole]);
        assert_eq!(tail.lines().expect("lines"), []);
    }
}
