//! Messages one way, as fast as they go.

use std::time::{Duration, Instant};

use steadfast_zmq::zmq;

use crate::Result;
use crate::arguments::Arguments;
use crate::carriers::{Dealer, Kind};
use crate::clock;
use crate::messages::{BEGIN, DATA, FINISH, Tally, message};
use crate::report::{Better, Report, Series, Target};
use crate::server_process::{Credentials, ServerProcess};

/// Beyond this length nothing is gained by sharing, and a round need not take longer.
const LONGEST_UNSHARED: u32 = 1 << 10;

/// Messages in the first attempt to find out how many make a sample.
const FIRST_ATTEMPT: u64 = 16;

struct Sample {
    messages_per_second: f64,
    megabytes_per_second: f64,
    /// Of both processes together.
    busy_seconds_per_gigabyte: f64,
}

pub(crate) fn measure(arguments: &Arguments, credentials: &Credentials, report: &mut Report) -> Result<()> {
    for &bytes in &arguments.sizes {
        let kinds = arguments.kinds();
        let kinds = kinds
            .into_iter()
            .filter(|kind| *kind != Kind::Unshared || bytes <= LONGEST_UNSHARED);
        let kinds: Vec<_> = kinds.collect();
        let mut samples: Vec<Vec<Sample>> = kinds.iter().map(|_| Vec::new()).collect();
        for round in 1..=arguments.rounds() {
            eprintln!("stream, {bytes} B, round {round}");
            for (kind, samples) in kinds.iter().zip(&mut samples) {
                samples.push(sample(*kind, bytes as usize, arguments.sample(), credentials)?);
            }
        }
        let series = |pick: fn(&Sample) -> f64| -> Vec<Series> {
            let values = kinds.iter().zip(&samples);
            values
                .map(|(kind, samples)| Series::new(*kind, samples.iter().map(pick).collect()))
                .collect()
        };
        report.add(
            &format!("{bytes} B, messages/s"),
            Better::Higher,
            &series(|sample| sample.messages_per_second),
            |kind| rate_target(kind, bytes),
        );
        report.add(
            &format!("{bytes} B, MB/s"),
            Better::Higher,
            &series(|sample| sample.megabytes_per_second),
            |_| None,
        );
        report.add(
            &format!("{bytes} B, processor s/GB"),
            Better::Lower,
            &series(|sample| sample.busy_seconds_per_gigabyte),
            |kind| (kind == Kind::Session && bytes == 64 << 10).then_some(Target::Ceiling(1.3)),
        );
    }
    Ok(())
}

fn rate_target(kind: Kind, bytes: u32) -> Option<Target> {
    let at_least = match (kind, bytes) {
        (Kind::Session, 0x40) => 2.0,
        (Kind::Unshared, 0x40) => 0.5,
        (Kind::Session, 0x400) => 1.3,
        (Kind::Session, 0x4000) => 1.2,
        (Kind::Session, 0x1_0000) => 0.85,
        (Kind::Session, 0x10_0000) => 0.6,
        _ => return None,
    };
    Some(Target::Floor(at_least))
}

/// Fresh processes, as many messages as make up the time, and those again: now everything is warm.
fn sample(kind: Kind, bytes: usize, time: Duration, credentials: &Credentials) -> Result<Sample> {
    let server = ServerProcess::start(kind, credentials)?;
    let context = zmq::Context::new();
    let mut dealer = kind.connect(&context, server.address(), credentials.directory())?;
    let mut messages = FIRST_ATTEMPT;
    loop {
        let (took, sample) = stream(dealer.as_mut(), bytes, messages)?;
        if took * 2 >= time {
            return Ok(sample);
        }
        // Not in one step: the first messages are the slow ones.
        let missing = time.as_secs_f64() / took.as_secs_f64();
        messages = (messages as f64 * missing.min(8.0)) as u64 + 1;
    }
}

fn stream(dealer: &mut dyn Dealer, bytes: usize, messages: u64) -> Result<(Duration, Sample)> {
    dealer.send(&message(BEGIN, 64))?;
    dealer.recv()?;
    let payload = message(DATA, bytes);
    let (began, busy_before) = (Instant::now(), clock::busy());
    for _ in 0..messages {
        dealer.send(&payload)?;
    }
    dealer.send(&message(FINISH, 64))?;
    let tally = Tally::decode(&dealer.recv()?)?;
    let (took, busy) = (began.elapsed(), clock::busy() - busy_before);
    if (tally.messages, tally.bytes) != (messages, messages * bytes as u64) {
        return Err(format!("{} of {messages} messages arrived", tally.messages).into());
    }
    let seconds = took.as_secs_f64();
    let sample = Sample {
        messages_per_second: messages as f64 / seconds,
        megabytes_per_second: tally.bytes as f64 / 1e6 / seconds,
        busy_seconds_per_gigabyte: (busy + tally.busy).as_secs_f64() / (tally.bytes as f64 / 1e9),
    };
    Ok((took, sample))
}
