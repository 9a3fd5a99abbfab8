//! What an attacker without any secret can seal: initial packets, whose keys follow from the first packet's header
//! (RFC 9001 §5.2). Written from the protocol's description, not with the core's own encoder.

use rustls::Side;
use rustls::quic::{Keys, Version};

/// A client's first packet, as anybody on the path sees it.
#[derive(Clone, Debug)]
pub struct FirstPacket {
    /// The id that the client chose for the server: initial keys follow from it.
    pub destination: [u8; 8],
    /// The id by which the client wants to be called.
    pub source: [u8; 8],
}

impl FirstPacket {
    /// Reads the header: kind, destination, epoch (4 bytes), number (8 bytes), source.
    ///
    /// # Panics
    /// If the packet is shorter than that.
    pub fn read(packet: &[u8]) -> Self {
        let id = |at: usize| packet[at..at + 8].try_into().expect("eight bytes");
        Self {
            destination: id(1),
            source: id(21),
        }
    }

    /// The frames of a client's first packet: anybody can open it.
    ///
    /// # Panics
    /// If it is not this client's.
    pub fn open(&self, packet: &[u8]) -> Vec<u8> {
        self.open_at(Side::Server, packet)
    }

    /// The frames of a server's first packet to this client: anybody who saw the client's can open it.
    ///
    /// # Panics
    /// If it is not this server's.
    pub fn open_answer(&self, packet: &[u8]) -> Vec<u8> {
        self.open_at(Side::Client, packet)
    }

    fn open_at(&self, receiver: Side, packet: &[u8]) -> Vec<u8> {
        let number = u64::from_be_bytes(packet[13..21].try_into().expect("eight bytes"));
        let (header, sealed) = packet.split_at(30 + usize::from(packet[29]));
        let mut payload = sealed.to_vec();
        let keys = self.keys(receiver);
        let opened = keys.remote.packet.decrypt_in_place(number, header, &mut payload);
        opened.expect("the packet that gave these keys").to_vec()
    }

    /// Another initial packet to the server, as this client would seal it that was given a cookie.
    pub fn with_token(&self, number: u64, token: &[u8], payload: &[u8]) -> Vec<u8> {
        self.seal((Side::Client, self.destination), number, token, payload)
    }

    /// An initial packet to the client, as a server would seal it.
    pub fn answer(&self, number: u64, payload: &[u8]) -> Vec<u8> {
        self.seal((Side::Server, self.source), number, &[], payload)
    }

    /// Another initial packet to the server, as this client would seal it.
    pub fn again(&self, number: u64, payload: &[u8]) -> Vec<u8> {
        self.with_token(number, &[], payload)
    }

    fn seal(&self, (from, to): (Side, [u8; 8]), number: u64, token: &[u8], payload: &[u8]) -> Vec<u8> {
        let own_id = if from == Side::Client {
            self.source
        } else {
            *b"attacker"
        };
        let token_bytes = [u8::try_from(token.len()).expect("a short token")];
        let number_bytes = number.to_be_bytes();
        let header = [&[0x10][..], &to, &[0; 4], &number_bytes, &own_id, &token_bytes, token].concat();
        let mut sealed = payload.to_vec();
        let tag = self
            .keys(from)
            .local
            .packet
            .encrypt_in_place(number, &header, &mut sealed);
        [&header[..], &sealed, tag.expect("short enough").as_ref()].concat()
    }

    fn keys(&self, from: Side) -> Keys {
        let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
        let suite = suite
            .and_then(rustls::Tls13CipherSuite::quic_suite)
            .expect("ring's suite protects initial packets");
        suite.keys(&self.destination, from, Version::V1)
    }
}

/// What a server that does not know its session answers to a data or handshake packet: its header, as another kind.
///
/// # Panics
/// If the packet is shorter than a header.
pub fn unknown(packet: &[u8]) -> Vec<u8> {
    [&[0x14], &packet[1..21]].concat()
}

/// What a server answers to a first packet that shall come again with a cookie.
///
/// # Panics
/// If the packet is shorter than its header.
pub fn retry(first: &[u8], cookie: &[u8]) -> Vec<u8> {
    [&[0x13], &first[21..29], &[0; 4], &first[13..21], &first[1..9], cookie].concat()
}

/// A close frame: code and reason.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let code = (0x4000 | code).to_be_bytes();
    let length = u8::try_from(reason.len()).expect("a short reason");
    [&[0x06][..], &code, &[length], reason.as_bytes()].concat()
}

/// A frame of handshake bytes at offset zero.
pub fn crypto(bytes: &[u8]) -> Vec<u8> {
    let length = 0x4000 | u16::try_from(bytes.len()).expect("short handshake bytes");
    [&[0x03, 0x00][..], &length.to_be_bytes(), bytes].concat()
}
