//! What can happen to a packet, as values: named by the packet's stable identity, or drawn by a rate.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::choose::{Chooser, PerMille};
use crate::flow::Flow;
use crate::link::Cut;
use crate::wire::PacketKind;

/// Names a packet by what it is, not by when it is sent: "the 2nd data packet from client 0". Survives changes of timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketName {
    /// Between whom, and which way.
    pub flow: Flow,
    /// Which kind.
    pub kind: PacketKind,
    /// The how-manieth of its kind on this flow, from 1.
    pub nth: u32,
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is lost.
    Drop,
    /// It arrives, and once more so much later; much later, it is a replay.
    Duplicate {
        /// How long after the first.
        after: Duration,
    },
    /// It arrives so much later than it would; others overtake it.
    Delay(Duration),
    /// Bits of one byte are flipped.
    Corrupt {
        /// Which byte; counted around if the packet is shorter.
        byte: usize,
        /// Which bits.
        mask: u8,
    },
    /// Only the first bytes arrive.
    Truncate {
        /// How many.
        to_bytes: usize,
    },
    /// The client's connection is cut while this packet is on its way.
    Cut(Cut),
}

/// One fault of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which packet.
    pub at: PacketName,
    /// What happens to it.
    pub action: Action,
}

/// How often faults strike each packet of a flow, in thousandths. At most one strikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Lost.
    pub drop: PerMille,
    /// Arrives twice, the second time up to [`MAX_DELAY`] later.
    pub duplicate: PerMille,
    /// Arrives up to [`MAX_DELAY`] later.
    pub delay: PerMille,
    /// Overtaken by those sent within the next [`REORDER_WITHIN`].
    pub reorder: PerMille,
    /// One bit flipped.
    pub corrupt: PerMille,
}

/// The longest drawn delay: longer than the first probe timeouts, so that late packets meet their replacements.
pub const MAX_DELAY: Duration = Duration::from_millis(600);

/// How far a packet is moved behind those that follow it.
pub const REORDER_WITHIN: Duration = Duration::from_millis(4);

impl Rates {
    /// Draws what happens to one packet of this length.
    pub(crate) fn draw(&self, len: usize, chooser: &mut dyn Chooser) -> Option<Action> {
        if self.drop.happens(chooser, "drop") {
            return Some(Action::Drop);
        }
        if self.duplicate.happens(chooser, "duplicate") {
            return Some(Action::Duplicate {
                after: up_to(MAX_DELAY, chooser),
            });
        }
        if self.delay.happens(chooser, "delay") {
            return Some(Action::Delay(up_to(MAX_DELAY, chooser)));
        }
        if self.reorder.happens(chooser, "reorder") {
            return Some(Action::Delay(up_to(REORDER_WITHIN, chooser)));
        }
        self.corrupt
            .happens(chooser, "corrupt")
            .then(|| corruption(len, chooser))
    }
}

fn up_to(longest: Duration, chooser: &mut dyn Chooser) -> Duration {
    let micros = u32::try_from(longest.as_micros()).expect("delays are short");
    Duration::from_micros(u64::from(1 + chooser.choose(micros, "how long")))
}

fn corruption(len: usize, chooser: &mut dyn Chooser) -> Action {
    let len = u32::try_from(len.max(1)).expect("packets are short");
    Action::Corrupt {
        byte: chooser.choose(len, "which byte") as usize,
        mask: 1 << chooser.choose(8, "which bit"),
    }
}

/// The faults that wait for their packets, and the counts by which packets get their names.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    waiting: BTreeMap<PacketName, Action>,
    counts: BTreeMap<(Flow, PacketKind), u32>,
}

impl Schedule {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.insert(fault.at, fault.action);
    }

    /// Names the packet that is sent now.
    pub(crate) fn name(&mut self, flow: Flow, kind: PacketKind) -> PacketName {
        let nth = self.counts.entry((flow, kind)).or_default();
        *nth += 1;
        PacketName { flow, kind, nth: *nth }
    }

    pub(crate) fn take(&mut self, name: &PacketName) -> Option<Action> {
        self.waiting.remove(name)
    }

    /// How many packets of one kind were sent on a flow.
    pub(crate) fn sent(&self, flow: Flow, kind: PacketKind) -> u32 {
        self.counts.get(&(flow, kind)).copied().unwrap_or(0)
    }

    /// Faults whose packet was never sent: a schedule that did not apply proves nothing.
    pub(crate) fn unapplied(&self) -> Vec<Fault> {
        self.waiting.iter().map(|(&at, &action)| Fault { at, action }).collect()
    }
}

/// Applies what changes a packet's bytes.
pub(crate) fn damage(packet: &mut Vec<u8>, action: Action) {
    match action {
        Action::Corrupt { byte, mask } if !packet.is_empty() => {
            let at = byte % packet.len();
            packet[at] ^= mask;
        }
        Action::Truncate { to_bytes } => packet.truncate(to_bytes),
        _ => {}
    }
}

impl fmt::Display for PacketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.flow, self.kind, self.nth)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("DROP"),
            Self::Duplicate { after } => write!(f, "DUPLICATE after {after:.1?}"),
            Self::Delay(by) => write!(f, "DELAY by {by:.1?}"),
            Self::Corrupt { byte, mask } => write!(f, "CORRUPT byte {byte} by {mask:#04x}"),
            Self::Truncate { to_bytes } => write!(f, "TRUNCATE to {to_bytes} B"),
            Self::Cut(_) => f.write_str("CUT"),
        }
    }
}
