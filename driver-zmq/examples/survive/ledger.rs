//! A record, sorted by the peers that the process had to do with.

use std::path::Path;

use crate::Result;
use crate::clock::Micros;
use crate::record::{Line, Returned, Session, Tail};
use crate::traffic::Item;

/// All that one process wrote down.
pub(crate) struct Ledger {
    /// One for each peer that the process was told of, and the last goes on. Never empty.
    pub(crate) lives: Vec<Life>,
    pub(crate) replayed: u64,
}

/// What happened between a process and one peer: from the start of either to the end of either.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) sent: Vec<Item>,
    pub(crate) got: Vec<(Item, Micros)>,
    pub(crate) session: Option<Session>,
    /// How it ended, as far as the process lived to hear of it.
    pub(crate) end: Option<End>,
}

/// How a life ended.
#[derive(Debug)]
pub(crate) enum End {
    Restarted(Returned),
    Closed(Returned, String),
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            lives: vec![Life::default()],
            replayed: 0,
        }
    }
}

impl Ledger {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut ledger = Self::default();
        ledger.extend(Tail::open(path)?.lines()?);
        Ok(ledger)
    }

    pub(crate) fn extend(&mut self, lines: Vec<Line>) {
        for line in lines {
            self.add(line);
        }
    }

    fn add(&mut self, line: Line) {
        let life = self.lives.last_mut().expect("never empty");
        match line {
            Line::Sent(item) => life.sent.push(item),
            Line::Refused(number) => {
                life.sent.pop_if(|item| item.number == number);
            }
            Line::Got(item, at) => life.got.push((item, at)),
            Line::Established(session) => life.session = Some(session),
            Line::Restarted(returned) => {
                life.end = Some(End::Restarted(returned));
                self.lives.push(Life::default());
            }
            Line::Replayed(messages) => self.replayed = messages,
            Line::Closed(returned, reason) => life.end = Some(End::Closed(returned, reason)),
        }
    }

    pub(crate) fn life(&self) -> &Life {
        self.lives.last().expect("never empty")
    }

    /// How many handshakes led to a session, as this process was told.
    pub(crate) fn handshakes(&self) -> usize {
        self.lives.iter().filter(|life| life.session.is_some()).count()
    }

    /// All messages that the process was handed back because its peer was gone: how many were in doubt, how many unsent.
    pub(crate) fn returned(&self) -> (usize, usize) {
        self.lives
            .iter()
            .filter_map(Life::returned)
            .fold((0, 0), |(doubt, unsent), returned| {
                (doubt + returned.in_doubt.len(), unsent + returned.unsent.len())
            })
    }

    /// When the first message arrived that was sent after this moment.
    pub(crate) fn first_sent_after(&self, moment: Micros) -> Option<Micros> {
        // Both moments only grow, so the search begins at the end.
        let newest_first = self.lives.iter().rev().flat_map(|life| life.got.iter().rev());
        let later = newest_first.take_while(|(item, _)| item.sent_at > moment);
        later.last().map(|&(_, at)| at)
    }
}

impl Life {
    /// What was handed back at the end, if the process lived to see it.
    pub(crate) fn returned(&self) -> Option<&Returned> {
        match self.end.as_ref()? {
            End::Restarted(returned) | End::Closed(returned, _) => Some(returned),
        }
    }

    /// Why the session was closed, if it was.
    pub(crate) fn why_closed(&self) -> Option<&str> {
        match self.end.as_ref()? {
            End::Closed(_, reason) => Some(reason),
            End::Restarted(_) => None,
        }
    }
}
