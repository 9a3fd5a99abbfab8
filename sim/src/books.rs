//! The ledgers of all flows.

use std::collections::BTreeMap;

use bytes::Bytes;
use steadfast::{Closed, Message, MessageId};

use crate::flow::Flow;
use crate::oracle::{Ledger, Violation};

/// One ledger a flow.
#[derive(Debug, Default)]
pub(crate) struct Books(BTreeMap<Flow, Ledger>);

impl Books {
    pub(crate) fn sent(&mut self, flow: Flow, id: MessageId, parts: Vec<Bytes>) -> Result<(), Violation> {
        self.of(flow).sent(id, parts).map_err(|violation| on(flow, &violation))
    }

    pub(crate) fn delivered(&mut self, flow: Flow, message: Message) -> Result<(), Violation> {
        self.of(flow)
            .delivered(message)
            .map_err(|violation| on(flow, &violation))
    }

    pub(crate) fn acknowledged(&mut self, flow: Flow, through: Option<MessageId>) -> Result<(), Violation> {
        let Some(through) = through else { return Ok(()) };
        self.of(flow)
            .acknowledged(through)
            .map_err(|violation| on(flow, &violation))
    }

    pub(crate) fn closed(&mut self, flow: Flow, closed: &Closed) -> Result<(), Violation> {
        self.of(flow).closed(closed).map_err(|violation| on(flow, &violation))
    }

    pub(crate) fn messages(&self, flow: Flow) -> &[Message] {
        self.0.get(&flow).map_or(&[], Ledger::messages)
    }

    pub(crate) fn sent_messages(&self, flow: Flow) -> usize {
        self.0.get(&flow).map_or(0, Ledger::sent_messages)
    }

    pub(crate) fn is_settled(&self, flow: Flow) -> bool {
        self.0.get(&flow).is_none_or(Ledger::is_settled)
    }

    fn of(&mut self, flow: Flow) -> &mut Ledger {
        self.0.entry(flow).or_default()
    }
}

fn on(flow: Flow, violation: &Violation) -> Violation {
    Violation(format!("{flow}: {violation}"))
}
