//! The heap that an idle session keeps on each side, and what a small message allocates, by an allocator that counts.
//!
//! `cargo bench -p steadfast --bench memory`

mod pair;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use pair::{Authentication, Handed, Identities, Pair, connect};
use steadfast::{Listener, PeerIdentity};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);
static FREED_BYTES: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        ALLOCATED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller's own promises hold for this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller's own promises hold for this call.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live_bytes() -> u64 {
    ALLOCATED_BYTES.load(Relaxed) - FREED_BYTES.load(Relaxed)
}

fn main() {
    for authentication in [Authentication::Server, Authentication::Mutual] {
        idle_sessions(authentication);
    }
    allocations("64 B messages, streamed", 100_000);
    allocations("64 B messages, each alone in its packet", 1);
}

fn idle_sessions(authentication: Authentication) {
    const SESSIONS: usize = 1_000;
    let identities = Identities::new(authentication);
    let config = identities.client_config();
    let mut now = Instant::now();
    let mut listener = Listener::new(&identities.server_config(SESSIONS), now).expect("a listener");
    let mut clients: Vec<Box<Pair>> = Vec::with_capacity(SESSIONS);
    let before = live_bytes();
    for route in 0..SESSIONS {
        let mut pair = Box::new(connect(&mut listener, &config, route, now));
        now = talk_and_fall_silent(&mut pair, &mut listener, now);
        clients.push(pair);
    }
    let both = live_bytes() - before;
    let certificates = certificate_bytes(clients[0].client.peer());
    let their_certificates = certificate_bytes(listener.peer(clients[0].session));
    clients.clear();
    let listener_alone = live_bytes() - before;
    let per_session = |bytes: u64| bytes / SESSIONS as u64;
    println!("{authentication:?} authentication, heap of an idle session besides the peer's certificates:");
    println!(
        "  client    {:>6} B (and {certificates} B of certificates)",
        per_session(both - listener_alone) - certificates
    );
    println!(
        "  listener  {:>6} B (and {their_certificates} B of certificates)",
        per_session(listener_alone) - their_certificates
    );
}

fn certificate_bytes(peer: Option<&std::sync::Arc<PeerIdentity>>) -> u64 {
    let certificates = peer.expect("an established session").certificates();
    certificates.iter().map(|certificate| certificate.len() as u64).sum()
}

/// A session that was used: its buffers have grown to what a message takes, and all is acknowledged.
fn talk_and_fall_silent(pair: &mut Pair, listener: &mut Listener<usize>, now: Instant) -> Instant {
    let mut now = pair.stream(listener, &[7; 1_000], 10, now);
    listener
        .send(pair.session, &[7; 1_000], now)
        .expect("room for one message");
    assert_eq!(
        pair.settle(listener, now),
        Handed {
            to_server: 0,
            to_client: 1
        }
    );
    while pair.client.in_flight() != Default::default() || listener.in_flight(pair.session) != Default::default() {
        now = pair.wait(listener, now);
        pair.settle(listener, now);
    }
    now
}

/// How often the heap is asked for a message of 64 bytes, from `send` to hand-over.
fn allocations(what: &str, batch: u64) {
    const BATCHES: u64 = 1_000;
    let identities = Identities::new(Authentication::Server);
    let mut now = Instant::now();
    let mut listener = Listener::new(&identities.server_config(1), now).expect("a listener");
    let mut pair = connect(&mut listener, &identities.client_config(), 0, now);
    let batches = BATCHES.min(1_000_000 / batch);
    let mut run = |now: &mut Instant| {
        for _ in 0..batches {
            *now = pair.stream(&mut listener, &[7; 64], batch, *now + Duration::from_micros(10));
        }
    };
    run(&mut now);
    let before = ALLOCATIONS.load(Relaxed);
    run(&mut now);
    let made = ALLOCATIONS.load(Relaxed) - before;
    println!(
        "{what}: {:.4} allocations a message",
        made as f64 / (batches * batch) as f64
    );
}
