//! Everything at once: starts the processes, kills some, and tells what came of it.

mod records;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use steadfast_zmq::testing::CutProxy;

use crate::Result;
use crate::arguments;
use crate::balancer::news;
use crate::process::{Line, Process};

/// Longer than anything here should take: a run that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// As short as a demo wants it, and longer than a busy machine holds up a process.
const RETENTION_MS: &str = "3000";
/// How many jobs are in the hands of balancer and workers: more than all workers take.
const JOBS_AT_ONCE: u64 = 40;
/// Few of these fit into a worker's window; the others stay with the balancer, and have never left when the worker is killed.
const JOB_DIGITS: usize = 400;
/// After how many jobs of a worker it counts as busy.
const BUSY: u64 = 5;

/// Runs everything; whether all went well.
pub(crate) fn run(arguments: &arguments::Demo) -> Result<bool> {
    let directory = records::directory(arguments.keep.as_deref())?;
    let outcome = Demo::begin(&directory).and_then(Demo::play);
    if arguments.keep.is_some() || !matches!(outcome, Ok(true)) {
        eprintln!("the records are in {}", directory.display());
    } else {
        std::fs::remove_dir_all(&directory)?;
    }
    outcome
}

struct Demo<'a> {
    directory: &'a Path,
    began: Instant,
    lines: (Sender<Line>, Receiver<Line>),
    balancer: Process,
    workers: BTreeMap<&'static str, Process>,
    address: String,
    /// Between bob and the balancer.
    proxy: CutProxy,
    /// How many jobs were given to the balancer.
    jobs: u64,
    /// How many results there are, by worker.
    results: BTreeMap<String, u64>,
    /// What the balancer told.
    told: Vec<String>,
}

impl<'a> Demo<'a> {
    fn begin(directory: &'a Path) -> Result<Self> {
        records::write_credentials(directory)?;
        let (began, lines) = (Instant::now(), mpsc::channel());
        let path = directory.to_string_lossy();
        let mut arguments = vec!["balancer", "--listen", "tcp://127.0.0.1:*", "--credentials", &path];
        arguments.extend(["--retention-ms", RETENTION_MS]);
        let balancer = Process::start("balancer", &arguments, &lines.0)?;
        let first = lines.1.recv_timeout(PATIENCE)?.text;
        let address = first.strip_prefix(news::LISTENING).ok_or_else(|| first.clone())?;
        let socket = address.strip_prefix("tcp://").ok_or("the balancer listens elsewhere")?;
        Ok(Self {
            directory,
            began,
            balancer,
            workers: BTreeMap::new(),
            proxy: CutProxy::start(socket.parse()?)?,
            address: address.to_owned(),
            lines,
            jobs: 0,
            results: BTreeMap::new(),
            told: Vec::new(),
        })
    }

    fn play(mut self) -> Result<bool> {
        for name in records::WORKERS {
            self.start(name)?;
        }
        self.until("every worker to be busy", |demo| {
            records::WORKERS.iter().all(|name| demo.results(name) >= BUSY)
        })?;
        self.lose_one()?;
        self.cut_off(news::SILENT)?;
        self.start("ann")?;
        self.until_busy("ann")?;
        self.restart_one()?;
        self.cut_off(news::GONE)?;
        self.end()
    }

    /// A worker is killed amid its jobs, and does not come back within the time for which sessions are kept.
    fn lose_one(&mut self) -> Result<()> {
        self.kill("ann")?;
        self.until_told("ann", &[news::GONE])
    }

    /// A worker is cut off, goes on with the jobs that it has, and is heard again after the balancer has told this of it: that it is
    /// silent, or that its session is over, and what it had begun is given to others.
    fn cut_off(&mut self, until: &str) -> Result<()> {
        self.say("demo", "the network between bob and the balancer breaks");
        self.proxy.refuse();
        self.until_told("bob", &[until])?;
        self.say("demo", "the network between bob and the balancer works again");
        self.proxy.link_up();
        self.until_told("bob", &[news::HEARD, news::CAME])?;
        self.until_busy("bob")
    }

