//! Who sent, took and was told what: one account for each end of each life of every session.
//!
//! A life of a session is what lies between one `Established` and the next, or the end; what a client sends before its
//! first belongs to the life that begins with it. Both ends of a life tell the same
//! [`ChannelBinding`](steadfast::ChannelBinding), and by nothing else are two ends joined: neither names nor routes prove
//! which process is behind a session. Until both have told it, what they recorded waits to be compared.

mod claim;
mod end;

pub(crate) use claim::Claim;
pub(crate) use end::{EndId, Holder};

use std::collections::BTreeMap;

use bytes::Bytes;
use steadfast::{ChannelBinding, Closed, Established, Message, MessageId, PeerRestarted};

use self::end::{End, Phase};
use crate::flow::{ClientId, Direction, Flow};
use crate::oracle::{Ledger, Letter, Violation, demand};

/// All accounts of a world, and what its nodes did over all lives.
#[derive(Debug, Default)]
pub(crate) struct Books {
    ends: Vec<End>,
    /// By the direction in which an end sends, and its binding.
    bound: BTreeMap<(Direction, ChannelBinding), EndId>,
    taken: BTreeMap<Flow, Vec<Message>>,
    given: BTreeMap<Flow, usize>,
    /// Server's ends that were thought to be with one client, and are with another.
    corrections: Vec<(EndId, ClientId, ClientId)>,
}

impl Books {
    /// Begins an account.
    pub(crate) fn open(&mut self, holder: Holder, client: ClientId, claim: Claim) -> EndId {
        self.add(End::new(holder, client, claim))
    }

    fn add(&mut self, end: End) -> EndId {
        self.ends.push(end);
        EndId(self.ends.len() - 1)
    }

    /// The application sent a message.
    pub(crate) fn sent(&mut self, id: EndId, message: MessageId, parts: Vec<Bytes>) -> Result<(), Violation> {
        let end = &mut self.ends[id.0];
        *self.given.entry(end.sends()).or_default() += 1;
        end.ledger
            .sent(message, parts)
            .map_err(|violation| on(end.sends(), &violation))
    }

    /// The application took a message.
    pub(crate) fn delivered(&mut self, id: EndId, message: Message) -> Result<(), Violation> {
        let end = &mut self.ends[id.0];
        let (flow, partner) = (end.receives(), end.partner);
        end.taken.push(message.clone());
        let compared = match partner {
            Some(partner) => self.ends[partner.0].ledger.taken(Letter::from(&message)),
            None => Ok(()),
        };
        self.taken.entry(flow).or_default().push(message);
        compared.map_err(|violation| on(flow, &violation))
    }

    /// Whether an end sent anything in this life.
    pub(crate) fn has_sent(&self, id: EndId) -> bool {
        !self.ends[id.0].ledger.is_empty()
    }

    /// The session says how far its messages are acknowledged.
    pub(crate) fn acknowledged(&mut self, id: EndId, through: Option<MessageId>) -> Result<(), Violation> {
        let Some(through) = through else { return Ok(()) };
        let end = &mut self.ends[id.0];
        let flow = end.sends();
        let news = end.ledger.acknowledged(through);
        let agrees = news.and_then(|news| match (news, self.ends[id.0].partner) {
            (false, _) => Ok(()),
            (true, Some(partner)) => {
                self.ends[id.0].ledger.check()?;
                let done = self.ends[partner.0].may_have_acknowledged(through);
                demand(done, || {
                    format!("{through:?} is acknowledged, but the application has not done with it")
                })
            }
            (true, None) => self.somebody_may_have_taken(flow, through),
        });
        agrees.map_err(|violation| on(flow, &violation))
    }

    /// The application said that it is done with everything up to a message.
    pub(crate) fn done(&mut self, id: EndId, message: MessageId) {
        let end = &mut self.ends[id.0];
        end.done = end.done.max(Some(message));
    }

    /// The application took back messages that never left.
    pub(crate) fn withdrawn(&mut self, id: EndId, messages: &[Message]) -> Result<(), Violation> {
        let end = &mut self.ends[id.0];
        end.ledger
            .withdrawn(&letters(messages))
            .map_err(|violation| on(end.sends(), &violation))
    }

