//! A certificate that is not accepted: said at both sides, with the messages that were waiting.

use std::time::Duration;

use steadfast::{CloseReason, Event, Message};
use steadfast_tests::over_zmq::{Both, Scene, localhost, logged};
use steadfast_zmq::testing::insecure_test_credentials;
use steadfast_zmq::{Client, Endpoint, Error, Server};

#[test]
fn a_server_of_another_authority_is_refused_and_what_waited_is_returned() {
    let scene = Scene::default();
    let log = logged(|| {
        let server = scene.server();
        let stranger = insecure_test_credentials("localhost")
            .client()
            .build()
            .expect("complete");
        let endpoint = Endpoint::new(&scene.context, &server.local_address().expect("bound")).without_monitor();
        let client = Client::connect(endpoint, localhost(), &stranger).expect("opens");
        let mut both = Both::new(client, server);
        both.client.send(b"secret").expect("room");
        both.until("the refusal", |both| both.client_closed().is_some());
        let closed = both.client_closed().expect("just seen");
        assert!(matches!(closed.reason, CloseReason::PeerRejected(_)) && !closed.reason.retryable());
        assert_eq!(
            closed.unsent.iter().map(Message::payload).collect::<Vec<_>>(),
            ["secret"]
        );
        assert_eq!(
            both.client.flush(Duration::ZERO),
            Err(Error::Closed),
            "it was not taken"
        );
        both.until("the server's notice", |both| both.server.stats().attempts_failed == 1);
        assert!(both.server_news.is_empty());
    });
    assert!(log.contains("a client was turned away"), "{log}");
}

#[test]
fn a_client_without_the_certificate_that_a_server_wants_is_told_so() {
    let scene = Scene::default();
    let config = scene.server_of_certified_clients().build().expect("complete");
    let server = Server::bind(Endpoint::new(&scene.context, "tcp://127.0.0.1:*"), &config).expect("a free port");
    let client = scene.client_at(&server.local_address().expect("bound"));
    let mut both = Both::new(client, server);
    both.client.send(b"waits").expect("room");
    both.until("the refusal", |both| both.client_closed().is_some());
    let closed = both.client_closed().expect("just seen");
    assert!(matches!(closed.reason, CloseReason::ByPeer { .. }) && !closed.reason.retryable());
    assert_eq!(closed.unsent.len(), 1);
    assert!(
        !both
            .server_news
            .iter()
            .any(|news| matches!(news.event, Event::Established(_)))
    );
}
