//! Requests and replies over real sockets, and between processes that are killed.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use steadfast::{Bytes, Delivery, Event, SessionId};
use steadfast_tests::over_zmq::{PATIENCE, Reserved, Scene, localhost};
use steadfast_tests::processes::{Process, write_credentials};
use steadfast_zmq::requests::{Asked, Gone, Incoming, Replies, Reply, ReplyError, Request, RequestId, Requests};
use steadfast_zmq::{Client, Endpoint, Error, Server, ServerHandle};
use tempfile::TempDir;

#[test]
fn every_reply_finds_its_request_though_several_threads_answer_in_any_order() {
    const REQUESTS: u32 = 300;
    let scene = Scene::default();
    let server = scene.server().spawn().expect("a thread");
    let client = scene.client_at(&server.local_address().expect("bound"));
    let client = client.spawn().expect("a thread");
    let answering = thread::spawn(move || answer_backwards(&server));

    let mut requests = Requests::new();
    let mut asked = BTreeMap::new();
    for number in 0..REQUESTS {
        let question = Bytes::copy_from_slice(&number.to_be_bytes());
        let request = requests.ask(std::slice::from_ref(&question), |parts| client.send_parts(parts));
        asked.insert(request.expect("open"), question);
    }
    let (mut order, limit) = (Vec::new(), Instant::now() + PATIENCE);
    while requests.open() > 0 {
        assert!(Instant::now() < limit, "{requests:?}");
        let event = client.recv_timeout(PATIENCE).expect("open").expect("a reply");
        if let Incoming::Reply(reply) = requests.sort(event) {
            assert_eq!(asked.remove(&reply.to).as_slice(), reply.parts);
            order.push(reply.to);
        }
    }
    assert!(asked.is_empty());
    assert!(!order.is_sorted(), "the replies came out of order");
    client.close(PATIENCE).expect("open");
    answering.join().expect("no panic");
}

/// Answers with what was asked, in four threads that let requests pile up and take the last one first.
fn answer_backwards(server: &ServerHandle) {
    let mut replies = Replies::new();
    thread::scope(|scope| {
        let workers = [(); 4].map(|()| {
            let (work, to_do) = mpsc::channel::<Request<SessionId>>();
            scope.spawn(move || {
                while let Ok(first) = to_do.recv() {
                    thread::sleep(Duration::from_millis(2));
                    let mut pile: Vec<_> = std::iter::once(first).chain(to_do.try_iter()).collect();
                    while let Some(request) = pile.pop() {
                        let parts = request.parts.clone();
                        let sent = request.reply(&parts, |session, parts| server.send_parts(session, parts));
                        sent.expect("the client is there");
                    }
                }
            });
            work
        });
        let mut turns = workers.iter().cycle();
        loop {
            let received = server.recv().expect("open");
            match replies.sort(received.session, received.event) {
                Asked::Request(request) => {
                    let worker = turns.next().expect("there are some");
                    worker.send(request).expect("it waits");
                }
                Asked::Other(Event::Closed(_)) => break,
                Asked::Other(_) => {}
            }
        }
    });
}

/// A client in this process whose server is another one that is killed and started anew.
struct Asking {
    scene: Scene,
    files: TempDir,
    port: Reserved,
    client: Client,
    requests: Requests,
    asked: BTreeMap<RequestId, String>,
    replies: Vec<Reply>,
    gone: Option<Gone>,
}

impl Asking {
    fn new(delivery: Delivery) -> Self {
        let (scene, files, port) = (
            Scene::default(),
            tempfile::tempdir().expect("a directory"),
            Reserved::default(),
        );
        write_credentials(&scene.credentials, files.path(), &[]);
        let config = scene.credentials.client().delivery(delivery).build().expect("complete");
        let endpoint = Endpoint::new(&scene.context, &port.zmq_address());
        let client = Client::connect(endpoint, localhost(), &config).expect("an address");
        Self {
            scene,
            files,
            port,
            client,
            requests: Requests::new(),
            asked: BTreeMap::new(),
            replies: Vec::new(),
            gone: None,
        }
    }

    fn start_server(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_answerer"));
        Process::start(command.arg(self.port.zmq_address()).arg(self.files.path()))
    }

    fn ask(&mut self, text: &str) -> RequestId {
        self.try_ask(text).expect("room")
    }

