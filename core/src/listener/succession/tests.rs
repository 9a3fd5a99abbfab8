//! Who may go on with a session, and who may not: requests that nobody can forge from outside.

use std::sync::Arc;
use std::time::Instant;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;

use crate::attempt::{ClientAttempt, ClientProgress, Confirmed};
use crate::channel::{Channel, Opened};
use crate::listener::{Listener, SessionId};
use crate::wire::frame::{Frame, Join, ReceiveState};
use crate::wire::header::Header;
use crate::{ClientConfig, Event, Packet, ServerConfig};

type Route = u32;
type Certificate = rcgen::CertifiedKey<rcgen::KeyPair>;

/// One process of a client.
#[derive(Clone)]
struct Client {
    config: ClientConfig,
    incarnation: [u8; 16],
}

/// A handshake that the server confirmed, or a session that stands.
struct End {
    channel: Box<Channel>,
    route: Route,
}

/// How the server answers a request.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Joined(ReceiveState),
    Fresh,
}

/// The session that others are after.
struct Victim {
    end: End,
    session: SessionId,
}

/// A listener, and what it sent that has not arrived.
struct World {
    provider: Arc<CryptoProvider>,
    server: Certificate,
    listener: Listener<Route>,
    on_the_way: Vec<(Route, Vec<u8>)>,
    routes: Route,
    now: Instant,
}

fn certificate(name: &str) -> Certificate {
    rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate")
}

fn roots(certificates: &[&Certificate]) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for own in certificates {
        roots.add(own.cert.der().clone()).expect("a root");
    }
    roots.into()
}

fn key_of(own: &Certificate) -> rustls::pki_types::PrivateKeyDer<'static> {
    own.signing_key.serialize_der().try_into().expect("a key")
}

