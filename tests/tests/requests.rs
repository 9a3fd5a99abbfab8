//! Requests and replies: the books of both sides, without sockets.

use std::time::Instant;

use steadfast::{Bytes, CloseReason, Closed, Event, Message, MessageId, PeerRestarted, SendError, Session};
use steadfast_tests::over_zmq::{Scene, localhost};
use steadfast_zmq::requests::{Asked, Gone, Incoming, Replies, ReplyError, Request, RequestId, Requests};

/// One direction of a session that never connects: what is sent can be taken out as the messages that would arrive.
struct Way(Session);

impl Way {
    fn new() -> Self {
        Self(Session::new(&Scene::default().client_config(), localhost(), Instant::now()).expect("valid"))
    }

    fn send(&mut self, parts: &[Bytes]) -> Result<MessageId, SendError> {
        self.0.send_parts(parts, Instant::now())
    }

    fn take(&mut self) -> Vec<Message> {
        self.0.withdraw_unsent(Instant::now())
    }

    fn take_one(&mut self) -> Message {
        self.take().pop().expect("a message")
    }
}

/// Asks this, in one part.
fn ask(requests: &mut Requests, way: &mut Way, what: &'static str) -> RequestId {
    requests.ask(&[what.into()], |parts| way.send(parts)).expect("room")
}

/// Takes all requests that were sent, at a server's only session.
fn requested(replies: &mut Replies<()>, way: &mut Way) -> Vec<Request<()>> {
    let events = way.take().into_iter().map(Event::Message);
    let requests = events.map(|event| match replies.sort((), event) {
        Asked::Request(request) => request,
        Asked::Other(other) => panic!("no request: {other}"),
    });
    requests.collect()
}

/// Answers with what was asked.
fn echo(request: Request<()>, way: &mut Way) {
    let parts = request.parts.clone();
    request.reply(&parts, |(), parts| way.send(parts)).expect("room");
}

fn restarted(in_doubt: Vec<Message>, unsent: Vec<Message>) -> Event {
    Event::PeerRestarted(Box::new(PeerRestarted {
        in_doubt,
        unsent,
        redelivered_as: Vec::new(),
    }))
}

fn redelivered(in_doubt: Vec<Message>, unsent: Vec<Message>) -> Event {
    let redelivered_as = in_doubt.iter().chain(&unsent).map(Message::id).collect();
    Event::PeerRestarted(Box::new(PeerRestarted {
        in_doubt,
        unsent,
        redelivered_as,
    }))
}

fn closed(in_doubt: Vec<Message>, unsent: Vec<Message>) -> Event {
    Event::Closed(Box::new(Closed {
        reason: CloseReason::Finished,
        in_doubt,
        unsent,
    }))
}

fn gone(requests: &mut Requests, event: Event) -> Gone {
    match requests.sort(event) {
        Incoming::Gone(gone) => gone,
        other => panic!("{other:?}"),
    }
}

#[test]
fn replies_find_their_requests_in_whatever_order_they_come() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    let asked = ["a", "b", "c"].map(|what| (ask(&mut requests, &mut there, what), what));
    let mut taken = requested(&mut replies, &mut there);
    assert_eq!(requests.open(), 3);
    for at in [1, 1, 0] {
        echo(taken.remove(at), &mut back);
    }
    let got: Vec<_> = back
        .take()
        .into_iter()
        .map(|message| match requests.sort(Event::Message(message)) {
            Incoming::Reply(reply) => (reply.to, reply.parts),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [1, 2, 0].map(|at| (asked[at].0, vec![Bytes::from(asked[at].1)]));
    assert_eq!(got, expected);
    assert_eq!(requests.open(), 0);
}

#[test]
fn the_late_reply_to_a_request_that_was_given_up_is_dropped_and_counted() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    let request = ask(&mut requests, &mut there, "slow");
    requested(&mut replies, &mut there)
        .into_iter()
        .for_each(|request| echo(request, &mut back));
    assert!(requests.give_up(request));
    assert!(!requests.give_up(request), "once");
    let late = back.take_one();
    let id = late.id();
    assert!(matches!(requests.sort(Event::Message(late)), Incoming::Unawaited(message) if message == id));
    assert_eq!(requests.counters().late, 1);
}

#[test]
fn a_reply_that_comes_twice_is_taken_once() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    ask(&mut requests, &mut there, "a");
    requested(&mut replies, &mut there)
        .into_iter()
        .for_each(|request| echo(request, &mut back));
    let reply = back.take_one();
    assert!(matches!(
        requests.sort(Event::Message(reply.clone())),
        Incoming::Reply(_)
    ));
    assert!(matches!(requests.sort(Event::Message(reply)), Incoming::Unawaited(_)));
    assert_eq!(requests.counters().late, 1);
}

