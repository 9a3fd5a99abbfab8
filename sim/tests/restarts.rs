//! Processes that die and start again: what the world does to them, and that its books stay exact.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast::{ChannelBinding, CloseReason, Limits, Message};
use steadfast_sim::{
    ClientId, ClientSetup, Cut, EndpointName, Flow, NodeId, PacketKind, PacketName, Reading, Setup, Transport, What,
    WhileDown, World,
};

fn payloads<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<&'a [u8]> {
    messages.into_iter().map(|message| message.payload().as_ref()).collect()
}

/// The latest life of a client, which both ends were told.
fn life(world: &World, client: ClientId) -> ChannelBinding {
    let told = |flow: Flow| world.bindings(flow).last().copied().unwrap();
    assert_eq!(told(client.up()), told(client.down()));
    told(client.up())
}

fn establish(world: &mut World, client: ClientId) {
    world.run_until(|world| world.is_established(client));
}

#[test]
fn a_client_that_restarts_begins_another_life() {
    let (mut world, client) = World::established(Setup::default());
    world.send(client.up(), b"first").unwrap();
    world.send(client.down(), b"to the first").unwrap();
    world.run_until_settled();
    let first = life(&world, client);

    world.restart_client(client, Cut::RESET);
    assert!(!world.is_established(client));
    assert_eq!(world.incarnation(NodeId::Client(client)), 1);
    world.send(client.up(), b"second").unwrap();
    establish(&mut world, client);
    world.run_until_settled();
    let second = life(&world, client);

    assert_ne!(first, second);
    assert_eq!(payloads(world.delivered(client.up())), [b"first".as_slice(), b"second"]);
    assert_eq!(payloads(world.delivered_in(client.up(), first)), [b"first"]);
    assert_eq!(payloads(world.delivered_in(client.up(), second)), [b"second"]);
    assert_eq!(payloads(world.delivered_to(client.down(), 0)), [b"to the first"]);
    assert!(world.delivered_to(client.down(), 1).is_empty());
}

#[test]
fn what_a_dead_process_had_not_sent_is_gone() {
    let (mut world, client) = World::established(Setup::default());
    world.mute(client.up());
    world.stream(client.up(), (0..1000).map(|_| vec![vec![0; 100_000].into()]));
    assert!(!world.is_settled());
    world.restart_client(client, Cut::RESET);
    world.unmute(client.up());
    establish(&mut world, client);
    world.run_until_settled();
    assert!(world.delivered(client.up()).is_empty());
}

#[test]
fn nobody_connects_while_the_server_is_down() {
    let (mut world, before) = World::established(Setup::default());
    let down = Duration::from_secs(2);
    world.restart_server(Cut::down_for(down));
    assert_eq!(world.incarnation(NodeId::Server), 1);
    assert_eq!(world.session(before), None, "the new process knows nobody");
    let during = world.connect(&ClientSetup::default());
    world.heal();
    world.run_for(down - Duration::from_millis(1));
    assert_eq!(world.listener_stats().sessions, 0);
    establish(&mut world, during);
    assert!(world.elapsed() < down + Duration::from_secs(1));
}

#[test]
fn packets_of_the_dead_reach_the_next_process_if_they_are_to() {
    for (late, expected) in [(Some(Duration::from_millis(5)), true), (None, false)] {
        let (mut world, client) = World::established(Setup::default());
        world.run_for(Duration::from_secs(1));
        world.send(client.up(), b"on its way").unwrap();
        let name = PacketName {
            flow: client.up(),
            kind: PacketKind::Data,
            nth: world.packets(client.up(), PacketKind::Data),
        };
        let cut = Cut::down_for(Duration::from_secs(1));
        world.restart_server(late.map_or(cut, |late| cut.with_late_tail(late)));
        world.run_for(Duration::from_secs(2));
        let mut entries = world.timeline().entries();
        let arrived = entries.any(|(_, what)| matches!(what, What::Arrived(other) if *other == name));
        assert_eq!(arrived, expected);
        assert!(world.delivered(client.up()).is_empty());
    }
}

