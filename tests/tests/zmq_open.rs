//! What cannot work is said at once, with what to do.

use steadfast_tests::over_zmq::{Scene, localhost};
use steadfast_zmq::{Client, Endpoint, Error, OpenError, Server};
use zmq::Context;

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let scene = Scene::default();
    let first = scene.server();
    let address = first.local_address().expect("bound");
    let error = bind(&scene, Endpoint::new(&scene.context, &address));
    assert!(matches!(
        &error,
        OpenError::Bind {
            source: zmq::Error::EADDRINUSE,
            ..
        }
    ));
    let text = error.to_string();
    assert!(text.contains(&address) && text.contains("another port"), "{text}");
    assert!(error.retryable(), "the other process may end");
}

#[test]
fn addresses_that_cannot_work_are_refused_with_a_reason() {
    let scene = Scene::default();
    let context = &scene.context;
    assert!(matches!(
        bind(&scene, Endpoint::new(context, "inproc://here")),
        OpenError::Inproc { .. }
    ));
    assert!(matches!(
        connect(&scene, Endpoint::new(context, "inproc://here")),
        OpenError::Inproc { .. }
    ));
    assert!(matches!(
        connect(&scene, Endpoint::new(context, "localhost:5555")),
        OpenError::Address { .. }
    ));
    assert!(matches!(
        connect(&scene, Endpoint::new(context, "udp://127.0.0.1:5555")),
        OpenError::Address { .. }
    ));
    assert!(matches!(
        connect(&scene, Endpoint::new(context, "tcp://localhost")),
        OpenError::Connect { .. }
    ));
    assert!(matches!(
        bind(&scene, Endpoint::new(context, "tcp://*:99999")),
        OpenError::Address { .. }
    ));
    assert!(matches!(
        bind(&scene, Endpoint::new(context, "ipc:///no/such/directory/x")),
        OpenError::Bind { .. }
    ));
}

#[test]
fn a_socket_of_another_type_is_refused() {
    let scene = Scene::default();
    let socket = || scene.context.socket(zmq::PAIR).expect("a socket");
    let endpoint = || Endpoint::new(&scene.context, "tcp://127.0.0.1:*").socket(socket());
    assert!(matches!(
        bind(&scene, endpoint()),
        OpenError::SocketType { needed: "ROUTER", .. }
    ));
    assert!(matches!(
        connect(&scene, endpoint()),
        OpenError::SocketType { needed: "DEALER", .. }
    ));
}

#[test]
fn a_socket_that_is_connected_already_is_refused_for_it_would_deal_packets_in_turns() {
    let scene = Scene::default();
    let socket = scene.context.socket(zmq::DEALER).expect("a socket");
    socket.connect("tcp://127.0.0.1:5").expect("an address");
    let error = connect(
        &scene,
        Endpoint::new(&scene.context, "tcp://127.0.0.1:6").socket(socket),
    );
    assert!(matches!(&error, OpenError::SocketInUse { endpoint } if endpoint == "tcp://127.0.0.1:5"));
    assert!(error.to_string().contains("one endpoint"));
}

#[test]
fn a_socket_of_another_context_is_refused() {
    let scene = Scene::default();
    let elsewhere = Context::new();
    let socket = elsewhere.socket(zmq::DEALER).expect("a socket");
    let error = connect(
        &scene,
        Endpoint::new(&scene.context, "tcp://127.0.0.1:5").socket(socket),
    );
    assert!(matches!(error, OpenError::OtherContext));
}

#[test]
fn a_caller_s_own_sockets_keep_their_options_and_work() {
    let scene = Scene::default();
    let socket = scene.context.socket(zmq::ROUTER).expect("a socket");
    socket.set_sndhwm(5_000).expect("an option");
    socket.set_rcvhwm(10).expect("an option");
    let config = scene.credentials.server().build().expect("complete");
    let endpoint = Endpoint::new(&scene.context, "tcp://127.0.0.1:*").socket(socket);
    let server = Server::bind(endpoint, &config).expect("opens");
    let address = server.local_address().expect("bound");
    let socket = scene.context.socket(zmq::DEALER).expect("a socket");
    socket.set_identity(b"named").expect("an option");
    let client = scene.client(Endpoint::new(&scene.context, &address).socket(socket));
    let mut both = steadfast_tests::over_zmq::Both::new(client, server);
    both.establish();
    both.client.send(b"works").expect("room");
    both.until_server_got(1);
}

fn bind(scene: &Scene, endpoint: Endpoint<'_>) -> OpenError {
    Server::bind(endpoint, &scene.credentials.server().build().expect("complete")).expect_err("cannot work")
}

fn connect(scene: &Scene, endpoint: Endpoint<'_>) -> OpenError {
    Client::connect(endpoint, localhost(), &scene.client_config()).expect_err("cannot work")
}

#[test]
fn what_only_a_change_of_the_program_mends_is_not_worth_another_try() {
    let scene = Scene::default();
    for address in ["inproc://here", "udp://127.0.0.1:5555", "tcp://localhost"] {
        let error = connect(&scene, Endpoint::new(&scene.context, address));
        assert!(!error.retryable(), "{error}");
    }
    assert!(!Error::Closed.retryable() && !Error::Terminated.retryable());
    assert!(Error::WouldBlock.retryable() && Error::TimedOut.retryable());
}