#[test]
fn a_reply_to_an_earlier_process_answers_no_request_of_the_new_one_though_both_have_the_same_numbers() {
    let (mut earlier, mut present, mut replies) = (Requests::new(), Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    let of_earlier = ask(&mut earlier, &mut there, "yours?");
    requested(&mut replies, &mut there)
        .into_iter()
        .for_each(|request| echo(request, &mut back));
    let request = ask(&mut present, &mut there, "mine?");
    assert_ne!(request, of_earlier);
    assert!(!present.give_up(of_earlier), "it is another book's");
    assert!(matches!(
        present.sort(Event::Message(back.take_one())),
        Incoming::Unawaited(_)
    ));
    assert_eq!(present.counters().foreign, 1);
    assert!(present.is_open(request));
}

#[test]
fn after_a_restart_every_open_request_is_told_once_also_one_that_was_acknowledged_and_never_answered() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    ask(&mut requests, &mut there, "answered");
    requested(&mut replies, &mut there)
        .into_iter()
        .for_each(|request| echo(request, &mut back));
    requests.sort(Event::Message(back.take_one()));
    let acknowledged = ask(&mut requests, &mut there, "acknowledged");
    there.take();
    let given_up = ask(&mut requests, &mut there, "given up");
    requests.give_up(given_up);
    let in_doubt = ask(&mut requests, &mut there, "in doubt");
    let lost = there.take();
    let unsent = [
        ask(&mut requests, &mut there, "unsent"),
        ask(&mut requests, &mut there, "unsent too"),
    ];
    let told = gone(&mut requests, restarted(lost, there.take()));
    assert_eq!(told.in_doubt, [acknowledged, in_doubt]);
    assert_eq!(told.unsent, unsent);
    assert_eq!(requests.open(), 0);
    let again = ask(&mut requests, &mut there, "again");
    assert!(![acknowledged, in_doubt, unsent[0], unsent[1]].contains(&again));
}

#[test]
fn requests_that_the_session_sends_again_stay_open_and_only_what_the_old_server_took_is_in_doubt() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    let acknowledged = ask(&mut requests, &mut there, "acknowledged");
    there.take();
    ask(&mut requests, &mut there, "in doubt");
    let lost = there.take();
    ask(&mut requests, &mut there, "unsent");
    let unsent = there.take();
    let told = gone(&mut requests, redelivered(lost.clone(), unsent.clone()));
    assert_eq!((told.in_doubt, told.unsent.len()), (vec![acknowledged], 0));
    assert_eq!(requests.open(), 2);
    for message in lost.into_iter().chain(unsent) {
        let Asked::Request(request) = replies.sort((), Event::Message(message)) else {
            panic!("a request");
        };
        echo(request, &mut back);
        let reply = requests.sort(Event::Message(back.take_one()));
        assert!(matches!(reply, Incoming::Reply(_)), "{reply:?}");
    }
    assert_eq!(requests.open(), 0);
}

#[test]
fn a_request_that_was_answered_before_its_acknowledgement_came_is_in_doubt_for_nobody() {
    for event in [restarted, closed, redelivered] {
        let (mut requests, mut replies) = (Requests::new(), Replies::new());
        let (mut there, mut back) = (Way::new(), Way::new());
        ask(&mut requests, &mut there, "a");
        let message = there.take_one();
        let Asked::Request(request) = replies.sort((), Event::Message(message.clone())) else {
            panic!("a request");
        };
        echo(request, &mut back);
        requests.sort(Event::Message(back.take_one()));
        let told = gone(&mut requests, event(vec![message], vec![]));
        assert_eq!((told.in_doubt.len(), told.unsent.len(), requests.open()), (0, 0, 0));
    }
}

#[test]
fn the_end_of_the_session_tells_every_open_request() {
    let (mut requests, mut there) = (Requests::new(), Way::new());
    let acknowledged = ask(&mut requests, &mut there, "acknowledged");
    there.take();
    let unsent = ask(&mut requests, &mut there, "unsent");
    let told = gone(&mut requests, closed(vec![], there.take()));
    assert_eq!((told.in_doubt, told.unsent), (vec![acknowledged], vec![unsent]));
    assert!(matches!(told.event, Event::Closed(_)), "the event itself is not lost");
    assert_eq!(requests.open(), 0);
}

#[test]
fn a_request_that_is_taken_back_or_not_sent_at_all_is_not_open() {
    let (mut requests, mut there) = (Requests::new(), Way::new());
    let request = ask(&mut requests, &mut there, "taken back");
    assert_eq!(requests.withdrawn(&there.take()), [request]);
    let refused = requests.ask(&["no".into()], |_| Err::<MessageId, _>("full"));
    assert_eq!(refused, Err("full"));
    assert_eq!(requests.open(), 0);
}

