//! The lives of the server's sessions: how they begin and end, and with which client they are.

use std::time::Instant;

use steadfast::{Established, Event, Listener, SessionId};

use super::{ServerNode, Standing};
use crate::books::{Books, EndId};
use crate::flow::ClientId;
use crate::network::Network;
use crate::node::Surroundings;
use crate::oracle::{EventOrder, Violation};

impl ServerNode {
    /// Finds out with whom a life begins that is told now.
    pub(super) fn begin(
        &mut self,
        session: SessionId,
        told: &Established,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Violation> {
        let standing = self.sessions.get(&session);
        let before = standing.map(|standing| around.books.client(standing.end));
        let client = self
            .roster
            .who(session, told, before, (&*around.network, &*around.books));
        let client =
            client.ok_or_else(|| Violation(format!("server: established with {:?}, unheard of", told.peer)))?;
        if let Some(standing) = self.sessions.get(&session) {
            around.books.attribute(standing.end, client);
        } else {
            let end = around.books.open(self.holder(), client, self.claim.clone());
            let order = EventOrder::default();
            self.sessions.insert(session, Standing { order, end });
        }
        self.assign(session, before, client);
        Ok(())
    }

    /// Enters into the books what begins or ends a life.
    pub(super) fn turn(&mut self, session: SessionId, event: &Event, books: &mut Books) -> Result<(), Violation> {
        let standing = self.sessions.get_mut(&session).expect("it told an event");
        match event {
            Event::Established(established) => books.established(standing.end, established)?,
            Event::PeerRestarted(restarted) => {
                self.pace.grant_again(restarted);
                standing.end = books.restarted(standing.end, restarted, self.delivery.redeliver)?;
            }
            Event::Closed(closed) => books.closed(standing.end, closed)?,
            _ => {}
        }
        Ok(())
    }

    /// Corrects guesses: the books have learned for certain with which client each of these ends is.
    pub(crate) fn correct(&mut self, corrections: &[(EndId, ClientId, ClientId)]) {
        for (end, guessed, client) in corrections {
            let found = self.sessions.iter().find(|(_, standing)| standing.end == *end);
            if let Some(session) = found.map(|(session, _)| *session) {
                self.assign(session, Some(*guessed), *client);
            }
        }
    }

    fn assign(&mut self, session: SessionId, before: Option<ClientId>, client: ClientId) {
        if let Some(before) = before
            && self.clients[&before].session == Some(session)
        {
            self.side(before).session = None;
        }
        self.side(client).session = Some(session);
    }

    /// Ends the process. If it knew the name of a life that it did not tell, what was sent in that life is compared by it,
    /// and its client turns out to be with somebody who is dead.
    pub(crate) fn die(&mut self, now: Instant, network: &Network, books: &mut Books) -> Result<(), Violation> {
        while let Some((session, event)) = self.with(now, Listener::poll_event) {
            if let Event::Established(told) = event {
                self.would_have_told(session, &told, network, books)?;
            }
        }
        books.died(self.holder());
        Ok(())
    }

    fn would_have_told(
        &self,
        session: SessionId,
        told: &Established,
        network: &Network,
        books: &mut Books,
    ) -> Result<(), Violation> {
        let end = match self.sessions.get(&session) {
            Some(standing) => standing.end,
            None => match self.roster.who(session, told, None, (network, books)) {
                Some(client) => books.open(self.holder(), client, self.claim.clone()),
                None => return Ok(()),
            },
        };
        books.untold(end, told).map(drop)
    }
}
