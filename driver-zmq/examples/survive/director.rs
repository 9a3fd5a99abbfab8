//! The first process: starts the others, breaks what can be broken between and in them, and tells what came of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::arguments::Arguments;
use crate::clock::Micros;
use crate::ledger::Ledger;
use crate::party;
use crate::peer::{answer, command};
use crate::stage::Stage;
use crate::table;
use crate::verdict::Verdict;

/// Runs everything; whether all went well.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let directory = records_directory(arguments.keep.as_deref())?;
    let outcome = Stage::set(arguments, &directory).and_then(|mut stage| {
        play(&mut stage, arguments)?;
        let ended_well = end(&mut stage)?;
        Ok(judge(&mut stage, arguments)? && ended_well)
    });
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
    for record in ["client", "server"].map(|name| party::record(directory, name, 1)) {
        if record.exists() {
            let record = record.display();
            return Err(format!("{record} is the record of another run: name another directory").into());
        }
    }
    Ok(directory.into())
}

fn play(stage: &mut Stage, arguments: &Arguments) -> Result<()> {
    let (server, client) = (stage.server.process.id(), stage.client.process.id());
    println!("server {server} and client {client}, one session, messages both ways");
    stage.until("the first messages", |stage| stage.recovery(Micros(0)))?;
    let session = stage.client.process.ledger.life().session.as_ref();
    let session = session.ok_or("data without a session")?;
    stage.say("established", &format!("{}, {}", session.group, session.cipher));
    if stage.charge(1..=1).used.begun == 0 {
        return Err("the proxy saw no handshake begin: it does not read the wire as it should".into());
    }
    if let Some(kills) = arguments.kills {
        stage.suffer_random_kills(kills, arguments.seed)?;
    } else {
        for &cut in &arguments.cuts {
            stage.flow(arguments.flow())?;
            stage.suffer(cut, arguments.down())?;
        }
    }
    stage.flow(arguments.flow())
}

/// Lets both deliver what is under way, then closes; whether both processes ended well.
fn end(stage: &mut Stage) -> Result<bool> {
    let (client, server) = (&mut stage.client.process, &mut stage.server.process);
    client.tell(command::STOP)?;
    server.tell(command::STOP)?;
    client.answer(answer::DRAINED)?;
    server.answer(answer::DRAINED)?;
    client.tell(command::CLOSE)?;
    Ok(client.finish()? & server.finish()?)
}

/// Prints the table, from the finished records; whether all is well.
fn judge(stage: &mut Stage, arguments: &Arguments) -> Result<bool> {
    let (clients, servers) = (stage.client.read_again()?, stage.server.read_again()?);
    let (up, down) = (Verdict::of(&clients, &servers), Verdict::of(&servers, &clients));
    table::print(&up, &down);
    let fair = stage.is_fair();
    let used = stage.used();
    let verdict = match (fair, arguments.kills) {
        (true, None) => "one for each restart, none for a cut",
        // A process may be killed before the handshake that is for it has come to its end.
        (true, Some(_)) => "at least one before data flowed again, at most one for each restart",
        (false, _) => "WRONG",
    };
    println!(
        "handshakes {}, and {} begun on the wire, for {} servers and {} clients: {verdict}",
        used.handshakes,
        used.begun,
        servers.len(),
        clients.len(),
    );
    println!("client: {}", last_word(&clients));
    println!("server: {}", last_word(&servers));
    Ok(up.is_good() && down.is_good() && fair)
}

fn last_word(ledgers: &[Ledger]) -> &str {
    let last = ledgers.last().and_then(|ledger| ledger.life().why_closed());
    last.unwrap_or("not closed")
}
