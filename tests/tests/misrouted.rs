//! Two servers behind one address, between which a relay deals packets: the client finds out, and says so.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use steadfast::{ClientConfig, CloseReason, Closed, Event, Listener, Message, MessageId, ServerConfig, Session};
use steadfast_sim::pki::{Authority, Identity, SERVER_NAME, Validity};
use steadfast_sim::{NodeRandom, provider};

/// How long a packet is on its way.
const LATENCY: Duration = Duration::from_millis(1);
const TICK: Duration = Duration::from_micros(500);
/// Within this time a client that sends now and then has found out.
const BOUND: Duration = Duration::from_secs(60);

/// To which server the `n`th packet of the client goes, at this time.
type Deal = fn(n: u64, at: Duration) -> usize;

/// One client, a relay, and two servers that have the same certificate and know nothing of each other.
struct Relay {
    random: NodeRandom,
    config: ServerConfig,
    client: Session,
    servers: [Listener<u8>; 2],
    deal: Deal,
    dealt: u64,
    up: VecDeque<(Duration, usize, Vec<u8>)>,
    down: VecDeque<(Duration, Vec<u8>)>,
    began: Instant,
    at: Duration,
    /// What the client sent and the servers did not deliver, in this life of its session.
    sent: Vec<MessageId>,
    told: Vec<Event>,
    delivered: Vec<Message>,
}

impl Relay {
    fn new(seed: u64, deal: Deal) -> Self {
        let mut random = NodeRandom::new(seed, 0, 0);
        let began = Instant::now();
        let (client, config) = random.lend(configs);
        let server = || Listener::new(&config, began).unwrap();
        let (servers, client) = random.lend(|| {
            let name = SERVER_NAME.try_into().unwrap();
            ([server(), server()], Session::new(&client, name, began).unwrap())
        });
        Self {
            random,
            config,
            client,
            servers,
            deal,
            dealt: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            began,
            at: Duration::ZERO,
            sent: Vec::new(),
            told: Vec::new(),
            delivered: Vec::new(),
        }
    }

    fn send(&mut self) {
        if let Ok(id) = self.client.send(b"to whom?", self.began + self.at) {
            self.sent.push(id);
        }
    }

    /// Lets so much time pass, in which the client sends something every so often; less if the session ends.
    fn run(&mut self, time: Duration, every: Duration) {
        let end = self.at + time;
        let mut next = self.at;
        while self.at < end && !self.client.is_closed() {
            if self.at >= next {
                self.send();
                next += every;
            }
            self.tick();
        }
    }

    fn tick(&mut self) {
        let mut random = std::mem::replace(&mut self.random, NodeRandom::new(0, 0, 0));
        random.lend(|| self.step());
        self.random = random;
        self.at += TICK;
    }

    fn step(&mut self) {
        let now = self.began + self.at;
        while self.up.front().is_some_and(|(at, ..)| *at <= self.at) {
            let (_, to, packet) = self.up.pop_front().unwrap();
            self.servers[to].handle_packet(1, packet, now);
        }
        while self.down.front().is_some_and(|(at, _)| *at <= self.at) {
            let (_, packet) = self.down.pop_front().unwrap();
            self.client.handle_packet(packet, now);
        }
        self.client.handle_timeout(now);
        for server in &mut self.servers {
            server.handle_timeout(now);
            while let Some((_, event)) = server.poll_event(now) {
                if let Event::Message(message) = event {
                    self.delivered.push(message);
                }
            }
            while let Some(sent) = server.poll_transmit(now) {
                self.down.push_back((self.at + LATENCY, sent.packet));
            }
        }
        while let Some(event) = self.client.poll_event(now) {
            if let Event::PeerRestarted(told) = &event {
                self.assert_exact(&told.in_doubt, &told.unsent);
                self.sent.clear();
            }
            self.told.push(event);
        }
        while let Some(packet) = self.client.poll_transmit(now) {
            let to = (self.deal)(self.dealt, self.at);
            self.dealt += 1;
            self.up.push_back((self.at + LATENCY, to, packet));
        }
        if let Some(through) = self.client.acknowledged_through() {
            self.sent.retain(|id| *id > through);
        }
    }

    /// Everything that was sent and not acknowledged is in a list, and nothing else.
    #[track_caller]
    fn assert_exact(&self, in_doubt: &[Message], unsent: &[Message]) {
        let listed: Vec<_> = in_doubt.iter().chain(unsent).map(Message::id).collect();
        let missing = self.sent.iter().filter(|id| !listed.contains(id)).count();
        assert_eq!(missing, 0, "{listed:?} of {:?}", self.sent);
        assert!(listed.len() <= self.sent.len() + 1, "{listed:?} of {:?}", self.sent);
    }

    fn closed(&self) -> Option<&Closed> {
        self.told.iter().find_map(|event| match event {
            Event::Closed(closed) => Some(&**closed),
            _ => None,
        })
    }

    #[track_caller]
    fn assert_misrouted(&self) {
        let Some(closed) = self.closed() else {
            panic!("not found out within {:?}: {:?}", self.at, self.told)
        };
        assert_eq!(closed.reason, CloseReason::Misrouted);
        assert!(!closed.reason.retryable());
        assert!(closed.reason.to_string().contains("one backend"), "{}", closed.reason);
        self.assert_exact(&closed.in_doubt, &closed.unsent);
    }

