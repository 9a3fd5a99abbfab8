//! What the two programs of the echo pair share.

mod word;

use std::error::Error;
use std::io::{BufRead, stdin};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use steadfast_zmq::steadfast::PeerRestarted;

pub(crate) use word::Word;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long to wait for the peer before looking at standard input again: not to be felt by who types.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// The lines of standard input. Only few are read ahead: what waits in the pipe costs no memory here.
pub(crate) fn typed_lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The lines of this side that the peer which is gone may not have had, with what is known of each, in the order of sending.
///
/// Lines on their way back are left out: the process that waited for them is gone.
pub(crate) fn lines_not_delivered(restarted: PeerRestarted) -> Vec<(Word, &'static str)> {
    let in_doubt = restarted.in_doubt.into_iter().map(|message| (message, "in doubt"));
    let unsent = restarted.unsent.into_iter().map(|message| (message, "unsent"));
    let words = in_doubt
        .chain(unsent)
        .filter_map(|(message, fate)| Some((Word::read(&message)?, fate)));
    words.filter(|(word, _)| matches!(word, Word::Line { .. })).collect()
}
