//! A TCP proxy that breaks what goes through it, in all the ways that networks do.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// Forwards TCP connections from an address of its own to one target, and breaks them on demand.
///
/// Ends with its value: all its connections are closed then.
pub struct CutProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// A direction through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connects to the target.
    ToServer,
    /// From the target to who connects.
    ToClient,
}

struct Shared {
    target: SocketAddr,
    watch: Box<Watch>,
    state: Mutex<State>,
    bytes: [AtomicU64; 2],
    accepted: AtomicU64,
}

/// Sees what is forwarded: which connection, counted from 0, in which direction, and the bytes.
type Watch = dyn Fn(u64, Direction, &[u8]) + Send + Sync;

#[derive(Debug)]
struct State {
    link: Link,
    /// Those whose threads still run.
    connections: Vec<Weak<Connection>>,
    /// Dead already, and nobody was told.
    muted: Vec<Weak<Connection>>,
    /// A reset that is due once so many bytes have passed.
    ambush: Option<Ambush>,
}

#[derive(Debug)]
struct Ambush {
    direction: Direction,
    at_bytes: u64,
    done: Sender<Instant>,
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Up,
    Refused,
    Silent,
    Ended,
}

/// What becomes of the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Forward,
    /// Read and thrown away, nobody is told.
    Vanish,
    Abort,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    client: TcpStream,
    server: TcpStream,
    fate: Mutex<Fate>,
}

/// How soon the acceptor sees a change of the link, and a blocked writer a change of fate.
const TICK: Duration = Duration::from_millis(2);

impl CutProxy {
    /// Listens at a free port of the loopback interface, in front of `target`.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        Self::watched(target, |_, _, _| {})
    }

    /// As [`start`](Self::start); besides, `watch` sees what is forwarded: which connection, counted from 0, in which direction, and
    /// the bytes.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn watched(
        target: SocketAddr,
        watch: impl Fn(u64, Direction, &[u8]) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let state = Mutex::new(State {
            link: Link::Up,
            connections: Vec::new(),
            muted: Vec::new(),
            ambush: None,
        });
        let shared = Arc::new(Shared {
            target,
            watch: Box::new(watch),
            state,
            bytes: Default::default(),
            accepted: AtomicU64::new(0),
        });
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&shared, listener, address)
        });
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where the proxy listens, as a 0MQ address.
    pub fn zmq_address(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many bytes were forwarded in one direction so far.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.bytes[direction as usize].load(Ordering::Relaxed)
    }

    /// Breaks all connections with a TCP reset, at both ends.
    pub fn reset(&self) {
        self.shared.state().reset();
    }

    /// Ends all connections in order, at both ends.
    pub fn close(&self) {
        for connection in self.shared.state().take_connections() {
            connection.doom(Fate::Vanish);
            // An error means that it is gone already.
            let _ = connection.client.shutdown(Shutdown::Write);
            let _ = connection.server.shutdown(Shutdown::Write);
        }
    }

    /// From now on, what all present connections carry vanishes: no end, no reset. New connections work.
    pub fn mute(&self) {
        self.shared.state().mute();
    }

    /// Takes the link down: present connections are reset, new ones refused, until [`link_up`](Self::link_up).
    pub fn refuse(&self) {
        let mut state = self.shared.state();
        state.link = Link::Refused;
        state.reset();
    }

    /// Takes the link down without a word: what present and new connections carry vanishes, until [`link_up`](Self::link_up).
    /// Connections made meanwhile stay dead.
    pub fn silence(&self) {
        let mut state = self.shared.state();
        state.link = Link::Silent;
        state.mute();
    }

    /// New connections work again.
    pub fn link_up(&self) {
        self.shared.state().link = Link::Up;
    }

    /// Resets all connections as soon as so many more bytes have passed in this direction; the channel then tells when.
    pub fn reset_after(&self, bytes: u64, direction: Direction) -> Receiver<Instant> {
        let (done, when) = mpsc::channel();
        let at_bytes = self.bytes(direction) + bytes;
        self.shared.state().ambush = Some(Ambush {
            direction,
            at_bytes,
            done,
        });
        when
    }
}

