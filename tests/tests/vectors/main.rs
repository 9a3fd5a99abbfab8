//! The test vectors of PROTOCOL.md: what is written there is what the shipped core sends, and what a reader of the document makes
//! of it. Everything here but the recording is written from the document, with none of the core's code.
//!
//! `UPDATE_VECTORS=1 cargo test -p steadfast-tests --test vectors` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod crypto;
mod document;
mod observer;
mod recording;
mod text;
mod wire;

use std::fs;

use recording::Recording;

const DOCUMENT: &str = "core/PROTOCOL.md";
const SESSION: &str = "tests/vectors/session.txt";

fn read(name: &str) -> String {
    fs::read_to_string(document::path(name)).unwrap_or_default()
}

fn updating() -> bool {
    std::env::var_os("UPDATE_VECTORS").is_some()
}

/// Compares with what a file holds, or writes it there.
fn check(name: &str, expected: &str, what: &str) {
    if updating() {
        fs::write(document::path(name), expected).unwrap();
    }
    let holds = read(name);
    let differs = holds
        .lines()
        .zip(expected.lines())
        .find(|(held, expected)| held != expected);
    assert!(
        holds == expected,
        "{name} does not hold {what}; first difference: {differs:?}"
    );
}

#[test]
fn the_blocks_in_the_document_follow_from_what_they_state() {
    let document = read(DOCUMENT);
    let expected = blocks::all().iter().fold(document, |document, (name, block)| {
        document::replaced(&document, name, block)
    });
    check(DOCUMENT, &expected, "the blocks that follow from what they state");
}

#[test]
fn the_keys_are_those_that_rfc_9001_publishes() {
    let block = |name| blocks::all().into_iter().find(|(known, _)| *known == name).unwrap().1;
    let holds = |name, line: &str| assert!(block(name).lines().any(|held| held == line), "{line}");
    holds("initial", "client key = 1f369613dd76d5467730efcbe3b1a22d");
    holds("initial", "client iv = fa044b2f42a3fd3b46fb255c");
    holds("initial", "server key = cf3a5331653c364c88f0f379b6067e37");
    holds("initial", "server iv = 0ac1493ca1905853b0bba03e");
    holds("data", "epoch 0, iv = e0459b3474bdd0e44a41c144");
    let key = "epoch 0, key = c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8";
    holds("data", key);
    let next = "epoch 1, secret = 1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9";
    holds("data", next);
}

#[test]
fn the_recorded_session_is_what_the_shipped_core_sends() {
    let recording = Recording::run();
    check(SESSION, &recording.to_text(), "what the core sends");
    let read = Recording::from_text(&read(SESSION));
    assert_eq!(read.bindings, recording.bindings, "as the applications were told");
}

#[test]
fn the_recorded_session_can_be_read_with_the_document_alone() {
    if updating() {
        return;
    }
    let recorded = read(SESSION);
    assert_eq!(Recording::from_text(&recorded).to_text(), recorded);
}
