//! A forked child holds the parent's keys: it must not seal a single packet with them.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use steadfast::Event;
use steadfast_tests::over_zmq::{PATIENCE, Scene};
use steadfast_zmq::Error;

#[test]
fn a_forked_child_is_refused_and_the_parent_goes_on() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    let session = both.establish();
    let in_child = || {
        let refused = Err(Error::Forked);
        u8::from(both.client.try_send(b"from the child") == refused)
            + u8::from(both.server.try_send(session, b"from the child") == refused)
            + u8::from(both.client.recv_timeout(Duration::ZERO).is_err())
            + u8::from(both.client.flush(Duration::ZERO) == Err(Error::Forked))
    };
    assert_eq!(exit_code_of_child(in_child), 4, "all four calls are refused");
    both.client.send(b"from the parent").expect("room");
    both.until_server_got(1);
    assert_eq!(both.server_got[0].payload(), "from the parent");
}

#[test]
fn handles_are_refused_in_a_forked_child_even_while_the_parent_uses_them() {
    let mut both = Scene::default().direct("tcp://127.0.0.1:*");
    let session = both.establish();
    let (client, server) = (
        both.client.spawn().expect("a thread"),
        both.server.spawn().expect("a thread"),
    );
    // So that now and then a fork finds the lock held, by a thread that the child does not have.
    let (busy, stop) = (client.clone(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                busy.try_recv().expect("open");
            }
        });
        for _ in 0..20 {
            let in_child = || {
                u8::from(client.try_send(b"from the child") == Err(Error::Forked))
                    + u8::from(server.try_send(session, b"from the child") == Err(Error::Forked))
                    + u8::from(matches!(client.recv(), Err(Error::Forked)))
            };
            assert_eq!(exit_code_of_child(in_child), 3, "all three calls are refused");
        }
        stop.store(true, Ordering::Relaxed);
    });
    client.send(b"from the parent").expect("room");
    client.flush(Duration::ZERO).expect_err("nobody took it yet");
    assert!(matches!(server.recv().expect("open").event, Event::Message(_)));
    client.flush(PATIENCE).expect("taken");
}

/// Runs this in a forked child.
fn exit_code_of_child(run: impl FnOnce() -> u8) -> i32 {
    // SAFETY: the child makes no call that may wait for another thread of the parent, allocates nothing that it frees, and
    // leaves by `_exit`, which runs no destructor.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(run().into()),
            child => {
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
                assert!(libc::WIFEXITED(status), "the child crashed");
                libc::WEXITSTATUS(status)
            }
        }
    }
}