    fn try_ask(&mut self, text: &str) -> Result<RequestId, Error> {
        let parts = [Bytes::copy_from_slice(text.as_bytes()), vec![b'.'; 20_000].into()];
        let client = &mut self.client;
        let request = self.requests.ask(&parts, |parts| client.try_send_parts(parts))?;
        self.asked.insert(request, text.to_owned());
        Ok(request)
    }

    fn turn(&mut self) {
        if let Some(event) = self.client.recv_timeout(Duration::from_millis(5)).expect("open") {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match self.requests.sort(event) {
            Incoming::Reply(reply) => self.replies.push(reply),
            Incoming::Gone(gone) => self.gone = Some(gone),
            Incoming::Unawaited(_) | Incoming::Other(_) => {}
        }
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < limit, "waited in vain for {what}; {:?}", self.requests);
            self.turn();
        }
    }

    /// Until the server prints that it took this.
    fn until_taken(&mut self, server: &Process, text: &str) {
        let limit = Instant::now() + PATIENCE;
        while server.try_line().is_none_or(|line| line != text) {
            assert!(Instant::now() < limit, "{text:?} does not arrive");
            self.turn();
        }
    }

    /// Asks something that is answered, something that is taken and never answered, and much behind something that keeps the server
    /// from taking anything more. Names the second, which is acknowledged.
    fn ask_all_kinds(&mut self, server: &Process) -> RequestId {
        self.ask("first");
        self.until("a reply", |asking| asking.replies.len() == 1);
        let kept = self.ask("keep");
        self.client.flush(PATIENCE).expect("the server takes it");
        self.ask("nap");
        self.until_taken(server, "nap");
        let mut number = 0;
        while self.client.in_flight().unsent_bytes < 200_000 {
            self.ask(&format!("later {number}"));
            number += 1;
            self.turn();
        }
        kept
    }

    fn texts(&self, requests: &[RequestId]) -> Vec<&str> {
        requests.iter().map(|request| &self.asked[request][..]).collect()
    }

    fn answered(&self) -> Vec<RequestId> {
        self.replies.iter().map(|reply| reply.to).collect()
    }
}

#[test]
fn when_the_server_is_killed_every_request_is_answered_or_unsent_or_in_doubt_and_none_waits_forever() {
    let mut asking = Asking::new(Delivery::default());
    let server = asking.start_server();
    let kept = asking.ask_all_kinds(&server);
    let taken = server.kill();
    let server = asking.start_server();
    asking.until("news of the restart", |asking| asking.gone.is_some());

    let gone = asking.gone.take().expect("just told");
    assert_eq!(asking.requests.open(), 0);
    let mut fates = [&gone.in_doubt[..], &gone.unsent, &asking.answered()].concat();
    fates.sort();
    assert!(
        fates.iter().eq(asking.asked.keys()),
        "each has one fate: {fates:?} {:?}",
        asking.asked
    );
    assert_eq!(gone.in_doubt[0], kept, "it was acknowledged, and not answered");
    assert_eq!(asking.texts(&gone.in_doubt)[1], "nap");
    assert!(!gone.unsent.is_empty());
    assert_eq!(taken, [""; 0], "what is unsent never came");

    for text in asking.texts(&gone.unsent).join("\n").lines() {
        asking.ask(text);
    }
    asking.until("all replies of the new server", |asking| asking.requests.open() == 0);
    assert_eq!(asking.replies.len(), 1 + gone.unsent.len());
    assert!(asking.replies.iter().all(|reply| reply.parts[1] == "new"));
    assert_eq!(server.line(), asking.texts(&gone.unsent)[0]);
}

#[test]
fn with_redelivery_the_new_server_answers_all_but_what_the_old_one_had_taken() {
    let mut asking = Asking::new(Delivery {
        redeliver: true,
        ..Delivery::default()
    });
    let server = asking.start_server();
    let kept = asking.ask_all_kinds(&server);
    server.kill();
    let _server = asking.start_server();
    asking.until("all replies", |asking| {
        asking.gone.is_some() && asking.requests.open() == 0
    });
    let gone = asking.gone.take().expect("just told");
    assert_eq!((&gone.in_doubt[..], &gone.unsent[..]), (&[kept][..], &[][..]));
    let mut answered = asking.answered();
    answered.push(kept);
    answered.sort();
    assert!(answered.iter().eq(asking.asked.keys()), "each has one fate");
    let marked = |text: &str| {
        let reply = asking.replies.iter().find(|reply| reply.parts[0] == text);
        reply.expect("answered").parts[1] == "again"
    };
    assert!(marked("nap") && !marked(asking.asked.values().next_back().expect("some")));
}

