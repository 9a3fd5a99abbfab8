//! What becomes of messages at the two moments where an application may want it otherwise.

/// When a message counts as delivered, and what becomes of those that are in doubt. The default is neither of the two.
///
/// ```
/// use steadfast::Delivery;
///
/// let at_least_once = Delivery {
///     redeliver: true,
///     manual_acknowledgement: true,
/// };
/// # assert_ne!(at_least_once, Delivery::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Sends again to a peer that restarted what its predecessor did not acknowledge: first what is in doubt, marked as
    /// [possible duplicates](crate::Message::is_possible_duplicate), then what was never sent, then what is new.
    /// Otherwise nothing crosses over: [`PeerRestarted`](crate::PeerRestarted) hands it back.
    pub redeliver: bool,
    /// The application says which messages it is done with ([`Session::acknowledge`](crate::Session::acknowledge)); those that
    /// it was handed and did not acknowledge are in doubt for their sender when this process dies. What is not
    /// acknowledged takes up the window, [`Limits::window_bytes`](crate::Limits::window_bytes): whoever never acknowledges soon
    /// receives nothing. An acknowledgement covers all messages before it: two sides that acknowledge a message only when their
    /// answer to it is acknowledged wait for each other. Otherwise handing a message over acknowledges it.
    pub manual_acknowledgement: bool,
}
