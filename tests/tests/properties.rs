//! Properties of every schedule and of every input, not of chosen ones.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use steadfast::Limits;
use steadfast_sim::{
    Action, ClientSetup, Cut, Fault, NodeId, PacketKind, PacketName, PerMille, Rates, Reading, ServerSetup, Setup,
    Transport, WhileDown, World,
};
use steadfast_tests::pattern;

/// Cases that failed once are kept beside the tests, and come first.
fn config(cases: u32) -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("proptest-regressions/properties.txt");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(kept)),
        ..ProptestConfig::default()
    }
}

fn delays() -> impl Strategy<Value = Duration> {
    prop_oneof![0..5_u64, 5..100_u64, 100..3_000_u64].prop_map(Duration::from_millis)
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Drop),
        2 => delays().prop_map(|after| Action::Duplicate { after }),
        2 => delays().prop_map(Action::Delay),
        1 => (any::<usize>(), 1..=255_u8).prop_map(|(byte, mask)| Action::Corrupt { byte, mask }),
        1 => (0..80_usize).prop_map(|to_bytes| Action::Truncate { to_bytes }),
        1 => delays().prop_map(|time| Action::Cut(Cut::down_for(time))),
        1 => (delays(), delays()).prop_map(|(time, late)| Action::Cut(Cut::down_for(time).with_late_tail(late))),
    ]
}

/// A fault at one of the first packets of any kind; the flow is filled in when the client exists.
fn faults() -> impl Strategy<Value = (bool, PacketKind, u32, Action)> {
    let kinds = prop_oneof![
        1 => Just((PacketKind::Initial, 3_u32)),
        1 => Just((PacketKind::Handshake, 4_u32)),
        6 => Just((PacketKind::Data, 40_u32)),
    ];
    (any::<bool>(), kinds, actions())
        .prop_flat_map(|(up, (kind, last), action)| (Just(up), Just(kind), 1..=last, Just(action)))
}

