//! A client: takes jobs, does one after the other, and says so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use steadfast_zmq::steadfast::rustls::client::WebPkiServerVerifier;
use steadfast_zmq::steadfast::rustls::pki_types::ServerName;
use steadfast_zmq::steadfast::{ClientConfig, CloseCode, CloseReason, Closed, Delivery, Event, Limits, MessageId};
use steadfast_zmq::{Client, Endpoint, Error, default_provider, pem, zmq};

use crate::Result;
use crate::arguments;
use crate::job::{Job, Outcome};
use crate::record::Recorder;

/// Room for few jobs: those for which there is none stay with the balancer, which can give them to others.
const WINDOW_BYTES: u64 = 1200;
/// How often an idle worker calls its client at least.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &arguments::Worker) -> Result<()> {
    let dial = Dial::new(arguments)?;
    let worker = Worker {
        client: dial.connect()?,
        dial,
        work: arguments.work(),
        jobs: VecDeque::new(),
        ready_at: Instant::now(),
        recorder: arguments.record.as_deref().map(Recorder::open).transpose()?,
    };
    worker.run()
}

/// All that is needed to call the balancer.
struct Dial {
    context: zmq::Context,
    address: String,
    server: ServerName<'static>,
    config: ClientConfig,
}

impl Dial {
    fn new(arguments: &arguments::Worker) -> Result<Self> {
        let server = arguments.server_name.clone().try_into();
        Ok(Self {
            context: zmq::Context::new(),
            address: arguments.connect.clone(),
            server: server.map_err(|_| "--server-name is neither a host name nor an IP address")?,
            config: configured(arguments)?,
        })
    }

    fn connect(&self) -> Result<Client> {
        let endpoint = Endpoint::new(&self.context, &self.address);
        Ok(Client::connect(endpoint, self.server.clone(), &self.config)?)
    }
}

fn configured(arguments: &arguments::Worker) -> Result<ClientConfig> {
    let (directory, name) = (&arguments.credentials, &arguments.name);
    let provider = default_provider();
    let roots = pem::roots(directory.join("authority.pem"))?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
    let (chain, key) = (
        directory.join(format!("{name}.pem")),
        directory.join(format!("{name}.key")),
    );
    let (chain, key) = pem::identity(chain, key, &provider)?;
    let config = ClientConfig::builder(provider, verifier)
        .identity(chain, key)
        .endpoint_name(name)
        .limits(Limits {
            window_bytes: WINDOW_BYTES,
            ..Limits::default()
        })
        .delivery(Delivery {
            // A job counts as delivered when it is done.
            manual_acknowledgement: true,
            // Results are told apart by the number of the job: told twice they do no harm.
            redeliver: true,
        });
    Ok(config.build()?)
}

struct Worker {
    client: Client,
    dial: Dial,
    work: Duration,
    /// Jobs that are here; the first one is being done.
    jobs: VecDeque<(MessageId, Job)>,
    /// When the first one is done.
    ready_at: Instant,
    recorder: Option<Recorder>,
}

impl Worker {
    fn run(mut self) -> Result<()> {
        loop {
            if let Some(event) = self.client.recv_timeout(self.wait())?
                && self.take(event)?
            {
                return Ok(());
            }
            if !self.jobs.is_empty() && Instant::now() >= self.ready_at {
                self.finish()?;
            }
        }
    }

    fn wait(&self) -> Duration {
        if self.jobs.is_empty() {
            IDLE
        } else {
            self.ready_at.saturating_duration_since(Instant::now())
        }
    }

    /// Whether that was the end.
    fn take(&mut self, event: Event) -> Result<bool> {
        match event {
            Event::Message(message) => {
                if self.jobs.is_empty() {
                    self.ready_at = Instant::now() + self.work;
                }
                self.jobs.push_back((message.id(), Job::read(&message)?));
            }
            // The balancer has given this worker up, or is another one: it gives these jobs to others.
            Event::PeerRestarted(_) => self.jobs.clear(),
            Event::Closed(closed) => return self.ended(*closed),
            other => eprintln!("{other}"),
        }
        Ok(false)
    }

    /// Whether the balancer has no more to do. Otherwise begins another session, if that can help.
    fn ended(&mut self, closed: Closed) -> Result<bool> {
        if is_finished(&closed.reason) {
            return Ok(true);
        }
        if !closed.reason.retryable() {
            return Err(format!("the session with the balancer ended: {}", closed.reason).into());
        }
        eprintln!("connecting anew, since the session ended: {}", closed.reason);
        self.jobs.clear();
        self.client = self.dial.connect()?;
        for result in closed.in_doubt.into_iter().chain(closed.unsent) {
            self.client.send_parts(&result.into_parts())?;
        }
        Ok(false)
    }

    /// Writes down that the job is done, tells the result, and only then lets the balancer forget the job. Whatever kills this process
    /// between two of these steps, the job is done again, marked.
    fn finish(&mut self) -> Result<()> {
        let Some((message, job)) = self.jobs.pop_front() else {
            return Ok(());
        };
        let text = format!("{:08x}", crc32fast::hash(&job.text));
        if let Some(recorder) = &mut self.recorder {
            recorder.done(&job)?;
        }
        let number = job.number;
        ignore_the_end(self.client.send_parts(&Outcome { number, text }.parts()).map(drop))?;
        ignore_the_end(self.client.acknowledge(message))?;
        self.ready_at = Instant::now() + self.work;
        Ok(())
    }
}

fn is_finished(reason: &CloseReason) -> bool {
    let by_peer = matches!(reason, CloseReason::ByPeer { code, .. } if *code == CloseCode::Finished);
    by_peer || *reason == CloseReason::Finished
}

/// The session may have ended or begun anew while the job was done: its event is on the way.
fn ignore_the_end(outcome: std::result::Result<(), Error>) -> Result<()> {
    match outcome {
        Ok(()) | Err(Error::Closed | Error::Acknowledge(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
