//! One end of one life of a session.

use steadfast::{CloseReason, Established, Message, MessageId};

use super::Claim;
use crate::flow::{ClientId, Flow, NodeId};
use crate::oracle::{Ledger, Violation, demand};

/// Names an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EndId(pub(super) usize);

/// One process: a node, in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    /// Whether its application says itself which messages it is done with.
    pub(crate) is_manual: bool,
}

/// What happened at one end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) holder: Holder,
    /// The client that this is; at the server, the one that it is with, as far as is known.
    pub(super) client: ClientId,
    claim: Claim,
    /// What it was told about the life, once it was.
    pub(super) established: Option<Established>,
    /// The other end, once both were told.
    pub(super) partner: Option<EndId>,
    /// Whether a process died with which it may have been, before both were told.
    pub(super) is_bereft: bool,
    pub(super) phase: Phase,
    /// What it sent.
    pub(super) ledger: Ledger,
    /// What its application took.
    pub(super) taken: Vec<Message>,
    /// The last message that its application said it is done with, if it says so itself.
    pub(super) done: Option<MessageId>,
}

/// How far an end is.
#[derive(Debug)]
pub(super) enum Phase {
    Open,
    /// It was told that its peer is another one now.
    Restarted,
    /// It was told its end.
    Closed(CloseReason),
    /// Its process died. It was told nothing.
    Died,
}

impl Phase {
    /// Whether a life may end so, with so much left open.
    pub(super) fn allows(&self, ledger: &Ledger) -> Result<(), Violation> {
        let finished = matches!(self, Self::Closed(CloseReason::Finished));
        demand(!finished || ledger.is_settled(), || {
            "finished, yet messages are not settled".into()
        })
    }

    /// Whether this end, or that of its peer, went away because another process took a place.
    fn is_replaced(&self) -> bool {
        matches!(
            self,
            Self::Restarted | Self::Died | Self::Closed(CloseReason::PeerRestarted | CloseReason::Superseded)
        )
    }
}

impl End {
    pub(super) fn new(holder: Holder, client: ClientId, claim: Claim) -> Self {
        Self {
            holder,
            client,
            claim,
            established: None,
            partner: None,
            is_bereft: false,
            phase: Phase::Open,
            ledger: Ledger::default(),
            taken: Vec::new(),
            done: None,
        }
    }

    /// What begins when this life is over and the session is not.
    pub(super) fn next_life(&self, ledger: Ledger) -> Self {
        Self {
            ledger,
            ..Self::new(self.holder, self.client, self.claim.clone())
        }
    }

    /// The flow on which it sends.
    pub(super) fn sends(&self) -> Flow {
        match self.holder.node {
            NodeId::Client(_) => self.client.up(),
            NodeId::Server => self.client.down(),
        }
    }

    /// The flow on which it receives.
    pub(super) fn receives(&self) -> Flow {
        self.sends().reversed()
    }

    /// Whether its other end may be at this node.
    pub(super) fn may_be_with(&self, node: NodeId) -> bool {
        match node {
            NodeId::Server => self.holder.node != NodeId::Server,
            NodeId::Client(client) => self.holder.node == NodeId::Server && self.client == client,
        }
    }

    /// Established at both ends means that each knows who the other is, and that they settled the same.
    pub(super) fn knows(&self, other: &Self) -> Result<(), Violation> {
        let (Some(here), Some(there)) = (&self.established, &other.established) else {
            return Ok(());
        };
        demand(other.claim.is(&here.peer), || {
            format!("established with {:?}, who is {:?}", here.peer, other.claim)
        })?;
        demand(here.negotiated == there.negotiated, || {
            "the two ends of a session negotiated different things".into()
        })
    }

    /// Whether its application can have let the peer know of everything up to this message.
    pub(super) fn may_have_acknowledged(&self, through: MessageId) -> bool {
        match self.holder.is_manual {
            true => self.done >= Some(through),
            false => self.taken.last().is_some_and(|last| last.id() >= through),
        }
    }

    /// Whether all that it sent is known to be delivered. What a restart ended is settled as well, for its sender was
    /// told; so is what the dead sent. A message to a process that died waits until its sender is told.
    pub(super) fn is_settled(&self, partner: Option<&Self>) -> bool {
        match &self.phase {
            Phase::Open => self.ledger.is_settled(),
            Phase::Restarted | Phase::Died => true,
            Phase::Closed(_) => {
                let is_alone = partner.map_or(self.is_bereft, |partner| partner.phase.is_replaced());
                self.phase.is_replaced() || is_alone || self.ledger.is_settled()
            }
        }
    }
}
