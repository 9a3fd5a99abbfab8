//! An application that says itself which messages it is done with.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{AcknowledgeError, CloseReason, Delivery, Limits, MessageId};
use steadfast_sim::{ClientId, ClientSetup, Cut, Direction, Flow, ServerSetup, Setup, World};
use steadfast_tests::{mixed, numbered, pattern};

const MANUAL: Delivery = Delivery {
    redeliver: false,
    manual_acknowledgement: true,
};

const WINDOW: u64 = 20_000;

/// A session in which both applications acknowledge by themselves.
fn manual() -> (World, ClientId) {
    let limits = Limits {
        window_bytes: WINDOW,
        max_message_bytes: 200_000,
        ..Limits::default()
    };
    let server = ServerSetup {
        delivery: MANUAL,
        limits: limits.clone(),
        ..ServerSetup::default()
    };
    let setup = Setup {
        server,
        ..Setup::default()
    };
    let client = ClientSetup {
        delivery: MANUAL,
        limits,
        ..ClientSetup::default()
    };
    World::established_as(setup, &client)
}

/// The ids of what a flow's receiver took.
fn taken(world: &World, flow: Flow) -> Vec<MessageId> {
    world.delivered(flow).iter().map(steadfast::Message::id).collect()
}

fn send(world: &mut World, flow: Flow, count: usize) -> Vec<MessageId> {
    (0..count)
        .map(|number| world.send(flow, format!("{number}")).unwrap())
        .collect()
}

#[test]
fn nothing_is_acknowledged_before_the_application_says_so() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = manual();
        let flow = if direction == Direction::Up {
            client.up()
        } else {
            client.down()
        };
        let ids = send(&mut world, flow, 10);
        world.run_for(Duration::from_secs(30));
        assert_eq!(taken(&world, flow), ids, "all were handed over");
        assert_eq!(world.acknowledged(flow), None);
        for through in [2, 3, 9] {
            world.acknowledge(flow, ids[through]).unwrap();
            world.run_for(Duration::from_millis(100));
            assert_eq!(world.acknowledged(flow), Some(ids[through]));
        }
        // Again, and one from before: nothing changes.
        world.acknowledge(flow, ids[9]).unwrap();
        world.acknowledge(flow, ids[4]).unwrap();
        world.run_for(Duration::from_millis(100));
        assert_eq!(world.acknowledged(flow), Some(ids[9]));
    }
}

#[test]
fn only_what_was_handed_over_can_be_acknowledged() {
    let (mut world, client) = manual();
    let up = send(&mut world, client.up(), 5);
    world.run_for(Duration::from_millis(100));
    let large = world.send(client.up(), pattern(3_000, 1)).unwrap();
    assert_eq!(
        world.acknowledge(client.up(), large),
        Err(AcknowledgeError::NotDelivered)
    );
    // The same id says nothing in the other direction, in which no message was sent.
    assert_eq!(
        world.acknowledge(client.down(), up[2]),
        Err(AcknowledgeError::NotDelivered)
    );
    world.run_for(Duration::from_millis(100));
    world.acknowledge(client.up(), large).unwrap();
    world.run_until_settled();
}

#[test]
fn whoever_acknowledges_by_taking_cannot_do_so_otherwise() {
    let (mut world, client) = World::established(Setup::default());
    for flow in client.both() {
        let id = world.send(flow, b"taken").unwrap();
        world.run_until_settled();
        assert_eq!(world.acknowledge(flow, id), Err(AcknowledgeError::Automatic));
    }
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
}

#[test]
fn the_window_fills_and_opens_again_as_messages_are_acknowledged() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = manual();
        let flow = if direction == Direction::Up {
            client.up()
        } else {
            client.down()
        };
        world.stream(flow, (0..40).map(|seed| vec![pattern(2_500, seed)]));
        let mut told = 0;
        while told < 40 {
            world.run_for(Duration::from_secs(3));
            let taken = taken(&world, flow);
            let waiting = (taken.len() - told) as u64 * 2_500;
            assert!(waiting <= WINDOW, "{waiting} bytes are with the application");
            assert!(
                taken.len() == 40 || waiting > WINDOW - 2 * 2_600,
                "the window is used: {waiting}"
            );
            told += 1;
            world.acknowledge(flow, taken[told - 1]).unwrap();
        }
        world.run_until_settled();
        assert_eq!(world.seen(flow).len(), 1);
    }
}

