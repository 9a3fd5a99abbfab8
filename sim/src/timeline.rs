//! What happened in a world, in order, as text: what a failed test prints.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::fault::{Action, PacketName};
use crate::flow::{ClientId, NodeId};

/// How many entries are kept: enough for any failure that a person will read.
const KEPT: usize = 20_000;

/// How many entries are printed.
const PRINTED: usize = 80;

/// Everything that happened, the oldest forgotten first.
#[derive(Debug, Default)]
pub struct Timeline {
    entries: VecDeque<(Duration, What)>,
    forgotten: usize,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A packet was given to the network, and perhaps met a fault.
    Sent(PacketName, usize, Option<Action>),
    /// A packet arrived.
    Arrived(PacketName),
    /// A packet went nowhere, and why.
    Lost(PacketName, &'static str),
    /// An application took an event, of its session with this client.
    Event(NodeId, ClientId, String),
    /// A node was told that its deadline passed.
    Timeout(NodeId),
    /// Something that the test or the network did.
    Note(String),
}

impl Timeline {
    /// What happened, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &(Duration, What)> {
        self.entries.iter()
    }

    pub(crate) fn add(&mut self, at: Duration, what: What) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back((at, what));
    }

    pub(crate) fn note(&mut self, at: Duration, text: impl Into<String>) {
        self.add(at, What::Note(text.into()));
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.entries.len().saturating_sub(PRINTED);
        writeln!(
            f,
            "the last things that happened ({} earlier ones left out):",
            left_out + self.forgotten
        )?;
        for (at, what) in self.entries.iter().skip(left_out) {
            writeln!(f, "{:>12.3} ms  {what}", at.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(name, bytes, None) => write!(f, "{name}  {bytes} B"),
            Self::Sent(name, bytes, Some(fault)) => write!(f, "{name}  {bytes} B  x {fault}"),
            Self::Arrived(name) => write!(f, "    {name} arrives"),
            Self::Lost(name, why) => write!(f, "    {name} lost: {why}"),
            Self::Event(NodeId::Server, client, text) => write!(f, "        server, of {client}: {text}"),
            Self::Event(NodeId::Client(_), client, text) => write!(f, "        {client}: {text}"),
            Self::Timeout(node) => write!(f, "    {node}: deadline"),
            Self::Note(text) => write!(f, "-- {text}"),
        }
    }
}
