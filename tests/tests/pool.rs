//! Large messages share one pool of memory, first come first served; who makes no progress does not hold it for ever.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{CloseCode, CloseReason, Limits};
use steadfast_sim::{ClientId, ClientSetup, NodeId, Reading, ServerSetup, Setup, World};
use steadfast_tests::{numbered, pattern};

const LARGE: usize = 6 << 20;
const STALL_AFTER: Duration = Duration::from_secs(20);

/// After this long the first packets of a message have arrived, and the credit for the rest is on its way back.
const RESERVED: Duration = Duration::from_micros(1_500);

/// A server whose pool holds one large message, and this many clients.
fn one_at_a_time(clients: usize) -> (World, Vec<ClientId>) {
    let limits = Limits {
        pool_bytes: 8 << 20,
        max_message_bytes: 8 << 20,
        window_bytes: 64 << 10,
        stall_after: STALL_AFTER,
        ..Limits::default()
    };
    let mut world = World::new(Setup {
        server: ServerSetup {
            limits,
            ..ServerSetup::default()
        },
        ..Setup::default()
    });
    let clients: Vec<_> = (0..clients).map(|_| world.connect(&ClientSetup::default())).collect();
    world.run_until(|world| clients.iter().all(|client| world.is_established(*client)));
    (world, clients)
}

fn large(seed: usize) -> [Vec<bytes::Bytes>; 1] {
    [vec![pattern(LARGE, seed)]]
}

#[test]
fn large_messages_of_many_clients_follow_each_other() {
    let (mut world, clients) = one_at_a_time(4);
    for client in &clients {
        world.stream(client.up(), large(1).into_iter().chain(numbered(2)));
    }
    world.run_until_settled();
    assert!(clients.iter().all(|client| world.delivered(client.up()).len() == 3));
}

#[test]
fn who_comes_first_is_served_first() {
    let (mut world, clients) = one_at_a_time(2);
    let (first, second) = (clients[0], clients[1]);
    world.stream(first.up(), large(1));
    world.run_for(RESERVED);
    world.stream(second.up(), large(2));
    world.run_until(|world| !world.delivered(first.up()).is_empty() || !world.delivered(second.up()).is_empty());
    assert_eq!(world.delivered(first.up()).len(), 1);
    assert!(world.delivered(second.up()).is_empty());
    world.run_until_settled();
}

#[test]
fn small_messages_of_others_do_not_wait_for_the_pool() {
    let (mut world, clients) = one_at_a_time(3);
    world.stream(clients[0].up(), large(1));
    world.run_for(RESERVED);
    world.mute(clients[0].up());
    world.stream(clients[1].up(), large(2));
    world.stream(clients[2].up(), numbered(100));
    world.run_until_within(Duration::from_secs(1), |world| {
        world.delivered(clients[2].up()).len() == 100
    });
}

#[test]
fn a_large_message_without_progress_gives_way_and_its_sender_is_told() {
    let (mut world, clients) = one_at_a_time(2);
    let (stuck, waiting) = (clients[0], clients[1]);
    world.stream(stuck.up(), large(1));
    world.run_for(RESERVED);
    world.mute(stuck.up());
    world.stream(waiting.up(), large(2));
    world.run_for(STALL_AFTER / 2);
    assert!(world.delivered(waiting.up()).is_empty(), "the first one holds the pool");
    world.run_until_within(STALL_AFTER * 2, |world| world.delivered(waiting.up()).len() == 1);
    assert_eq!(world.close_reason(stuck.down()), Some(&CloseReason::Stalled));

    world.unmute(stuck.up());
    world.run_until(|world| world.closed(stuck.up()).is_some());
    let closed = world.closed(stuck.up()).unwrap();
    assert!(
        matches!(
            closed.reason,
            CloseReason::ByPeer {
                code: CloseCode::Stalled,
                ..
            }
        ),
        "{}",
        closed.reason
    );
    assert!(closed.reason.retryable());
    assert_eq!(
        closed.in_doubt.len() + closed.unsent.len(),
        1,
        "the large message comes back"
    );
}

#[test]
fn a_large_message_without_progress_may_stay_while_nobody_waits() {
    let (mut world, clients) = one_at_a_time(1);
    world.stream(clients[0].up(), large(1));
    world.run_for(RESERVED);
    world.mute(clients[0].up());
    world.run_for(STALL_AFTER * 3);
    assert!(world.delivered(clients[0].up()).is_empty());
    world.unmute(clients[0].up());
    world.run_until_settled();
    assert_eq!(world.delivered(clients[0].up()).len(), 1);
}

#[test]
fn memory_comes_back_when_a_session_with_a_reservation_ends() {
    let (mut world, clients) = one_at_a_time(2);
    world.stream(clients[0].up(), large(1));
    world.run_for(RESERVED);
    world.cut(clients[0], steadfast_sim::Cut::for_good());
    world.run_for(Limits::default().retention + Duration::from_secs(60));
    assert!(matches!(
        world.close_reason(clients[0].down()),
        Some(CloseReason::Lost { .. })
    ));
    world.stream(clients[1].up(), large(2));
    world.run_until_within(Duration::from_secs(5), |world| {
        world.delivered(clients[1].up()).len() == 1
    });
}

#[test]
fn a_message_that_arrived_and_is_not_read_yet_is_no_stalled_one() {
    let (mut world, clients) = one_at_a_time(2);
    world.set_reading(NodeId::Server, Reading::Paused);
    world.stream(clients[0].up(), large(1));
    world.run_for(Duration::from_secs(1));
    world.stream(clients[1].up(), large(2));
    world.run_for(STALL_AFTER / 2);
    world.set_reading(NodeId::Server, Reading::Eager);
    world.run_until_settled();
    assert!(clients.iter().all(|client| world.delivered(client.up()).len() == 1));
}
