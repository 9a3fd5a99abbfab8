//! Messages from a client to a server, sealed and opened by one core: what a driver would call, without a transport.
//!
//! `cargo bench -p steadfast --bench stream`; `PROVIDER=ring` for ring in place of aws-lc-rs.

mod pair;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pair::{Authentication, Identities, connect};
use steadfast::Listener;

/// Enough for several windows, so that credit and acknowledgements are paid for.
const BATCH_BYTES: u64 = 8 << 20;

fn stream(criterion: &mut Criterion) {
    let identities = Identities::new(Authentication::Server);
    let mut group = criterion.benchmark_group("stream");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    for (name, message_bytes) in [
        ("64 B", 64),
        ("1 KiB", 1 << 10),
        ("16 KiB", 16 << 10),
        ("64 KiB", 64 << 10),
        ("1 MiB", 1 << 20),
    ] {
        let mut now = Instant::now();
        let mut listener = Listener::new(&identities.server_config(1), now).expect("a listener");
        let mut pair = connect(&mut listener, &identities.client_config(), 0, now);
        let payload = vec![7; message_bytes];
        let messages = BATCH_BYTES / message_bytes as u64;
        group.throughput(Throughput::ElementsAndBytes {
            elements: messages,
            bytes: BATCH_BYTES,
        });
        group.bench_function(name, |bencher| {
            bencher.iter(|| now = pair.stream(&mut listener, &payload, messages, now));
        });
    }
    group.finish();
}

criterion_group!(benches, stream);
criterion_main!(benches);
