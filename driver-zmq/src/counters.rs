//! What a driver counts.

/// What happened between the core and its 0MQ socket, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets that 0MQ took for sending.
    pub packets_sent: u64,
    /// Packets that 0MQ delivered, from whomever.
    pub packets_received: u64,
    /// Packets that 0MQ had no room for, or no connection; they were kept and sent later.
    pub packets_held: u64,
    /// Packets dropped because their route was gone or stayed full for long. What mattered in them is sent afresh.
    pub packets_dropped: u64,
    /// 0MQ messages that cannot be packets: envelopes of the wrong shape.
    pub odd: u64,
    /// Packets that no Steadfast peer sends, at a server: of plain 0MQ sockets, say, or of an HTTP client whose request passes for
    /// an old 0MQ greeting.
    ///
    /// Peers that 0MQ itself turns away are not among them, nor counted anywhere: those that ask for CURVE (which this build of
    /// libzmq lacks), and whoever speaks over TCP what is no ZMTP. 0MQ closes their connections without a word.
    pub strangers: u64,
    /// Times that a connection was begun anew because 0MQ gave it up, or nobody answered on it, at a client.
    pub redials: u64,
}
