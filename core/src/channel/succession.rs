//! What follows when the peer handshakes anew: the session goes on under other keys, or it begins anew because the peer did.

use std::time::Instant;

use rustls::Error;
use subtle::ConstantTimeEq;

use super::generation::{Answer, Generation, Opening};
use super::{AckDebt, Channel, Ending, Finish, Queued, Role};
use crate::stream::Outbox;
use crate::wire::frame::{Join, ReceiveState};
use crate::wire::header::{ConnectionId, Header};
use crate::{CloseCode, CloseReason, Event, PeerRestarted, Violation};

impl Channel {
    /// A client whose new handshake is confirmed asks to go on with the session that stands.
    ///
    /// That session goes on undisturbed until the answer comes. What it receives meanwhile is sent again: the server knows the
    /// state of this moment.
    pub(crate) fn ask_to_join(&mut self, session: &Self) -> Result<(), Error> {
        let Opening::Unconfirmed(handshake) = &self.generation.opening else {
            return Err(Error::HandshakeNotComplete);
        };
        let join = Join {
            earlier: session.generation.theirs,
            proof: handshake.join_proof(&session.generation.join_secret)?,
            state: session.receive_state(),
        };
        self.generation.opening = Opening::Joining(join);
        self.owe_probe();
        Ok(())
    }

    /// Whether `new`, the channel of another handshake, is made by the client of this session.
    ///
    /// The proof is keyed by a secret that only the two ends of the session can derive, and is a value of the new handshake: who
    /// copies it to another handshake, or makes a handshake without the secret, has none.
    pub(crate) fn is_proven_by(&self, join: &Join, new: &Self) -> bool {
        let (Some(named), Opening::Unconfirmed(handshake)) = (self.named(join.earlier), &new.generation.opening) else {
            return false;
        };
        let expected = handshake.join_proof(&named.join_secret);
        expected.is_ok_and(|expected| expected.ct_eq(&join.proof).into())
    }

    /// The generation in which packets to this side bear this id. A client that missed the answer to a *join* names the one before
    /// once more.
    fn named(&self, ours: ConnectionId) -> Option<&Generation> {
        let earlier = self.earlier.as_deref();
        std::iter::once(&self.generation)
            .chain(earlier)
            .find(|generation| generation.ours == ours)
    }

    /// Goes on under the keys of a new handshake, at a server whose client asks for it.
    pub(crate) fn join_as_asked(&mut self, new: Self, join: &Join, now: Instant) {
        let present = self.generation.ours;
        let replaced = self.go_on(new, Opening::Answering(Answer::Joined));
        if join.earlier == present {
            self.earlier = Some(Box::new(replaced));
        }
        self.resume(&join.state, now);
    }

    /// Goes on under the keys of a new handshake, at a client whose server agrees.
    pub(crate) fn joined(&mut self, new: Self, state: &ReceiveState, now: Instant) {
        self.go_on(new, Opening::Open);
        self.resume(state, now);
    }

    fn go_on(&mut self, new: Self, opening: Opening) -> Generation {
        self.peer = new.peer;
        self.negotiated = new.negotiated;
        self.stats.joins += 1;
        self.stats += new.stats;
        self.renewal_due = false;
        self.route_gone = false;
        self.ack = AckDebt {
            now: true,
            told_handed: self.inbox.handed(),
            ..AckDebt::default()
        };
        let replaced = std::mem::replace(&mut self.generation, new.generation);
        self.generation.opening = opening;
        replaced
    }

    /// What had been sent, and has not reached the peer by what it says, is sent again under the present keys.
    fn resume(&mut self, state: &ReceiveState, now: Instant) {
        self.peer_credit = self.peer_credit.max(state.credit);
        self.peer_packets = state.packets.max(1);
        if let Err(violation) = self.resume_stream(state) {
            return self.end(CloseReason::Violation(violation), now);
        }
        if let Ending::Closing {
            finish: finish @ Finish::Sent,
        } = &mut self.ending
        {
            *finish = Finish::Owed;
        }
        self.settle_return(u64::MAX);
        self.restart_probe(now);
    }

    fn resume_stream(&mut self, state: &ReceiveState) -> Result<(), Violation> {
        if state.arrived < state.handed {
            return Err(Violation::Contradiction);
        }
        self.handle_handed(state.handed)?;
        if self.restart_untold {
            // What the outbox holds was not sent to this peer.
            return if state.arrived == 0 {
                Ok(())
            } else {
                Err(Violation::AcknowledgedUnsent)
            };
        }
        let resumed = self.outbox.resume(state.arrived);
        let (messages, bytes) = resumed.map_err(|_| Violation::AcknowledgedUnsent)?;
        self.stats.messages_replayed += messages;
        self.stats.bytes_replayed += bytes;
        Ok(())
    }

