//! Standard input of the client becomes output of the server: `blocking_tcp server|client ADDRESS CERTIFICATE_FILE`.
use std::{env, error::Error, fs, io, io::Read, io::Write, net, sync::Arc, time::Duration, time::Instant};
use steadfast::{ClientConfig, Endpoint, Event, ServerConfig, rustls};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let (address, file, tick) = (&arguments[2], &arguments[3], Duration::from_millis(1));
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let (mut stream, mut endpoint) = if arguments[1] == "server" {
        let socket = net::TcpListener::bind(address)?;
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        fs::write(file, own.cert.der())?;
        let config = ServerConfig::builder(crypto, vec![own.cert.into()], own.signing_key.into()).build()?;
        (socket.accept()?.0, Endpoint::accept(&config, Instant::now())?)
    } else {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(fs::read(file)?.into())?;
        let trust =
            rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), crypto.clone()).build()?;
        let config = ClientConfig::builder(crypto, trust).build()?;
        let mut endpoint = Endpoint::connect(&config, "localhost".try_into()?, Instant::now())?;
        endpoint.send(io::read_to_string(io::stdin())?.as_bytes(), Instant::now())?;
        endpoint.close(Instant::now());
        (net::TcpStream::connect(address)?, endpoint)
    };
    loop {
        while let Some(event) = endpoint.poll_event(Instant::now()) {
            match event {
                Event::Message(text) => print!("{}", String::from_utf8_lossy(text.payload())),
                event => eprintln!("{event}"),
            }
        }
        while let Some(packet) = endpoint.poll_transmit(Instant::now()) {
            let _ = stream.write_all(&[&u32::try_from(packet.len())?.to_be_bytes(), &packet[..]].concat());
        }
        if endpoint.is_closed() {
            return Ok(());
        }
        stream.set_read_timeout(endpoint.poll_timeout().map(|at| at - Instant::now() + tick))?;
        if stream.peek(&mut [0]).is_ok() {
            let mut length = [0; 4];
            stream.set_read_timeout(None)?;
            stream.read_exact(&mut length)?;
            let mut packet = vec![0; 65_536.min(u32::from_be_bytes(length) as usize)];
            stream.read_exact(&mut packet)?;
            endpoint.handle_packet(packet, Instant::now());
        }
        endpoint.handle_timeout(Instant::now());
    }
}
