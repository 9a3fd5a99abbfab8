//! Who a process says it is.

use rustls::pki_types::CertificateDer;
use steadfast::PeerIdentity;

use crate::flow::ClientId;
use crate::setup::{ClientSetup, ServerSetup};

/// What a process shows of itself, and what its peers must be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    certificates: Vec<CertificateDer<'static>>,
    endpoint_name: Option<String>,
}

impl Claim {
    pub(crate) fn of_server(setup: &ServerSetup) -> Self {
        Self {
            certificates: setup.identity.chain.clone(),
            endpoint_name: None,
        }
    }

    /// What a client shows to a server that asks for certificates, or to one that does not.
    pub(crate) fn of_client(setup: &ClientSetup, id: ClientId, is_asked: bool) -> Self {
        let shown = setup.identity.as_ref().filter(|_| is_asked);
        Self {
            certificates: shown.map_or_else(Vec::new, |identity| identity.chain.clone()),
            endpoint_name: setup.endpoint_name(id),
        }
    }

    /// Whether this is who a session says its peer is.
    pub(crate) fn is(&self, peer: &PeerIdentity) -> bool {
        self.certificates == peer.certificates() && self.endpoint_name.as_deref() == peer.endpoint_name()
    }
}
