//! The connection is broken, in every way that it can be.

use std::time::Duration;

use steadfast_zmq::testing::{CutProxy, Direction};

use crate::Result;
use crate::arguments::Cut;
use crate::clock::Micros;
use crate::kills::Victim;
use crate::ledger::Life;
use crate::peer::command;
use crate::stage::{PATIENCE, Stage};
use crate::traffic::{Item, LARGE_BYTES};

/// How far into a large message something happens to it.
pub(crate) const MIDDLE_BYTES: u64 = LARGE_BYTES as u64 / 4;
/// How often it is tried to meet a large message under way, which takes some hundredths of a second.
pub(crate) const TRIES: usize = 10;

/// A cut that was made.
struct Made {
    what: String,
    at: Micros,
    /// From when on data could flow again.
    works_at: Micros,
}

impl Stage {
    /// Does this, and waits until data flows both ways again.
    pub(crate) fn suffer(&mut self, cut: Cut, down: Duration) -> Result<()> {
        let made = match cut {
            Cut::Reset => self.broken("connection reset", CutProxy::reset),
            Cut::Close => self.broken("connection closed", CutProxy::close),
            Cut::Mute => self.broken("connection mute", CutProxy::mute),
            Cut::Down => self.down(down)?,
            Cut::LargeUp => self.in_the_middle(Direction::ToServer)?,
            Cut::LargeDown => self.in_the_middle(Direction::ToClient)?,
            Cut::KillServer => return self.suffer_kill("server killed, started anew", Victim::Server),
            Cut::KillClient => return self.suffer_kill("client killed, started anew", Victim::Client),
            Cut::KillBoth => return self.suffer_kill("both killed, started anew", Victim::Both),
            Cut::KillServerLarge => return self.kill_server_amid_large(),
        };
        let recovery = self.until_recovered(&made.what, made.at)?;
        let cost = self.charge(0..=0);
        let outcome = format!(
            "{}; {}, {} messages replayed",
            recovery.since(made.works_at),
            cost.handshakes(),
            cost.used.replayed
        );
        self.say(&made.what, &outcome);
        Ok(())
    }

    fn broken(&self, what: &str, action: impl FnOnce(&CutProxy)) -> Made {
        action(&self.proxy);
        Made::now(what.into())
    }

    fn down(&mut self, down: Duration) -> Result<Made> {
        self.proxy.refuse();
        let made = Made::now(format!("link down for {:.1} s", down.as_secs_f32()));
        self.flow(down)?;
        self.proxy.link_up();
        Ok(Made {
            works_at: Micros::now(),
            ..made
        })
    }

    fn in_the_middle(&mut self, direction: Direction) -> Result<Made> {
        let name = match direction {
            Direction::ToServer => "client",
            Direction::ToClient => "server",
        };
        for _ in 0..TRIES {
            if let Some(made) = self.try_in_the_middle(name, direction)? {
                return Ok(made);
            }
        }
        Err(format!("large messages of the {name} always arrived before they could be cut").into())
    }

    /// The cut; none if the message had arrived before.
    fn try_in_the_middle(&mut self, name: &str, direction: Direction) -> Result<Option<Made>> {
        let large = self.begin_large(direction)?;
        let cut = self.proxy.reset_after(MIDDLE_BYTES, direction);
        cut.recv_timeout(PATIENCE)
            .map_err(|_| "the large message does not get on")?;
        let made = Made::now(format!("reset amid 16 MiB of the {name}"));
        let arrived_at = self.until("the large message to arrive", |stage| {
            let mut newest_first = stage.ends(direction).1.got.iter().rev();
            newest_first.find(|(item, _)| *item == large).map(|&(_, at)| at)
        })?;
        Ok((arrived_at > made.at).then_some(made))
    }

    /// Has a large message sent, and waits until that begins.
    pub(crate) fn begin_large(&mut self, direction: Direction) -> Result<Item> {
        let before = self.ends(direction).0.sent.len();
        self.tell_large(direction)?;
        self.until("a large message to begin", |stage| {
            let mut later = stage.ends(direction).0.sent.iter().skip(before);
            later.find(|item| item.body_bytes == LARGE_BYTES as u64).copied()
        })
    }

    /// Has a large message sent soon.
    pub(crate) fn tell_large(&mut self, direction: Direction) -> Result<()> {
        match direction {
            Direction::ToServer => self.client.process.tell(command::LARGE),
            Direction::ToClient => self.server.process.tell(command::LARGE),
        }
    }

    /// What sender and receiver have on record of each other.
    fn ends(&self, direction: Direction) -> (&Life, &Life) {
        let (client, server) = (self.client.process.ledger.life(), self.server.process.ledger.life());
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }
}

impl Made {
    fn now(what: String) -> Self {
        let now = Micros::now();
        Self {
            what,
            at: now,
            works_at: now,
        }
    }
}
