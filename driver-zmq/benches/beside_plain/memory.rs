//! What a server's process holds for each idle peer.

use std::time::Duration;

use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::Arguments;
use crate::carriers::{Dealer, Kind};
use crate::messages::{ECHO, message};
use crate::report::{Better, Report, Series, Target};
use crate::server_process::{Credentials, ServerProcess};

/// A 0MQ context has about a thousand sockets at most.
const PEERS_A_CONTEXT: usize = 250;
/// Longer than what is acknowledged late, shorter than the first ping.
const UNTIL_IDLE: Duration = Duration::from_millis(500);
/// One process differs little from the next.
const MOST_ROUNDS: u32 = 3;

pub(crate) fn measure(arguments: &Arguments, credentials: &Credentials, report: &mut Report) -> Result<()> {
    let kinds = arguments.kinds().into_iter().filter(|kind| *kind != Kind::Unshared);
    let mut series: Vec<Series> = kinds.map(|kind| Series::new(kind, Vec::new())).collect();
    for round in 1..=arguments.rounds().min(MOST_ROUNDS) {
        eprintln!("memory, round {round}");
        for series in &mut series {
            let bytes = bytes_per_peer(series.kind, arguments.peers() as usize, credentials)?;
            series.values.push(bytes);
        }
    }
    let target = |kind| (kind != Kind::Plain).then_some(Target::Surplus(6.0 * 1024.0));
    report.add(
        "memory of a server for each idle peer, B",
        Better::Lower,
        &series,
        target,
    );
    Ok(())
}

fn bytes_per_peer(kind: Kind, peers: usize, credentials: &Credentials) -> Result<f64> {
    let server = ServerProcess::start(kind, credentials)?;
    let contexts: Vec<_> = (0..peers.div_ceil(PEERS_A_CONTEXT))
        .map(|_| zmq::Context::new())
        .collect();
    // What the first peer needs besides, all share.
    let first = talk(kind, &zmq::Context::new(), server.address(), credentials)?;
    let before = server.resident_kib()?;
    let dealers = (0..peers)
        .map(|number| talk(kind, &contexts[number / PEERS_A_CONTEXT], server.address(), credentials))
        .collect::<Result<Vec<_>>>()?;
    std::thread::sleep(UNTIL_IDLE);
    let held = server.resident_kib()?.saturating_sub(before);
    drop((first, dealers));
    Ok(held as f64 * 1024.0 / peers as f64)
}

/// A peer that asked something and was answered.
fn talk(kind: Kind, context: &zmq::Context, address: &str, credentials: &Credentials) -> Result<Box<dyn Dealer>> {
    let mut dealer = kind.connect(context, address, credentials.directory())?;
    dealer.send(&message(ECHO, 64))?;
    dealer.recv()?;
    Ok(dealer)
}
