//! Clients and a listener in one thread, connected by memory: what they cost themselves, and nothing else.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part of this")]

mod identity;

use std::time::{Duration, Instant};

use steadfast::{ClientConfig, Event, Listener, SendError, Session, SessionId};

pub use identity::{Authentication, Identities};

/// The route of a client is its number.
pub type Route = usize;

/// Exchanges of all packets that are ready; a handshake takes three.
const MAX_ROUNDS: usize = 1_000;
/// An application sends about so much between two looks at the network.
const BATCH_BYTES: u64 = 256 << 10;

/// One client with its session at a listener that may have others, under a time of their own: waiting costs nothing.
pub struct Pair {
    pub client: Session,
    pub route: Route,
    pub session: SessionId,
}

/// What the two sides' applications were handed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handed {
    pub to_server: u64,
    pub to_client: u64,
}

/// A new client whose handshake is finished at both sides.
///
/// # Panics
/// If it does not succeed.
pub fn connect(listener: &mut Listener<Route>, config: &ClientConfig, route: Route, now: Instant) -> Pair {
    let server = "server".try_into().expect("a valid name");
    let mut client = Session::new(config, server, now).expect("a session begins");
    let mut session = None;
    for _ in 0..MAX_ROUNDS {
        carry_to_server(&mut client, listener, route, now);
        while let Some((id, event)) = listener.poll_event(now) {
            assert!(matches!(event, Event::Established(_)), "instead of a session: {event}");
            session = Some(id);
        }
        carry_to_client(&mut client, listener, now);
        while let Some(event) = client.poll_event(now) {
            assert!(matches!(event, Event::Established(_)), "instead of a session: {event}");
        }
        // The server is told last, when its client has shown that it knows of the session.
        if let Some(session) = session {
            return Pair { client, route, session };
        }
    }
    panic!("no session after {MAX_ROUNDS} rounds");
}

pub fn carry_to_server(client: &mut Session, listener: &mut Listener<Route>, route: Route, now: Instant) -> bool {
    let mut moved = false;
    while let Some(packet) = client.poll_transmit(now) {
        listener.handle_packet(route, packet, now);
        moved = true;
    }
    moved
}

/// All that the listener sends is for this one client.
pub fn carry_to_client(client: &mut Session, listener: &mut Listener<Route>, now: Instant) -> bool {
    let mut moved = false;
    while let Some(transmit) = listener.poll_transmit(now) {
        client.handle_packet(transmit.packet, now);
        moved = true;
    }
    moved
}

impl Pair {
    /// Carries packets both ways and hands messages over until nothing is left to do at this time.
    pub fn settle(&mut self, listener: &mut Listener<Route>, now: Instant) -> Handed {
        let mut handed = Handed::default();
        loop {
            let mut moved = carry_to_server(&mut self.client, listener, self.route, now);
            while let Some((_, event)) = listener.poll_event(now) {
                handed.to_server += u64::from(is_message(&event));
            }
            moved |= carry_to_client(&mut self.client, listener, now);
            while let Some(event) = self.client.poll_event(now) {
                handed.to_client += u64::from(is_message(&event));
            }
            if !moved {
                return handed;
            }
        }
    }

    /// Sends this many messages and waits until the server's application has them all; gives the time then.
    ///
    /// # Panics
    /// If one is refused or does not arrive.
    pub fn stream(&mut self, listener: &mut Listener<Route>, payload: &[u8], messages: u64, now: Instant) -> Instant {
        let (mut sent, mut handed, mut now) = (0, 0, now);
        while handed < messages {
            while sent < messages && self.client.in_flight().unsent_bytes < BATCH_BYTES {
                match self.client.send(payload, now) {
                    Ok(_) => sent += 1,
                    Err(SendError::Full { .. }) => break,
                    Err(error) => panic!("refused: {error}"),
                }
            }
            let progress = self.settle(listener, now).to_server;
            handed += progress;
            now = if progress == 0 {
                self.wait(listener, now)
            } else {
                now + Duration::from_micros(10)
            };
        }
        now
    }

    /// Lets the time run to the next deadline of either side, and serves it.
    pub fn wait(&mut self, listener: &mut Listener<Route>, now: Instant) -> Instant {
        let deadline = self
            .client
            .poll_timeout()
            .into_iter()
            .chain(listener.poll_timeout())
            .min();
        let now = deadline.expect("who waits has a deadline").max(now);
        self.client.handle_timeout(now);
        listener.handle_timeout(now);
        now
    }
}

fn is_message(event: &Event) -> bool {
    match event {
        Event::Message(_) => true,
        Event::Closed(closed) => panic!("closed: {}", closed.reason),
        _ => false,
    }
}
