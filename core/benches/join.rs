//! What a join costs a stream: another handshake beside it, and what is sent again because its arrival was not known yet.
//!
//! `cargo bench -p steadfast --bench join`; `PROVIDER=ring` for ring in place of aws-lc-rs. The difference of the two times is
//! the cost of one join, at both sides together.

mod pair;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pair::{Authentication, Identities, Pair, Route, connect};
use steadfast::Listener;

const BATCH_BYTES: u64 = 64 << 20;
const MESSAGE_BYTES: usize = 16 << 10;

fn join(criterion: &mut Criterion) {
    let identities = Identities::new(Authentication::Mutual);
    let mut group = criterion.benchmark_group("64 MiB in messages of 16 KiB");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    group.throughput(Throughput::Bytes(BATCH_BYTES));
    for (name, joins) in [("without a join", 0), ("with a join", 1), ("with ten joins", 10)] {
        let mut now = Instant::now();
        let mut listener = Listener::new(&identities.server_config(2), now).expect("a listener");
        let mut pair = connect(&mut listener, &identities.client_config(), 0, now);
        group.bench_function(name, |bencher| {
            bencher.iter(|| now = stream(&mut pair, &mut listener, joins, now));
        });
    }
    group.finish();
}

/// Streams the batch in equal pieces, and begins a join before each of them but the first.
fn stream(pair: &mut Pair, listener: &mut Listener<Route>, joins: u64, now: Instant) -> Instant {
    let payload = vec![7; MESSAGE_BYTES];
    let messages = BATCH_BYTES / MESSAGE_BYTES as u64 / (joins + 1);
    let before = pair.client.stats().joins;
    let mut now = pair.stream(listener, &payload, messages, now);
    for _ in 0..joins {
        // Handshakes keep a distance from each other.
        now += Duration::from_secs(1);
        pair.client.renew(now);
        pair.client.handle_timeout(now);
        now = pair.stream(listener, &payload, messages, now);
    }
    assert_eq!(pair.client.stats().joins - before, joins, "as many joins as were begun");
    now
}

criterion_group!(benches, join);
criterion_main!(benches);
