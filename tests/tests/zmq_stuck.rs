//! One peer of a hundred takes nothing: the others do not notice, and nobody is busy for its sake.
#![cfg(unix)]

use std::time::{Duration, Instant};

use steadfast::{Event, InFlight, Limits, SessionId};
use steadfast_tests::over_zmq::{PATIENCE, Scene, localhost, socket_address};
use steadfast_zmq::testing::CutProxy;
use steadfast_zmq::{Client, Endpoint, Error, Server};

const OTHERS: usize = 99;
const ROUNDS: usize = 20;

/// A server, the one whose link carries nothing any more, and the others.
struct Hundred {
    server: Server,
    stuck: SessionId,
    _stuck_client: Client,
    others: Vec<(SessionId, Client)>,
    taken: Vec<usize>,
    _proxy: CutProxy,
}

/// Nobody finds out in time that the link is dead: the worst case.
fn patient(endpoint: Endpoint<'_>) -> Endpoint<'_> {
    endpoint.heartbeat(Duration::from_secs(60), Duration::from_secs(60))
}

impl Hundred {
    fn start(scene: &Scene) -> Self {
        let limits = Limits {
            send_buffer_bytes: 256 << 10,
            ..Limits::default()
        };
        let config = scene.credentials.server().limits(limits).build().expect("complete");
        let endpoint = patient(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"));
        let mut server = Server::bind(endpoint, &config).expect("a free port");
        let proxy = CutProxy::start(socket_address(&server)).expect("a free port");
        let address = server.local_address().expect("bound");

        let connect = |server: &mut Server, address: &str| {
            let endpoint = patient(Endpoint::new(&scene.context, address));
            let mut client = Client::connect(endpoint, localhost(), &scene.client_config()).expect("connects");
            let limit = Instant::now() + PATIENCE;
            loop {
                assert!(Instant::now() < limit, "no session");
                client.recv_timeout(Duration::from_millis(1)).expect("open");
                if let Some(received) = server.recv_timeout(Duration::from_millis(1)).expect("open")
                    && matches!(received.event, Event::Established(_))
                {
                    return (received.session, client);
                }
            }
        };
        let (stuck, stuck_client) = connect(&mut server, &proxy.zmq_address());
        let others: Vec<_> = (0..OTHERS).map(|_| connect(&mut server, &address)).collect();
        proxy.silence();
        Self {
            server,
            stuck,
            _stuck_client: stuck_client,
            taken: vec![0; others.len()],
            others,
            _proxy: proxy,
        }
    }

    /// Sends to the stuck one until no more is taken; returns what is held then.
    fn fill(&mut self) -> InFlight {
        loop {
            match self.server.try_send(self.stuck, &[0; 10_000]) {
                Ok(_) => {}
                Err(Error::WouldBlock) => return self.server.in_flight(self.stuck),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Sends a message to each of the others, and waits until they took it.
    fn exchange(&mut self) {
        for (session, _) in &self.others {
            self.server.try_send(*session, &[1; 1_000]).expect("room");
        }
        let wanted = self.taken[0] + 1;
        let limit = Instant::now() + PATIENCE;
        while self.taken.iter().any(|&taken| taken < wanted) {
            assert!(Instant::now() < limit, "{:?}", self.taken);
            self.server.try_recv().expect("open");
            for ((_, client), taken) in self.others.iter_mut().zip(&mut self.taken) {
                if let Some(Event::Message(_)) = client.try_recv().expect("open") {
                    *taken += 1;
                }
            }
        }
    }
}

#[test]
fn one_stuck_peer_of_a_hundred_leaves_the_others_alone_and_the_processor_idle() {
    let mut hundred = Hundred::start(&Scene::default());
    let full = hundred.fill();
    assert!(full.sent_bytes + full.unsent_bytes <= 256 << 10, "{full:?}");
    for _ in 0..ROUNDS {
        hundred.exchange();
        assert_eq!(
            hundred.server.try_send(hundred.stuck, &[0; 10_000]),
            Err(Error::WouldBlock)
        );
    }
    let still_full = hundred.server.in_flight(hundred.stuck);
    assert!(
        still_full.sent_bytes + still_full.unsent_bytes <= 256 << 10,
        "{still_full:?}"
    );

    // Nothing is to be done now but to try again from time to time.
    let (began, busy) = (Instant::now(), processor_time());
    while began.elapsed() < Duration::from_secs(2) {
        hundred.server.recv_timeout(Duration::from_millis(500)).expect("open");
    }
    let busy = processor_time() - busy;
    assert!(busy < Duration::from_millis(500), "busy for {busy:?} of two seconds");
}

/// Of this thread, user and system.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value that lives for the call.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(outcome, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
