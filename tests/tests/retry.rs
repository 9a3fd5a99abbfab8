//! With many handshakes in progress a server holds nothing for a client that has not shown that it hears the server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use steadfast_sim::{
    Action, ClientId, ClientSetup, Cut, Fault, PacketKind, PacketName, RouteId, ServerSetup, Setup, Transport, World,
};
use steadfast_tests::forge::{FirstPacket, retry};
use steadfast_tests::numbered;

const LATENCY: Duration = Duration::from_millis(20);

/// A server that asks everybody for a cookie from so many handshakes in progress on.
fn world_with(retry_above: usize) -> World {
    let server = ServerSetup {
        retry_above,
        ..ServerSetup::default()
    };
    let transport = Transport {
        capture: true,
        latency: LATENCY,
        ..Transport::default()
    };
    World::new(Setup {
        server,
        transport,
        ..Setup::default()
    })
}

/// A client's first packet, opened.
struct Hello {
    first: FirstPacket,
    packet: Vec<u8>,
    frames: Vec<u8>,
}

/// The first packet of a client that hears nothing and is not heard.
fn hello(world: &mut World) -> Hello {
    let client = world.connect(&ClientSetup::default());
    client.both().iter().for_each(|flow| world.mute(*flow));
    world.cut(client, Cut::for_good());
    let packet = world.captured().last().unwrap().packet.clone();
    let first = FirstPacket::read(&packet);
    let frames = first.open(&packet);
    Hello { first, packet, frames }
}

/// The cookies that were sent to somebody.
fn cookies(world: &World, route: RouteId) -> Vec<Vec<u8>> {
    let sent = world.sent_to_stranger(route).iter();
    sent.filter(|packet| packet[0] == 0x13)
        .map(|packet| packet[29..].to_vec())
        .collect()
}

/// Whether anything but cookies was sent to somebody: a handshake was begun.
fn is_answered(world: &World, route: RouteId) -> bool {
    world.sent_to_stranger(route).len() > cookies(world, route).len()
}

/// Gets a cookie, and what it is for.
fn cookie(world: &mut World, route: RouteId, hello: &Hello) -> Vec<u8> {
    world.inject_to_server(route, hello.packet.clone());
    cookies(world, route).pop().unwrap()
}

#[test]
fn it_costs_one_round_trip_and_holds_nothing_before() {
    let took = [1_000, 0].map(|retry_above| {
        let mut world = world_with(retry_above);
        let client = world.connect(&ClientSetup::default());
        world.run_until(|world| world.client(client).is_established());
        assert_eq!(world.listener_stats().retries, u64::from(retry_above == 0));
        assert_eq!(world.listener_stats().cookies_refused, 0);
        world.elapsed()
    });
    assert_eq!(took[1], took[0] + 2 * LATENCY);

    let mut world = world_with(0);
    let hello = hello(&mut world);
    let route = world.stranger();
    cookie(&mut world, route, &hello);
    assert_eq!(
        world.with_server(|listener, _| listener.poll_timeout()),
        None,
        "nothing is held"
    );
}

#[test]
fn nobody_is_asked_below_the_threshold() {
    let mut world = world_with(3);
    for held in 0..5 {
        let hello = hello(&mut world);
        let route = world.stranger();
        world.inject_to_server(route, hello.packet);
        assert_eq!(is_answered(&world, route), held < 3);
        assert_eq!(cookies(&world, route).len(), usize::from(held >= 3));
    }
}

#[test]
fn a_cookie_is_good_once_for_its_first_packet_and_route_and_for_half_a_minute() {
    let cases: [(&str, u64, bool); 3] = [("at once", 0, true), ("late", 29, true), ("too late", 31, false)];
    for (when, secs, honoured) in cases {
        let mut world = world_with(0);
        let hello = hello(&mut world);
        let route = world.stranger();
        let cookie = cookie(&mut world, route, &hello);
        world.run_for(Duration::from_secs(secs));
        world.inject_to_server(route, hello.first.with_token(1, &cookie, &hello.frames));
        assert_eq!(is_answered(&world, route), honoured, "{when}");
        assert_eq!(world.listener_stats().cookies_refused, u64::from(!honoured), "{when}");
    }
}

