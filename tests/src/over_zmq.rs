//! What the tests over real sockets share: a client and a server that one thread drives in turns.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use steadfast::rustls::pki_types::ServerName;
use steadfast::{Bytes, ClientConfig, Closed, Event, Limits, Message, PeerIdentity, ServerConfigBuilder, SessionId};
use steadfast_zmq::testing::{CutProxy, InsecureTestCredentials, insecure_test_credentials};
use steadfast_zmq::{Client, Endpoint, Received, Server};
use zmq::Context;

/// Longer than anything here takes on a machine that is busy with something else: a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that both sides need to find and to trust each other.
pub struct Scene {
    /// The 0MQ context of both sides.
    pub context: Context,
    /// An authority and a server called `localhost`.
    pub credentials: InsecureTestCredentials,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            context: Context::new(),
            credentials: insecure_test_credentials("localhost"),
        }
    }
}

impl Scene {
    /// A server at this address.
    pub fn server_at(&self, address: &str) -> Server {
        let config = self.credentials.server().build().expect("complete");
        Server::bind(Endpoint::new(&self.context, address), &config).expect("a free address")
    }

    /// A server at a free port.
    pub fn server(&self) -> Server {
        self.server_at("tcp://127.0.0.1:*")
    }

    /// Begins the configuration of a server that asks clients for a certificate of the authority.
    pub fn server_of_certified_clients(&self) -> ServerConfigBuilder {
        let verifier = self.credentials.client_verifier();
        self.credentials.server().client_verifier(verifier)
    }

    /// A client's configuration without a certificate of its own.
    pub fn client_config(&self) -> ClientConfig {
        self.credentials.client().build().expect("complete")
    }

    /// A client of the server at this address.
    pub fn client_at(&self, address: &str) -> Client {
        self.client(Endpoint::new(&self.context, address))
    }

    /// A client.
    pub fn client(&self, endpoint: Endpoint<'_>) -> Client {
        Client::connect(endpoint, localhost(), &self.client_config()).expect("an address that can be connected to")
    }

    /// A client and a server with nothing between them.
    pub fn direct(&self, address: &str) -> Both {
        let server = self.server_at(address);
        let address = server.local_address().expect("bound");
        Both::new(self.client_at(&address), server)
    }

    /// A client and a server with a proxy between them; the endpoint of the client may be changed.
    pub fn cuttable(&self, change: impl FnOnce(Endpoint<'_>) -> Endpoint<'_>) -> (Both, CutProxy) {
        self.cuttable_as(Pattern::default(), change)
    }

    /// A client and a server with these sockets, and a proxy between them; the endpoint of who connects may be changed.
    pub fn cuttable_as(&self, pattern: Pattern, change: impl FnOnce(Endpoint<'_>) -> Endpoint<'_>) -> (Both, CutProxy) {
        let server_config = self.credentials.server().build().expect("complete");
        let client_config = pattern.client_config(self);
        let at = |address: &str| {
            let endpoint = Endpoint::new(&self.context, address);
            if pattern.pair { endpoint.pair() } else { endpoint }
        };
        let bound = impatient(at("tcp://127.0.0.1:*"));
        if pattern.client_binds {
            let client = Client::bind(bound, localhost(), &client_config).expect("a free port");
            let address = client.local_address().expect("bound");
            let proxy = CutProxy::start(without_scheme(&address)).expect("a free port");
            let server = Server::connect(change(at(&proxy.zmq_address())), &server_config).expect("connects");
            (Both::new(client, server), proxy)
        } else {
            let server = Server::bind(bound, &server_config).expect("a free port");
            let proxy = CutProxy::start(socket_address(&server)).expect("a free port");
            let client = Client::connect(change(at(&proxy.zmq_address())), localhost(), &client_config);
            (Both::new(client.expect("connects"), server), proxy)
        }
    }
}

/// Finds silence sooner than the default does, so that the tests are not all waiting.
pub fn impatient(endpoint: Endpoint<'_>) -> Endpoint<'_> {
    endpoint.heartbeat(Duration::from_millis(200), Duration::from_millis(400))
}

/// The sockets of a client and a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pattern {
    /// Both are a `PAIR`, in place of `DEALER` and `ROUTER`.
    pub pair: bool,
    /// The client binds and the server connects.
    pub client_binds: bool,
}

impl Pattern {
    /// All that there are.
    pub const ALL: [Self; 4] = [
        Self::new(false, false),
        Self::new(false, true),
        Self::new(true, false),
        Self::new(true, true),
    ];

    const fn new(pair: bool, client_binds: bool) -> Self {
        Self { pair, client_binds }
    }

    /// A client that nobody tells of connections says sooner where it is.
    fn client_config(self, scene: &Scene) -> ClientConfig {
        let mut limits = Limits::default();
        if self.client_binds {
            limits.ping_interval = Duration::from_millis(500);
        }
        scene.credentials.client().limits(limits).build().expect("complete")
    }
}

/// The name that the server's certificate is for.
pub fn localhost() -> ServerName<'static> {
    "localhost".try_into().expect("a DNS name")
}

/// A port of the loopback interface that nobody listens at and nobody else takes, while this value lives.
pub struct Reserved {
    address: SocketAddr,
    _socket: Socket,
}

impl Default for Reserved {
    fn default() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // A listener may share it, then; the system gives it to nobody else.
        socket.set_reuse_address(true).expect("an option");
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        socket.bind(&any.into()).expect("a free port");
        let address = socket
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an address and a port");
        Self {
            address,
            _socket: socket,
        }
    }
}

