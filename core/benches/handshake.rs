//! Full handshakes, beside rustls's own QUIC handshake driven bare with the same certificates, provider and settings.
//!
//! `cargo bench -p steadfast --bench handshake`. The closing lines give the ratio, from runs that alternate: the share of
//! a core that rustls itself takes of a handshake.

mod pair;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group};
use pair::{Authentication, Identities, connect};
use rustls::quic::{ClientConnection, KeyChange, ServerConnection, Version};
use steadfast::{ClientConfig, Listener, ServerConfig};

/// As long as what Steadfast says of itself within the handshake, about.
const TRANSPORT_PARAMETERS: [u8; 64] = [0; 64];

struct Subjects {
    client: ClientConfig,
    server: ServerConfig,
    bare_client: Arc<rustls::ClientConfig>,
    bare_server: Arc<rustls::ServerConfig>,
}

impl Subjects {
    fn new(authentication: Authentication) -> Self {
        let identities = Identities::new(authentication);
        Self {
            client: identities.client_config(),
            server: identities.server_config(1),
            bare_client: identities.bare_client_config(),
            bare_server: identities.bare_server_config(),
        }
    }

    fn listener(&self) -> Listener<usize> {
        Listener::new(&self.server, Instant::now()).expect("a listener")
    }

    fn ours(&self, mut listener: Listener<usize>) {
        let pair = connect(&mut listener, &self.client, 0, Instant::now());
        black_box((pair, listener));
    }

    /// Both connections until both have their keys for data.
    fn bare(&self) {
        let parameters = || TRANSPORT_PARAMETERS.to_vec();
        let name = "server".try_into().expect("a valid name");
        let mut client =
            ClientConnection::new(self.bare_client.clone(), Version::V1, name, parameters()).expect("a client");
        let mut server = ServerConnection::new(self.bare_server.clone(), Version::V1, parameters()).expect("a server");
        let mut keys = Vec::with_capacity(4);
        while client.is_handshaking() || server.is_handshaking() {
            deliver_flights(
                |flight| client.write_hs(flight),
                |flight| server.read_hs(flight),
                &mut keys,
            );
            deliver_flights(
                |flight| server.write_hs(flight),
                |flight| client.read_hs(flight),
                &mut keys,
            );
        }
        black_box((client, server, keys));
    }
}

/// Each level's bytes by themselves, as packets carry them.
fn deliver_flights(
    mut write: impl FnMut(&mut Vec<u8>) -> Option<KeyChange>,
    mut read: impl FnMut(&[u8]) -> Result<(), rustls::Error>,
    keys: &mut Vec<KeyChange>,
) {
    loop {
        let mut flight = Vec::new();
        let change = write(&mut flight);
        if flight.is_empty() && change.is_none() {
            return;
        }
        read(&flight).expect("the peer's flight");
        keys.extend(change);
    }
}

fn handshake(criterion: &mut Criterion) {
    for authentication in [Authentication::Server, Authentication::Mutual] {
        let subjects = Subjects::new(authentication);
        let mut group = criterion.benchmark_group(format!("handshake, {authentication:?}"));
        group.bench_function("steadfast", |bencher| {
            bencher.iter_batched(
                || subjects.listener(),
                |listener| subjects.ours(listener),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("rustls", |bencher| bencher.iter(|| subjects.bare()));
        group.finish();
    }
}

/// In turns, and by the faster quarter of them, so that a busy machine does not decide.
fn print_ratio(authentication: Authentication) {
    const HANDSHAKES: usize = 2_000;
    let subjects = Subjects::new(authentication);
    let (mut ours, mut bare) = (Vec::with_capacity(HANDSHAKES), Vec::with_capacity(HANDSHAKES));
    for _ in 0..HANDSHAKES {
        let listener = subjects.listener();
        ours.push(timed(|| subjects.ours(listener)));
        bare.push(timed(|| subjects.bare()));
    }
    let (ours, bare) = (quartile(ours), quartile(bare));
    let ratio = bare.as_secs_f64() / ours.as_secs_f64();
    let per_second = 1.0 / ours.as_secs_f64();
    println!(
        "{authentication:?} authentication: {ours:.1?} beside {bare:.1?} of bare rustls: {ratio:.3} of its rate, \
         {per_second:.0} handshakes/s with both sides on one core",
    );
}

fn timed(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn quartile(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 4]
}

criterion_group!(benches, handshake);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    print_ratio(Authentication::Server);
    print_ratio(Authentication::Mutual);
}