#[test]
fn a_cookie_comes_twice_in_vain() {
    let mut world = world_with(0);
    let hello = hello(&mut world);
    let route = world.stranger();
    let cookie = cookie(&mut world, route, &hello);
    let with_cookie = hello.first.with_token(1, &cookie, &hello.frames);
    world.inject_to_server(route, with_cookie.clone());
    let answers = world.sent_to_stranger(route).len();
    // The same packet is the same handshake, which is answered again and costs nothing.
    world.inject_to_server(route, with_cookie);
    assert_eq!(world.listener_stats().cookies_refused, 0);
    assert!(world.sent_to_stranger(route).len() > answers);
    // Another packet with the same cookie is none.
    world.inject_to_server(route, hello.first.with_token(2, &cookie, &hello.frames));
    assert_eq!(world.listener_stats().cookies_refused, 1);
    assert_eq!(cookies(&world, route).len(), 2);
}

#[test]
fn what_is_no_cookie_of_this_server_for_this_client_counts_as_none() {
    let mut world = world_with(0);
    let (hello, other) = (hello(&mut world), hello(&mut world));
    let (route, elsewhere) = (world.stranger(), world.stranger());
    let genuine = cookie(&mut world, route, &hello);
    let changed: Vec<Vec<u8>> = (0..genuine.len())
        .map(|at| {
            let mut forged = genuine.clone();
            forged[at] ^= 1;
            forged
        })
        .collect();
    let cut = [1, 7, 8, 9, genuine.len() - 1].map(|bytes| genuine[..bytes].to_vec());
    let longer = [[&genuine[..], &[0]].concat(), vec![0; 255], vec![0xff; 40]];
    let lies: Vec<_> = changed.into_iter().chain(cut).chain(longer).collect();
    for (number, lie) in (1..).zip(&lies) {
        world.inject_to_server(route, hello.first.with_token(number, lie, &hello.frames));
    }
    // From elsewhere, and with another client's packet.
    world.inject_to_server(elsewhere, hello.first.with_token(1_000, &genuine, &hello.frames));
    world.inject_to_server(route, other.first.with_token(1_000, &genuine, &other.frames));
    assert_eq!(world.listener_stats().cookies_refused, lies.len() as u64 + 2);
    assert!(!is_answered(&world, route) && !is_answered(&world, elsewhere));
    world.inject_to_server(route, hello.first.with_token(2_000, &genuine, &hello.frames));
    assert!(
        is_answered(&world, route),
        "the genuine one was not used up by all that"
    );
}

fn at(client: ClientId, down: bool, kind: PacketKind, nth: u32) -> PacketName {
    let flow = if down { client.down() } else { client.up() };
    PacketName { flow, kind, nth }
}

#[test]
fn lost_repeated_and_late_cookies_cost_little() {
    let actions = [
        (Action::Drop, 400),
        (Action::Duplicate { after: Duration::ZERO }, 130),
        (
            Action::Duplicate {
                after: Duration::from_millis(30),
            },
            130,
        ),
        (Action::Delay(Duration::from_millis(15)), 150),
        (Action::Delay(Duration::from_millis(600)), 900),
        (Action::Corrupt { byte: 40, mask: 4 }, 600),
        (Action::Truncate { to_bytes: 30 }, 600),
        (Action::Cut(Cut::RESET), 600),
    ];
    for (action, millis) in actions {
        for down in [true, false] {
            for nth in 1..=(if down { 1 } else { 2 }) {
                let mut world = world_with(0);
                let client = world.connect(&ClientSetup::default());
                let kind = if down { PacketKind::Retry } else { PacketKind::Initial };
                let unplanned = kind == PacketKind::Initial && nth == 1;
                if unplanned {
                    continue;
                }
                world.plan(Fault {
                    at: at(client, down, kind, nth),
                    action,
                });
                world.stream(client.up(), numbered(3));
                world.run_until_within(Duration::from_millis(millis), |world| {
                    world.client(client).is_established()
                });
                world.expect_all_faults_applied();
                world.run_until_settled();
                assert_eq!(world.listener_stats().sessions, 1);
            }
        }
    }
}