impl World {
    /// A server that asks its clients for one of these certificates; for none if there are none.
    fn new(clients: &[&Certificate]) -> Self {
        let (provider, server, now) = (
            Arc::new(aws_lc_rs::default_provider()),
            certificate("server"),
            Instant::now(),
        );
        let chain = vec![server.cert.der().clone()];
        let mut config = ServerConfig::builder(Arc::clone(&provider), chain, key_of(&server));
        if !clients.is_empty() {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots(clients), Arc::clone(&provider)).build();
            config = config.client_verifier(verifier.expect("a verifier"));
        }
        let config = config.build().expect("a configuration");
        Self {
            listener: Listener::new(&config, now).expect("a listener"),
            provider,
            server,
            on_the_way: Vec::new(),
            routes: 0,
            now,
        }
    }

    fn client(&self, certificate: Option<&Certificate>, name: Option<&str>, incarnation: u8) -> Client {
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots(&[&self.server]), Arc::clone(&provider));
        let mut config = ClientConfig::builder(provider, verifier.build().expect("a verifier"));
        if let Some(own) = certificate {
            config = config.identity(vec![own.cert.der().clone()], key_of(own));
        }
        if let Some(name) = name {
            config = config.endpoint_name(name);
        }
        Client {
            config: config.build().expect("a configuration"),
            incarnation: [incarnation; 16],
        }
    }

    /// Gives the listener a packet, and gathers what it sends.
    fn deliver(&mut self, route: Route, packet: Vec<u8>) {
        self.listener.handle_packet(route, packet, self.now);
        self.gather();
    }

    fn gather(&mut self) {
        let sent = std::iter::from_fn(|| self.listener.poll_transmit(self.now));
        self.on_the_way
            .extend(sent.map(|transmit| (transmit.route, transmit.packet)));
    }

    /// The next packet that arrives by this route.
    fn arriving(&mut self, route: Route) -> Option<Vec<u8>> {
        let next = self.on_the_way.iter().position(|(to, _)| *to == route)?;
        Some(self.on_the_way.remove(next).1)
    }

    /// A whole handshake, by a route of its own, up to the packet that confirms it.
    fn handshake(&mut self, client: &Client) -> (End, Opened) {
        self.routes += 1;
        let route = self.routes;
        let server = "server".try_into().expect("a name");
        let attempt = ClientAttempt::new(&client.config, server, client.incarnation, self.now);
        let mut attempt = attempt.expect("begun");
        loop {
            while let Some(packet) = attempt.poll_transmit() {
                self.deliver(route, packet);
            }
            let mut packet = Packet::from(self.arriving(route).expect("an answer"));
            let (header, header_bytes) = Header::decode(packet.bytes_mut()).expect("a packet");
            let progress = attempt.handle_packet(&client.config, (&header, header_bytes), packet, self.now);
            match progress.expect("genuine") {
                ClientProgress::None => {}
                ClientProgress::Confirmed(Confirmed { channel, opened, .. }) => {
                    return (End { channel, route }, opened);
                }
                ClientProgress::Failed { why, .. } => panic!("{why}"),
                ClientProgress::Refused { reason, .. } => panic!("{reason}"),
            }
        }
    }

    /// Carries packets between a client and the listener until neither has more to say.
    fn carry(&mut self, end: &mut End) {
        self.gather();
        loop {
            let mut quiet = true;
            while let Some(packet) = end.channel.poll_transmit(self.now) {
                self.deliver(end.route, packet);
                quiet = false;
            }
            while let Some(packet) = self.arriving(end.route) {
                if let Some(opened) = open(end, packet, self.now) {
                    end.channel.take(&opened, self.now);
                }
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    fn establish(&mut self, client: &Client) -> Victim {
        let (mut end, opened) = self.handshake(client);
        end.channel.begin(None, self.now);
        end.channel.take(&opened, self.now);
        self.carry(&mut end);
        assert!(matches!(end.channel.poll_event(self.now), Some(Event::Established(_))));
        match self.listener.poll_event(self.now) {
            Some((session, Event::Established(_))) => Victim { end, session },
            other => panic!("{other:?} instead of a session"),
        }
    }

    /// A session with a message on the way in either direction, so that there is something to lose and to take.
    fn victim(&mut self, client: &Client) -> Victim {
        let mut victim = self.establish(client);
        self.listener
            .send(victim.session, b"to the client", self.now)
            .expect("sent");
        victim.end.channel.send(b"to the server", self.now).expect("sent");
        victim
    }

    /// Another handshake, in which a client asks to go on with a session. The request is true until it is changed.
    fn ask(&mut self, client: &Client, session: &Channel, change: impl FnOnce(&mut Join)) -> (End, Answer, Opened) {
        let (mut end, confirmed) = self.handshake(client);
        end.channel.ask_to_join(session).expect("a proof");
        let mut join = end.channel.asked().expect("a request");
        change(&mut join);
        end.channel.ask_in_words(join);
        end.channel.take(&confirmed, self.now);
        let packet = end.channel.poll_transmit(self.now).expect("a request");
        self.deliver(end.route, packet);
        while let Some(packet) = self.arriving(end.route) {
            let Some(opened) = open(&mut end, packet, self.now) else {
                continue;
            };
            let answer = opened.says(|frame| match frame {
                Frame::Joined(state) => Some(Answer::Joined(state)),
                Frame::Fresh => Some(Answer::Fresh),
                _ => None,
            });
            if let Some(answer) = answer {
                return (end, answer, opened);
            }
            end.channel.take(&opened, self.now);
        }
        panic!("no answer");
    }

    /// The request was answered with a session of its own, and the victim neither lost nor heard anything.
    fn assert_refused(mut self, (mut asking, answer, opened): (End, Answer, Opened), mut victim: Victim) {
        assert_eq!(answer, Answer::Fresh);
        let stats = self.listener.stats();
        assert_eq!((stats.joins, stats.joins_refused), (0, 1));
        let told = std::iter::from_fn(|| self.listener.poll_event(self.now));
        let told: Vec<_> = told.filter(|(session, _)| *session == victim.session).collect();
        assert!(told.is_empty(), "{told:?}");

        asking.channel.begin(None, self.now);
        asking.channel.take(&opened, self.now);
        self.carry(&mut asking);
        let told: Vec<_> = std::iter::from_fn(|| asking.channel.poll_event(self.now)).collect();
        assert!(matches!(told[..], [Event::Established(_)]), "{told:?}");

        self.assert_flows(&mut victim);
        let stats = self.listener.session_stats(victim.session).expect("it stands");
        assert_eq!((stats.handshakes, stats.joins, stats.restarts), (1, 0, 0));
        assert_eq!((stats.packets_lost, stats.messages_replayed), (0, 0));
    }

    /// Whatever was on the way arrives, once, and so does what is sent now; nothing else is told.
    fn assert_flows(&mut self, victim: &mut Victim) {
        let (now, session) = (self.now, victim.session);
        self.listener.send(session, b"more to the client", now).expect("sent");
        victim.end.channel.send(b"more to the server", now).expect("sent");
        self.carry(&mut victim.end);
        let at_client = std::iter::from_fn(|| victim.end.channel.poll_event(now)).map(text);
        assert_eq!(at_client.collect::<Vec<_>>(), ["to the client", "more to the client"]);
        let at_server = std::iter::from_fn(|| self.listener.poll_event(now));
        let at_server: Vec<_> = at_server.filter(|(of, _)| *of == session).collect();
        let at_server = at_server.into_iter().map(|(_, event)| text(event));
        assert_eq!(at_server.collect::<Vec<_>>(), ["to the server", "more to the server"]);
    }
}

fn open(end: &mut End, packet: Vec<u8>, now: Instant) -> Option<Opened> {
    let (header, _) = Header::decode(&packet).expect("a packet");
    end.channel.open(&header, packet.into(), now)
}

fn text(event: Event) -> String {
    let Event::Message(message) = event else {
        panic!("{event:?} instead of a message")
    };
    String::from_utf8(message.payload().to_vec()).expect("text")
}

/// The client goes on in the session as its server agreed, and nothing is lost.
fn assert_joined(mut world: World, client: &Client) {
    let mut victim = world.victim(client);
    let (End { channel, route }, answer, opened) = world.ask(client, &victim.end.channel, |_| {});
    let Answer::Joined(state) = answer else {
        panic!("not joined")
    };
    let stats = world.listener.stats();
    assert_eq!((stats.joins, stats.joins_refused, stats.sessions), (1, 0, 1));
    victim.end.channel.joined(*channel, &state, world.now);
    victim.end.channel.take(&opened, world.now);
    victim.end.route = route;
    world.assert_flows(&mut victim);
}

#[test]
fn the_client_of_a_session_goes_on_with_it_with_a_name_and_without() {
    let own = certificate("client");
    for name in [Some("name"), None] {
        let world = World::new(&[&own]);
        let client = world.client(Some(&own), name, 1);
        assert_joined(world, &client);
    }
}

#[test]
fn the_client_of_a_session_goes_on_with_it_where_clients_have_no_certificates() {
    let world = World::new(&[]);
    let client = world.client(None, None, 1);
    assert_joined(world, &client);
}

#[test]
fn a_proof_with_any_bit_changed_proves_nothing() {
    let own = certificate("client");
    for bit in [0, 7, 8, 100, 127, 128, 200, 255] {
        let mut world = World::new(&[&own]);
        let client = world.client(Some(&own), None, 1);
        let victim = world.victim(&client);
        let asked = world.ask(&client, &victim.end.channel, |join| {
            join.proof[bit / 8] ^= 1 << (bit % 8);
        });
        world.assert_refused(asked, victim);
    }
}

#[test]
fn a_proof_made_in_one_handshake_proves_nothing_in_another() {
    let own = certificate("client");
    let mut world = World::new(&[&own]);
    let client = world.client(Some(&own), None, 1);
    let victim = world.victim(&client);
    let (mut first, _) = world.handshake(&client);
    first.channel.ask_to_join(&victim.end.channel).expect("a proof");
    let copied = first.channel.asked().expect("a request");
    let asked = world.ask(&client, &victim.end.channel, |join| *join = copied);
    world.assert_refused(asked, victim);
}

#[test]
fn the_secret_of_ones_own_session_proves_nothing_of_the_session_of_another() {
    let (own, other) = (certificate("client"), certificate("other"));
    let mut world = World::new(&[&own, &other]);
    let client = world.client(Some(&own), Some("name"), 1);
    let thief = world.client(Some(&other), Some("other name"), 2);
    let thiefs = world.establish(&thief);
    let victim = world.victim(&client);
    // By which id to name the session everybody can see in its packets.
    let (mut seen, _) = world.handshake(&client);
    seen.channel.ask_to_join(&victim.end.channel).expect("a proof");
    let seen = seen.channel.asked().expect("a request");
    let asked = world.ask(&thief, &thiefs.end.channel, |join| join.earlier = seen.earlier);
    world.assert_refused(asked, victim);
}

#[test]
fn the_secret_of_a_session_is_of_no_use_with_another_certificate() {
    let (own, other) = (certificate("client"), certificate("other"));
    for name in [Some("name"), None] {
        let mut world = World::new(&[&own, &other]);
        let client = world.client(Some(&own), name, 1);
        let thief = world.client(Some(&other), name, 1);
        let victim = world.victim(&client);
        let asked = world.ask(&thief, &victim.end.channel, |_| {});
        world.assert_refused(asked, victim);
    }
}

#[test]
fn the_secret_of_a_session_is_of_no_use_under_another_endpoint_name() {
    let own = certificate("client");
    for (name, other) in [
        (Some("name"), Some("other name")),
        (Some("name"), None),
        (None, Some("other name")),
    ] {
        let mut world = World::new(&[&own]);
        let client = world.client(Some(&own), name, 1);
        let thief = world.client(Some(&own), other, 1);
        let victim = world.victim(&client);
        let asked = world.ask(&thief, &victim.end.channel, |_| {});
        world.assert_refused(asked, victim);
    }
}

#[test]
fn the_secret_of_a_session_is_of_no_use_to_another_process_of_a_client_without_a_certificate() {
    let mut world = World::new(&[]);
    let client = world.client(None, None, 1);
    let thief = world.client(None, None, 2);
    let victim = world.victim(&client);
    let asked = world.ask(&thief, &victim.end.channel, |_| {});
    world.assert_refused(asked, victim);
}

#[test]
fn a_stranger_without_a_certificate_that_copies_the_incarnation_proves_nothing_by_a_secret_of_its_own() {
    let mut world = World::new(&[]);
    let client = world.client(None, None, 1);
    let other = world.client(None, None, 2);
    let thiefs = world.establish(&other);
    let victim = world.victim(&client);
    let (mut seen, _) = world.handshake(&client);
    seen.channel.ask_to_join(&victim.end.channel).expect("a proof");
    let seen = seen.channel.asked().expect("a request");
    // What a first packet says of its sender everybody can read, and say of himself.
    let thief = world.client(None, None, 1);
    let asked = world.ask(&thief, &thiefs.end.channel, |join| join.earlier = seen.earlier);
    world.assert_refused(asked, victim);
}