/// A message larger than the window takes memory beyond it, until it is handed over.
#[test]
fn large_messages_come_one_after_the_other() {
    let (mut world, client) = manual();
    for flow in client.both() {
        world.stream(flow, (0..5).map(|seed| vec![pattern(150_000, seed)]));
    }
    for round in 1..=5 {
        world.run_for(Duration::from_secs(2));
        for flow in client.both() {
            let taken = taken(&world, flow);
            assert_eq!(taken.len(), round, "{flow}\n{}", world.timeline());
            world.acknowledge(flow, taken[round - 1]).unwrap();
        }
    }
    world.run_until_settled();
}

#[test]
fn what_a_dead_receiver_did_not_acknowledge_is_in_doubt() {
    for direction in [Direction::Up, Direction::Down] {
        let (mut world, client) = manual();
        let flow = if direction == Direction::Up {
            client.up()
        } else {
            client.down()
        };
        let ids = send(&mut world, flow, 10);
        world.run_for(Duration::from_millis(100));
        world.acknowledge(flow, ids[3]).unwrap();
        world.run_for(Duration::from_millis(100));
        match direction {
            Direction::Up => world.restart_server(Cut::RESET),
            Direction::Down => world.restart_client(client, Cut::RESET),
        }
        world.run_until(|world| world.is_established(client) && !world.restarts(flow).is_empty());
        let told = world.restarts(flow)[0];
        let in_doubt: Vec<_> = told.in_doubt.iter().map(steadfast::Message::id).collect();
        assert_eq!(in_doubt, ids[4..]);
        assert!(told.unsent.is_empty());
        // The successor was handed none of them, and so can acknowledge none.
        assert_eq!(world.acknowledge(flow, ids[9]), Err(AcknowledgeError::NotDelivered));
    }
}

#[test]
fn close_waits_for_acknowledgements() {
    let (mut world, client) = manual();
    for flow in client.both() {
        for message in mixed(4) {
            world.send_parts(flow, &message).unwrap();
        }
    }
    world.run_for(Duration::from_secs(1));
    world.close(client.up());
    world.run_for(Duration::from_secs(5));
    assert!(client.both().iter().all(|flow| world.closed(*flow).is_none()));
    for flow in client.both() {
        let last = *taken(&world, flow).last().unwrap();
        world.acknowledge(flow, last).unwrap();
    }
    world.run_until_within(Duration::from_secs(1), |world| world.is_closed(client));
    for flow in client.both() {
        assert_eq!(world.close_reason(flow), Some(&CloseReason::Finished));
    }
}

#[test]
fn close_waits_no_longer_than_linger_and_tells_what_was_not_acknowledged() {
    let (mut world, client) = manual();
    let ids = send(&mut world, client.up(), 6);
    world.run_for(Duration::from_millis(50));
    world.acknowledge(client.up(), ids[1]).unwrap();
    world.close(client.up());
    world.run_for(Limits::default().linger + Duration::from_secs(2));
    let closed = world.closed(client.up()).unwrap();
    assert_eq!(closed.reason, CloseReason::LingerExpired);
    let in_doubt: Vec<_> = closed.in_doubt.iter().map(steadfast::Message::id).collect();
    assert_eq!(in_doubt, ids[2..]);
    assert!(world.is_closed(client));
    assert!(world.acknowledge(client.up(), ids[5]).is_err() || world.acknowledged(client.up()).is_none());
}

#[test]
fn what_is_acknowledged_stays_so_over_renewals_and_cuts() {
    let (mut world, client) = manual();
    let mut told = [0, 0];
    for round in 0..20 {
        for (flow, told) in client.both().into_iter().zip(&mut told) {
            world.stream(flow, numbered(3));
            world.run_for(Duration::from_millis(20));
            match round % 3 {
                0 => world.renew(flow),
                1 => world.cut(client, Cut::RESET),
                _ => {}
            }
            let taken = taken(&world, flow);
            if let Some(through) = taken.get(*told) {
                world.acknowledge(flow, *through).unwrap();
                *told += 1;
            }
            world.run_for(Duration::from_millis(300));
            assert_eq!(world.acknowledged(flow), taken.get(*told - 1).copied());
        }
    }
    assert!(world.client_stats(client).joins >= 7);
    for flow in client.both() {
        assert_eq!(taken(&world, flow).len(), 60);
        assert_eq!(world.count(flow, |event| event.to_string().contains("restarted")), 0);
    }
}