#[test]
fn a_reply_to_a_client_that_restarted_is_refused_and_the_new_process_is_answered() {
    for end in [restarted, closed] {
        let (mut requests, mut replies) = (Requests::new(), Replies::new());
        let mut there = Way::new();
        ask(&mut requests, &mut there, "of the old process");
        let old = requested(&mut replies, &mut there).pop().expect("a request");
        assert!(old.is_awaited());
        replies.sort((), end(vec![], vec![]));
        ask(&mut Requests::new(), &mut there, "of the new process");
        let new = requested(&mut replies, &mut there).pop().expect("a request");
        assert!(!old.is_awaited() && new.is_awaited());
        let nobody = old.reply::<()>(&[], |(), _| panic!("must not be sent"));
        assert!(matches!(nobody, Err(ReplyError::Gone)));
        echo(new, &mut Way::new());
    }
}

#[test]
fn the_restart_of_one_client_leaves_the_requests_of_others_alone() {
    let mut replies = Replies::new();
    let mut there = Way::new();
    let mut request_of = |session: char| {
        ask(&mut Requests::new(), &mut there, "a");
        match replies.sort(session, Event::Message(there.take_one())) {
            Asked::Request(request) => request,
            Asked::Other(other) => panic!("{other}"),
        }
    };
    let (ann, bob) = (request_of('a'), request_of('b'));
    replies.sort('a', restarted(vec![], vec![]));
    assert!(!ann.is_awaited() && bob.is_awaited());
    let sent_to = bob.reply(&[], |session, parts| {
        assert_eq!(session, 'b');
        there.send(parts)
    });
    sent_to.expect("sent");
}

#[test]
fn a_reply_that_found_no_room_can_be_sent_later() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    ask(&mut requests, &mut there, "a");
    let request = requested(&mut replies, &mut there).pop().expect("a request");
    let refused = request.reply(&[], |(), _| Err("full"));
    let Err(ReplyError::NotSent { request, error: "full" }) = refused else {
        panic!("{refused:?}");
    };
    echo(request, &mut back);
    assert!(matches!(
        requests.sort(Event::Message(back.take_one())),
        Incoming::Reply(_)
    ));
}

#[test]
fn whatever_else_the_peer_sends_is_handed_on_unchanged() {
    let (mut requests, mut replies, mut there) = (Requests::new(), Replies::<()>::new(), Way::new());
    ask(&mut requests, &mut there, "a");
    let tag = there.take_one().payload().clone();
    let mut reply = tag.to_vec();
    reply[2] = b'p';
    let of_next_version: Vec<u8> = [&tag[..3], &[2], &tag[4..]].concat();
    let too_long = [&tag[..], &[0]].concat();
    let unreadable = [tag.slice(..19), tag.slice(..3), of_next_version.into(), too_long.into()];
    let other = [Bytes::new(), tag.slice(..2), "Request".into(), "an answer".into()];
    for part in unreadable.iter().chain(&other) {
        there.send(&[part.clone(), "x".into()]).expect("room");
        let message = there.take_one();
        for came in [
            matches!(requests.sort(Event::Message(message.clone())), Incoming::Other(Event::Message(got)) if got == message),
            matches!(replies.sort((), Event::Message(message.clone())), Asked::Other(Event::Message(got)) if got == message),
        ] {
            assert!(came, "{part:?}");
        }
    }
    assert_eq!(requests.counters().unreadable, 4);
    assert_eq!(replies.unreadable(), 4);
    // What is for the other book goes on to it.
    there.send(&[tag]).expect("room");
    there.send(&[reply.into()]).expect("room");
    let [request, reply] = &there.take()[..] else {
        panic!("two")
    };
    assert!(matches!(
        requests.sort(Event::Message(request.clone())),
        Incoming::Other(_)
    ));
    assert!(matches!(
        replies.sort((), Event::Message(reply.clone())),
        Asked::Other(_)
    ));
}

#[test]
fn the_first_part_is_as_documented() {
    let (mut requests, mut replies) = (Requests::new(), Replies::new());
    let (mut there, mut back) = (Way::new(), Way::new());
    ask(&mut requests, &mut there, "zero");
    there.take();
    ask(&mut requests, &mut there, "one");
    let request = there.take_one();
    let [tag, what] = request.parts() else {
        panic!("two parts")
    };
    assert_eq!(what, "one");
    assert_eq!((&tag[..4], &tag[12..]), (&b"req\x01"[..], &1_u64.to_be_bytes()[..]));
    let Asked::Request(taken) = replies.sort((), Event::Message(request.clone())) else {
        panic!("a request");
    };
    echo(taken, &mut back);
    assert_eq!(back.take_one().payload()[..], [b"rep\x01", &tag[4..]].concat());
}
