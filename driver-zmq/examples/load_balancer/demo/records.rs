//! The files of a run: credentials, and what the workers wrote down.

use std::fs;
use std::path::{Path, PathBuf};

use steadfast_zmq::testing::insecure_test_credentials;

use crate::Result;
use crate::record::{self, Done};
use crate::verdict::Verdict;

pub(crate) const WORKERS: [&str; 3] = ["ann", "bob", "cat"];

/// The directory that was asked for, or a temporary one.
pub(crate) fn directory(keep: Option<&Path>) -> Result<PathBuf> {
    let Some(directory) = keep else {
        return Ok(tempfile::Builder::new().prefix("load-balancer-").tempdir()?.keep());
    };
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    if fs::read_dir(directory)?.next().is_some() {
        return Err(format!("{} is not empty: name another directory", directory.display()).into());
    }
    Ok(directory.into())
}

pub(crate) fn write_credentials(directory: &Path) -> Result<()> {
    let credentials = insecure_test_credentials("localhost");
    fs::write(directory.join("authority.pem"), credentials.authority_pem())?;
    let (certificate, key) = credentials.server_pem();
    fs::write(directory.join("server.pem"), certificate)?;
    fs::write(directory.join("server.key"), key)?;
    for name in WORKERS {
        let (certificate, key) = credentials.issue_pem(name);
        fs::write(directory.join(format!("{name}.pem")), certificate)?;
        fs::write(directory.join(format!("{name}.key")), key)?;
    }
    Ok(())
}

/// Prints what was done, from the records alone; whether all is well.
pub(crate) fn judge(directory: &Path, jobs: u64) -> Result<bool> {
    let mut all = Vec::new();
    println!("\n{:30}{:>8}{:>8}", "", "done", "marked");
    for name in WORKERS {
        let done = record::read(&directory.join(name))?;
        println!("{name:30}{:>8}{:>8}", done.len(), marked(&done));
        all.extend(done);
    }
    let marked = marked(&all);
    let verdict = Verdict::of(jobs, all);
    println!("{:30}{:>8}", "jobs", verdict.jobs);
    println!("{:30}{:>8}", "done once", verdict.once);
    println!("{:30}{:>8}", "done again, and marked so", verdict.again_marked);
    println!("{:30}{:>8}", "done again, and not marked", verdict.again_unmarked);
    println!("{:30}{:>8}", "not done", verdict.not_done);
    if marked == 0 {
        // Two workers were killed amid their jobs: without a job in doubt this run has shown nothing.
        println!("no job was ever in doubt: run it again");
    }
    Ok(verdict.is_good() && marked > 0)
}

fn marked(done: &[Done]) -> usize {
    done.iter().filter(|done| done.again).count()
}
