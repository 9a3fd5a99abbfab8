//! The clients of a world, and which of them acts next by itself: found without asking all of them at every step.

use std::collections::BTreeSet;
use std::ops::{Deref, Index, IndexMut};
use std::time::Duration;

use super::Next;
use crate::clock::Clock;
use crate::flow::{ClientId, NodeId};
use crate::node::ClientNode;

/// What a client does by itself, deadlines first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Deadline,
    Reading,
}

/// When, who and what.
type Plan = (Duration, ClientId, Act);

/// The clients of a world. Whoever borrows one to change it makes its plan stale.
#[derive(Debug, Default)]
pub(super) struct Clients {
    nodes: Vec<ClientNode>,
    plans: Vec<Option<Plan>>,
    agenda: BTreeSet<Plan>,
    stale: Vec<usize>,
}

impl Clients {
    pub(super) fn push(&mut self, node: ClientNode) {
        self.stale.push(self.nodes.len());
        self.nodes.push(node);
        self.plans.push(None);
    }

    /// The client that acts first, and when.
    pub(super) fn next(&mut self, clock: &Clock) -> Option<(Duration, Next)> {
        for index in std::mem::take(&mut self.stale) {
            let plan = self.plan(index, clock);
            if let Some(before) = std::mem::replace(&mut self.plans[index], plan) {
                self.agenda.remove(&before);
            }
            self.agenda.extend(plan);
        }
        let &(at, client, act) = self.agenda.first()?;
        let node = NodeId::Client(client);
        Some(match act {
            Act::Deadline => (at, Next::Deadline(node)),
            Act::Reading => (at, Next::Reading(node)),
        })
    }

    fn plan(&self, index: usize, clock: &Clock) -> Option<Plan> {
        let (node, client) = (&self.nodes[index], ClientId(index));
        let deadline = node.deadline().map(|at| (clock.elapsed_at(at), client, Act::Deadline));
        let reading = node.reads_at().map(|at| (at, client, Act::Reading));
        deadline.into_iter().chain(reading).min()
    }
}

impl Deref for Clients {
    type Target = [ClientNode];

    fn deref(&self) -> &[ClientNode] {
        &self.nodes
    }
}

impl Index<usize> for Clients {
    type Output = ClientNode;

    fn index(&self, index: usize) -> &ClientNode {
        &self.nodes[index]
    }
}

impl IndexMut<usize> for Clients {
    fn index_mut(&mut self, index: usize) -> &mut ClientNode {
        self.stale.push(index);
        &mut self.nodes[index]
    }
}
