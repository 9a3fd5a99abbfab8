//! The type that is either end of a transport that joins two endpoints.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use steadfast::{ClientConfigBuilder, CloseReason, Endpoint, Event, InFlight, SendError, ServerConfig};
use steadfast_zmq::pem::Identity;
use steadfast_zmq::testing::{InsecureTestCredentials, insecure_test_credentials};

/// A server, and a wire to it that clients take turns at.
struct Wire {
    credentials: InsecureTestCredentials,
    server: Endpoint,
    now: Instant,
}

impl Wire {
    /// To a server that asks for no certificate.
    fn new() -> Self {
        let credentials = insecure_test_credentials("localhost");
        let config = credentials.server().build().unwrap();
        Self::to(credentials, &config)
    }

    /// To a server that demands one.
    fn mutual() -> Self {
        let credentials = insecure_test_credentials("localhost");
        let config = credentials.server().client_verifier(credentials.client_verifier());
        let config = config.build().unwrap();
        Self::to(credentials, &config)
    }

    fn to(credentials: InsecureTestCredentials, server: &ServerConfig) -> Self {
        let now = Instant::now();
        let server = Endpoint::accept(server, now).unwrap();
        Self {
            credentials,
            server,
            now,
        }
    }

    fn client(&self) -> Endpoint {
        self.connect(self.credentials.client())
    }

    fn client_with(&self, (chain, key): &Identity) -> Endpoint {
        self.connect(self.credentials.client().identity(chain.clone(), key.clone_key()))
    }

    fn connect(&self, config: ClientConfigBuilder) -> Endpoint {
        Endpoint::connect(&config.build().unwrap(), "localhost".try_into().unwrap(), self.now).unwrap()
    }

    /// Lets both sides talk for this long: what the client was told, and what the server.
    fn run(&mut self, client: &mut Endpoint, time: Duration) -> (Vec<Event>, Vec<Event>) {
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        let end = self.now + time;
        while self.now <= end {
            while let Some(packet) = client.poll_transmit(self.now) {
                self.server.handle_packet(packet, self.now);
            }
            to_server.extend(std::iter::from_fn(|| self.server.poll_event(self.now)));
            while let Some(packet) = self.server.poll_transmit(self.now) {
                client.handle_packet(packet, self.now);
            }
            to_client.extend(std::iter::from_fn(|| client.poll_event(self.now)));
            self.now += Duration::from_millis(1);
            client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
        (to_client, to_server)
    }
}

fn established(events: &[Event]) -> usize {
    let count = events.iter().filter(|event| matches!(event, Event::Established(_)));
    count.count()
}

fn messages(events: &[Event]) -> Vec<&[u8]> {
    events.iter().filter_map(payload).collect()
}

fn payload(event: &Event) -> Option<&[u8]> {
    match event {
        Event::Message(message) => Some(message.payload()),
        _ => None,
    }
}

const A_WHILE: Duration = Duration::from_millis(200);

#[test]
fn both_ends_talk_and_close_in_order() {
    let mut wire = Wire::new();
    let mut client = wire.client();
    client.send(b"question", wire.now).unwrap();
    let (_, to_server) = wire.run(&mut client, A_WHILE);
    assert_eq!(messages(&to_server), [b"question"]);

    let id = wire.server.send(b"answer", wire.now).unwrap();
    let (to_client, _) = wire.run(&mut client, A_WHILE);
    assert_eq!(messages(&to_client), [b"answer"]);
    assert_eq!(wire.server.acknowledged_through(), Some(id));
    assert_eq!(wire.server.in_flight(), InFlight::default());
    assert!(client.peer().is_some_and(|peer| peer.certificates().len() == 1));
    assert_eq!(client.negotiated(), wire.server.negotiated());

    wire.server.close(wire.now);
    let (to_client, to_server) = wire.run(&mut client, A_WHILE);
    for events in [to_client, to_server] {
        let [Event::Closed(closed)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(closed.reason, CloseReason::Finished);
    }
    assert!(client.is_closed() && wire.server.is_closed());
}

#[test]
fn a_server_without_a_client_cannot_send_and_can_close() {
    let mut wire = Wire::new();
    assert_eq!(wire.server.send(b"anybody?", wire.now), Err(SendError::Closed));
    assert!(!wire.server.is_closed());
    wire.server.close(wire.now);
    assert!(wire.server.is_closed());
}

#[test]
fn a_client_that_begins_anew_goes_on_in_its_place_and_the_losses_of_the_first_are_told() {
    let mut wire = Wire::mutual();
    let certificate = wire.credentials.issue("worker-7");
    let mut first = wire.client_with(&certificate);
    wire.run(&mut first, A_WHILE);
    wire.server.send(b"for the first", wire.now).unwrap();

    let mut second = wire.client_with(&certificate);
    let (to_second, to_server) = wire.run(&mut second, A_WHILE);
    assert_eq!(established(&to_second), 1);
    let [Event::PeerRestarted(restarted), Event::Established(_)] = &to_server[..] else {
        panic!("{to_server:?}")
    };
    let lost: Vec<_> = restarted.in_doubt.iter().chain(&restarted.unsent).collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].payload(), &b"for the first"[..]);

    wire.server.send(b"for the second", wire.now).unwrap();
    let (to_second, _) = wire.run(&mut second, A_WHILE);
    assert_eq!(messages(&to_second), [b"for the second"]);
    let (to_second, to_server) = wire.run(&mut second, Duration::from_secs(60));
    assert!(
        to_second.is_empty() && to_server.is_empty(),
        "{to_second:?} {to_server:?}"
    );
}

#[test]
fn a_stranger_does_not_take_the_place_of_a_client() {
    for mutual in [false, true] {
        let mut wire = if mutual { Wire::mutual() } else { Wire::new() };
        let someone = |wire: &Wire, name| match mutual {
            true => wire.client_with(&wire.credentials.issue(name)),
            false => wire.client(),
        };
        let mut first = someone(&wire, "worker-7");
        wire.run(&mut first, A_WHILE);
        let mut stranger = someone(&wire, "worker-8");
        let (to_stranger, to_server) = wire.run(&mut stranger, A_WHILE);
        assert!(
            to_stranger.is_empty() && to_server.is_empty(),
            "{to_stranger:?} {to_server:?}"
        );
        let (to_stranger, _) = wire.run(&mut stranger, Duration::from_secs(4));
        let [Event::Unreachable(news)] = &to_stranger[..] else {
            panic!("{to_stranger:?}")
        };
        assert!(news.to_string().contains("no room for another session"), "{news}");
        first.send(b"still here", wire.now).unwrap();
        let (_, to_server) = wire.run(&mut first, A_WHILE);
        assert_eq!(messages(&to_server), [b"still here"]);
    }
}