impl fmt::Debug for CutProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutProxy")
            .field("address", &self.address)
            .field("target", &self.shared.target)
            .finish_non_exhaustive()
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.link = Link::Ended;
            state.reset();
            state
                .muted
                .drain(..)
                .filter_map(|muted| muted.upgrade())
                .for_each(|muted| muted.abort());
        }
        if let Some(acceptor) = self.acceptor.take() {
            // Joined so that its port is free; a panic of it was printed.
            let _ = acceptor.join();
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(shared: &Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut listener = Some(listener);
    loop {
        let link = shared.state().link;
        match link {
            Link::Ended => return,
            Link::Refused => listener = None,
            Link::Up | Link::Silent if listener.is_none() => listener = listen(address).ok(),
            Link::Up | Link::Silent => {}
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => shared.admit(client),
            _ => thread::sleep(TICK),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn admit(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.target) else {
            return;
        };
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        let Ok(connection) = Connection::new(number, client, server) else {
            return;
        };
        let connection = Arc::new(connection);
        let mut state = self.state();
        if state.link == Link::Silent {
            connection.doom(Fate::Vanish);
        }
        state.connections.push(Arc::downgrade(&connection));
        drop(state);
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (shared, connection) = (self.clone(), connection.clone());
            thread::spawn(move || shared.pump(&connection, direction));
        }
    }

    /// Carries one direction of one connection. The sockets close when the last thread that refers to them is done.
    fn pump(&self, connection: &Connection, direction: Direction) {
        let (mut from, mut to) = match direction {
            Direction::ToServer => (&connection.client, &connection.server),
            Direction::ToClient => (&connection.server, &connection.client),
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            match connection.fate() {
                Fate::Abort => return,
                Fate::Vanish => {}
                Fate::Forward if forward(connection, &mut to, &buffer[..read]).is_err() => return,
                Fate::Forward => {
                    (self.watch)(connection.number, direction, &buffer[..read]);
                    self.passed(direction, read);
                }
            }
        }
        if connection.fate() == Fate::Forward {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    fn passed(&self, direction: Direction, bytes: usize) {
        let bytes = bytes as u64;
        let total = self.bytes[direction as usize].fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut state = self.state();
        if state
            .ambush
            .as_ref()
            .is_some_and(|ambush| ambush.direction == direction && ambush.at_bytes <= total)
        {
            let ambush = state.ambush.take().expect("just seen");
            state.reset();
            // Whoever does not want to know has dropped the channel.
            let _ = ambush.done.send(Instant::now());
        }
    }
}

fn forward(connection: &Connection, to: &mut &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() && connection.fate() == Fate::Forward {
        match to.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl State {
    fn take_connections(&mut self) -> Vec<Arc<Connection>> {
        self.connections
            .drain(..)
            .filter_map(|connection| connection.upgrade())
            .collect()
    }

    fn reset(&mut self) {
        self.take_connections().iter().for_each(|connection| connection.abort());
    }

    fn mute(&mut self) {
        for connection in self.take_connections() {
            connection.doom(Fate::Vanish);
            self.muted.push(Arc::downgrade(&connection));
        }
    }
}

impl Connection {
    fn new(number: u64, client: TcpStream, server: TcpStream) -> io::Result<Self> {
        for stream in [&client, &server] {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(TICK))?;
        }
        Ok(Self {
            number,
            client,
            server,
            fate: Mutex::new(Fate::Forward),
        })
    }

    fn abort(&self) {
        self.doom(Fate::Abort);
        for stream in [&self.client, &self.server] {
            // Closing sends a reset then. Reading ends without a packet; the pumps let go of the sockets.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    fn fate(&self) -> Fate {
        *self.fate.lock().expect("no holder panics")
    }

    fn doom(&self, fate: Fate) {
        *self.fate.lock().expect("no holder panics") = fate;
    }
}
