//! The listening half of the echo pair: returns every line, and survives what a 0MQ socket does not tell.
//!
//! For trying out, from three terminals; then stop either one with Ctrl-C, or `kill -9`, type on in the other, and start it anew:
//!
//! ```text
//! cargo run -p steadfast-zmq --example credentials -- pems
//! cargo run -p steadfast-zmq --example echo_server -- 7000 pems/server.pem pems/server.key --clients pems/authority.pem
//! cargo run -p steadfast-zmq --example echo_client -- localhost 7000 pems/authority.pem \
//!     --name ann --cert pems/client.pem --key pems/client.key
//! ```
//!
//! What is typed here goes to every client, and comes back likewise.

mod echo;
#[path = "echo/returned.rs"]
mod returned;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;

use clap::Parser;
use steadfast_zmq::steadfast::{
    Bytes, Delivery, Event, Message, MessageId, PeerIdentity, PeerRestarted, ServerConfig, SessionId,
};
use steadfast_zmq::{Endpoint, Error, Received, Server, pem, zmq};

use echo::{Result, TICK, Word, lines_not_delivered, typed_lines};
use returned::Returned;

/// Returns every line to the client that sent it, over TLS 1.3 and 0MQ.
///
/// Lines typed here go to all clients; those that come back are printed, and news of the sessions on standard error.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen, on all interfaces
    port: u16,
    /// The server's certificate chain (PEM), own certificate first
    certificate: PathBuf,
    /// The key of that certificate (PEM)
    key: PathBuf,
    /// Lets in only clients whose certificates these authorities (PEM) vouch for: a client that restarts is known by its own
    #[arg(long, value_name = "ROOTS")]
    clients: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Err(error) = listen(&Arguments::parse()).and_then(EchoServer::run);
    eprintln!("echo_server: {error}");
    ExitCode::FAILURE
}

fn listen(arguments: &Arguments) -> Result<EchoServer> {
    let address = format!("tcp://*:{}", arguments.port);
    let server = Server::bind(Endpoint::new(&zmq::Context::new(), &address), &configured(arguments)?)?;
    eprintln!("listening at {}", server.local_address()?);
    Ok(EchoServer {
        server,
        typed: typed_lines(),
        sessions: BTreeMap::new(),
        lines: 0,
    })
}

fn configured(arguments: &Arguments) -> Result<ServerConfig> {
    let mut config = pem::server(&arguments.certificate, &arguments.key)?
        .endpoint_name("echo server")
        .delivery(Delivery {
            manual_acknowledgement: true,
            ..Delivery::default()
        });
    if let Some(authorities) = &arguments.clients {
        config = config.client_verifier(pem::client_verifier(authorities)?);
    }
    Ok(config.build()?)
}

struct EchoServer {
    server: Server,
    typed: Receiver<String>,
    /// What came of each client and is not acknowledged.
    sessions: BTreeMap<SessionId, Returned>,
    /// How many lines were typed.
    lines: u64,
}

impl EchoServer {
    fn run(mut self) -> Result<std::convert::Infallible> {
        loop {
            if let Some(received) = self.server.recv_timeout(TICK)? {
                self.take(received)?;
            }
            while let Ok(line) = self.typed.try_recv() {
                self.send_to_all(line.into())?;
            }
            self.acknowledge()?;
        }
    }

    fn take(&mut self, received: Received) -> Result<()> {
        let Received { session, peer, event } = received;
        let name = name(&peer);
        if !matches!(event, Event::Message(_)) {
            eprintln!("{name}: {event}");
        }
        match event {
            Event::Message(message) => self.answer(session, &name, &message),
            Event::Established(_) => {
                self.sessions.insert(session, Returned::default());
                Ok(())
            }
            Event::PeerRestarted(restarted) => self.repeat(session, &name, *restarted),
            Event::Closed(_) => {
                self.sessions.remove(&session);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answer(&mut self, session: SessionId, name: &str, message: &Message) -> Result<()> {
        let answer = match Word::read(message) {
            Some(Word::Line { number, text }) => self.send(session, &Word::Back { number, text })?,
            Some(Word::Back { text, .. }) => {
                println!("{name}: {}", String::from_utf8_lossy(&text));
                None
            }
            None => {
                eprintln!("{name}: a message that is no line; is it an echo client?");
                None
            }
        };
        if let Some(returned) = self.sessions.get_mut(&session) {
            returned.note(message.id(), answer);
        }
        Ok(())
    }

    /// Sends again what was typed here and did not reach the client before it restarted.
    fn repeat(&mut self, session: SessionId, name: &str, restarted: PeerRestarted) -> Result<()> {
        self.sessions.insert(session, Returned::default());
        for (line, fate) in lines_not_delivered(restarted) {
            eprintln!("{name}: sent again, since it was {fate}: {line}");
            self.send(session, &line)?;
        }
        Ok(())
    }

    fn send_to_all(&mut self, text: Bytes) -> Result<()> {
        self.lines += 1;
        let line = Word::Line {
            number: self.lines,
            text,
        };
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        sessions
            .into_iter()
            .try_for_each(|session| self.send(session, &line).map(drop))
    }

    /// Never waits: a client that takes nothing must not keep the others waiting.
    fn send(&mut self, session: SessionId, word: &Word) -> Result<Option<MessageId>> {
        match self.server.try_send_parts(session, &word.parts()) {
            Ok(id) => Ok(Some(id)),
            Err(Error::WouldBlock) => {
                eprintln!("not sent, since the client takes nothing: {word}");
                Ok(None)
            }
            Err(Error::Closed) => Ok(None), // Its event is on the way.
            Err(error) => Err(error.into()),
        }
    }

    fn acknowledge(&mut self) -> Result<()> {
        for (&session, returned) in &mut self.sessions {
            if let Some(message) = returned.settle(self.server.acknowledged_through(session)) {
                match self.server.acknowledge(session, message) {
                    // The session has ended or begun anew, and its event is on the way.
                    Ok(()) | Err(Error::Acknowledge(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// As the client calls itself. With `--clients`, its certificate stands behind that.
fn name(peer: &PeerIdentity) -> String {
    let name = peer.endpoint_name().unwrap_or("an unnamed client");
    name.escape_debug().to_string()
}
