//! What the tests of restarts share: every kind of transport, and what an application was told, as text to compare.

use std::time::Duration;

use steadfast::{Event, Message};
use steadfast_sim::{ClientId, Flow, NodeId, Transport, What, WhileDown, World};

/// The longest that a client waits with a hint, so that a thousand of them do not begin at one instant.
pub const LONGEST_JITTER: Duration = Duration::from_millis(10);

/// Every kind of transport under a session.
pub fn transports() -> impl Iterator<Item = Transport> {
    let ways = [WhileDown::Block, WhileDown::Queue, WhileDown::Lose];
    let hints = [true, false];
    ways.into_iter().flat_map(move |while_down| {
        hints.map(|hints| Transport {
            while_down,
            hints,
            ..Transport::default()
        })
    })
}

/// The payloads of messages, as text.
pub fn texts<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<String> {
    let text = |message: &Message| String::from_utf8_lossy(message.payload()).into_owned();
    messages.into_iter().map(text).collect()
}

/// What the sender's application was told, messages aside, in order: one word each.
pub fn told(world: &World, flow: Flow) -> Vec<&'static str> {
    let word = |event: &Event| match event {
        Event::Established(_) => "established",
        Event::PeerRestarted(_) => "restarted",
        Event::Unreachable(_) => "unreachable",
        Event::Reachable(_) => "reachable",
        Event::Closed(_) => "closed",
        _ => "other",
    };
    world.seen(flow).iter().map(|seen| word(&seen.event)).collect()
}

/// The same without reachability, which comes and goes with the transport.
pub fn told_of_lives(world: &World, flow: Flow) -> Vec<&'static str> {
    let mut told = told(world, flow);
    told.retain(|word| !word.ends_with("reachable"));
    told
}

/// The first words of everything that a client's application was told, messages included.
pub fn told_with_messages(world: &World, client: ClientId) -> Vec<String> {
    let first_words = |text: &str| text.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let entries = world.timeline().entries();
    let told = entries.filter_map(|(_, what)| match what {
        What::Event(NodeId::Client(_), of, text) if *of == client => Some(first_words(text)),
        _ => None,
    });
    told.collect()
}

/// Sends one message each way, and waits until both arrived, for this long at most.
///
/// # Panics
/// If a session takes no message, or they do not arrive.
#[track_caller]
pub fn exchange_within(world: &mut World, client: ClientId, patience: Duration) {
    let before = client.both().map(|flow| world.delivered(flow).len());
    for flow in client.both() {
        world.send(flow, b"exchanged").expect("an established session");
    }
    world.run_until_within(patience, |world| {
        let flows = client.both();
        flows
            .iter()
            .zip(before)
            .all(|(flow, before)| world.delivered(*flow).len() > before)
    });
}
