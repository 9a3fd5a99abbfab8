//! The first process: starts the others, breaks the network between them, and tells what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use steadfast_zmq::testing::{CutProxy, Direction, insecure_test_credentials};

use crate::Result;
use crate::arguments::{Arguments, Cut};
use crate::children::{Ledger, Process};
use crate::clock::Micros;
use crate::peer::{answer, command};
use crate::traffic::{Item, LARGE_BYTES};
use crate::verdict::Verdict;
use crate::wire::Wire;

/// Longer than any outage here should last; a run that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the records are read.
const GLANCE: Duration = Duration::from_millis(2);
/// How far into a large message the connection is cut.
const MIDDLE_BYTES: u64 = LARGE_BYTES as u64 / 4;
/// How often it is tried to meet a large message under way, which takes some hundredths of a second.
const TRIES: usize = 10;

/// Runs everything; whether all went well.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let directory = records_directory(arguments.keep.as_deref())?;
    let outcome = Stage::set(arguments, &directory).and_then(|stage| stage.play(arguments));
    if arguments.keep.is_some() || !matches!(outcome, Ok(true)) {
        eprintln!("the records are in {}", directory.display());
    } else {
        fs::remove_dir_all(&directory)?;
    }
    outcome
}

/// The directory that was asked for, or a temporary one.
fn records_directory(keep: Option<&Path>) -> Result<PathBuf> {
    let Some(directory) = keep else {
        return Ok(tempfile::Builder::new().prefix("survive-").tempdir()?.keep());
    };
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    for record in ["client", "server"].map(|name| directory.join(name)) {
        if record.exists() {
            let record = record.display();
            return Err(format!("{record} is the record of another run: remove it, or name another directory").into());
        }
    }
    Ok(directory.into())
}

struct Stage {
    directory: PathBuf,
    began: Instant,
    wire: Arc<Wire>,
    proxy: CutProxy,
    client: Process,
    server: Process,
}

/// What was used up so far.
#[derive(Clone, Copy)]
struct Used {
    handshakes: usize,
    first_packets: u64,
    replayed: u64,
}

impl Stage {
    fn set(arguments: &Arguments, directory: &Path) -> Result<Self> {
        write_credentials(directory)?;
        let mut options = vec!["--seed".into(), arguments.seed.to_string()];
        options.extend(arguments.log.then(|| "--log".into()));
        let mut server = Process::start("server", directory, &options)?;
        let address = server.answer(answer::LISTENING)?;
        let address = address
            .strip_prefix("tcp://")
            .ok_or("the server listens elsewhere")?
            .parse()?;
        let wire = Arc::new(Wire::default());
        let watch = wire.clone();
        let proxy = CutProxy::watched(address, move |connection, direction, bytes| {
            watch.watch(connection, direction, bytes);
        })?;
        options.extend(["--connect".into(), proxy.zmq_address()]);
        let client = Process::start("client", directory, &options)?;
        Ok(Self {
            directory: directory.to_owned(),
            began: Instant::now(),
            wire,
            proxy,
            client,
            server,
        })
    }

    fn play(mut self, arguments: &Arguments) -> Result<bool> {
        println!(
            "server {} and client {}, one session, messages both ways",
            self.server.id(),
            self.client.id()
        );
        self.until("the first messages", |stage| stage.both_have(Micros(0)).is_some())?;
        let (group, cipher) = self
            .client
            .ledger
            .established
            .first()
            .ok_or("data without a session")?
            .clone();
        self.say("established", &format!("{group}, {cipher}"));
        let first = self.used();
        if first.first_packets == 0 {
            return Err("the proxy saw no handshake begin: it does not read the wire as it should".into());
        }
        for &cut in &arguments.cuts {
            self.flow(arguments.flow())?;
            self.cut(cut, arguments.down())?;
        }
        self.flow(arguments.flow())?;
        let cost = self.used().first_packets - first.first_packets;
        let ended_well = self.end()?;
        self.judge(cost, ended_well)
    }

    /// Breaks the network once, and waits until data flows both ways again.
    fn cut(&mut self, cut: Cut, down: Duration) -> Result<()> {
        let before = self.used();
        let (what, cut_at, works_at) = match cut {
            Cut::Reset => self.broken("connection reset", |stage| stage.proxy.reset()),
            Cut::Close => self.broken("connection closed", |stage| stage.proxy.close()),
            Cut::Mute => self.broken("connection mute", |stage| stage.proxy.mute()),
            Cut::Down => self.down(down)?,
            Cut::LargeUp => self.in_the_middle(Direction::ToServer)?,
            Cut::LargeDown => self.in_the_middle(Direction::ToClient)?,
        };
        self.until(&format!("data again ({what})"), |stage| {
            stage.both_have(cut_at).is_some()
        })?;
        let (up, down) = self.both_have(cut_at).expect("just seen");
        let after = self.used();
        let handshakes = handshakes(&before, &after);
        let outcome = format!(
            "data again after {:>5} ms to the server, {:>5} ms to the client; {handshakes} handshakes, {} messages replayed",
            up.since(works_at).as_millis(),
            down.since(works_at).as_millis(),
            after.replayed - before.replayed,
        );
        self.say(&what, &outcome);
        Ok(())
    }

    fn broken(&self, what: &str, action: impl FnOnce(&Self)) -> (String, Micros, Micros) {
        action(self);
        let now = Micros::now();
        (what.into(), now, now)
    }

    fn down(&mut self, down: Duration) -> Result<(String, Micros, Micros)> {
        self.proxy.refuse();
        let cut_at = Micros::now();
        self.flow(down)?;
        self.proxy.link_up();
        Ok((
            format!("link down for {:.1} s", down.as_secs_f32()),
            cut_at,
            Micros::now(),
        ))
    }