    /// The peer began anew, and `new` is the channel to it: both streams begin anew. What had arrived of the old peer is still
    /// delivered, then the application is told what became of its messages, then that the new session is established.
    ///
    /// A session that was closing ends: there is nobody left to close it with. Returns `new` then.
    pub(crate) fn restart(&mut self, mut new: Box<Self>, answer: Option<Answer>, now: Instant) -> Option<Box<Self>> {
        if !matches!(self.ending, Ending::Open) {
            self.end(CloseReason::PeerRestarted, now);
            return Some(new);
        }
        new.open_streams(answer, now);
        let mut old = std::mem::replace(self, *new);
        self.events = std::mem::take(&mut old.events);
        if old.restart_untold {
            // Nobody heard of the one in between either, nor took anything of it.
            self.restart_untold = true;
            self.forget_untold_restart();
        } else {
            let arrived = std::iter::from_fn(|| old.inbox.next_message()?.ok());
            self.events
                .extend(arrived.map(|message| Queued::Event(Event::Message(message))));
        }
        self.events.push_back(Queued::Restart);
        let established = self.established();
        self.events.push_back(established);
        self.restart_untold = true;
        self.outbox = std::mem::replace(&mut old.outbox, Outbox::empty());
        self.path = old.path + 1;
        self.stats.restarts += 1;
        self.stats += old.stats;
        None
    }

    /// What the application was not told of a restart it need not hear any more.
    pub(super) fn forget_untold_restart(&mut self) {
        if std::mem::take(&mut self.restart_untold) {
            let untold = self.events.iter().position(|queued| matches!(queued, Queued::Restart));
            self.events.truncate(untold.unwrap_or(self.events.len()));
        }
    }

    /// The application hears that the peer restarted: only now is it known what it meant for the peer that is gone.
    pub(super) fn tell_restart(&mut self, now: Instant) -> Event {
        let (in_doubt, unsent) = self.outbox.undelivered();
        self.restart_untold = false;
        self.outbox = Outbox::new(self.outbox_limits);
        let mut redelivered_as = Vec::new();
        if self.redeliver {
            let outbox = &mut self.outbox;
            redelivered_as.extend(in_doubt.iter().map(|message| outbox.push_again(message, true)));
            redelivered_as.extend(unsent.iter().map(|message| outbox.push_again(message, false)));
            self.limit_messages(now);
        }
        self.arm_probe(now);
        Event::PeerRestarted(Box::new(PeerRestarted {
            in_doubt,
            unsent,
            redelivered_as,
        }))
    }

    /// It is time for another handshake, which a server can only ask for.
    pub(crate) fn ask_for_renewal(&mut self) {
        if !std::mem::replace(&mut self.renewal_due, true) && self.role == Role::Server {
            self.owe_probe();
        }
    }

    /// Whether it is time for another handshake.
    pub(crate) fn is_renewal_due(&self) -> bool {
        self.renewal_due
    }

    /// Another handshake is being made.
    pub(crate) fn renewal_begun(&mut self) {
        self.renewal_due = false;
    }

    /// The packet that tells this peer that another process has taken its place.
    pub(crate) fn superseded_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        let speaks = !self.generation.keys.exhausted();
        speaks.then(|| self.close_packet(CloseCode::Superseded, &CloseReason::Superseded.to_string(), now))
    }

    /// The id of the generation before a join, while its packets are still opened.
    pub(crate) fn earlier(&self) -> Option<ConnectionId> {
        self.earlier.as_ref().map(|earlier| earlier.ours)
    }

    pub(crate) fn peer_incarnation(&self) -> [u8; 16] {
        self.peer_incarnation
    }

    /// Whether this side sent a packet with this header.
    pub(crate) fn has_sent(&self, header: &Header) -> bool {
        header.destination == self.generation.theirs && self.generation.has_sent(header.number)
    }

    /// Whether the peer is known to have received this packet or a later one.
    pub(crate) fn is_acknowledged(&self, number: u64) -> bool {
        self.generation.acknowledged >= Some(number)
    }

    /// Whether the peer acknowledged something that was sent after this moment.
    pub(crate) fn lived_after(&self, moment: Instant) -> bool {
        self.lived_at.is_some_and(|at| at > moment)
    }
}

#[cfg(test)]
impl Channel {
    /// What this handshake asks for, if it asks to go on with a session.
    pub(crate) fn asked(&self) -> Option<Join> {
        match self.generation.opening {
            Opening::Joining(join) => Some(join),
            _ => None,
        }
    }

    /// Asks in these words, whether or not they are true.
    pub(crate) fn ask_in_words(&mut self, join: Join) {
        self.generation.opening = Opening::Joining(join);
        self.owe_probe();
    }
}
