//! The places of a listener, and how they are found: by connection id, by first packet, by deadline. Nothing here looks at
//! all places, so that a packet costs the same among one session and among a hundred thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use super::SessionId;
use super::slot::{FirstPacket, Slot, State};
use super::who::Who;
use crate::channel::Channel;
use crate::wire::header::ConnectionId;

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Table<Route> {
    slots: Vec<Option<Slot<Route>>>,
    vacant: Vec<u32>,
    next_generation: u32,
    next_handshake: u64,
    by_id: ById,
    by_first_packet: BTreeMap<FirstPacket, u32>,
    schedule: BTreeSet<(Instant, u32)>,
}

#[expect(clippy::disallowed_types, reason = "its hasher is fixed, and nothing iterates it")]
type ById = std::collections::HashMap<ConnectionId, u32, BuildHasherDefault<IdHasher>>;

/// Connection ids are drawn by us, at random: they are their own hash, and nobody else chooses what is inserted.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| hash << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

/// By which ids a session is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    ours: ConnectionId,
    /// Of before a join.
    earlier: Option<ConnectionId>,
}

impl Ids {
    pub(super) fn of(channel: &Channel) -> Self {
        Self {
            ours: channel.ours(),
            earlier: channel.earlier(),
        }
    }

    fn iter(self) -> impl Iterator<Item = ConnectionId> {
        std::iter::once(self.ours).chain(self.earlier)
    }
}

impl<Route> Table<Route> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            next_generation: 0,
            next_handshake: 0,
            by_id: ById::default(),
            by_first_packet: BTreeMap::new(),
            schedule: BTreeSet::new(),
        }
    }

    /// Puts something into a vacant place.
    pub(super) fn insert(
        &mut self,
        ours: ConnectionId,
        first_packet: Option<FirstPacket>,
        route: Route,
        state: State,
    ) -> u32 {
        let slot = Slot {
            generation: self.next_generation,
            handshake: self.next_handshake,
            ours,
            earlier: None,
            first_packet,
            route,
            who: Who::default(),
            state,
            scheduled: None,
            queued_to_transmit: false,
            queued_for_events: false,
            paused: false,
            reserved: 0,
            waits_for_pool: false,
        };
        self.next_generation = self.next_generation.wrapping_add(1);
        self.next_handshake += 1;
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.by_id.insert(ours, index);
        if let Some(first_packet) = first_packet {
            self.by_first_packet.insert(first_packet, index);
        }
        self.slots[index as usize] = Some(slot);
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<Slot<Route>> {
        let slot = self.slots.get_mut(index as usize)?.take()?;
        self.vacant.push(index);
        for id in std::iter::once(slot.ours).chain(slot.earlier) {
            self.unname(index, &id);
        }
        if let Some(first_packet) = &slot.first_packet {
            self.by_first_packet.remove(first_packet);
        }
        if let Some(at) = slot.scheduled {
            self.schedule.remove(&(at, index));
        }
        Some(slot)
    }

    fn unname(&mut self, index: u32, id: &ConnectionId) {
        if self.by_id.get(id) == Some(&index) {
            self.by_id.remove(id);
        }
    }

    /// A place is found by these ids from here on, and by no others.
    pub(super) fn rename(&mut self, index: u32, ids: Ids) {
        let Some(slot) = self.get_mut(index) else { return };
        let before = Ids {
            ours: slot.ours,
            earlier: slot.earlier,
        };
        (slot.ours, slot.earlier) = (ids.ours, ids.earlier);
        for id in before.iter() {
            self.unname(index, &id);
        }
        for id in ids.iter() {
            self.by_id.insert(id, index);
        }
    }

    /// A place is recognised by the first packet of a later handshake from here on.
    pub(super) fn recognise(&mut self, index: u32, first_packet: Option<FirstPacket>) {
        let Some(slot) = self.get_mut(index) else { return };
        let before = std::mem::replace(&mut slot.first_packet, first_packet);
        if let Some(before) = before {
            self.by_first_packet.remove(&before);
        }
        if let Some(first_packet) = first_packet {
            self.by_first_packet.insert(first_packet, index);
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Slot<Route>> {
        self.slots.get(index as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot<Route>> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    #[inline]
    pub(super) fn by_id(&self, id: &ConnectionId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(super) fn by_first_packet(&self, first_packet: &FirstPacket) -> Option<u32> {
        self.by_first_packet.get(first_packet).copied()
    }

    /// The place that a session stands in, if it still does.
    #[inline]
    pub(super) fn index_of(&self, session: SessionId) -> Option<u32> {
        let slot = self.get(session.index)?;
        (slot.generation == session.generation).then_some(session.index)
    }

    pub(super) fn id_of(&self, index: u32) -> Option<SessionId> {
        Some(SessionId {
            index,
            generation: self.get(index)?.generation,
        })
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_some())
            .map(|(index, _)| index)
    }

    /// Makes sure that the place is woken at its deadline, or before: most deadlines move on before they are met, and
    /// moving each in the schedule would cost more than waking up once in vain.
    #[inline]
    pub(super) fn schedule(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else {
            return;
        };
        let Some(deadline) = slot.state.deadline() else { return };
        if slot.scheduled.is_none_or(|at| deadline < at) {
            if let Some(at) = slot.scheduled.replace(deadline) {
                self.schedule.remove(&(at, index));
            }
            self.schedule.insert((deadline, index));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.schedule.first().map(|(at, _)| *at)
    }

    /// Takes one place out of the schedule whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let index = self.schedule.first().filter(|(at, _)| *at <= now)?.1;
        self.schedule.pop_first();
        if let Some(slot) = self.get_mut(index) {
            slot.scheduled = None;
        }
        Some(index)
    }
}
