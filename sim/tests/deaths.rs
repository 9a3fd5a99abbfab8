//! Deaths at random, amid faults and applications that look away: the books accept all that correct sessions do.

use std::time::Duration;

use steadfast_sim::{
    ClientId, ClientSetup, Cut, EndpointName, NodeId, PerMille, Rates, Reading, Setup, Transport, WhileDown, World,
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

fn world(seed: u64) -> (World, [ClientId; 3]) {
    let while_down = [WhileDown::Block, WhileDown::Queue][(seed % 2) as usize];
    let mut world = World::new(Setup {
        transport: Transport {
            while_down,
            ..Transport::default()
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
    match choose(world, 20) {
        0 | 1 => {
            let cut = cut(world);
            world.restart_client(client, cut);
        }
        2 => {
            let cut = cut(world);
            world.restart_server(cut);
        }
        3 => world.kill_client(client),
        4 | 5 => {
            let reading = READINGS[choose(world, 3) as usize];
            world.set_reading(NodeId::Client(client), reading);
        }
        6 | 7 => {
            let reading = READINGS[choose(world, 3) as usize];
            world.set_reading(NodeId::Server, reading);
        }
        _ => {
            for flow in client.both() {
                // A session that is not there takes none.
                let _ = world.send(flow, b"a message");
            }
        }
    }
}

#[test]
fn whoever_dies_the_books_stay_exact() {
    let mut delivered = 0;
    for seed in 0..40 {
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
        assert!(world.is_settled(), "seed {seed}");
        delivered += clients
            .iter()
            .map(|client| world.delivered(client.up()).len())
            .sum::<usize>();
    }
    assert!(delivered > 300, "only {delivered} messages ever arrived");
}