    /// Only an application that has taken messages acknowledges them, though it need not be known yet whose they are.
    fn somebody_may_have_taken(&self, flow: Flow, through: MessageId) -> Result<(), Violation> {
        let mut others = self.ends.iter().filter(|end| end.sends().direction != flow.direction);
        let may = others.any(|end| end.partner.is_none() && !end.taken.is_empty());
        demand(may, || {
            format!("{through:?} is acknowledged, but the application did not take it")
        })
    }

    /// The session told whom it is with: the life of this end has its name.
    pub(crate) fn established(&mut self, id: EndId, established: &Established) -> Result<(), Violation> {
        let end = &mut self.ends[id.0];
        let sends = end.sends();
        demand(end.established.is_none(), || format!("{sends}: established twice"))?;
        end.established = Some(established.clone());
        let binding = established.binding;
        let before = self.bound.insert((sends.direction, binding), id);
        demand(before.is_none(), || {
            format!("{sends}: two sessions of one side have one binding")
        })?;
        match self.bound_to(sends.direction.reversed(), binding) {
            Some(other) => self.join(id, other),
            None => Ok(()),
        }
    }

    /// The two ends of a life know of each other: what each recorded before is compared now.
    fn join(&mut self, a: EndId, b: EndId) -> Result<(), Violation> {
        self.ends[a.0].partner = Some(b);
        self.ends[b.0].partner = Some(a);
        self.correct(a, b);
        for (here, there) in [(a, b), (b, a)] {
            let flow = self.ends[here.0].sends();
            self.ends[here.0]
                .knows(&self.ends[there.0])
                .and_then(|()| self.compare(here, there))
                .map_err(|violation| on(flow, &violation))?;
        }
        Ok(())
    }

    /// The client knows who it is; the server's end may have been thought to be with another.
    fn correct(&mut self, a: EndId, b: EndId) {
        let (client, server) = match self.ends[a.0].sends().direction {
            Direction::Up => (a, b),
            Direction::Down => (b, a),
        };
        let (guessed, client) = (self.client(server), self.client(client));
        if guessed != client {
            self.attribute(server, client);
            self.corrections.push((server, guessed, client));
        }
    }

    pub(crate) fn take_corrections(&mut self) -> Vec<(EndId, ClientId, ClientId)> {
        std::mem::take(&mut self.corrections)
    }

    fn compare(&mut self, sender: EndId, receiver: EndId) -> Result<(), Violation> {
        let taken = std::mem::take(&mut self.ends[receiver.0].taken);
        let ledger = &mut self.ends[sender.0].ledger;
        let compared = taken.iter().try_for_each(|message| ledger.taken(message.into()));
        let agrees = compared.and_then(|()| ledger.check());
        self.ends[receiver.0].taken = taken;
        agrees
    }

    /// A process that died knew the name of a life that it did not tell: this one, or the one behind a restart that it did not
    /// tell either. Returns the account of that life.
    pub(crate) fn untold(&mut self, id: EndId, established: &Established) -> Result<EndId, Violation> {
        let end = match self.is_bound(id) {
            true => self.add(self.ends[id.0].next_life(Ledger::default())),
            false => id,
        };
        self.established(end, established)?;
        Ok(end)
    }

    /// The session told that its peer is another one now. Returns the account of the life that begins.
    pub(crate) fn restarted(&mut self, id: EndId, told: &PeerRestarted, redelivers: bool) -> Result<EndId, Violation> {
        self.end_life(id, (&told.in_doubt, &told.unsent), Phase::Restarted)?;
        let end = &self.ends[id.0];
        let next = match redelivers {
            true => end.ledger.redelivered(&told.redelivered_as),
            false => demand(told.redelivered_as.is_empty(), || {
                "messages are redelivered unasked".into()
            })
            .map(|()| Default::default()),
        };
        let next = end.next_life(next.map_err(|violation| on(end.sends(), &violation))?);
        Ok(self.add(next))
    }