fn transports() -> impl Strategy<Value = Transport> {
    let while_down = prop_oneof![Just(WhileDown::Block), Just(WhileDown::Queue), Just(WhileDown::Lose)];
    let high_water = prop_oneof![3 => Just(None), 1 => (1..20_usize).prop_map(Some)];
    (while_down, high_water, any::<bool>()).prop_map(|(while_down, high_water, hints)| Transport {
        while_down,
        high_water,
        hints,
        ..Transport::default()
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let packets = prop_oneof![Just(1_200), Just(9_000), Just(65_536)];
    let windows = prop_oneof![Just(1_500), Just(50_000), Just(1 << 20)];
    (packets, windows, 1..300_u16).prop_map(|(max_packet_bytes, window_bytes, max_packets_in_flight)| Limits {
        max_packet_bytes,
        window_bytes,
        max_packets_in_flight,
        ..Limits::default()
    })
}

fn readings() -> impl Strategy<Value = Reading> {
    prop_oneof![
        3 => Just(Reading::Eager),
        1 => (1..20_u64).prop_map(|millis| Reading::Paced(Duration::from_millis(millis))),
    ]
}

/// Lengths of the parts of messages.
fn messages() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let part = prop_oneof![4 => 0..200_usize, 2 => 0..5_000_usize, 1 => 0..200_000_usize];
    prop::collection::vec(prop::collection::vec(part, 1..4), 0..25)
}

#[derive(Debug)]
struct Case {
    seed: u64,
    transport: Transport,
    limits: [Limits; 2],
    readings: [Reading; 2],
    messages: [Vec<Vec<usize>>; 2],
    faults: Vec<(bool, PacketKind, u32, Action)>,
}

fn cases() -> impl Strategy<Value = Case> {
    let sides = (
        prop::array::uniform2(limits()),
        prop::array::uniform2(readings()),
        prop::array::uniform2(messages()),
    );
    (
        any::<u64>(),
        transports(),
        sides,
        prop::collection::vec(faults(), 0..12),
    )
        .prop_map(|(seed, transport, (limits, readings, messages), faults)| Case {
            seed,
            transport,
            limits,
            readings,
            messages,
            faults,
        })
}

/// The world's own books demand at every step that what is delivered is a prefix of what was sent, in order, once, whole;
/// here, that all of it is, with one handshake, and that the end is one in order.
fn run(case: Case) {
    let [of_client, of_server] = case.limits;
    let server = ServerSetup {
        limits: of_server,
        ..ServerSetup::default()
    };
    let mut world = World::new(Setup {
        transport: case.transport,
        server,
        ..Setup::seeded(case.seed)
    });
    let client = world.connect(&ClientSetup {
        limits: of_client,
        ..ClientSetup::default()
    });
    for (up, kind, nth, action) in case.faults {
        let flow = if up { client.up() } else { client.down() };
        world.plan(Fault {
            at: PacketName { flow, kind, nth },
            action,
        });
    }
    world.set_reading(NodeId::Client(client), case.readings[0]);
    world.set_reading(NodeId::Server, case.readings[1]);
    for (flow, messages) in client.both().into_iter().zip(&case.messages) {
        world.stream(
            flow,
            messages
                .iter()
                .map(|parts| parts.iter().map(|len| pattern(*len, *len)).collect()),
        );
    }
    world.run_until(|world| world.is_established(client));
    world.run_until_settled();
    for (flow, messages) in client.both().into_iter().zip(&case.messages) {
        assert_eq!(world.delivered(flow).len(), messages.len());
    }
    world.close(client.up());
    world.run_until(|world| world.is_closed(client));
    assert_eq!(world.close_reason(client.up()), Some(&steadfast::CloseReason::Finished));
    assert_eq!(world.listener_stats().sessions, 1);
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_split_loss_duplication_and_reordering_delivers_everything_in_order_once(case in cases()) {
        run(case);
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn any_rates_of_faults_only_delay(
        seed in any::<u64>(),
        rates in prop::array::uniform5(0..120_u16),
        lengths in messages(),
    ) {
        let [drop, duplicate, delay, reorder, corrupt] = rates.map(PerMille);
        let rates = Rates { drop, duplicate, delay, reorder, corrupt };
        let mut world = World::new(Setup::seeded(seed));
        let client = world.connect(&ClientSetup::default());
        for flow in client.both() {
            world.set_rates(flow, rates);
            world.stream(flow, lengths.iter().map(|parts| parts.iter().map(|len| pattern(*len, *len)).collect()));
        }
        world.run_until(|world| world.is_established(client));
        world.run_until_settled();
        prop_assert_eq!(world.delivered(client.up()).len(), lengths.len());
        prop_assert_eq!(world.client_stats(client).handshakes, 1);
    }

    #[test]
    fn after_any_storm_of_faults_everything_arrives_soon(
        seed in any::<u64>(),
        rates in prop::array::uniform5(0..600_u16),
        cuts in prop::collection::vec(delays(), 0..5),
    ) {
        let [drop, duplicate, delay, reorder, corrupt] = rates.map(PerMille);
        let rates = Rates { drop, duplicate, delay, reorder, corrupt };
        let mut world = World::new(Setup::seeded(seed));
        let client = world.connect(&ClientSetup::default());
        for flow in client.both() {
            world.set_rates(flow, rates);
            world.stream(flow, steadfast_tests::mixed(10));
        }
        for cut in cuts {
            world.run_for(Duration::from_millis(400));
            world.cut(client, Cut::down_for(cut));
        }
        world.run_for(Duration::from_secs(4));
        world.heal();
        // A handshake is sent again every 5 s at most, a probe every second.
        world.run_until_within(Duration::from_secs(12), |world| world.is_established(client) && world.is_settled());
        prop_assert_eq!(world.listener_stats().sessions, 1);
    }

    #[test]
    fn any_bytes_as_input_disturb_nothing(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..40),
        starts in prop::collection::vec(any::<u8>(), 40),
    ) {
        let (mut world, client) = World::established(Setup::default());
        let stranger = world.stranger();
        let route = world.route(client);
        for (mut input, start) in inputs.into_iter().zip(starts) {
            // Half of them begin as a packet of this version does.
            if let (Some(first), true) = (input.first_mut(), start % 2 == 0) {
                *first = 0x10 | start >> 4;
            }
            world.inject_to_server(route, input.clone());
            world.inject_to_server(stranger, input.clone());
            world.inject_to_client(client, input);
        }
        let seen = client.both().map(|flow| world.seen(flow).len());
        client.both().iter().for_each(|flow| world.stream(*flow, steadfast_tests::numbered(5)));
        world.run_until_settled();
        prop_assert_eq!(client.both().map(|flow| world.seen(flow).len()), seen);
        prop_assert!(world.is_established(client));
    }

    #[test]
    fn any_change_to_genuine_packets_disturbs_nothing(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<usize>(), 1..=255_u8, any::<bool>()), 1..60),
    ) {
        let transport = Transport { capture: true, ..Transport::default() };
        let (mut world, client) = World::established(Setup { transport, ..Setup::default() });
        world.stream(client.up(), steadfast_tests::mixed(8));
        world.run_until_settled();
        let genuine: Vec<_> = world.captured().iter().map(|parcel| parcel.packet.clone()).collect();
        let route = world.route(client);
        for (which, byte, mask, in_header) in changes {
            let mut packet = which.get(&genuine).clone();
            let reach = if in_header { packet.len().min(30) } else { packet.len() };
            packet[byte % reach] ^= mask;
            world.inject_to_server(route, packet.clone());
            world.inject_to_client(client, packet);
        }
        client.both().iter().for_each(|flow| world.stream(*flow, steadfast_tests::numbered(5)));
        world.run_until_settled();
        world.run_for(Duration::from_secs(60));
        prop_assert_eq!(world.delivered(client.up()).len(), 13);
        prop_assert_eq!(world.listener_stats().sessions, 1);
        prop_assert!(world.is_established(client));
    }
}