#[test]
fn who_closes_while_the_server_is_dead_hears_of_every_request() {
    let mut asking = Asking::new(Delivery::default());
    let server = asking.start_server();
    let kept = asking.ask_all_kinds(&server);
    server.kill();
    let client = std::mem::replace(&mut asking.client, asking.scene.client_at("tcp://127.0.0.1:1"));
    for event in client.close(Duration::from_millis(300)).expect("open") {
        asking.take(event);
    }
    let gone = asking.gone.take().expect("it is closed");
    assert!(matches!(gone.event, Event::Closed(_)));
    let mut fates = [&gone.in_doubt[..], &gone.unsent, &asking.answered()].concat();
    fates.sort();
    assert!(fates.iter().eq(asking.asked.keys()), "each has one fate");
    assert!(gone.in_doubt.contains(&kept) && !gone.unsent.is_empty());
    assert_eq!(asking.requests.open(), 0);
}

/// A server in this process whose client is another one that is killed and started anew.
struct Answering {
    _scene: Scene,
    files: TempDir,
    server: Server,
    replies: Replies<SessionId>,
}

impl Answering {
    fn new(delivery: Delivery) -> Self {
        let (scene, files) = (Scene::default(), tempfile::tempdir().expect("a directory"));
        write_credentials(&scene.credentials, files.path(), &["ann"]);
        let config = scene.server_of_certified_clients().delivery(delivery);
        let config = config.build().expect("complete");
        let server = Server::bind(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"), &config).expect("a free port");
        Self {
            _scene: scene,
            files,
            server,
            replies: Replies::new(),
        }
    }

    fn start_client(&self, question: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asker"));
        command.arg(self.server.local_address().expect("bound"));
        Process::start(command.arg(self.files.path()).args(["ann", question]))
    }

    fn request(&mut self, text: &str) -> Request<SessionId> {
        let limit = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < limit, "{text:?} does not arrive");
            let Some(received) = self.server.recv_timeout(Duration::from_millis(10)).expect("open") else {
                continue;
            };
            if let Asked::Request(request) = self.replies.sort(received.session, received.event) {
                assert_eq!(request.parts, [text]);
                return request;
            }
        }
    }

    fn reply(&mut self, request: Request<SessionId>, text: &'static str) -> Result<(), ReplyError<SessionId, Error>> {
        let sent = request.reply(&[text.into()], |session, parts| self.server.send_parts(session, parts));
        sent.map(drop)
    }

    /// Serves until the client prints a line.
    fn line(&mut self, client: &Process) -> String {
        let limit = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < limit, "it prints nothing");
            if let Some(line) = client.try_line() {
                return line;
            }
            self.server.recv_timeout(Duration::from_millis(10)).expect("open");
        }
    }
}

#[test]
fn the_reply_to_a_client_that_was_killed_is_refused_and_the_one_started_in_its_place_gets_its_own() {
    let mut answering = Answering::new(Delivery::default());
    let client = answering.start_client("old?");
    let old = answering.request("old?");
    client.kill();
    let client = answering.start_client("new?");
    let new = answering.request("new?");
    assert_eq!(old.session(), new.session(), "the same client, in the same session");
    let refused = answering.reply(old, "old!");
    assert!(matches!(refused, Err(ReplyError::Gone)), "{refused:?}");
    answering.reply(new, "new!").expect("it is there");
    assert_eq!(answering.line(&client), "new?: new!");
    assert_eq!(client.kill(), [""; 0]);
}

#[test]
fn a_reply_that_was_on_its_way_to_a_client_when_it_was_killed_answers_no_request_of_the_next_one() {
    let redeliver = true;
    let mut answering = Answering::new(Delivery {
        redeliver,
        ..Delivery::default()
    });
    let client = answering.start_client("old?");
    let old = answering.request("old?");
    client.kill();
    answering.reply(old, "old!").expect("nobody knows yet");
    let client = answering.start_client("new?");
    let new = answering.request("new?");
    let dropped = answering.line(&client);
    assert!(dropped.contains("foreign: 1"), "{dropped}");
    answering.reply(new, "new!").expect("it is there");
    assert_eq!(answering.line(&client), "new?: new!");
}
