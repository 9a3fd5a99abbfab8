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
use rustls::quic::{ClientConnection, ServerConnection, Version};
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
        let mut flight = Vec::new();
        let mut keys = Vec::with_capacity(4);
        while client.is_handshaking() || server.is_handshaking() {
            flight.clear();
            while let Some(change) = client.write_hs(&mut flight) {
                keys.push(change);
            }
            server.read_hs(&flight).expect("the client's flight");
            flight.clear();
            while let Some(change) = server.write_hs(&mut flight) {
                keys.push(change);
            }
            client.read_hs(&flight).expect("the server's flight");
        }
        black_box((client, server, keys));
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

/// In turns, so that a busy machine slows both.
fn print_ratio(authentication: Authentication) {
    const ROUNDS: usize = 200;
    const HANDSHAKES: u32 = 10;
    let subjects = Subjects::new(authentication);
    let (mut ours, mut bare) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        ours.push(timed(HANDSHAKES, || subjects.ours(subjects.listener())));
        bare.push(timed(HANDSHAKES, || subjects.bare()));
    }
    let (ours, bare) = (median(ours), median(bare));
    let ratio = bare.as_secs_f64() / ours.as_secs_f64();
    let per_second = 1.0 / ours.as_secs_f64();
    println!(
        "{authentication:?} authentication: {ours:.1?} beside {bare:.1?} of bare rustls: {ratio:.3} of its rate, \
         {per_second:.0} handshakes/s with both sides on one core",
    );
}

fn timed(times: u32, mut run: impl FnMut()) -> Duration {
    let began = Instant::now();
    (0..times).for_each(|_| run());
    began.elapsed() / times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

criterion_group!(benches, handshake);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    print_ratio(Authentication::Server);
    print_ratio(Authentication::Mutual);
}
