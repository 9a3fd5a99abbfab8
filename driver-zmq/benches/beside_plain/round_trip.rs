//! One message, and its echo.

use std::time::{Duration, Instant};

use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::Arguments;
use crate::carriers::Kind;
use crate::messages::{ECHO, message};
use crate::report::{Better, Report, Series, Target};
use crate::server_process::{Credentials, ServerProcess};

const SIZES: [usize; 2] = [64, 1 << 10];

struct Sample {
    p50: Duration,
    p99: Duration,
}

pub(crate) fn measure(arguments: &Arguments, credentials: &Credentials, report: &mut Report) -> Result<()> {
    // A message that travels alone has its packet for itself anyway.
    let kinds = arguments.kinds().into_iter().filter(|kind| *kind != Kind::Unshared);
    let kinds: Vec<_> = kinds.collect();
    for bytes in SIZES {
        let mut samples: Vec<Vec<Sample>> = kinds.iter().map(|_| Vec::new()).collect();
        for round in 1..=arguments.rounds() {
            eprintln!("round trip, {bytes} B, round {round}");
            for (kind, samples) in kinds.iter().zip(&mut samples) {
                samples.push(sample(*kind, bytes, arguments.round_trips(), credentials)?);
            }
        }
        let series = |pick: fn(&Sample) -> Duration| -> Vec<Series> {
            let micros = |sample: &Sample| pick(sample).as_secs_f64() * 1e6;
            let values = kinds.iter().zip(&samples);
            values
                .map(|(kind, samples)| Series::new(*kind, samples.iter().map(micros).collect()))
                .collect()
        };
        let target = |kind| (kind != Kind::Plain).then_some(Target::Ceiling(1.25));
        report.add(
            &format!("{bytes} B, round trip p50, µs"),
            Better::Lower,
            &series(|sample| sample.p50),
            target,
        );
        report.add(
            &format!("{bytes} B, round trip p99, µs"),
            Better::Lower,
            &series(|sample| sample.p99),
            |_| None,
        );
    }
    Ok(())
}

fn sample(kind: Kind, bytes: usize, round_trips: u32, credentials: &Credentials) -> Result<Sample> {
    let server = ServerProcess::start(kind, credentials)?;
    let context = zmq::Context::new();
    let mut dealer = kind.connect(&context, server.address(), credentials.directory())?;
    let question = message(ECHO, bytes);
    let mut round_trip = || -> Result<Duration> {
        let began = Instant::now();
        dealer.send(&question)?;
        dealer.recv()?;
        Ok(began.elapsed())
    };
    for _ in 0..round_trips / 10 {
        round_trip()?;
    }
    let mut times = (0..round_trips).map(|_| round_trip()).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok(Sample {
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    })
}
