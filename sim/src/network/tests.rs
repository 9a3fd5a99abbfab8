use std::time::Duration;

use super::*;
use crate::choose::{PerMille, RandomChooser};
use crate::link::{Cut, Tail};

const LATENCY: Duration = Duration::from_millis(1);

struct Rig {
    network: Network,
    client: ClientId,
    log: Timeline,
}

fn rig(transport: Transport) -> Rig {
    let mut network = Network::new(transport, Box::new(RandomChooser::seeded(1)));
    let client = network.add_link(Duration::ZERO);
    Rig {
        network,
        client,
        log: Timeline::default(),
    }
}

impl Rig {
    /// Sends data packets that end in these numbers.
    fn send_up(&mut self, numbers: impl IntoIterator<Item = u8>, at: Duration) {
        for number in numbers {
            let sent = self.network.send_up(self.client, vec![0x12, number], at, &mut self.log);
            assert!(matches!(sent, Sent::Taken));
        }
    }

    /// Everything that arrives, with its time; connects by itself what is due to be connected.
    fn arrivals(&mut self) -> Vec<(Duration, u8)> {
        let mut arrived = Vec::new();
        while let Some(at) = self.network.next_at() {
            match self.network.take_next().expect("something is due") {
                Due::Arrival(parcel) => arrived.push((at, parcel.packet[1])),
                Due::Connected(client) => {
                    self.network.connect(client, at, &mut self.log);
                }
            }
        }
        arrived
    }

    fn plan(&mut self, nth: u32, action: Action) {
        let at = PacketName {
            flow: self.client.up(),
            kind: PacketKind::Data,
            nth,
        };
        self.network.schedule().add(Fault { at, action });
    }
}

fn numbers(arrivals: &[(Duration, u8)]) -> Vec<u8> {
    arrivals.iter().map(|(_, number)| *number).collect()
}

#[test]
fn packets_arrive_in_order_after_the_latency() {
    let mut rig = rig(Transport::default());
    rig.send_up(1..=3, Duration::ZERO);
    assert_eq!(rig.arrivals(), [(LATENCY, 1), (LATENCY, 2), (LATENCY, 3)]);
}

#[test]
fn a_fault_meets_the_packet_it_names_and_no_other() {
    let mut rig = rig(Transport::default());
    rig.plan(2, Action::Drop);
    rig.plan(3, Action::Duplicate { after: LATENCY });
    rig.plan(4, Action::Delay(3 * LATENCY));
    rig.send_up(1..=5, Duration::ZERO);
    assert_eq!(numbers(&rig.arrivals()), [1, 3, 5, 3, 4]);
    assert!(rig.network.unapplied().is_empty());
}

#[test]
fn a_fault_whose_packet_never_comes_is_reported() {
    let mut rig = rig(Transport::default());
    rig.plan(9, Action::Drop);
    rig.send_up(1..=3, Duration::ZERO);
    assert_eq!(rig.network.unapplied().len(), 1);
}

#[test]
fn a_cut_loses_what_is_on_its_way_and_changes_the_route() {
    let mut rig = rig(Transport::default());
    let before = rig.network.route(rig.client);
    rig.send_up(1..=3, Duration::ZERO);
    rig.network.cut(rig.client, Cut::RESET, Duration::ZERO, &mut rig.log);
    assert_eq!(rig.arrivals(), []);
    assert_ne!(rig.network.route(rig.client), before);
    let to_nowhere = rig.network.send_down(before, vec![0x12, 9], LATENCY, &mut rig.log);
    assert!(matches!(to_nowhere, Sent::NoRoute));
}

#[test]
fn a_kept_tail_arrives_late_over_the_next_connection() {
    let mut rig = rig(Transport::default());
    rig.send_up(1..=2, Duration::ZERO);
    let cut = Cut::down_for(5 * LATENCY).with_late_tail(10 * LATENCY);
    rig.network.cut(rig.client, cut, Duration::ZERO, &mut rig.log);
    assert_eq!(rig.arrivals(), [(16 * LATENCY, 1), (16 * LATENCY, 2)]);
}

#[test]
fn a_transport_without_connection_blocks_queues_or_loses() {
    for (while_down, expected) in [(WhileDown::Queue, vec![1, 2]), (WhileDown::Lose, vec![])] {
        let mut rig = rig(Transport {
            while_down,
            ..Transport::default()
        });
        rig.network
            .cut(rig.client, Cut::down_for(LATENCY), Duration::ZERO, &mut rig.log);
        rig.send_up(1..=2, Duration::ZERO);
        assert_eq!(numbers(&rig.arrivals()), expected);
    }
    let mut rig = rig(Transport::default());
    rig.network
        .cut(rig.client, Cut::for_good(), Duration::ZERO, &mut rig.log);
    let blocked = rig
        .network
        .send_up(rig.client, vec![0x12], Duration::ZERO, &mut rig.log);
    assert!(matches!(blocked, Sent::Full(packet) if packet == [0x12]));
}