#[test]
fn each_reconnect_makes_a_cookie_void_and_the_sixth_ends_the_attempt() {
    let mut world = world_with(0);
    let client = world.connect(&ClientSetup::default());
    world.stream(client.up(), numbered(1));
    for asked in 1..=6 {
        // The cookie arrives, and its answer leaves by the next connection.
        world.run_until(|world| world.listener_stats().retries == asked);
        world.run_for(LATENCY - Duration::from_millis(1));
        world.cut(client, Cut::RESET.with_late_tail(Duration::ZERO));
    }
    let ids = |world: &World| {
        let first = world
            .captured()
            .iter()
            .filter(|parcel| parcel.name.kind == PacketKind::Initial);
        let mut ids: Vec<_> = first
            .filter(|parcel| parcel.name.flow == client.up())
            .map(|parcel| FirstPacket::read(&parcel.packet).destination)
            .collect();
        ids.dedup();
        ids.len()
    };
    assert_eq!(ids(&world), 1, "one attempt follows five cookies");
    world.run_until_within(Duration::from_secs(3), World::is_settled);
    assert!(ids(&world) <= 2);
    assert_eq!(world.client_stats(client).handshakes, 1);
}

#[test]
fn a_forged_cookie_costs_the_first_packet_once_more_and_five_at_most() {
    let mut world = world_with(1_000);
    let client = world.connect(&ClientSetup::default());
    world.stream(client.up(), numbered(3));
    for _ in 0..20 {
        let newest = world
            .captured()
            .iter()
            .rev()
            .find(|parcel| parcel.name.kind == PacketKind::Initial);
        let forged = retry(&newest.unwrap().packet, b"no cookie of yours");
        world.inject_to_client(client, forged.clone());
        world.inject_to_client(client, forged);
    }
    assert!(world.packets(client.up(), PacketKind::Initial) <= 6);
    world.run_until_within(Duration::from_secs(5), World::is_settled);
    assert!(world.is_established(client));
    let sent = world.packets(client.up(), PacketKind::Initial);
    let first = world.captured()[0].packet.clone();
    world.inject_to_client(client, retry(&first, b"late"));
    assert_eq!(world.packets(client.up(), PacketKind::Initial), sent);
}

/// Ten thousand first packets from as many routes, whose senders do not hear what is sent there.
#[test]
fn a_flood_of_first_packets_holds_little_and_keeps_nobody_out() {
    const ABOVE: usize = 20;
    let mut world = world_with(ABOVE);
    let standing = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(standing));
    let template = hello(&mut world);
    let mut newcomers = Vec::new();
    for number in 0..10_000_u64 {
        let first = FirstPacket {
            destination: number.to_be_bytes(),
            source: template.first.source,
        };
        let stranger = world.stranger();
        world.inject_to_server(stranger, first.again(0, &template.frames));
        if number % 100 == 0 {
            world.stream(standing.up(), numbered(1));
            world.stream(standing.down(), numbered(1));
            world.run_for(Duration::from_millis(5));
        }
        if number % 2_000 == 1_000 {
            newcomers.push((world.connect(&ClientSetup::default()), world.elapsed()));
        }
    }
    let stats = world.listener_stats();
    assert_eq!(stats.attempts_refused, 0);
    assert!(stats.retries >= 10_000 - ABOVE as u64);
    world.run_until(|world| newcomers.iter().all(|(client, _)| world.is_established(*client)));
    for (client, since) in newcomers {
        let took = world.seen(client.up())[0].at - since;
        assert!(took <= 6 * LATENCY, "three round trips: {took:?}");
    }
    world.run_until_settled();
    assert_eq!(world.delivered(standing.up()).len(), 100);
    assert_eq!(world.seen(standing.up()).len(), 1);
    // Half a minute later the few that were begun are forgotten, too.
    world.run_for(Duration::from_secs(31));
    assert_eq!(world.listener_stats().attempts_expired, ABOVE as u64);
}

#[test]
fn sessions_renew_themselves_amid_a_flood() {
    let mut world = world_with(0);
    let client = world.connect(&ClientSetup::default());
    world.run_until(|world| world.is_established(client));
    world.renew(client.up());
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client_stats(client).joins, 1);
    assert_eq!(world.listener_stats().retries, 2);
}
