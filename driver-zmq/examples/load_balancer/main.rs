//! A load balancer whose workers may die: a `ROUTER` hands jobs to named workers, each in a process of its own, over mutual TLS.
//!
//! What becomes of a job when its worker is killed is the question that a message queue leaves open. Here the answer is exact: a
//! job that never left goes to another worker as it is; a job whose fate is unknown goes there *marked*, as one that may have been done
//! before; every other job is done once.
//!
//! ```text
//! cargo run -p steadfast-zmq --example load_balancer -- demo
//! ```
//!
//! starts a balancer and three workers, kills some and cuts one off, and judges from what the workers wrote down. By hand:
//!
//! ```text
//! cargo run -p steadfast-zmq --example credentials -- pems --clients ann,bob
//! cargo run -p steadfast-zmq --example load_balancer -- worker ann --credentials pems
//! cargo run -p steadfast-zmq --example load_balancer -- worker bob --credentials pems
//! seq 1000 | cargo run -p steadfast-zmq --example load_balancer -- balancer --credentials pems
//! ```

mod arguments;
mod balancer;
mod demo;
mod job;
mod jobs;
mod process;
mod record;
mod verdict;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Role};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().role {
        Role::Balancer(arguments) => balancer::run(&arguments).map(|()| true),
        Role::Worker(arguments) => worker::run(&arguments).map(|()| true),
        Role::Demo(arguments) => demo::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load_balancer: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;
