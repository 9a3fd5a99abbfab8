//! The legal moves, in two small tables: the diagram of the documentation and the check in the code are the same thing.

use std::fmt;

use crate::CloseReason;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// A handshake is in progress, or the next attempt waits. Messages are queued.
    Connecting,
    /// Messages flow.
    Established,
    /// One side stopped sending; what was sent is still delivered, both ways.
    Closing,
    /// Over; `Closed` tells why.
    Closed,
}

/// What moves a session on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionInput {
    /// The server confirmed the handshake, or verified the client's.
    Confirmed,
    /// The application, or the peer's, closed.
    CloseRequested,
    /// Each side has everything of the other.
    Drained,
    /// The linger time is over.
    LingerOver,
    /// This side refused the peer's certificate.
    Refused,
    /// The peer refused or ended the session.
    EndedByPeer,
    /// The peer broke the protocol, or a limit was met.
    Failed,
    /// The peer was silent for longer than a session is kept.
    Lost,
    /// The peer's end of the session is gone, and another one has authenticated itself.
    PeerRestarted,
}

impl SessionState {
    /// All states, in the order of a session's life.
    pub const ALL: [Self; 4] = [Self::Connecting, Self::Established, Self::Closing, Self::Closed];

    /// The state after `input`; `None` if that cannot happen here.
    pub fn on(self, input: SessionInput) -> Option<Self> {
        use SessionInput as In;
        Some(match (self, input) {
            (Self::Connecting, In::Confirmed) => Self::Established,
            (Self::Connecting, In::CloseRequested) => Self::Connecting,
            (Self::Connecting, In::Refused | In::EndedByPeer | In::Drained | In::LingerOver) => Self::Closed,
            (Self::Connecting, In::Failed | In::Lost) => Self::Closed,
            (Self::Established, In::CloseRequested) => Self::Closing,
            (Self::Established, In::EndedByPeer | In::Failed | In::Lost) => Self::Closed,
            (Self::Established, In::PeerRestarted) => Self::Established,
            (Self::Closing, In::PeerRestarted) => Self::Closed,
            (Self::Closing, In::Drained | In::LingerOver) => Self::Closed,
            (Self::Closing, In::EndedByPeer | In::Failed | In::Lost) => Self::Closed,
            _ => return None,
        })
    }
}

impl SessionInput {
    /// All inputs.
    pub const ALL: [Self; 9] = [
        Self::Confirmed,
        Self::CloseRequested,
        Self::Drained,
        Self::LingerOver,
        Self::Refused,
        Self::EndedByPeer,
        Self::Failed,
        Self::Lost,
        Self::PeerRestarted,
    ];

    /// The input that ends a session for this reason.
    pub(crate) fn of(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Finished => Self::Drained,
            CloseReason::LingerExpired => Self::LingerOver,
            CloseReason::Lost { .. } => Self::Lost,
            CloseReason::HandshakeFailed(_) => Self::Failed,
            CloseReason::PeerRejected(_) | CloseReason::Refused { .. } => Self::Refused,
            CloseReason::ByPeer { .. } | CloseReason::Superseded => Self::EndedByPeer,
            CloseReason::PeerRestarted => Self::PeerRestarted,
            CloseReason::Violation(_)
            | CloseReason::TooLarge { .. }
            | CloseReason::Stalled
            | CloseReason::KeysSpent
            | CloseReason::Misrouted
            | CloseReason::Aborted => Self::Failed,
        }
    }
}

/// Whether the peer is heard. Advice, until it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// The peer answers, or nothing was asked of it.
    Reachable,
    /// The peer owes a sign of life.
    Unreachable,
    /// The session is no longer kept.
    Lost,
}

/// What changes whether the peer is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachabilityInput {
    /// An authenticated packet arrived.
    Heard,
    /// A sign of life is overdue.
    Silent,
    /// The session was kept for as long as agreed.
    RetentionOver,
}

impl Reachability {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Reachable, Self::Unreachable, Self::Lost];

    /// The state after `input`; `None` if that cannot happen here.
    pub fn on(self, input: ReachabilityInput) -> Option<Self> {
        use ReachabilityInput as In;
        Some(match (self, input) {
            (Self::Reachable | Self::Unreachable, In::Heard) => Self::Reachable,
            (Self::Reachable, In::Silent) => Self::Unreachable,
            (Self::Unreachable, In::RetentionOver) => Self::Lost,
            _ => return None,
        })
    }
}

impl ReachabilityInput {
    /// All inputs.
    pub const ALL: [Self; 3] = [Self::Heard, Self::Silent, Self::RetentionOver];
}

/// Both tables, as text: one line a state and input, `-` where the input cannot happen.
#[derive(Clone, Copy, Debug)]
pub struct StateTables;

impl fmt::Display for StateTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (from, input) in pairs(&SessionState::ALL, &SessionInput::ALL) {
            line(f, from, input, from.on(input))?;
        }
        for (from, input) in pairs(&Reachability::ALL, &ReachabilityInput::ALL) {
            line(f, from, input, from.on(input))?;
        }
        Ok(())
    }
}

fn pairs<S: Copy, I: Copy>(states: &[S], inputs: &[I]) -> impl Iterator<Item = (S, I)> {
    states
        .iter()
        .flat_map(move |&state| inputs.iter().map(move |&input| (state, input)))
}

fn line<S: fmt::Debug + Copy, I: fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    from: S,
    input: I,
    to: Option<S>,
) -> fmt::Result {
    let to = to.map_or_else(|| "-".into(), |to| format!("{to:?}"));
    writeln!(f, "{:<12} {:<15} {to}", format!("{from:?}"), format!("{input:?}"))
}
