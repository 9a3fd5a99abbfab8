//! Where packets are not shared, no packet carries anything of two messages.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use steadfast::Limits;
use steadfast_sim::{ClientId, Cut, Flow, PacketKind, World};
use steadfast_tests::{captured, limited, pattern};

/// Below half of the smallest message, above all that is not of messages: header, tag, frame heads, an acknowledgement.
const OVERHEAD_BYTES: usize = 200;

fn world(share_packets: bool) -> (World, ClientId) {
    let limits = Limits {
        share_packets,
        ..Limits::default()
    };
    limited(captured::setup(), limits.clone(), limits)
}

/// The lengths of the packets that carried messages on a flow, less what is not of messages, about: a multiple of a message's
/// length for each packet that was shared.
fn longest_packet(world: &World, flow: Flow) -> usize {
    let of_flow = world.captured().iter().filter(|parcel| parcel.name.flow == flow);
    let data = of_flow.filter(|parcel| parcel.name.kind == PacketKind::Data);
    data.map(|parcel| parcel.packet.len()).max().unwrap()
}

fn stream(world: &mut World, flow: Flow, messages: usize, bytes: usize) {
    world.stream(flow, (0..messages).map(|seed| vec![pattern(bytes, seed)]));
}

#[test]
fn messages_that_wait_share_packets_unless_that_is_switched_off() {
    const BYTES: usize = 500;
    for share_packets in [true, false] {
        let (mut world, client) = world(share_packets);
        for flow in client.both() {
            stream(&mut world, flow, 3_000, BYTES);
            world.run_until_settled();
            assert_eq!(world.delivered(flow).len(), 3_000);
            let is_shared = longest_packet(&world, flow) > BYTES + OVERHEAD_BYTES;
            assert_eq!(is_shared, share_packets, "{flow}");
        }
    }
}

#[test]
fn what_a_cut_lost_is_sent_again_alone_too() {
    const BYTES: usize = 500;
    let (mut world, client) = world(false);
    for flow in client.both() {
        stream(&mut world, flow, 2_000, BYTES);
        for _ in 0..5 {
            world.run_for(Duration::from_millis(2));
            world.cut(client, Cut::RESET);
        }
        world.run_until_settled();
        assert_eq!(world.delivered(flow).len(), 2_000);
        assert!(longest_packet(&world, flow) <= BYTES + OVERHEAD_BYTES, "{flow}");
    }
    assert!(world.client_stats(client).messages_replayed > 0, "something was lost");
}

#[test]
fn a_message_longer_than_a_packet_has_its_packets_for_itself() {
    // Each leaves a rest of a packet, where the next would have room.
    let lengths = [70_000, 10, 140_000, 0, 66_000];
    let (mut world, client) = world(false);
    for flow in client.both() {
        world.stream(flow, lengths.map(|bytes| vec![pattern(bytes, bytes)]));
        world.run_until_settled();
        let parts = |part: &Bytes| part.len();
        let arrived: Vec<_> = world
            .delivered(flow)
            .iter()
            .map(|message| parts(message.payload()))
            .collect();
        assert_eq!(arrived, lengths);
    }
    let carrying = |flow: Flow| {
        let of_flow = world.captured().iter().filter(move |parcel| parcel.name.flow == flow);
        of_flow.filter(|parcel| parcel.packet.len() > 60_000).count()
    };
    assert_eq!(carrying(client.up()), 4, "one, two and one full packets");
}
