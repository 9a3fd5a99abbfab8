//! Sessions as futures: nothing here, and nothing in the driver, belongs to a particular runtime.
//!
//! ```sh
//! cargo run -p steadfast-zmq --example futures -- 1000
//! ```
//!
//! A server and a client, in one process for this once, ask and answer a number of times, each as a task. The executor below runs
//! both in one thread; with tokio, `tokio::spawn` takes the very same futures.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use clap::Parser;
use steadfast_zmq::steadfast::{Bytes, Event};
use steadfast_zmq::testing::insecure_test_credentials;
use steadfast_zmq::{Client, ClientHandle, Endpoint, Server, ServerHandle};

/// Asks and answers, both as futures in one thread.
#[derive(Parser)]
struct Arguments {
    /// How many times.
    #[arg(default_value_t = 1000)]
    questions: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let questions = Arguments::parse().questions;
    let (context, credentials) = (zmq::Context::new(), insecure_test_credentials("localhost"));
    let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
    let server = Server::bind(endpoint, &credentials.server().build()?)?.spawn()?;
    let endpoint = Endpoint::new(&context, &server.local_address()?);
    let client = Client::connect(endpoint, "localhost".try_into()?, &credentials.client().build()?)?.spawn()?;

    let sum = block_on(either(ask(&client, questions), answer(&server)))?;
    println!("{questions} questions answered; the squares of all numbers below it make {sum}");
    Ok(())
}

/// Asks for the squares of numbers, one after the other, and adds them up.
async fn ask(client: &ClientHandle, questions: u64) -> Result<u64, steadfast_zmq::Error> {
    let mut sum = 0;
    for number in 0..questions {
        send(client, number).await?;
        sum += number_in(&next_message(client).await?);
    }
    Ok(sum)
}

async fn send(client: &ClientHandle, number: u64) -> Result<(), steadfast_zmq::Error> {
    let parts = [Bytes::copy_from_slice(&number.to_be_bytes())];
    poll_fn(|task| client.poll_send_parts(task, &parts)).await?;
    Ok(())
}

async fn next_message(client: &ClientHandle) -> Result<Bytes, steadfast_zmq::Error> {
    loop {
        if let Event::Message(message) = poll_fn(|task| client.poll_recv(task)).await? {
            return Ok(message.payload().clone());
        }
    }
}

/// Answers every number with its square, for ever.
async fn answer(server: &ServerHandle) -> Result<u64, steadfast_zmq::Error> {
    loop {
        let received = poll_fn(|task| server.poll_recv(task)).await?;
        if let Event::Message(question) = received.event {
            let square = number_in(question.payload()).pow(2);
            let parts = [Bytes::copy_from_slice(&square.to_be_bytes())];
            poll_fn(|task| server.poll_send_parts(task, received.session, &parts)).await?;
        }
    }
}

fn number_in(bytes: &Bytes) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// What ends first of two futures; what other runtimes call `select`.
async fn either<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|task| match poll(&mut one, task) {
        Poll::Pending => poll(&mut other, task),
        ready => ready,
    })
    .await
}

fn poll<F: Future>(future: &mut Pin<&mut F>, task: &mut Context<'_>) -> Poll<F::Output> {
    future.as_mut().poll(task)
}

/// The whole runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut task) = (pin!(future), Context::from_waker(&waker));
    loop {
        match poll(&mut future, &mut task) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
