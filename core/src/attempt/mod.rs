//! Handshakes in progress: a client's, which drives, and a server's, which only answers.
//!
//! ```text
//! client                                    server
//! initial   [ClientHello]             ->
//!                                     <-    initial   [ServerHello]
//!                                     <-    handshake [.. Certificate, Finished]
//! handshake [(Certificate,) Finished] ->
//!                                     <-    data      [confirmed]
//! ```
//!
//! A server with many handshakes in progress answers a first packet with a cookie, and holds nothing until it comes back:
//!
//! ```text
//! initial   [ClientHello]             ->
//!                                     <-    retry     (cookie)
//! initial   (cookie) [ClientHello]    ->
//! ```
//!
//! Each packet is sealed once; what goes unanswered is sent again, the same bytes. The server sends nothing by itself: whatever is
//! lost, the client's repetition brings the answer again. A failed attempt ends nothing but itself, unless it failed by a
//! verdict on a certificate: everything before that can be forged by anyone on the path, and a verdict can be provoked
//! by one, who can so refuse a first connection (and could as well have cut the wire).

mod client;
mod flight;
mod server;

pub(crate) use client::{ClientAttempt, ClientProgress, Confirmed};
pub(crate) use server::{FirstPacket, ServerAttempt, ServerProgress};

use std::time::Duration;

use rustls::{AlertDescription, Error};

/// How long a handshake may take once it has begun: a few repetitions at their slowest. A server forgets it then, and a
/// client begins another.
pub(crate) const ATTEMPT_LIFE: Duration = Duration::from_secs(30);

/// Whether rustls refused the peer for its certificate, and not for bytes that anybody could have forged.
fn is_verdict(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(_)
            | Error::NoCertificatesPresented
            | Error::UnsupportedNameType
            // A verifier of the application's own may say anything.
            | Error::General(_)
            | Error::Other(_)
    )
}

/// Whether an alert refuses a certificate (RFC 8446 §6.2).
fn is_verdict_alert(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}
