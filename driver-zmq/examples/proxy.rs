//! A broker between clients and one server: a stock `zmq_proxy`, which needs no keys and sees ciphertext only.
//!
//! Between the two programs of the echo pair, for example (see `echo_server` for its own arguments):
//!
//! ```text
//! cargo run -p steadfast-zmq --example proxy -- 'tcp://*:7001' tcp://localhost:7000 --connect --watch
//! cargo run -p steadfast-zmq --example echo_client -- localhost 7001 pems/authority.pem
//! ```
//!
//! One server: among several, 0MQ would deal the packets of one session out by turns. It may be restarted, and so may this broker: the
//! sessions go on.

use std::collections::HashSet;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use steadfast_zmq::zmq::{self, Context, Socket};

/// Passes packets between clients and one server, and can show them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where clients connect, as tcp://*:7001
    front: String,
    /// Where the server connects, as tcp://*:7002; with --connect, where it listens
    back: String,
    /// Connects to the server, which listens at the back address
    #[arg(long)]
    connect: bool,
    /// Prints a line for every packet: whose it is, where it goes, how long it is and how it begins
    #[arg(long)]
    watch: bool,
}

fn main() -> ExitCode {
    let Err(error) = pass(&Arguments::parse());
    eprintln!("proxy: {error}");
    ExitCode::FAILURE
}

fn pass(arguments: &Arguments) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let context = Context::new();
    let (mut front, mut back) = (socket(&context, zmq::ROUTER)?, socket(&context, zmq::DEALER)?);
    if arguments.connect {
        let connected = back.connect(&arguments.back);
        connected.map_err(|error| format!("cannot connect to {}: {error}", arguments.back))?;
    } else {
        bind(&back, &arguments.back)?;
    }
    bind(&front, &arguments.front)?;
    println!("front: {}", address(&front)?);
    println!("back: {}", address(&back)?);
    if arguments.watch {
        let mut capture = watched(&context)?;
        zmq::proxy_with_capture(&mut front, &mut back, &mut capture)?;
    } else {
        zmq::proxy(&front, &back)?;
    }
    Err("0MQ ended it".into())
}

/// Longer than any packet, in bytes: what is longer comes from somebody else.
const MAX_FRAME_BYTES: i64 = 68 << 10;
/// A connection that died silently is found after both together, in milliseconds.
const HEARTBEAT_MS: (i32, i32) = (1000, 2000);
/// As soon as this 0MQ tries again after a connection broke, and after this at the latest, in milliseconds.
const RECONNECT_MS: (i32, i32) = (20, 1000);

/// `IMMEDIATE` is not set: while the server is away, `zmq_proxy` would not wait but spin.
fn socket(context: &Context, kind: zmq::SocketType) -> Result<Socket, zmq::Error> {
    let socket = context.socket(kind)?;
    socket.set_linger(0)?;
    socket.set_maxmsgsize(MAX_FRAME_BYTES)?;
    socket.set_heartbeat_ivl(HEARTBEAT_MS.0)?;
    socket.set_heartbeat_timeout(HEARTBEAT_MS.1)?;
    socket.set_reconnect_ivl(RECONNECT_MS.0)?;
    socket.set_reconnect_ivl_max(RECONNECT_MS.1)?;
    Ok(socket)
}

fn bind(socket: &Socket, address: &str) -> Result<(), String> {
    let bound = socket.bind(address);
    bound.map_err(|error| format!("cannot listen at {address}: {error}"))
}

fn address(socket: &Socket) -> Result<String, zmq::Error> {
    let address = socket.get_last_endpoint()?;
    Ok(address.unwrap_or_else(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// A socket for copies of all that passes; they are printed. PUB, so that packets are not kept waiting by whoever reads the lines: what
/// he is too slow for is left out.
fn watched(context: &Context) -> Result<Socket, zmq::Error> {
    const COPIES: &str = "inproc://copies";
    let (capture, copies) = (context.socket(zmq::PUB)?, context.socket(zmq::SUB)?);
    capture.bind(COPIES)?;
    copies.connect(COPIES)?;
    copies.set_subscribe(b"")?;
    thread::spawn(move || print_all(&copies));
    Ok(capture)
}

fn print_all(copies: &Socket) {
    let mut ids = Ids::default();
    while let Ok(frames) = copies.recv_multipart(0) {
        let [envelope, .., packet] = &frames[..] else { continue };
        let (way, begin) = (ids.way(packet), &packet[..packet.len().min(SHOWN_BYTES)]);
        let line = format!("{} {way} {:5} bytes  {}", hex(envelope), packet.len(), hex(begin));
        // Nobody reads on: the packets pass nevertheless.
        if writeln!(stdout(), "{line}").is_err() {
            return;
        }
    }
}

/// A header and something of what is sealed.
const SHOWN_BYTES: usize = 36;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ids by which both ends want to be called, as far as their first packets were seen: a copy does not say where it goes, but the
/// packet's header names its receiver (`core/PROTOCOL.md`).
#[derive(Default)]
struct Ids {
    clients: HashSet<Id>,
    servers: HashSet<Id>,
}

type Id = [u8; 8];

/// Somebody who invents first packets makes this program forget, not grow.
const MAX_IDS: usize = 10_000;
const INITIAL: u8 = 0x10;

impl Ids {
    fn way(&mut self, packet: &[u8]) -> &'static str {
        const UNKNOWN: &str = "?        ";
        let Some(destination) = id_at(packet, 1) else {
            return UNKNOWN;
        };
        if self.clients.len().max(self.servers.len()) >= MAX_IDS {
            *self = Self::default();
        }
        let source = id_at(packet, 21).filter(|_| packet[0] == INITIAL);
        if self.clients.contains(&destination) {
            self.servers.extend(source);
            "<- server"
        } else if self.servers.contains(&destination) {
            "-> server"
        } else if let Some(source) = source {
            self.clients.insert(source);
            "-> server"
        } else {
            UNKNOWN // Its session began before this program did.
        }
    }
}

fn id_at(packet: &[u8], at: usize) -> Option<Id> {
    packet.get(at..)?.first_chunk().copied()
}