#[test]
fn a_killed_client_is_gone_and_its_server_is_told() {
    let (mut world, client) = World::established(Setup::default());
    world.kill_client(client);
    world.heal();
    assert!(!world.is_alive(client) && !world.is_established(client));
    assert!(world.send(client.up(), b"from the grave").is_err());
    world.send(client.down(), b"to nobody").unwrap();
    world.run_for(Duration::from_secs(60));
    assert!(!world.is_settled(), "nobody was told yet");
    world.run_until_within(2 * Limits::default().retention, World::is_settled);
    assert!(matches!(
        world.close_reason(client.down()),
        Some(CloseReason::Lost { .. })
    ));
}

#[test]
fn a_killed_client_can_be_started_again() {
    let (mut world, client) = World::established(Setup::default());
    world.kill_client(client);
    world.run_for(Duration::from_secs(10));
    world.restart_client(client, Cut::RESET);
    establish(&mut world, client);
    assert!(world.is_alive(client));
}

#[test]
fn a_dead_client_was_told_nothing_and_yet_its_messages_are_compared() {
    let mut world = World::new(Setup::default());
    let client = world.connect(&ClientSetup::default());
    world.set_reading(NodeId::Client(client), Reading::Paused);
    world.send(client.up(), b"heard").unwrap();
    world.run_for(Duration::from_secs(1));
    assert_eq!(payloads(world.delivered(client.up())), [b"heard"]);
    assert!(world.bindings(client.up()).is_empty());
    world.kill_client(client);
    life(&world, client);
}

#[test]
fn clients_without_names_are_told_apart() {
    let mut world = World::new(Setup::default());
    let unnamed = ClientSetup {
        endpoint_name: EndpointName::Unnamed,
        ..ClientSetup::default()
    };
    let clients = [(); 5].map(|()| world.connect(&unnamed));
    for (number, client) in clients.into_iter().enumerate() {
        establish(&mut world, client);
        world.send(client.up(), format!("up {number}")).unwrap();
        world.send(client.down(), format!("down {number}")).unwrap();
    }
    world.run_until_settled();
    for (number, client) in clients.into_iter().enumerate() {
        assert_eq!(
            payloads(world.delivered(client.up())),
            [format!("up {number}").as_bytes()]
        );
        assert_eq!(
            payloads(world.delivered(client.down())),
            [format!("down {number}").as_bytes()]
        );
    }
}

#[test]
fn a_client_without_a_name_that_reads_late_is_found_by_its_route() {
    let mut world = World::new(Setup::default());
    let unnamed = ClientSetup {
        endpoint_name: EndpointName::Unnamed,
        ..ClientSetup::default()
    };
    let clients = [(); 3].map(|()| world.connect(&unnamed));
    for client in clients {
        world.set_reading(NodeId::Client(client), Reading::Paused);
    }
    world.run_for(Duration::from_secs(1));
    let sessions = clients.map(|client| world.session(client).unwrap());
    for client in clients {
        world.set_reading(NodeId::Client(client), Reading::Eager);
    }
    assert_eq!(clients.map(|client| world.session(client).unwrap()), sessions);
    assert!(clients.iter().all(|client| world.is_established(*client)));
}

#[test]
fn two_clients_may_have_one_name() {
    let mut world = World::new(Setup::default());
    let setup = ClientSetup {
        endpoint_name: EndpointName::Is("worker".into()),
        ..ClientSetup::default()
    };
    let one = world.connect(&setup);
    establish(&mut world, one);
    let other = world.connect(&setup);
    establish(&mut world, other);
    world.send(other.down(), b"to the other").unwrap();
    world.run_until(|world| world.delivered(other.down()).len() == 1);
    assert!(world.delivered(one.down()).is_empty());
}

#[test]
fn runs_with_restarts_repeat_byte_for_byte() {
    let run = |seed| {
        let (mut world, client) = World::established(Setup {
            transport: Transport {
                while_down: WhileDown::Queue,
                ..Transport::default()
            },
            ..Setup::seeded(seed)
        });
        world.send(client.up(), b"first").unwrap();
        world.restart_client(client, Cut::down_for(Duration::from_secs(1)));
        world.send(client.up(), b"second").unwrap();
        world.run_for(Duration::from_secs(5));
        world.restart_server(Cut::RESET.with_late_tail(Duration::from_millis(3)));
        world.run_for(Duration::from_secs(30));
        world.wire_hash()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
