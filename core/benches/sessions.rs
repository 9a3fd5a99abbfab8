//! One small message to the server and one back, while the listener holds few or many sessions: the cost of a packet must
//! not depend on their number.
//!
//! `cargo bench -p steadfast --bench sessions`; setting up 100,000 sessions takes a minute.

mod pair;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pair::{Authentication, Identities, Pair, Route, carry_to_client, carry_to_server, connect};
use steadfast::{Event, Listener};

/// Clients that go on talking, in turns: what else there is in the listener is idle.
const TALKING: usize = 64;

fn sessions(criterion: &mut Criterion) {
    let identities = Identities::new(Authentication::Server);
    let client_config = identities.client_config();
    let mut group = criterion.benchmark_group("message and answer beside idle sessions");
    for sessions in [1, 64, 1_000, 100_000] {
        let mut now = Instant::now();
        let mut listener = Listener::new(&identities.server_config(sessions), now).expect("a listener");
        let mut pairs = Vec::with_capacity(TALKING);
        for route in 0..sessions {
            let pair = connect(&mut listener, &client_config, route, now);
            if pairs.len() < TALKING {
                pairs.push(pair);
            }
        }
        assert_eq!(listener.sessions().count(), sessions);
        let mut turn = 0;
        group.bench_function(BenchmarkId::from_parameter(sessions), |bencher| {
            bencher.iter(|| {
                turn = (turn + 1) % pairs.len();
                now += Duration::from_micros(1);
                ask_and_answer(&mut pairs[turn], &mut listener, now);
            });
        });
    }
    group.finish();
}

/// What a driver calls for a packet in each direction.
fn ask_and_answer(pair: &mut Pair, listener: &mut Listener<Route>, now: Instant) {
    pair.client.send(&[7; 64], now).expect("room for one message");
    carry_to_server(&mut pair.client, listener, pair.route, now);
    let mut asked = 0;
    while let Some((session, event)) = listener.poll_event(now) {
        if let Event::Message(question) = event {
            listener
                .send(session, question.payload(), now)
                .expect("room for one message");
            asked += 1;
        }
    }
    assert_eq!(asked, 1);
    carry_to_client(&mut pair.client, listener, now);
    let answered =
        std::iter::from_fn(|| pair.client.poll_event(now)).filter(|event| matches!(event, Event::Message(_)));
    assert_eq!(answered.count(), 1);
    if listener.poll_timeout().is_some_and(|deadline| deadline <= now) {
        listener.handle_timeout(now);
    }
}

criterion_group!(benches, sessions);
criterion_main!(benches);
