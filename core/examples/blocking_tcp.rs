//! Lines from standard input to a server, and its echo back: `blocking_tcp server|client ADDRESS CERTIFICATE_FILE`.
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{env, error::Error, fs};

use rustls::{RootCertStore, client::WebPkiServerVerifier, crypto::aws_lc_rs::default_provider};
use steadfast::{ClientConfig, Event, Listener, ServerConfig, Session};

fn main() -> Result<(), Box<dyn Error>> {
    match &env::args().collect::<Vec<_>>()[1..] {
        [role, address, certificate] if role == "server" => server(address, certificate),
        [role, address, certificate] if role == "client" => client(address, certificate),
        _ => Err("usage: blocking_tcp server|client ADDRESS CERTIFICATE_FILE".into()),
    }
}

fn server(address: &str, certificate: &str) -> Result<(), Box<dyn Error>> {
    let socket = TcpListener::bind(address)?;
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(certificate, own.cert.der())?;
    let config = ServerConfig::builder(default_provider().into(), vec![own.cert.into()], own.signing_key.into());
    let mut sessions = Listener::new(&config.build()?, Instant::now());
    let (stream, route) = socket.accept()?;
    loop {
        if let Some(packet) = receive(&stream, sessions.poll_timeout())? {
            sessions.handle_packet(route, packet, Instant::now());
        }
        sessions.handle_timeout(Instant::now());
        while let Some((session, event)) = sessions.poll_event(Instant::now()) {
            println!("{event}");
            if let Event::Message(line) = event {
                sessions.send_parts(session, line.parts(), Instant::now())?;
            }
        }
        while let Some(out) = sessions.poll_transmit(Instant::now()) {
            transmit(&stream, &out.packet)?;
        }
    }
}

fn client(address: &str, certificate: &str) -> Result<(), Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(fs::read(certificate)?.into())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), default_provider().into()).build()?;
    let config = ClientConfig::builder(default_provider().into(), verifier).build()?;
    let mut session = Session::new(&config, "localhost".try_into()?, Instant::now())?;
    let mut unanswered = 0;
    for line in io::stdin().lines() {
        session.send(line?.as_bytes(), Instant::now())?;
        unanswered += 1;
    }
    let stream = TcpStream::connect(address)?;
    while !session.is_closed() {
        while let Some(packet) = session.poll_transmit(Instant::now()) {
            transmit(&stream, &packet)?;
        }
        if let Some(packet) = receive(&stream, session.poll_timeout())? {
            session.handle_packet(packet, Instant::now());
        }
        session.handle_timeout(Instant::now());
        while let Some(event) = session.poll_event(Instant::now()) {
            match event {
                Event::Message(line) => {
                    println!("{}", String::from_utf8_lossy(line.payload()));
                    unanswered -= 1;
                }
                event => eprintln!("{event}"),
            }
        }
        if unanswered == 0 {
            session.close(Instant::now());
        }
    }
    Ok(())
}

/// The next packet, or none when the deadline has come.
fn receive(mut stream: &TcpStream, deadline: Option<Instant>) -> io::Result<Option<Vec<u8>>> {
    let wait = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
    if stream.peek(&mut [0]).is_err() {
        return Ok(None);
    }
    stream.set_read_timeout(None)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes(length)) + 1];
    stream.read_exact(&mut packet)?;
    Ok(Some(packet))
}

/// A packet is never empty and at most 64 KiB: two bytes hold its length less one.
fn transmit(mut stream: &TcpStream, packet: &[u8]) -> io::Result<()> {
    let length = u16::try_from(packet.len() - 1).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), packet].concat())
}
