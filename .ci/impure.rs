//! One breach of the core's purity a function, which the lints of `core/.clippy.toml` must each refuse. `.ci/run` lints
//! this file as it lints the core, and counts: a path that clippy no longer resolves would else fall silent.
#![allow(dead_code)]

use std::time::{Duration, Instant, SystemTime};

fn clock() -> Instant {
    Instant::now() //~ impure
}

fn clock_in_disguise(then: Instant) -> Duration {
    then.elapsed() //~ impure
}

fn wall_clock() -> SystemTime {
    SystemTime::now() //~ impure
}

fn thread() {
    std::thread::spawn(|| ()); //~ impure
}

fn sleep() {
    std::thread::sleep(Duration::ZERO); //~ impure
}

fn socket(_: std::net::TcpStream) {} //~ impure

fn datagrams(_: std::net::UdpSocket) {} //~ impure

fn file(_: std::fs::File) {} //~ impure

fn contents() -> Vec<u8> {
    std::fs::read("").unwrap_or_default() //~ impure
}

fn environment() -> bool {
    std::env::var("").is_ok() //~ impure
}

fn process(_: std::process::Command) {} //~ impure

fn output() {
    println!(); //~ impure
}

fn random_order(_: std::collections::HashMap<u8, u8>) {} //~ impure

fn random_order_of_a_set(_: std::collections::HashSet<u8>) {} //~ impure

fn randomness(_: std::hash::RandomState) {} //~ impure

fn imprecise(_: f64) {} //~ impure

fn imprecise_time(time: Duration) -> Duration {
    time.mul_f64(1.5) //~ impure
}
