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

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u64) -> Item {
        Item {
            number,
            sent_at: Micros(number),
            body_bytes: 10,
            checksum: 7,
        }
    }

    fn established(binding: &str) -> Line {
        Line::Established(Session {
            binding: binding.into(),
            group: "X25519".into(),
            cipher: "AES".into(),
        })
    }

    fn ledger(lines: Vec<Line>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.extend(lines);
        ledger
    }

    #[test]
    fn a_life_ends_where_the_process_was_told_that_its_peer_is_another() {
        let returned = Returned {
            in_doubt: vec![item(1)],
            unsent: vec![item(2), item(3)],
        };
        let ledger = ledger(vec![
            Line::Sent(item(1)),
            established("a"),
            Line::Sent(item(2)),
            Line::Sent(item(3)),
            Line::Restarted(returned.clone()),
            established("b"),
            Line::Sent(item(4)),
        ]);
        let [first, second] = &ledger.lives[..] else {
            panic!("{} lives", ledger.lives.len());
        };
        assert_eq!(first.sent, [item(1), item(2), item(3)]);
        assert_eq!(first.returned(), Some(&returned));
        assert_eq!(second.sent, [item(4)]);
        assert!(second.end.is_none());
        assert_eq!((ledger.handshakes(), ledger.returned()), (2, (1, 2)));
    }

    #[test]
    fn a_message_that_the_library_did_not_take_was_not_sent() {
        let ledger = ledger(vec![Line::Sent(item(1)), Line::Sent(item(2)), Line::Refused(2)]);
        assert_eq!(ledger.life().sent, [item(1)]);
    }

    #[test]
    fn the_first_message_after_a_moment_is_found_in_whatever_life_it_arrived() {
        let ledger = ledger(vec![
            Line::Got(item(1), Micros(10)),
            Line::Restarted(Returned::default()),
            Line::Got(item(3), Micros(30)),
            Line::Got(item(4), Micros(40)),
        ]);
        assert_eq!(ledger.first_sent_after(Micros(0)), Some(Micros(10)));
        assert_eq!(ledger.first_sent_after(Micros(1)), Some(Micros(30)));
        assert_eq!(ledger.first_sent_after(Micros(4)), None);
    }
}
