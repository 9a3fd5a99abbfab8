//! What can go wrong, by who can act on it: the caller, the administrator of either side, or the peer's programmer.

use std::fmt;
use std::time::Duration;

/// A configuration that cannot work. Nothing was built.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The provider lacks `TLS13_AES_128_GCM_SHA256` with QUIC support, which protects the first packets (RFC 9001 §5.2).
    NoInitialSuite,
    /// rustls does not accept the certificate chain, key, verifier or provider.
    Tls(rustls::Error),
    /// A limit is outside of what can work.
    Limit {
        /// Which field of [`Limits`](crate::Limits).
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInitialSuite => f.write_str(
                "the crypto provider has no TLS13_AES_128_GCM_SHA256 with QUIC support; add that suite to the provider",
            ),
            Self::Tls(error) => write!(f, "TLS configuration: {error}"),
            Self::Limit { name, must } => write!(f, "limit `{name}` must be {must}"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<rustls::Error> for ConfigError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

/// Why a message was not accepted. Nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The message is larger than the peer accepts (before the handshake: than this side's own limit).
    TooLarge {
        /// The length of the message, in bytes, with the 1 to 8 bytes before each part if there are several.
        message_bytes: u64,
        /// The largest that is accepted, in bytes.
        limit_bytes: u64,
    },
    /// Too much is unacknowledged already. Send again after the peer acknowledged some of it.
    Full {
        /// Bytes held for messages that are not acknowledged.
        held_bytes: u64,
        /// The most that may be held, in bytes ([`Limits::send_buffer_bytes`](crate::Limits::send_buffer_bytes)).
        limit_bytes: u64,
    },
    /// A message has at least one part (which may be empty), and not more than the receiver can be expected to list.
    PartCount {
        /// How many parts the message has.
        parts: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// The session is closing or closed, by either side.
    Closed,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge {
                message_bytes,
                limit_bytes,
            } => {
                write!(
                    f,
                    "message of {message_bytes} bytes exceeds the limit of {limit_bytes} bytes"
                )
            }
            Self::Full {
                held_bytes,
                limit_bytes,
            } => {
                write!(
                    f,
                    "{held_bytes} of {limit_bytes} bytes are waiting for acknowledgement; send again later"
                )
            }
            Self::PartCount { parts, limit } => write!(f, "a message has 1 to {limit} parts, not {parts}"),
            Self::Closed => f.write_str("the session is closed"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Both sides closed in order; everything sent was acknowledged.
    Finished,
    /// This side closed, and the linger time ended before everything was acknowledged.
    LingerExpired,
    /// Nothing was heard of the peer for longer than the session is kept.
    Lost {
        /// For how long nothing authenticated arrived.
        silent_for: Duration,
    },
    /// This side does not accept the peer's certificate.
    PeerRejected(rustls::Error),
    /// The handshake failed here before or beside the verdict on a certificate: nothing in common, or bytes that make no sense.
    HandshakeFailed(rustls::Error),
    /// This side turned the peer away.
    Refused {
        /// What the peer was told.
        code: CloseCode,
    },
    /// The peer refused or ended the session.
    ByPeer {
        /// What the peer said.
        code: CloseCode,
        /// The peer's own words, for a log; empty if it gave none.
        reason: String,
    },
    /// The peer broke the protocol, inside of authenticated packets.
    Violation(Violation),
    /// A message that was queued before the handshake is larger than the peer accepts.
    TooLarge {
        /// The length of the message, in bytes.
        message_bytes: u64,
        /// The largest that the peer accepts, in bytes.
        limit_bytes: u64,
    },
    /// A large message reserved memory, made no progress, and others were waiting for it.
    Stalled,
    /// As many packets were sealed, or failed to open, as the keys allow (RFC 9001 §6.6).
    KeysSpent,
    /// The peer restarted while this session was closing: there is nobody left to close it with.
    PeerRestarted,
    /// Another process with this endpoint's name and certificate began a session with the same server. Two of them would
    /// drive each other out for ever: this one stays out until somebody has looked.
    Superseded,
    /// Packets reach several servers by turns: behind one address there are backends that do not share sessions.
    Misrouted,
    /// The application gave the session up.
    Aborted,
}

impl CloseReason {
    /// Whether a new session to the same peer may succeed without anybody changing a configuration.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Finished
            | Self::LingerExpired
            | Self::Lost { .. }
            | Self::Stalled
            | Self::KeysSpent
            | Self::PeerRestarted
            | Self::Aborted => true,
            Self::ByPeer { code, .. } | Self::Refused { code } => code.retryable(),
            Self::HandshakeFailed(_) => true,
            Self::PeerRejected(_) | Self::Violation(_) | Self::TooLarge { .. } | Self::Superseded | Self::Misrouted => {
                false
            }
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::LingerExpired => f.write_str("the linger time ended before everything was acknowledged"),
            Self::Lost { silent_for } => write!(f, "nothing heard from the peer for {silent_for:.1?}"),
            Self::HandshakeFailed(error) => write!(f, "the handshake failed: {error}"),
            Self::PeerRejected(error) => write!(f, "the peer's certificate is not accepted: {error}"),
            Self::Refused { code } => write!(f, "turned away: {code}"),
            Self::ByPeer { code, reason } if reason.is_empty() => write!(f, "closed by the peer: {code}"),
            Self::ByPeer { code, reason } => write!(f, "closed by the peer: {code}: {reason}"),
            Self::Violation(violation) => write!(f, "the peer broke the protocol: {violation}"),
            Self::TooLarge {
                message_bytes,
                limit_bytes,
            } => write!(
                f,
                "a queued message of {message_bytes} bytes exceeds the peer's limit of {limit_bytes} bytes"
            ),
            Self::Stalled => f.write_str("a large message made no progress while others waited for its memory"),
            Self::KeysSpent => f.write_str("the keys may not be used any longer"),
            Self::PeerRestarted => f.write_str("the peer restarted while the session was closing"),
            Self::Superseded => f.write_str(
                "another process with the same endpoint name and certificate took this one's place; give each its own name",
            ),
            Self::Misrouted => f.write_str(
                "packets reach several servers by turns; behind a proxy there must be one backend for each address",
            ),
            Self::Aborted => f.write_str("given up by the application"),
        }
    }
}

/// What one side tells the other when it ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseCode {
    /// Everything was delivered.
    Finished,
    /// The linger time ended.
    LingerExpired,
    /// The peer saw a breach of the protocol.
    Violation,
    /// The peer has no room for another session.
    Busy,
    /// A large message made no progress.
    Stalled,
    /// The peer had not heard from this side for longer than it keeps a session.
    Lost,
    /// The peer had queued a message that is larger than this side accepts.
    TooLarge,
    /// The peer's keys may not be used any longer.
    KeysSpent,
    /// Another process with the same endpoint name and identity took this one's place.
    Superseded,
    /// The peer's application gave the session up.
    Aborted,
    /// The TLS handshake failed with this alert (RFC 8446 §6, as in RFC 9001 §4.8).
    Tls(rustls::AlertDescription),
    /// A code of a later release.
    Other(u64),
}

