//! A process is killed and started anew, or both are.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::testing::Direction;

use crate::Result;
use crate::clock::Micros;
use crate::cuts::{MIDDLE_BYTES, TRIES};
use crate::peer::answer;
use crate::stage::{PATIENCE, Stage};

/// Whom to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    Client,
    Both,
}

/// How often it is asked whether enough bytes have passed: a large message takes a hundred times as long.
const LOOK: Duration = Duration::from_micros(200);

impl Stage {
    /// One kill, and what came of it.
    pub(crate) fn suffer_kill(&mut self, what: &str, victim: Victim) -> Result<()> {
        let killed_at = self.kill(victim)?;
        self.tell_of_kills(what, killed_at, 1)
    }

    pub(crate) fn kill_server_amid_large(&mut self) -> Result<()> {
        for _ in 0..TRIES {
            let large = self.begin_large(Direction::ToServer)?;
            self.until_passed(MIDDLE_BYTES, Direction::ToServer)?;
            let killed_at = self.kill(Victim::Server)?;
            let killed = self.server.last_killed().ok_or("nobody was killed")?;
            let arrived = killed.life().got.iter().any(|(item, _)| *item == large);
            let when = if arrived { "after" } else { "amid" };
            self.tell_of_kills(&format!("server killed {when} 16 MiB"), killed_at, 1)?;
            if !arrived {
                return Ok(());
            }
        }
        Err("large messages always arrived before the server could be killed".into())
    }

    fn until_passed(&self, bytes: u64, direction: Direction) -> Result<()> {
        let enough = self.proxy.bytes(direction) + bytes;
        let limit = Instant::now() + PATIENCE;
        while self.proxy.bytes(direction) < enough {
            if Instant::now() > limit {
                return Err("the large message does not get on".into());
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// Kills, and starts anew at once. Returns since when nobody lives who was to be killed.
    pub(crate) fn kill(&mut self, victim: Victim) -> Result<Micros> {
        let (server, client) = (victim != Victim::Client, victim != Victim::Server);
        if server {
            self.server.process.kill()?;
        }
        if client {
            self.client.process.kill()?;
        }
        if server {
            self.server.process.reap()?;
        }
        if client {
            self.client.process.reap()?;
        }
        let killed_at = Micros::now();
        if server {
            self.server.start_anew()?;
            self.server.process.answer(answer::LISTENING)?;
        }
        if client {
            self.client.start_anew()?;
        }
        Ok(killed_at)
    }

    /// Waits until data flows again after so many kills, and says what they cost.
    pub(crate) fn tell_of_kills(&mut self, what: &str, killed_at: Micros, kills: usize) -> Result<()> {
        let recovery = self.until_recovered(what, killed_at)?;
        let cost = self.charge(1..=kills);
        let outcome = format!(
            "{}; {}, {} messages in doubt, {} unsent",
            recovery.since(killed_at),
            cost.handshakes(),
            cost.used.in_doubt,
            cost.used.unsent
        );
        self.say(what, &outcome);
        Ok(())
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Both => "both",
        })
    }
}