    /// A worker is killed amid its jobs, and started anew at once.
    fn restart_one(&mut self) -> Result<()> {
        self.kill("cat")?;
        self.start("cat")?;
        self.until_told("cat", &[news::CAME])?;
        self.until_busy("cat")
    }

    fn end(mut self) -> Result<bool> {
        self.say("demo", "no more jobs");
        self.balancer.input = None;
        let jobs = self.jobs;
        self.until("the last results", |demo| demo.all_results() == jobs)?;
        self.balancer.finish(PATIENCE)?;
        for worker in self.workers.into_values() {
            worker.finish(PATIENCE)?;
        }
        records::judge(self.directory, jobs)
    }

    fn start(&mut self, name: &'static str) -> Result<()> {
        self.say("demo", &format!("starts {name}"));
        let address = if name == "bob" {
            self.proxy.zmq_address()
        } else {
            self.address.clone()
        };
        let (credentials, record) = (self.directory.to_string_lossy(), self.directory.join(name));
        let record = record.to_string_lossy();
        let mut arguments = vec!["worker", name, "--connect", &address, "--credentials", &credentials];
        arguments.extend(["--record", &record, "--work-ms", "50"]);
        let process = Process::start(name, &arguments, &self.lines.0)?;
        self.workers.insert(name, process);
        Ok(())
    }

    fn kill(&mut self, name: &str) -> Result<()> {
        self.say("demo", &format!("kills {name}"));
        self.workers.remove(name).map_or(Ok(()), Process::kill)
    }

    fn until_busy(&mut self, name: &str) -> Result<()> {
        let before = self.results(name);
        self.until(&format!("{name} to be busy"), |demo| {
            demo.results(name) >= before + BUSY
        })
    }

    /// Waits until the balancer tells one of these of a worker.
    fn until_told(&mut self, name: &str, words: &[&str]) -> Result<()> {
        let before = self.told.len();
        self.until(&format!("news of {name}"), |demo| {
            let mut later = demo.told[before..]
                .iter()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            later.any(|line| words.iter().any(|word| line.starts_with(word)))
        })
    }

    /// Gives the balancer jobs, and listens, until this holds.
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<()> {
        let limit = Instant::now() + PATIENCE;
        while !holds(self) {
            if Instant::now() > limit {
                return Err(format!("waited {} s in vain for {what}", PATIENCE.as_secs()).into());
            }
            self.feed()?;
            self.listen();
            self.check()?;
        }
        Ok(())
    }

    fn feed(&mut self) -> Result<()> {
        while let Some(input) = &mut self.balancer.input
            && self.jobs < self.results.values().sum::<u64>() + JOBS_AT_ONCE
        {
            self.jobs += 1;
            writeln!(input, "{:0>JOB_DIGITS$}", self.jobs)?;
        }
        Ok(())
    }

    fn listen(&mut self) {
        let Ok(line) = self.lines.1.recv_timeout(Duration::from_millis(10)) else {
            return;
        };
        if line.is_output {
            let worker = line.text.split(' ').nth(1).unwrap_or_default();
            *self.results.entry(worker.to_owned()).or_default() += 1;
            return;
        }
        self.say(&line.process, &line.text);
        if line.process == "balancer" {
            self.told.push(line.text);
        }
    }

    /// No process ends by itself while there are jobs.
    fn check(&mut self) -> Result<()> {
        if self.balancer.input.is_none() {
            return Ok(());
        }
        for (name, process) in self.workers.iter_mut().chain([(&"balancer", &mut self.balancer)]) {
            if let Some(status) = process.has_ended()? {
                return Err(format!("{name} ended: {status}").into());
            }
        }
        Ok(())
    }

    fn results(&self, name: &str) -> u64 {
        self.results.get(name).copied().unwrap_or_default()
    }

    fn all_results(&self) -> u64 {
        self.results.values().sum()
    }

    fn say(&self, who: &str, what: &str) {
        println!("{:7.2} s  {who:<9} {what}", self.began.elapsed().as_secs_f32());
    }
}