impl CloseCode {
    /// Whether a new session to the same peer may succeed without anybody changing a configuration.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::Finished
                | Self::LingerExpired
                | Self::Busy
                | Self::Stalled
                | Self::Lost
                | Self::KeysSpent
                | Self::Aborted
        )
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::LingerExpired => f.write_str("its linger time ended"),
            Self::Violation => f.write_str("it saw a breach of the protocol"),
            Self::Busy => f.write_str("it has no room for another session"),
            Self::Stalled => f.write_str("a large message made no progress"),
            Self::Lost => f.write_str("it had not heard from this side for longer than it keeps a session"),
            Self::TooLarge => f.write_str("it had queued a message larger than this side accepts"),
            Self::KeysSpent => f.write_str("its keys may not be used any longer"),
            Self::Superseded => f.write_str("another process took this one's place"),
            Self::Aborted => f.write_str("its application gave the session up"),
            Self::Tls(alert) => write!(f, "it refused the handshake ({alert:?})"),
            Self::Other(code) => write!(f, "code {code:#x}"),
        }
    }
}

/// How an authenticated peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A packet whose frames do not parse.
    MalformedFrame,
    /// A frame that this release must understand, and does not.
    UnknownFrame,
    /// More bytes than were granted.
    CreditExceeded,
    /// A message longer than announced as acceptable.
    MessageTooLarge,
    /// A multi-part message whose parts do not add up.
    MalformedMessage,
    /// An acknowledgement of what was never sent.
    AcknowledgedUnsent,
    /// A credit or an acknowledgement that moved back, or data behind the stated end.
    Contradiction,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedFrame => "malformed frame",
            Self::UnknownFrame => "unknown frame",
            Self::CreditExceeded => "more data than was granted",
            Self::MessageTooLarge => "message larger than announced",
            Self::MalformedMessage => "malformed multi-part message",
            Self::AcknowledgedUnsent => "acknowledgement of what was never sent",
            Self::Contradiction => "contradiction of an earlier statement",
        })
    }
}

/// Why an acknowledgement by the application was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// No message with this id was handed to the application in this session, since the peer last restarted.
    NotDelivered,
    /// Messages are acknowledged when they are handed over: this session was not configured for the application to do it.
    Automatic,
}

impl fmt::Display for AcknowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDelivered => "no message with this id was handed over in this session",
            Self::Automatic => {
                "messages are acknowledged when they are handed over; configure `manual_acknowledgement`"
            }
        })
    }
}

impl std::error::Error for AcknowledgeError {}

/// A session that could not be begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// rustls would not begin a handshake, or its source of randomness failed.
    Tls(rustls::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => write!(f, "the handshake cannot begin: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
        }
    }
}

impl From<rustls::Error> for ConnectError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}
