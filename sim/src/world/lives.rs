//! What a test sees of processes, and of the lives of their sessions.
//!
//! A life of a session is what lies between one `Established` and the next, or the end. Both ends know it by the same
//! [`ChannelBinding`].

use steadfast::{ChannelBinding, Event, Message, PeerRestarted};

use super::World;
use crate::flow::{ClientId, Flow, NodeId};

impl World {
    /// Whether a client was not killed.
    pub fn is_alive(&self, client: ClientId) -> bool {
        self.clients[client.0].is_alive()
    }

    /// How often a node was started anew.
    pub fn incarnation(&self, node: NodeId) -> u32 {
        match node {
            NodeId::Server => self.server.incarnation,
            NodeId::Client(client) => self.clients[client.0].incarnation,
        }
    }

    /// What the sender's present process was told about restarts of the receiver, in order.
    pub fn restarts(&self, flow: Flow) -> Vec<&PeerRestarted> {
        let told = self.seen(flow).iter().filter_map(|seen| match &seen.event {
            Event::PeerRestarted(restarted) => Some(&**restarted),
            _ => None,
        });
        told.collect()
    }

    /// The lives that the flow's sender was told, over all of its processes, in order.
    pub fn bindings(&self, flow: Flow) -> Vec<ChannelBinding> {
        self.books.bindings(flow)
    }

    /// The messages that the flow's receiver took in one life, in order.
    pub fn delivered_in(&self, flow: Flow, binding: ChannelBinding) -> &[Message] {
        self.books.messages_in(flow, binding)
    }

    /// The messages that one process of the flow's receiver took, in order.
    pub fn delivered_to(&self, flow: Flow, incarnation: u32) -> Vec<&Message> {
        self.books.messages_to(flow, incarnation)
    }
}