    fn restarts(&self) -> usize {
        let restarts = self
            .told
            .iter()
            .filter(|event| matches!(event, Event::PeerRestarted(_)));
        restarts.count()
    }
}

fn configs() -> (ClientConfig, ServerConfig) {
    let (authority, provider) = (Authority::trusted(), provider::deterministic());
    let Identity { chain, key } = authority.server(SERVER_NAME, Validity::Current);
    let server = ServerConfig::builder(provider.clone(), chain, key).build().unwrap();
    let verifier = authority.server_verifier(&provider);
    let client = ClientConfig::builder(provider, verifier).endpoint_name("worker-7");
    (client.build().unwrap(), server)
}

/// Anything, always the same.
fn scatter(n: u64) -> usize {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as usize % 2
}

/// Each deals every packet, or every few, or all of some time, to the one or the other.
const DEALS: [(&str, Deal); 6] = [
    ("by turns", |n, _| (n % 2) as usize),
    ("two by two", |n, _| (n / 2 % 2) as usize),
    ("five by five", |n, _| (n / 5 % 2) as usize),
    ("at random", |n, _| scatter(n)),
    ("for 30 ms each", |_, at| (at.as_millis() / 30 % 2) as usize),
    ("for 700 ms each", |_, at| (at.as_millis() / 700 % 2) as usize),
];

#[test]
fn a_client_that_connects_through_such_a_relay_is_told_soon() {
    for (how, deal) in DEALS {
        for seed in 0..2 {
            let mut relay = Relay::new(seed, deal);
            relay.run(BOUND, Duration::from_millis(20));
            assert!(relay.client.is_closed(), "{how}: {:?}", relay.told);
            relay.assert_misrouted();
        }
    }
}

#[test]
fn a_session_that_stood_long_is_told_when_its_packets_begin_to_go_astray() {
    const GOOD: Duration = Duration::from_secs(15);
    let deals: [(&str, Deal); 4] = [
        ("by turns", |n, at| if at < GOOD { 0 } else { (n % 2) as usize }),
        ("at random", |n, at| if at < GOOD { 0 } else { scatter(n) }),
        ("for 30 ms each", |_, at| {
            if at < GOOD {
                0
            } else {
                (at.as_millis() / 30 % 2) as usize
            }
        }),
        ("for 700 ms each", |_, at| {
            if at < GOOD {
                0
            } else {
                (at.as_millis() / 700 % 2) as usize
            }
        }),
    ];
    for (how, deal) in deals {
        let mut relay = Relay::new(7, deal);
        relay.run(GOOD, Duration::from_millis(200));
        assert_eq!(relay.told.len(), 1, "{how}: established, no more");
        relay.run(BOUND, Duration::from_millis(20));
        assert!(relay.client.is_closed(), "{how}: {:?}", relay.told);
        relay.assert_misrouted();
    }
}

#[test]
fn a_client_that_seldom_sends_is_told_as_well() {
    let mut relay = Relay::new(1, |n, _| (n % 2) as usize);
    relay.run(Duration::from_secs(120), Duration::from_secs(2));
    relay.assert_misrouted();
}

/// A server that took over for good looks like one that restarted.
#[test]
fn moving_once_to_the_other_server_is_a_restart() {
    let mut relay = Relay::new(3, |_, at| usize::from(at > Duration::from_secs(5)));
    relay.run(Duration::from_secs(30), Duration::from_millis(20));
    assert!(!relay.client.is_closed(), "{:?}", relay.told);
    assert_eq!(relay.restarts(), 1);
    assert!(relay.client.is_established());
}

#[test]
fn moving_there_and_back_is_not() {
    let mut relay = Relay::new(3, |_, at| usize::from((5..10).contains(&at.as_secs())));
    relay.run(Duration::from_secs(30), Duration::from_millis(20));
    relay.assert_misrouted();
}

#[test]
fn one_server_that_restarts_many_times_is_never_taken_for_two() {
    for pause in [1, 3, 7, 40, 900].map(Duration::from_millis) {
        let mut relay = Relay::new(5, |_, _| 0);
        for life in 0..30 {
            relay.run(Duration::from_millis(300) + pause, Duration::from_millis(5));
            let (config, now) = (relay.config.clone(), relay.began + relay.at);
            let mut random = NodeRandom::new(100 + life, 0, 0);
            relay.servers[0] = random.lend(|| Listener::new(&config, now).unwrap());
        }
        relay.run(Duration::from_secs(10), Duration::from_millis(20));
        assert!(!relay.client.is_closed(), "{:?}", relay.told.last());
        assert!(relay.client.is_established());
        assert!(relay.restarts() > 5);
    }
}

/// Whoever can only forge makes no client believe in a second server.
#[test]
fn forged_hints_alone_are_no_second_server() {
    let mut relay = Relay::new(9, |_, _| 0);
    for _ in 0..600 {
        relay.run(Duration::from_millis(50), Duration::from_millis(10));
        let forged: Vec<_> = relay
            .up
            .iter()
            .map(|(_, _, packet)| steadfast_tests::forge::unknown(packet))
            .collect();
        let now = relay.began + relay.at;
        let (random, client) = (&mut relay.random, &mut relay.client);
        random.lend(|| forged.into_iter().for_each(|packet| client.handle_packet(packet, now)));
    }
    assert!(relay.client.is_established(), "{:?}", relay.told);
    assert_eq!(relay.told.len(), 1);
}