impl Reserved {
    /// For 0MQ.
    pub fn zmq_address(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// For others.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Where a server listens, for other sockets than 0MQ's.
pub fn socket_address(server: &Server) -> SocketAddr {
    without_scheme(&server.local_address().expect("bound"))
}

fn without_scheme(address: &str) -> SocketAddr {
    address
        .strip_prefix("tcp://")
        .expect("tcp")
        .parse()
        .expect("an address and a port")
}

/// A client and a server, driven in turns, and what they were told so far.
pub struct Both {
    /// The client.
    pub client: Client,
    /// The server.
    pub server: Server,
    /// What the client was told, messages aside.
    pub client_news: Vec<Event>,
    /// What the server was told, messages aside.
    pub server_news: Vec<Received>,
    /// Messages that the client took.
    pub client_got: Vec<Message>,
    /// Messages that the server took.
    pub server_got: Vec<Message>,
}

impl Both {
    /// Begins to drive.
    pub fn new(client: Client, server: Server) -> Self {
        Self {
            client,
            server,
            client_news: Vec::new(),
            server_news: Vec::new(),
            client_got: Vec::new(),
            server_got: Vec::new(),
        }
    }

    /// Drives both sides until this holds.
    ///
    /// # Panics
    /// If it does not hold within [`PATIENCE`].
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < limit, "waited in vain for {what}; {}", self.summary());
            self.turn();
        }
    }

    /// Drives both sides until the session is established at both, and names it.
    pub fn establish(&mut self) -> SessionId {
        self.until("an established session", |both| {
            established(&both.client_news)
                && both
                    .server_news
                    .iter()
                    .any(|news| matches!(news.event, Event::Established(_)))
        });
        self.server_news[0].session
    }

    /// Drives both sides until the server took so many messages in all.
    pub fn until_server_got(&mut self, messages: usize) {
        self.until("messages at the server", |both| both.server_got.len() >= messages);
    }

    /// Drives both sides until the client took so many messages in all.
    pub fn until_client_got(&mut self, messages: usize) {
        self.until("messages at the client", |both| both.client_got.len() >= messages);
    }

    /// How the client's session ended, if it did.
    pub fn client_closed(&self) -> Option<&Closed> {
        self.client_news.iter().find_map(closed)
    }

    /// How the server's session ended, if it did.
    pub fn server_closed(&self) -> Option<&Closed> {
        self.server_news.iter().find_map(|news| closed(&news.event))
    }

    /// The first client's identity at the server.
    pub fn client_identity(&self) -> &Arc<PeerIdentity> {
        &self.server_news[0].peer
    }

    fn turn(&mut self) {
        if self.client_closed().is_none() {
            match self
                .client
                .recv_timeout(Duration::from_millis(1))
                .expect("an open client")
            {
                Some(Event::Message(message)) => self.client_got.push(message),
                Some(news) => self.client_news.push(news),
                None => {}
            }
        }
        match self
            .server
            .recv_timeout(Duration::from_millis(1))
            .expect("an open server")
        {
            Some(Received {
                event: Event::Message(message),
                ..
            }) => self.server_got.push(message),
            Some(news) => self.server_news.push(news),
            None => {}
        }
    }

    fn summary(&self) -> String {
        format!(
            "client: {:?}, took {}, {:?}, {:?}, {:?}; server: {:?}, took {}, {:?}, {:?}",
            self.client_news,
            self.client_got.len(),
            self.client.in_flight(),
            self.client.stats(),
            self.client.counters(),
            self.server_news,
            self.server_got.len(),
            self.server.stats(),
            self.server.counters(),
        )
    }
}

/// Whether the session was established.
pub fn established(news: &[Event]) -> bool {
    news.iter().any(|news| matches!(news, Event::Established(_)))
}

fn closed(event: &Event) -> Option<&Closed> {
    if let Event::Closed(closed) = event {
        Some(closed)
    } else {
        None
    }
}

/// A numbered body of this length.
pub fn numbered(number: usize, bytes: usize) -> Vec<Bytes> {
    let body: Vec<u8> = (0..bytes).map(|place| (number + place / 7) as u8).collect();
    vec![Bytes::copy_from_slice(&number.to_be_bytes()), body.into()]
}

/// Whether these messages are the first that [`numbered`] makes, in order, with these lengths.
pub fn are_numbered(messages: &[Message], lengths: impl IntoIterator<Item = usize>) -> bool {
    let expected: Vec<_> = lengths
        .into_iter()
        .enumerate()
        .map(|(number, bytes)| numbered(number, bytes))
        .collect();
    messages
        .iter()
        .map(Message::parts)
        .eq(expected.iter().map(Vec::as_slice))
}

/// Runs this in a thread of its own, which must end.
///
/// # Panics
/// If it does not, or panics itself.
pub fn ends(run: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let runner = thread::spawn(move || {
        run();
        done.send(()).expect("somebody waits");
    });
    match ended.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        _ => runner.join().expect("no panic"),
    }
}

/// Runs this, and returns what was logged meanwhile in this thread.
///
/// # Panics
/// If another subscriber is installed.
pub fn logged(run: impl FnOnce()) -> String {
    // One for the whole process: `tracing` asks a log line but once whether anybody wants it, in whatever thread meets it first.
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| ThisThread)
            .init();
    });
    LINES.take();
    run();
    String::from_utf8(LINES.take()).expect("text")
}

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThisThread;

impl Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
