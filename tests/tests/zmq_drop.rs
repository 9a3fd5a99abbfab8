//! Dropping a client, a server or a context never hangs.

use std::time::Duration;

use steadfast_tests::over_zmq::{Reserved, Scene, ends};

#[test]
fn a_client_without_a_server_is_dropped_with_all_that_it_wanted_to_say() {
    ends(|| {
        let scene = Scene::default();
        let port = Reserved::default();
        let mut client = scene.client_at(&port.zmq_address());
        for _ in 0..100 {
            client.send(&[1; 10_000]).expect("room");
        }
        client.recv_timeout(Duration::from_millis(20)).expect("open");
    });
}

#[test]
fn both_are_dropped_while_messages_are_under_way_on_a_connection_that_is_dead() {
    for monitor in [true, false] {
        ends(move || {
            let scene = Scene::default();
            let (mut both, proxy) =
                scene.cuttable(|endpoint| if monitor { endpoint } else { endpoint.without_monitor() });
            let session = both.establish();
            proxy.mute();
            for _ in 0..500 {
                both.client.send(&[1; 10_000]).expect("room");
                both.server.send(session, &[2; 10_000]).expect("room");
            }
            drop(both);
        });
    }
}

#[test]
fn a_client_is_dropped_while_its_connection_comes_and_goes() {
    ends(|| {
        for _ in 0..30 {
            let scene = Scene::default();
            let (mut both, proxy) = scene.cuttable(|endpoint| endpoint);
            both.establish();
            proxy.reset();
            both.client.try_recv().expect("open");
            proxy.reset();
            drop(both);
        }
    });
}

#[test]
fn closing_gives_up_when_its_time_is_over() {
    ends(|| {
        let scene = Scene::default();
        let (mut both, proxy) = scene.cuttable(|endpoint| endpoint);
        both.establish();
        proxy.mute();
        both.client.send(b"never to arrive").expect("room");
        let events = both.client.close(Duration::from_millis(100)).expect("open");
        let Some(steadfast::Event::Closed(closed)) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(closed.reason, steadfast::CloseReason::Aborted);
        assert_eq!(closed.in_doubt.len() + closed.unsent.len(), 1);
    });
}
