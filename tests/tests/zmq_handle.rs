//! Clients and servers that are driven in the background.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use steadfast::{CloseReason, Event, Limits};
use steadfast_tests::over_zmq::{PATIENCE, Reserved, Scene, ends, localhost};
use steadfast_zmq::{Client, ClientHandle, Endpoint, Error, Server, ServerHandle};

/// A client and a server, established.
struct Pair {
    client: ClientHandle,
    server: ServerHandle,
}

impl Pair {
    fn start(scene: &Scene, limits: Limits) -> Self {
        let config = scene
            .credentials
            .server()
            .limits(limits.clone())
            .build()
            .expect("complete");
        let server = Server::bind(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"), &config).expect("a free port");
        let server = server.spawn().expect("a thread");
        let config = scene.credentials.client().limits(limits).build().expect("complete");
        let endpoint = Endpoint::new(&scene.context, &server.local_address().expect("bound"));
        let client = Client::connect(endpoint, localhost(), &config).expect("connects");
        let client = client.spawn().expect("a thread");
        assert!(matches!(next(&client), Event::Established(_)));
        assert!(matches!(next_at(&server), Event::Established(_)));
        Self { client, server }
    }
}

fn next(client: &ClientHandle) -> Event {
    client.recv_timeout(PATIENCE).expect("open").expect("an event")
}

fn next_at(server: &ServerHandle) -> Event {
    server.recv_timeout(PATIENCE).expect("open").expect("an event").event
}

/// How a call fails at last that is repeated until it does.
fn failure<T>(mut call: impl FnMut() -> Result<T, Error>) -> Error {
    loop {
        if let Err(error) = call() {
            return error;
        }
    }
}

#[test]
fn nobody_is_taken_for_unreachable_while_its_application_is_busy() {
    let limits = Limits {
        unreachable_after: Duration::from_secs(1),
        ping_interval: Duration::from_millis(200),
        ..Limits::default()
    };
    let pair = Pair::start(&Scene::default(), limits);
    // Both applications do something else, for longer than either side believes in a silent peer.
    thread::sleep(Duration::from_secs(3));
    pair.client.send(b"done").expect("room");
    assert!(matches!(next_at(&pair.server), Event::Message(_)));
    assert!(pair.client.try_recv().expect("open").is_none());
}

#[test]
fn a_message_is_acknowledged_when_the_application_takes_it_and_not_before() {
    let pair = Pair::start(&Scene::default(), Limits::default());
    pair.client.send(b"important").expect("room");
    assert_eq!(pair.client.flush(Duration::from_millis(300)), Err(Error::TimedOut));
    assert!(matches!(pair.server.recv().expect("open").event, Event::Message(_)));
    pair.client.flush(PATIENCE).expect("taken");
}

#[test]
fn threads_that_send_and_threads_that_receive_share_a_session() {
    const SENDERS: u32 = 4;
    const EACH: u32 = 3_000;
    let pair = Pair::start(&Scene::default(), Limits::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let client = pair.client.clone();
            thread::spawn(move || {
                for number in 0..EACH {
                    let numbered = (sender * EACH + number).to_be_bytes();
                    client.send(&numbered).expect("room, in time");
                }
            })
        })
        .collect();
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let server = pair.server.clone();
            thread::spawn(move || {
                let mut taken = Vec::new();
                while let Some(received) = server.recv_timeout(Duration::from_secs(5)).expect("open") {
                    match received.event {
                        Event::Message(message) if message.payload() == "end" => break,
                        Event::Message(message) => taken.push(message.payload().to_vec()),
                        _ => {}
                    }
                }
                taken
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
    for _ in &receivers {
        pair.client.send(b"end").expect("room");
    }
    let taken: Vec<_> = receivers
        .into_iter()
        .flat_map(|receiver| receiver.join().expect("no panic"))
        .collect();
    let all: BTreeSet<Vec<u8>> = (0..SENDERS * EACH)
        .map(|number| number.to_be_bytes().to_vec())
        .collect();
    assert_eq!(taken.len(), all.len(), "each once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn what_was_sent_arrives_after_the_last_handle_was_dropped() {
    let pair = Pair::start(&Scene::default(), Limits::default());
    let other = pair.client.clone();
    drop(pair.client);
    for number in 0..100_u8 {
        other.send(&[number; 10_000]).expect("room");
    }
    drop(other);
    for number in 0..100_u8 {
        match next_at(&pair.server) {
            Event::Message(message) => assert_eq!(message.payload()[0], number),
            other => panic!("{other}"),
        }
    }
    match next_at(&pair.server) {
        Event::Closed(closed) => assert_eq!(closed.reason, CloseReason::Finished),
        other => panic!("{other}"),
    }
}

#[test]
fn dropping_handles_never_hangs_whoever_is_not_there() {
    ends(|| {
        let scene = Scene::default();
        let client = scene
            .client_at(&Reserved::default().zmq_address())
            .spawn()
            .expect("a thread");
        client.send(b"never to arrive").expect("room");
    });
    ends(|| {
        let scene = Scene::default();
        let (mut both, proxy) = scene.cuttable(|endpoint| endpoint);
        let session = both.establish();
        let (client, server) = (
            both.client.spawn().expect("a thread"),
            both.server.spawn().expect("a thread"),
        );
        proxy.mute();
        client.send(b"never to arrive").expect("room");
        server.send(session, b"neither").expect("room");
    });
}

#[test]
fn closing_delivers_everything_and_tells_what_it_could_not() {
    ends(|| {
        let pair = Pair::start(&Scene::default(), Limits::default());
        let taker = thread::spawn(move || {
            let mut taken = 0;
            loop {
                match pair.server.recv().expect("open").event {
                    Event::Message(_) => taken += 1,
                    Event::Closed(_) => break (taken, pair.server.close(PATIENCE).expect("open")),
                    _ => {}
                }
            }
        });
        for _ in 0..200 {
            pair.client.send(&[7; 20_000]).expect("room");
        }
        let events = pair.client.close(PATIENCE).expect("open");
        let Some(Event::Closed(closed)) = events.last() else {
            panic!("{events:?}")
        };
        assert!(closed.in_doubt.is_empty() && closed.unsent.is_empty());
        assert_eq!(taker.join().expect("no panic").0, 200);
    });
    ends(|| {
        let pair = Pair::start(&Scene::default(), Limits::default());
        pair.client.send(b"never taken").expect("room");
        let events = pair.client.close(Duration::from_millis(200)).expect("open");
        let Some(Event::Closed(closed)) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(closed.reason, CloseReason::Aborted);
        assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 1);
    });
}

#[test]
fn who_waits_for_room_or_for_an_event_is_told_when_the_session_ends() {
    ends(|| {
        let pair = Pair::start(&Scene::default(), Limits::default());
        let (told, ended) = mpsc::channel();
        let waits: [fn(&ClientHandle) -> Error; 2] = [
            |client| failure(|| client.send(&[0; 100_000])),
            |client| failure(|| client.recv()),
        ];
        for waits in waits {
            let (client, told) = (pair.client.clone(), told.clone());
            thread::spawn(move || told.send(waits(&client)).expect("somebody waits"));
        }
        let full = Instant::now() + PATIENCE;
        while pair.client.try_send(&[0; 100_000]) != Err(Error::WouldBlock) {
            assert!(Instant::now() < full);
        }
        // The thread that waits may have heard of the end already.
        let _ = pair.client.begin_close();
        // Its application takes nothing: the end comes when the server gives up.
        pair.server.close(Duration::from_millis(100)).expect("open");
        for _ in 0..2 {
            assert_eq!(ended.recv_timeout(PATIENCE).expect("an answer"), Error::Closed);
        }
    });
}

#[test]
fn who_waits_is_told_when_the_context_is_terminated() {
    ends(|| {
        let scene = Scene::default();
        let pair = Pair::start(&scene, Limits::default());
        let (client, server) = (pair.client.clone(), pair.server.clone());
        let waiting = [
            thread::spawn(move || failure(|| client.recv())),
            thread::spawn(move || failure(|| server.recv())),
        ];
        let mut context = scene.context;
        thread::spawn(move || context.destroy());
        for waits in waiting {
            assert_eq!(waits.join().expect("no panic"), Error::Terminated);
        }
        // Not before both were told: dropping it says a last word to the other.
        drop(pair);
    });
}
