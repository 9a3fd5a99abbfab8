//! One TLS handshake, as flights of bytes and the keys they lead to (RFC 9001 §4).

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::quic::{ClientConnection, Connection, KeyChange, ServerConnection};
use rustls::{AlertDescription, Error};
use zeroize::Zeroizing;

use super::{ALPN, EpochKeys, KeyPair, QUIC_VERSION};
use crate::wire::parameters::Parameters;
use crate::{ChannelBinding, Negotiated};

/// Which packets carry handshake bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Initial,
    Handshake,
}

/// Keys that a step of the handshake led to.
pub(crate) enum NewKeys {
    Handshake(KeyPair),
    Data(Box<EpochKeys>),
}

/// What only the two ends of a session know, by which one of them is recognised in a later handshake.
pub(crate) struct JoinSecret(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinSecret")
    }
}

/// One TLS handshake. Dropped once it has led to the keys of data packets.
pub(crate) struct Handshake {
    connection: Connection,
    /// How many handshake bytes were read at the present level: bytes below this offset came before.
    read: u64,
    level: Level,
}

impl Handshake {
    pub(crate) fn client(
        config: Arc<rustls::ClientConfig>,
        server: ServerName<'static>,
        parameters: &Parameters,
    ) -> Result<Self, Error> {
        let connection = ClientConnection::new(config, QUIC_VERSION, server, parameters.encode())?;
        Ok(Self {
            connection: connection.into(),
            read: 0,
            level: Level::Initial,
        })
    }

    pub(crate) fn server(config: Arc<rustls::ServerConfig>, parameters: &Parameters) -> Result<Self, Error> {
        let connection = ServerConnection::new(config, QUIC_VERSION, parameters.encode())?;
        Ok(Self {
            connection: connection.into(),
            read: 0,
            level: Level::Initial,
        })
    }

    /// Reads handshake bytes that arrived at `level` and `offset`. What came before, comes too early or belongs to
    /// another level is ignored: the flight will come again. Returns whether anything new was read.
    pub(crate) fn read(&mut self, level: Level, offset: u64, data: &[u8]) -> Result<bool, Error> {
        let Some(known) = self.read.checked_sub(offset) else {
            return Ok(false);
        };
        let fresh = usize::try_from(known).ok().and_then(|known| data.get(known..));
        match fresh {
            Some(fresh) if level == self.level && !fresh.is_empty() => {
                self.read += fresh.len() as u64;
                self.connection.read_hs(fresh)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The handshake bytes to send under the keys in force, and the keys that then take over, if any.
    pub(crate) fn write(&mut self) -> (Vec<u8>, Option<NewKeys>) {
        let mut flight = Vec::new();
        let keys = self.connection.write_hs(&mut flight).map(|change| match change {
            KeyChange::Handshake { keys } => {
                (self.level, self.read) = (Level::Handshake, 0);
                NewKeys::Handshake(KeyPair::new(keys.local.packet, keys.remote.packet))
            }
            KeyChange::OneRtt { keys, next } => {
                let pair = KeyPair::new(keys.local.packet, keys.remote.packet);
                NewKeys::Data(Box::new(EpochKeys::new(pair, next)))
            }
        });
        (flight, keys)
    }

    /// Whether the peer's Finished is verified, and its certificate where one was asked for.
    pub(crate) fn is_complete(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// The alert that tells the peer why the handshake failed here.
    pub(crate) fn alert(&self) -> AlertDescription {
        self.connection.alert().unwrap_or(AlertDescription::HandshakeFailure)
    }

    /// The peer's parameters. Authenticated only when the handshake is complete.
    pub(crate) fn peer_parameters(&self) -> Result<Parameters, Error> {
        if self.connection.alpn_protocol() != Some(ALPN) {
            return Err(Error::NoApplicationProtocol);
        }
        let bytes = self.connection.quic_transport_parameters();
        bytes
            .and_then(|bytes| Parameters::decode(bytes).ok())
            .ok_or_else(|| Error::General("the peer's transport parameters do not parse".into()))
    }

    pub(crate) fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        self.connection
            .peer_certificates()
            .map(<[_]>::to_vec)
            .unwrap_or_default()
    }

    /// A value that names this handshake (RFC 9266 §4.2). Fails before it is complete.
    pub(crate) fn binding(&self) -> Result<ChannelBinding, Error> {
        self.export(b"EXPORTER-Channel-Binding", None).map(ChannelBinding)
    }

    /// What a later handshake shows to go on with the session of this one.
    pub(crate) fn join_secret(&self) -> Result<JoinSecret, Error> {
        self.export(b"EXPORTER-steadfast-join-secret", None)
            .map(|secret| JoinSecret(Zeroizing::new(secret)))
    }

    /// The proof that whoever made this handshake is an end of the session whose secret that is. It is of no use in any other
    /// handshake, and tells nothing of the secret.
    pub(crate) fn join_proof(&self, earlier: &JoinSecret) -> Result<[u8; 32], Error> {
        self.export(b"EXPORTER-steadfast-join-proof", Some(&earlier.0[..]))
    }

    /// Keying material of this handshake (RFC 8446 §7.5).
    fn export(&self, label: &[u8], context: Option<&[u8]>) -> Result<[u8; 32], Error> {
        self.connection.export_keying_material([0; 32], label, context)
    }

    pub(crate) fn negotiated(&self) -> Option<Negotiated> {
        Some(Negotiated {
            cipher_suite: self.connection.negotiated_cipher_suite()?.suite(),
            key_exchange: self.connection.negotiated_key_exchange_group()?.name(),
        })
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
