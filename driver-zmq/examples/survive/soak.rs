//! Many kills at random moments.

use std::time::Duration;

use steadfast_zmq::testing::Direction;

use crate::Result;
use crate::clock::Micros;
use crate::draw::Draw;
use crate::kills::Victim;
use crate::stage::Stage;

/// How long data flows before a kill, in milliseconds: at least, and at most.
const FLOW_MS: (usize, usize) = (20, 400);
/// The longest until a kill that does not wait for data, in milliseconds. A new process takes some hundredths of a second
/// until it answers, so such kills meet every stage of a handshake.
const SOON_MS: usize = 150;
/// One kill in so many is followed by another that soon; before one in so many, a large message begins.
const SELDOM: usize = 4;

/// One kill, and those that follow it before data flows again.
struct Volley {
    kills: u32,
    whom: String,
    last_at: Micros,
}

impl Stage {
    /// Kills so many times, and says of each volley what came of it.
    pub(crate) fn suffer_random_kills(&mut self, kills: u32, seed: u64) -> Result<()> {
        let mut draw = Draw::new(seed);
        let mut done = 0;
        while done < kills {
            if draw.below(SELDOM) == 0 {
                self.tell_large(draw.one_of([Direction::ToServer, Direction::ToClient]))?;
            }
            let (least, most) = FLOW_MS;
            self.flow_ms(least + draw.below(most - least + 1))?;
            let volley = self.volley(kills - done, &mut draw)?;
            let what = format!("kill {}: {}", done + 1, volley.whom);
            self.tell_of_kills(&what, volley.last_at, volley.kills as usize)?;
            done += volley.kills;
        }
        Ok(())
    }

    fn volley(&mut self, at_most: u32, draw: &mut Draw) -> Result<Volley> {
        let victim = any_victim(draw);
        let mut volley = Volley {
            kills: 1,
            whom: victim.to_string(),
            last_at: self.kill(victim)?,
        };
        while volley.kills < at_most && draw.below(SELDOM) == 0 {
            let (pause_ms, victim) = (draw.below(SOON_MS), any_victim(draw));
            self.flow_ms(pause_ms)?;
            volley.last_at = self.kill(victim)?;
            volley.kills += 1;
            volley.whom += &format!(", {pause_ms} ms later {victim}");
        }
        Ok(volley)
    }

    fn flow_ms(&mut self, milliseconds: usize) -> Result<()> {
        self.flow(Duration::from_millis(milliseconds as u64))
    }
}

fn any_victim(draw: &mut Draw) -> Victim {
    draw.one_of([Victim::Server, Victim::Client, Victim::Both])
}