    /// The session told its end.
    pub(crate) fn closed(&mut self, id: EndId, closed: &Closed) -> Result<(), Violation> {
        let phase = Phase::Closed(closed.reason.clone());
        self.end_life(id, (&closed.in_doubt, &closed.unsent), phase)
    }

    fn end_life(&mut self, id: EndId, lists: (&[Message], &[Message]), phase: Phase) -> Result<(), Violation> {
        let end = &mut self.ends[id.0];
        let (in_doubt, unsent) = (letters(lists.0), letters(lists.1));
        let told = end.ledger.ended(&in_doubt, &unsent);
        let agrees = told
            .and_then(|()| phase.allows(&end.ledger))
            .and_then(|()| end.partner.map_or(Ok(()), |_| end.ledger.check()));
        end.phase = phase;
        agrees.map_err(|violation| on(end.sends(), &violation))
    }

    /// A process died: its ends are asked for nothing any more, and ends that may be with it have nobody to wait for.
    pub(crate) fn died(&mut self, holder: Holder) {
        let open = self.ends.iter_mut().filter(|end| matches!(end.phase, Phase::Open));
        for end in open {
            if end.holder == holder {
                end.phase = Phase::Died;
            } else if end.partner.is_none() && end.may_be_with(holder.node) {
                end.is_bereft = true;
            }
        }
    }

    /// Names the client of a server's end before its own end is known.
    pub(crate) fn attribute(&mut self, id: EndId, client: ClientId) {
        self.ends[id.0].client = client;
    }

    /// The client that this end is, or that it is thought to be with.
    pub(crate) fn client(&self, id: EndId) -> ClientId {
        self.ends[id.0].client
    }

    /// The client that told this binding.
    pub(crate) fn client_bound_to(&self, binding: ChannelBinding) -> Option<ClientId> {
        self.bound_to(Direction::Up, binding).map(|end| self.client(end))
    }

    fn bound_to(&self, sends: Direction, binding: ChannelBinding) -> Option<EndId> {
        self.bound.get(&(sends, binding)).copied()
    }

    pub(crate) fn is_bound(&self, id: EndId) -> bool {
        self.ends[id.0].established.is_some()
    }

    pub(crate) fn are_joined(&self, a: EndId, b: EndId) -> bool {
        self.ends[a.0].partner == Some(b)
    }

    /// Everything that a living end sent is known to be delivered, or was told to be not.
    pub(crate) fn are_settled(&self) -> bool {
        self.ends.iter().all(|end| {
            let partner = end.partner.map(|partner| &self.ends[partner.0]);
            end.is_settled(partner)
        })
    }

    /// What the receiver took, over all lives.
    pub(crate) fn messages(&self, flow: Flow) -> &[Message] {
        self.taken.get(&flow).map_or(&[], Vec::as_slice)
    }

    /// What the receiver took in one life.
    pub(crate) fn messages_in(&self, flow: Flow, binding: ChannelBinding) -> &[Message] {
        let receiver = self.bound_to(flow.direction.reversed(), binding);
        receiver.map_or(&[], |end| self.ends[end.0].taken.as_slice())
    }

    /// What the receiver took in one life of its process.
    pub(crate) fn messages_to(&self, flow: Flow, incarnation: u32) -> Vec<&Message> {
        let ends = self.ends.iter().filter(|end| end.receives() == flow);
        ends.filter(|end| end.holder.incarnation == incarnation)
            .flat_map(|end| &end.taken)
            .collect()
    }

    /// The lives that the sender was told, in order.
    pub(crate) fn bindings(&self, flow: Flow) -> Vec<ChannelBinding> {
        let ends = self.ends.iter().filter(|end| end.sends() == flow);
        ends.filter_map(|end| Some(end.established.as_ref()?.binding)).collect()
    }

    /// How many messages the sender's application sent, over all lives.
    pub(crate) fn sent_messages(&self, flow: Flow) -> usize {
        self.given.get(&flow).copied().unwrap_or(0)
    }
}

fn letters(messages: &[Message]) -> Vec<Letter<'_>> {
    messages.iter().map(Letter::from).collect()
}

fn on(flow: Flow, violation: &Violation) -> Violation {
    Violation(format!("{flow}: {violation}"))
}

#[cfg(test)]
mod tests;
