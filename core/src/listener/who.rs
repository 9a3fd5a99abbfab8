//! By what a client is recognised when it handshakes anew.

use webpki::EndEntityCert;

use crate::PeerIdentity;
use crate::config::{SameClient, ServerConfig};

/// A SHA-256.
pub(super) type Digest = [u8; 32];

/// By what a client is recognised when it handshakes anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    /// What its certificate says of it; none without a certificate.
    pub(super) identity: Option<Digest>,
    /// Its identity and endpoint name. Where either is missing, it is nobody in particular, and has its incarnation instead.
    pub(super) client: Digest,
    /// Whether `client` is the same for all the processes that it is by turns.
    pub(super) outlives_processes: bool,
}

/// Whether clients are told apart by their endpoint names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Matter,
    /// There is only one client: whoever has its certificate is that client.
    DoNotMatter,
}

impl Who {
    pub(super) fn of((peer, incarnation): (&PeerIdentity, [u8; 16]), names: Names, config: &ServerConfig) -> Self {
        let digest = |bytes: &[u8]| config.common().initial.digest(bytes);
        let identity = peer.certificates().first();
        let identity = identity.map(|certificate| digest(&identity_in(certificate, config.same_client())));
        let lasting = match (names, identity, peer.endpoint_name()) {
            (Names::DoNotMatter, identity, _) => identity,
            (Names::Matter, Some(identity), Some(name)) => {
                Some(digest(&[b"name", &identity[..], name.as_bytes()].concat()))
            }
            (Names::Matter, ..) => None,
        };
        let passing = || digest(&[b"life", &identity.unwrap_or_default()[..], &incarnation].concat());
        Self {
            identity,
            client: lasting.unwrap_or_else(passing),
            outlives_processes: lasting.is_some(),
        }
    }
}

/// What identifies the owner of a certificate: its names, or its public key where it has none, or where they are only its word.
fn identity_in(certificate: &[u8], rule: SameClient) -> Vec<u8> {
    let certificate = certificate.into();
    let Ok(parsed) = EndEntityCert::try_from(&certificate) else {
        // A verifier of the application's own accepted something else than X.509.
        return certificate.to_vec();
    };
    let dns = parsed
        .valid_dns_names()
        .map(|name| format!("dns:{}\n", name.to_ascii_lowercase()));
    let uris = parsed.valid_uri_names().map(|name| format!("uri:{name}\n"));
    let mut names: Vec<_> = dns.chain(uris).collect();
    if rule == SameClient::PublicKey || names.is_empty() {
        return parsed.subject_public_key_info().to_vec();
    }
    names.sort_unstable();
    names.dedup();
    names.concat().into_bytes()
}
