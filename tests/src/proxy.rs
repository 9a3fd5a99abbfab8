//! A 0MQ proxy with one backend, and what can be read there.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use zmq::{Context, Socket};

/// So small that a proxy that stalls is soon felt.
pub const BUFFER_BYTES: i32 = 64 << 10;

/// The sockets of a proxy in front of a server at this address: `ROUTER` and `DEALER`.
///
/// # Panics
/// If 0MQ refuses them.
pub fn hop_sockets(hop: &Context, server: &str) -> (Socket, Socket) {
    let (front, back) = (
        hop.socket(zmq::ROUTER).expect("a socket"),
        hop.socket(zmq::DEALER).expect("a socket"),
    );
    for socket in [&front, &back] {
        socket.set_linger(0).expect("an option");
    }
    back.set_rcvbuf(BUFFER_BYTES).expect("an option");
    back.set_rcvhwm(10).expect("an option");
    front.bind("tcp://127.0.0.1:*").expect("a free port");
    back.connect(server).expect("connects");
    (front, back)
}

/// A stock `zmq_proxy` in front of one server, which keeps a copy of every frame that passes.
pub struct Eavesdropper {
    /// Where clients connect.
    pub address: String,
    control: Socket,
    proxy: JoinHandle<()>,
    copies: JoinHandle<Vec<Vec<u8>>>,
}

/// Behind the last copy.
const END: &[u8] = b"the proxy has ended";

impl Eavesdropper {
    /// Begins to pass what comes, and to keep it.
    ///
    /// # Panics
    /// If 0MQ refuses a socket.
    pub fn start(server: &str) -> Self {
        let hop = Context::new();
        let (mut front, mut back) = hop_sockets(&hop, server);
        let address = front.get_last_endpoint().expect("an option").expect("text");
        // No copy may be dropped, nor keep packets waiting.
        let (mut capture, copies) = joined(&hop, zmq::PUSH, zmq::PULL);
        let (control, mut controlled) = joined(&hop, zmq::PAIR, zmq::PAIR);
        let proxy = thread::spawn(move || {
            zmq::proxy_steerable_with_capture(&mut front, &mut back, &mut capture, &mut controlled).expect("ends");
            capture.send(END, 0).expect("somebody listens");
        });
        let copies = thread::spawn(move || {
            let frames = std::iter::from_fn(|| copies.recv_bytes(0).ok());
            frames.take_while(|frame| frame != END).collect()
        });
        Self {
            address,
            control,
            proxy,
            copies,
        }
    }

    /// Ends, and returns every frame that passed, envelopes included.
    ///
    /// # Panics
    /// If the proxy does.
    pub fn end(self) -> Vec<Vec<u8>> {
        self.control.send("TERMINATE", 0).expect("it listens");
        self.proxy.join().expect("no panic");
        self.copies.join().expect("no panic")
    }
}

fn joined(context: &Context, bound: zmq::SocketType, connected: zmq::SocketType) -> (Socket, Socket) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let address = format!("inproc://joined-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let [bound, connected] = [bound, connected].map(|kind| {
        let socket = context.socket(kind).expect("a socket");
        socket.set_sndhwm(0).expect("an option");
        socket.set_rcvhwm(0).expect("an option");
        socket
    });
    bound.bind(&address).expect("free");
    connected.connect(&address).expect("bound");
    (bound, connected)
}

/// So many bytes of a secret in a row are a find. Fewer would be found by chance.
pub const WINDOW_BYTES: usize = 8;

/// Which of these secrets, by place, show in these frames: with any [`WINDOW_BYTES`] bytes in a row.
pub fn found<'a>(secrets: &[Vec<u8>], frames: impl IntoIterator<Item = &'a Vec<u8>>) -> BTreeSet<usize> {
    let mut windows = HashMap::new();
    for (number, secret) in secrets.iter().enumerate() {
        windows.extend(secret.windows(WINDOW_BYTES).map(|window| (window, number)));
    }
    let all = frames.into_iter().flat_map(|frame| frame.windows(WINDOW_BYTES));
    all.filter_map(|window| windows.get(window).copied()).collect()
}
