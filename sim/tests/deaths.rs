//! Deaths at random, amid faults and applications that look away: the books accept all that correct sessions do.
//!
//! `STEADFAST_SEEDS=5000` tries so many worlds, `STEADFAST_SEEDS=17..18` the one that failed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;
use std::time::Duration;

use steadfast::{Delivery, Message};
use steadfast_sim::{
    ClientId, ClientSetup, Cut, EndpointName, NodeId, PerMille, Rates, Reading, ServerSetup, Setup, Transport,
    WhileDown, World,
};

const NAMES: [fn() -> EndpointName; 3] = [
    || EndpointName::Numbered,
    || EndpointName::Unnamed,
    || EndpointName::Is("worker".into()),
];

const READINGS: [Reading; 3] = [
    Reading::Eager,
    Reading::Paused,
    Reading::Paced(Duration::from_millis(7)),
];

/// Long enough for a server to give up clients that are gone, and for a client to give up a server.
const LONG: Duration = Duration::from_secs(1300);

/// Which worlds are tried.
fn seeds() -> Range<u64> {
    let wanted = std::env::var("STEADFAST_SEEDS").unwrap_or_else(|_| "150".into());
    match wanted.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..wanted.parse().unwrap(),
    }
}

/// Nobody redelivers in a quarter of the worlds, one side in half of them, both in another quarter.
fn delivery(seed: u64, of_server: bool) -> Delivery {
    let bit = if of_server { 1 } else { 2 };
    Delivery {
        redeliver: (seed / 3) & bit != 0,
        ..Delivery::default()
    }
}

fn world(seed: u64) -> (World, [ClientId; 3]) {
    let ways = [WhileDown::Block, WhileDown::Queue, WhileDown::Lose];
    let mut world = World::new(Setup {
        transport: Transport {
            while_down: ways[(seed % 3) as usize],
            hints: !seed.is_multiple_of(5),
            ..Transport::default()
        },
        server: ServerSetup {
            delivery: delivery(seed, true),
            ..ServerSetup::default()
        },
        ..Setup::seeded(seed)
    });
    let rates = Rates {
        drop: PerMille(20),
        duplicate: PerMille(30),
        delay: PerMille(30),
        reorder: PerMille(20),
        corrupt: PerMille(10),
    };
    let clients = [0, 1, 2].map(|number| {
        let endpoint_name = NAMES[(seed as usize + number) % NAMES.len()]();
        let client = world.connect(&ClientSetup {
            endpoint_name,
            delivery: delivery(seed, false),
            ..ClientSetup::default()
        });
        for flow in client.both() {
            world.set_rates(flow, rates);
        }
        client
    });
    (world, clients)
}

fn choose(world: &mut World, n: u32) -> u32 {
    world.chooser().choose(n, "deaths")
}

fn cut(world: &mut World) -> Cut {
    let down = Cut::down_for(Duration::from_millis(choose(world, 300).into()));
    match choose(world, 2) {
        0 => down,
        _ => down.with_late_tail(Duration::from_millis(choose(world, 20).into())),
    }
}

fn act(world: &mut World, client: ClientId) {
    match choose(world, 22) {
        0 | 1 => {
            let cut = cut(world);
            world.restart_client(client, cut);
        }
        2 | 3 => {
            let cut = cut(world);
            world.restart_server(cut);
        }
        4 => world.kill_client(client),
        5 | 6 => {
            let reading = READINGS[choose(world, 3) as usize];
            world.set_reading(NodeId::Client(client), reading);
        }
        7 | 8 => {
            let reading = READINGS[choose(world, 3) as usize];
            world.set_reading(NodeId::Server, reading);
        }
        9 => {
            let cut = cut(world);
            world.cut(client, cut);
        }
        10 if choose(world, 4) == 0 => {
            let flow = client.both()[choose(world, 2) as usize];
            if flow.sender() != NodeId::Server || world.session(client).is_some() {
                world.close(flow);
            }
        }
        _ => {
            for flow in client.both() {
                // A session that is not there takes none.
                let _ = world.send(flow, b"a message");
            }
        }
    }
}

/// One world, until everything is settled in it. Returns how many messages arrived, and how many of them marked.
fn live(seed: u64) -> (usize, usize) {
    let (mut world, clients) = world(seed);
    for _ in 0..60 {
        let client = clients[choose(&mut world, 3) as usize];
        act(&mut world, client);
        let time = choose(&mut world, 200);
        world.run_for(Duration::from_millis(time.into()));
    }
    world.set_reading(NodeId::Server, Reading::Eager);
    for client in clients {
        world.set_reading(NodeId::Client(client), Reading::Eager);
    }
    world.heal();
    world.run_for(LONG);
    assert!(world.is_settled(), "seed {seed}\n{}", world.timeline());
    let flows = clients.iter().flat_map(|client| client.both());
    let delivered: Vec<&Message> = flows.flat_map(|flow| world.delivered(flow)).collect();
    let marked = delivered.iter().filter(|message| message.is_possible_duplicate());
    (delivered.len(), marked.count())
}

#[test]
fn whoever_dies_the_books_stay_exact() {
    let seeds = seeds();
    let worlds = seeds.end - seeds.start;
    let (mut delivered, mut marked) = (0, 0);
    for seed in seeds {
        let of_world = live(seed);
        delivered += of_world.0;
        marked += of_world.1;
    }
    if worlds >= 100 {
        assert!(delivered > 1000, "only {delivered} messages ever arrived");
        assert!(marked > 30, "only {marked} messages were ever redelivered");
    }
}
