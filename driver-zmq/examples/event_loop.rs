//! A server inside an event loop that is not 0MQ's: mio waits for the server's sockets and for those of a status page at the
//! same time, in one thread.
//!
//! ```sh
//! cargo run -p steadfast-zmq --example credentials -- pems
//! cargo run -p steadfast-zmq --example event_loop -- tcp://127.0.0.1:7000 127.0.0.1:7001 pems/server.pem pems/server.key
//! curl http://127.0.0.1:7001
//! ```
//!
//! It says back what its clients say ([`echo_client`](echo_client.rs) is one).
//!
//! What it shows: 0MQ's descriptors signal a *change*, once, and any call on the socket may swallow the signal. So every round of
//! the loop takes all events there are, then asks for the deadline, and sleeps no longer than that.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this example needs the descriptors of a Unix system");
}

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::io::{ErrorKind, Write};
    use std::net::SocketAddr;
    use std::path::PathBuf;
    use std::time::Instant;

    use clap::Parser;
    use mio::net::TcpListener;
    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};
    use steadfast_zmq::steadfast::{Event, ServerConfig};
    use steadfast_zmq::{Endpoint, Received, Server, default_provider, pem};

    /// Says back what clients say, and shows at another port how it is doing.
    #[derive(Parser)]
    struct Arguments {
        /// Where clients connect to, as 0MQ writes it.
        address: String,
        /// Where the status page is.
        status: SocketAddr,
        /// The server's certificate chain.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    }

    const SERVER: Token = Token(0);
    const STATUS: Token = Token(1);

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let arguments = Arguments::parse();
        let provider = default_provider();
        let (chain, key) = pem::identity(&arguments.certificate, &arguments.key, &provider)?;
        let config = ServerConfig::builder(provider, chain, key).build()?;
        let context = zmq::Context::new();
        let mut server = Server::bind(Endpoint::new(&context, &arguments.address), &config)?;
        let mut status = TcpListener::bind(arguments.status)?;
        println!(
            "serving {}, status at {}",
            server.local_address()?,
            status.local_addr()?
        );

        let mut poll = Poll::new()?;
        for descriptor in server.descriptors()? {
            (poll.registry()).register(&mut SourceFd(&descriptor), SERVER, Interest::READABLE)?;
        }
        (poll.registry()).register(&mut status, STATUS, Interest::READABLE)?;

        let mut events = Events::with_capacity(16);
        loop {
            while let Some(received) = server.try_recv()? {
                answer(&mut server, received)?;
            }
            // After everything else that touches the server: the deadline knows of signals that were swallowed.
            let sleep = server
                .deadline()?
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match poll.poll(&mut events, sleep) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            }
            if events.iter().any(|event| event.token() == STATUS) {
                show_status(&status, &server);
            }
        }
    }

    fn answer(server: &mut Server, received: Received) -> Result<(), Box<dyn Error>> {
        match received.event {
            Event::Message(message) => {
                // A client that takes nothing must not keep the loop waiting; it can do without an answer.
                match server.try_send_parts(received.session, &message.into_parts()) {
                    Ok(_) | Err(steadfast_zmq::Error::WouldBlock | steadfast_zmq::Error::Closed) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            other => eprintln!("{:?}: {other}", received.session),
        }
        Ok(())
    }

    fn show_status(status: &TcpListener, server: &Server) {
        while let Ok((mut visitor, _)) = status.accept() {
            let (stats, counters) = (server.stats(), server.counters());
            let page = format!("{} sessions\n{stats:#?}\n{counters:#?}\n", stats.sessions);
            // A visitor that is gone, or takes nothing, misses the page.
            let _ = write!(
                visitor,
                "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    }
}
