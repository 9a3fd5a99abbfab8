//! Which client is behind a session of the server.
//!
//! Certain is only what both ends tell: the binding of a life. A server's application may be told before its client's is,
//! and two clients may show the same certificate and name; until the client tells the binding too, the best guess is
//! taken. It decides by which client a test finds the session, and no more: nothing is checked by it.

use std::collections::BTreeMap;

use steadfast::{Established, SessionId};

use crate::books::{Books, Claim};
use crate::flow::{ClientId, RouteId};
use crate::network::Network;

/// The clients of a world, and the routes of their sessions.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// What each client says of itself, or said in a process before.
    claims: BTreeMap<ClientId, Vec<Claim>>,
    routes: BTreeMap<SessionId, Routes>,
}

/// By which routes the server sent packets of a session, or of the attempt at one.
#[derive(Clone, Copy, Debug)]
struct Routes {
    /// Where the handshake began.
    first: RouteId,
    last: RouteId,
}

impl Roster {
    pub(crate) fn add(&mut self, client: ClientId, claim: Claim) {
        self.claims.entry(client).or_default().push(claim);
    }

    pub(crate) fn transmitted(&mut self, session: SessionId, route: RouteId) {
        let routes = self.routes.entry(session);
        routes.and_modify(|routes| routes.last = route).or_insert(Routes {
            first: route,
            last: route,
        });
    }

    /// The client that a session is with from now on, and was with in its life before, if it had one.
    pub(crate) fn who(
        &self,
        session: SessionId,
        told: &Established,
        before: Option<ClientId>,
        (network, books): (&Network, &Books),
    ) -> Option<ClientId> {
        if let Some(client) = books.client_bound_to(told.binding) {
            return Some(client);
        }
        let is_peer = |claims: &[Claim]| claims.iter().any(|claim| claim.is(&told.peer));
        let claims = self.claims.iter().filter(|(_, claims)| is_peer(claims));
        let candidates: Vec<ClientId> = claims.map(|(client, _)| *client).collect();
        let routes = self.routes.get(&session);
        // The route of a session that had another life may still be that life's.
        let route = routes.map(|routes| if before.is_none() { routes.first } else { routes.last });
        let owner = route.and_then(|route| network.owner(route));
        let guesses = [owner, before].into_iter().flatten();
        guesses
            .chain(candidates.first().copied())
            .find(|client| candidates.contains(client))
    }
}