#[test]
fn a_full_connection_takes_no_more_until_something_arrived() {
    let mut rig = rig(Transport {
        high_water: Some(2),
        ..Transport::default()
    });
    rig.send_up(1..=2, Duration::ZERO);
    let full = rig
        .network
        .send_up(rig.client, vec![0x12, 3], Duration::ZERO, &mut rig.log);
    assert!(matches!(full, Sent::Full(_)));
    rig.network.take_next();
    rig.send_up([3], LATENCY);
}

#[test]
fn a_muted_direction_swallows_without_a_sign() {
    let mut rig = rig(Transport::default());
    rig.network.mute(rig.client.up(), true);
    rig.send_up(1..=3, Duration::ZERO);
    assert_eq!(rig.arrivals(), []);
    rig.network.mute(rig.client.up(), false);
    rig.send_up([4], LATENCY);
    assert_eq!(numbers(&rig.arrivals()), [4]);
}

#[test]
fn rates_strike_about_as_often_as_they_say() {
    let mut rig = rig(Transport::default());
    rig.network.set_rates(
        rig.client.up(),
        Rates {
            drop: PerMille(250),
            ..Rates::default()
        },
    );
    rig.send_up((0..4_000).map(|number| number as u8), Duration::ZERO);
    let arrived = rig.arrivals().len();
    assert!((2_850..3_150).contains(&arrived), "{arrived} of 4000");
}

#[test]
fn a_connection_made_by_hand_takes_the_place_of_the_planned_one() {
    let mut rig = rig(Transport::default());
    rig.network
        .cut(rig.client, Cut::down_for(LATENCY), Duration::ZERO, &mut rig.log);
    assert!(rig.network.connect(rig.client, Duration::ZERO, &mut rig.log));
    let route = rig.network.route(rig.client);
    assert_eq!(rig.arrivals(), []);
    assert_eq!(rig.network.route(rig.client), route);
}

#[test]
fn a_dead_client_leaves_what_was_on_its_way_and_nothing_else() {
    for (tail, expected) in [(Tail::Late(LATENCY), vec![1, 2]), (Tail::Lost, vec![])] {
        let mut rig = rig(Transport {
            while_down: WhileDown::Queue,
            ..Transport::default()
        });
        let kept = Cut::for_good().with_late_tail(LATENCY);
        rig.send_up([1], Duration::ZERO);
        rig.network.cut(rig.client, kept, Duration::ZERO, &mut rig.log);
        rig.send_up([2], Duration::ZERO);
        let death = Cut { tail, ..Cut::RESET };
        rig.network.client_died(rig.client, death, Duration::ZERO);
        let mut arrived = numbers(&rig.arrivals());
        arrived.sort_unstable();
        assert_eq!(arrived, expected);
    }
}

#[test]
fn nobody_connects_while_the_server_is_down() {
    let mut rig = rig(Transport::default());
    let (first, down) = (rig.client, 10 * LATENCY);
    rig.network
        .cut(first, Cut::down_for(LATENCY), Duration::ZERO, &mut rig.log);
    rig.network
        .server_died(Cut::down_for(down), Duration::ZERO, &mut rig.log);
    let second = rig.network.add_link(LATENCY);
    while let Some(at) = rig.network.next_at() {
        let Some(Due::Connected(client)) = rig.network.take_next() else {
            panic!("nothing was sent");
        };
        assert_eq!(rig.network.connect(client, at, &mut rig.log), at == down);
    }
    assert!(rig.network.is_connected(first) && rig.network.is_connected(second));
}

#[test]
fn a_route_keeps_its_owner_when_it_is_gone() {
    let mut rig = rig(Transport::default());
    let before = rig.network.route(rig.client);
    let stranger = rig.network.add_stranger();
    rig.network.cut(rig.client, Cut::RESET, Duration::ZERO, &mut rig.log);
    rig.arrivals();
    assert_eq!(rig.network.owner(before), Some(rig.client));
    assert_eq!(rig.network.owner(rig.network.route(rig.client)), Some(rig.client));
    assert_eq!(rig.network.owner(stranger), None);
}
