//! The two sides, the network between them, and what can be seen of all that while it runs.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::testing::{CutProxy, insecure_test_credentials};

use crate::Result;
use crate::arguments::Arguments;
use crate::clock::Micros;
use crate::ledger::Ledger;
use crate::party::Party;
use crate::peer::answer;
use crate::wire::Wire;

/// Longer than any outage here should last; a run that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often the records are read.
const GLANCE: Duration = Duration::from_millis(2);

pub(crate) struct Stage {
    began: Instant,
    wire: Arc<Wire>,
    pub(crate) proxy: CutProxy,
    pub(crate) client: Party,
    pub(crate) server: Party,
    /// What was used up, up to the last event that was charged for it.
    charged: Used,
    /// Every event cost as many handshakes as it should.
    fair: bool,
}

/// What was used up so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Used {
    /// Handshakes that led to a session, as the side that saw more of them was told.
    pub(crate) handshakes: usize,
    /// Handshakes that were begun, as seen on the wire.
    pub(crate) begun: usize,
    pub(crate) replayed: u64,
    pub(crate) in_doubt: usize,
    pub(crate) unsent: usize,
}

/// What one event used up.
pub(crate) struct Cost {
    pub(crate) used: Used,
    fair: bool,
}

/// When the first message that was sent after an event arrived.
#[derive(Clone, Copy)]
pub(crate) struct Recovery {
    pub(crate) to_server: Micros,
    pub(crate) to_client: Micros,
}

impl Stage {
    pub(crate) fn set(arguments: &Arguments, directory: &Path) -> Result<Self> {
        write_credentials(directory)?;
        let mut options = vec!["--seed".into(), arguments.seed.to_string()];
        options.extend(arguments.log.then(|| "--log".into()));
        let mut server = Party::start("server", directory, options.clone())?;
        let address = server.process.answer(answer::LISTENING)?;
        let target = address.strip_prefix("tcp://").ok_or("the server listens elsewhere")?;
        let wire = Arc::new(Wire::default());
        let watch = wire.clone();
        let proxy = CutProxy::watched(target.parse()?, move |connection, direction, bytes| {
            watch.watch(connection, direction, bytes);
        })?;
        // Whoever takes the server's place is met where it was.
        server.add_options(["--listen".into(), address]);
        options.extend(["--connect".into(), proxy.zmq_address()]);
        Ok(Self {
            began: Instant::now(),
            wire,
            proxy,
            client: Party::start("client", directory, options)?,
            server,
            charged: Used::default(),
            fair: true,
        })
    }

    /// When the first message sent after this moment arrived at either side, if both have one.
    pub(crate) fn recovery(&self, moment: Micros) -> Option<Recovery> {
        Some(Recovery {
            to_server: self.server.process.ledger.first_sent_after(moment)?,
            to_client: self.client.process.ledger.first_sent_after(moment)?,
        })
    }

    /// Waits until data sent after this moment has arrived at both sides.
    pub(crate) fn until_recovered(&mut self, what: &str, moment: Micros) -> Result<Recovery> {
        self.until(&format!("data again ({what})"), |stage| stage.recovery(moment))
    }

    /// Charges all that was used since the last time to one event, which should cost so many handshakes.
    pub(crate) fn charge(&mut self, handshakes: RangeInclusive<usize>) -> Cost {
        let used = self.used();
        let cost = used.since(&self.charged);
        self.charged = used;
        // One that was begun and never finished counts too.
        let fair = handshakes.contains(&cost.handshakes) && handshakes.contains(&cost.begun);
        self.fair &= fair;
        Cost { used: cost, fair }
    }

    /// Whether every event cost as many handshakes as it should, and nothing else any.
    pub(crate) fn is_fair(&mut self) -> bool {
        self.charge(0..=0);
        self.fair
    }

    pub(crate) fn used(&self) -> Used {
        let handshakes = |party: &Party| party.ledgers().map(Ledger::handshakes).sum::<usize>();
        let mut used = Used {
            handshakes: handshakes(&self.client).max(handshakes(&self.server)),
            begun: self.wire.handshakes(),
            ..Used::default()
        };
        for ledger in self.client.ledgers().chain(self.server.ledgers()) {
            let (in_doubt, unsent) = ledger.returned();
            used.replayed += ledger.replayed;
            used.in_doubt += in_doubt;
            used.unsent += unsent;
        }
        used
    }

    pub(crate) fn flow(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.glance()?;
        }
        Ok(())
    }

    /// Reads the records until they hold this.
    pub(crate) fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Self) -> Option<T>) -> Result<T> {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = wanted(self) {
                return Ok(found);
            }
            if Instant::now() > limit {
                return Err(format!("waited {} s in vain for {what}", PATIENCE.as_secs()).into());
            }
            self.glance()?;
        }
    }

    fn glance(&mut self) -> Result<()> {
        self.client.process.follow()?;
        self.server.process.follow()?;
        sleep(GLANCE);
        Ok(())
    }

    pub(crate) fn say(&self, what: &str, outcome: &str) {
        println!("{:7.2} s  {what:<30} {outcome}", self.began.elapsed().as_secs_f32());
    }
}

impl Used {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            handshakes: self.handshakes - earlier.handshakes,
            begun: self.begun - earlier.begun,
            replayed: self.replayed - earlier.replayed,
            in_doubt: self.in_doubt - earlier.in_doubt,
            unsent: self.unsent - earlier.unsent,
        }
    }
}

impl Cost {
    /// In words.
    pub(crate) fn handshakes(&self) -> String {
        let handshakes = self.used.handshakes.max(self.used.begun);
        let plural = if handshakes == 1 { "" } else { "s" };
        let wrong = if self.fair { "" } else { " (WRONG)" };
        format!("{handshakes} handshake{plural}{wrong}")
    }
}

impl Recovery {
    /// In words: how long after this moment.
    pub(crate) fn since(&self, moment: Micros) -> String {
        format!(
            "data again after {:>5} ms to the server, {:>5} ms to the client",
            self.to_server.since(moment).as_millis(),
            self.to_client.since(moment).as_millis()
        )
    }
}

fn write_credentials(directory: &Path) -> Result<()> {
    let credentials = insecure_test_credentials("localhost");
    let (certificate, key) = credentials.server_pem();
    fs::write(directory.join("server.pem"), certificate)?;
    fs::write(directory.join("server.key"), key)?;
    let (certificate, key) = credentials.issue_pem("survivor");
    fs::write(directory.join("client.pem"), certificate)?;
    fs::write(directory.join("client.key"), key)?;
    Ok(fs::write(directory.join("authority.pem"), credentials.authority_pem())?)
}