    fn in_the_middle(&mut self, direction: Direction) -> Result<(String, Micros, Micros)> {
        let name = match direction {
            Direction::ToServer => "client",
            Direction::ToClient => "server",
        };
        for _ in 0..TRIES {
            if let Some(cut_at) = self.try_in_the_middle(direction)? {
                return Ok((format!("reset amid 16 MiB of the {name}"), cut_at, cut_at));
            }
        }
        Err(format!("large messages of the {name} always arrived before they could be cut").into())
    }

    /// When the connection was cut; none if the message had arrived before.
    fn try_in_the_middle(&mut self, direction: Direction) -> Result<Option<Micros>> {
        let is_large = |item: &Item| item.body_bytes == LARGE_BYTES as u64;
        let (sent, got) = {
            let (sender, receiver) = self.ends(direction);
            (sender.sent.len(), receiver.got.len())
        };
        match direction {
            Direction::ToServer => self.client.tell(command::LARGE)?,
            Direction::ToClient => self.server.tell(command::LARGE)?,
        }
        self.until("a large message to begin", |stage| {
            stage.ends(direction).0.sent[sent..].iter().any(is_large)
        })?;
        let cut = self.proxy.reset_after(MIDDLE_BYTES, direction);
        cut.recv_timeout(PATIENCE)
            .map_err(|_| "the large message does not get on")?;
        let cut_at = Micros::now();
        let arrival = |stage: &Self| {
            let mut later = stage.ends(direction).1.got[got..].iter();
            later.find(|(item, _)| is_large(item)).map(|&(_, at)| at)
        };
        self.until("the large message to arrive", |stage| arrival(stage).is_some())?;
        Ok(arrival(self).filter(|&at| at > cut_at).map(|_| cut_at))
    }

    /// The records of sender and receiver.
    fn ends(&self, direction: Direction) -> (&Ledger, &Ledger) {
        match direction {
            Direction::ToServer => (&self.client.ledger, &self.server.ledger),
            Direction::ToClient => (&self.server.ledger, &self.client.ledger),
        }
    }

    /// When the first message sent after this moment arrived, at the server and at the client.
    fn both_have(&self, moment: Micros) -> Option<(Micros, Micros)> {
        self.server
            .ledger
            .first_sent_after(moment)
            .zip(self.client.ledger.first_sent_after(moment))
    }

    fn used(&self) -> Used {
        Used {
            handshakes: self
                .client
                .ledger
                .established
                .len()
                .max(self.server.ledger.established.len()),
            first_packets: self.wire.first_packets(),
            replayed: self.client.ledger.replayed + self.server.ledger.replayed,
        }
    }

    fn flow(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.glance()?;
        }
        Ok(())
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) -> Result<()> {
        let limit = Instant::now() + PATIENCE;
        while !done(self) {
            if Instant::now() > limit {
                return Err(format!("waited {} s in vain for {what}", PATIENCE.as_secs()).into());
            }
            self.glance()?;
        }
        Ok(())
    }

    fn glance(&mut self) -> Result<()> {
        self.client.follow()?;
        self.server.follow()?;
        sleep(GLANCE);
        Ok(())
    }

    fn say(&self, what: &str, outcome: &str) {
        println!("{:7.2} s  {what:<30} {outcome}", self.began.elapsed().as_secs_f32());
    }

    /// Lets both deliver what is under way, then closes; whether both processes ended well.
    fn end(&mut self) -> Result<bool> {
        self.client.tell(command::STOP)?;
        self.server.tell(command::STOP)?;
        self.client.answer(answer::DRAINED)?;
        self.server.answer(answer::DRAINED)?;
        self.client.tell(command::CLOSE)?;
        Ok(self.client.finish()? & self.server.finish()?)
    }

    /// Prints the table, from the finished records; whether all is well.
    fn judge(&self, first_packets: u64, ended_well: bool) -> Result<bool> {
        let (client, server) = (
            Ledger::read(&self.directory.join("client"))?,
            Ledger::read(&self.directory.join("server"))?,
        );
        let (up, down) = (Verdict::of(&client, &server), Verdict::of(&server, &client));
        print_table(&up, &down);
        let handshakes = client.established.len().max(server.established.len());
        let (group, cipher) = client.established.first().ok_or("no session")?;
        println!(
            "handshakes {handshakes}, {group}, {cipher}; {first_packets} packets of further handshakes on the wire"
        );
        println!("client: {}", client.closed.as_deref().unwrap_or("not closed"));
        println!("server: {}", server.closed.as_deref().unwrap_or("not closed"));
        Ok(up.is_good() && down.is_good() && handshakes == 1 && first_packets == 0 && ended_well)
    }
}

fn handshakes(before: &Used, after: &Used) -> usize {
    // A handshake that is begun and never finished counts too.
    (after.handshakes - before.handshakes).max(usize::from(after.first_packets > before.first_packets))
}

fn print_table(up: &Verdict, down: &Verdict) {
    println!("\n{:14}{:>14}{:>14}", "", "to the server", "to the client");
    type Row = (&'static str, fn(&Verdict) -> usize);
    let rows: [Row; 7] = [
        ("sent", |v| v.sent),
        ("delivered", |v| v.delivered),
        ("MiB", |v| usize::try_from(v.bytes >> 20).unwrap_or(usize::MAX)),
        ("lost", |v| v.lost),
        ("out of order", |v| v.out_of_order),
        ("twice", |v| v.twice),
        ("damaged", |v| v.damaged),
    ];
    for (name, value) in rows {
        println!("{name:14}{:>14}{:>14}", value(up), value(down));
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
