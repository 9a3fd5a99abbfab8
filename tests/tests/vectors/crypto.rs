//! Key schedule and packet protection, from sections 5 and 6.3 of the document, over nothing but HMAC, a hash and an AEAD.

use ring::{aead, digest, hmac};

/// A cipher suite of TLS 1.3 (RFC 8446 appendix B.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Aes128GcmSha256,
    Aes256GcmSha384,
    ChaCha20Poly1305Sha256,
}

impl Suite {
    pub(crate) fn from_wire(suite: [u8; 2]) -> Self {
        match suite {
            [0x13, 1] => Self::Aes128GcmSha256,
            [0x13, 2] => Self::Aes256GcmSha384,
            [0x13, 3] => Self::ChaCha20Poly1305Sha256,
            other => panic!("no suite of this protocol: {other:02x?}"),
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Aes256GcmSha384 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Aes256GcmSha384 => hmac::HMAC_SHA384,
            _ => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec()
    }

    fn aead(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128GcmSha256 => &aead::AES_128_GCM,
            Self::Aes256GcmSha384 => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305Sha256 => &aead::CHACHA20_POLY1305,
        }
    }

    /// HKDF-Extract (RFC 5869 §2.2).
    fn extract(self, salt: &[u8], input: &[u8]) -> Vec<u8> {
        self.hmac(salt, input)
    }

    /// HKDF-Expand-Label (RFC 8446 §7.1) over HKDF-Expand (RFC 5869 §2.3).
    fn expand_label(self, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
        let label = [b"tls13 ", label.as_bytes()].concat();
        let length_bytes = (length as u16).to_be_bytes();
        let info = [
            &length_bytes[..],
            &[label.len() as u8],
            &label,
            &[context.len() as u8],
            context,
        ]
        .concat();
        let (mut output, mut block) = (Vec::new(), Vec::new());
        for counter in 1u8.. {
            if output.len() >= length {
                break;
            }
            block = self.hmac(secret, &[&block[..], &info, &[counter]].concat());
            output.extend_from_slice(&block);
        }
        output.truncate(length);
        output
    }

    /// TLS-Exporter with 32 bytes of output (RFC 8446 §7.5).
    pub(crate) fn export(self, exporter_secret: &[u8], label: &str, context: &[u8]) -> Vec<u8> {
        let empty = self.hash(&[]);
        let derived = self.expand_label(exporter_secret, label, &empty, empty.len());
        self.expand_label(&derived, "exporter", &self.hash(context), 32)
    }
}

/// HMAC-SHA-256.
pub(crate) fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    Suite::Aes128GcmSha256.hmac(key, bytes)
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Suite::Aes128GcmSha256.hash(bytes)
}

/// One direction's keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    suite: Suite,
    pub(crate) secret: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) iv: Vec<u8>,
}

impl Keys {
    pub(crate) fn new(suite: Suite, secret: &[u8]) -> Self {
        Self {
            suite,
            secret: secret.to_vec(),
            key: suite.expand_label(secret, "quic key", &[], suite.aead().key_len()),
            iv: suite.expand_label(secret, "quic iv", &[], 12),
        }
    }

    /// A client's and a server's keys of initial packets.
    pub(crate) fn initial(first_destination: &[u8]) -> (Vec<u8>, [Self; 2]) {
        const SALT: [u8; 20] = [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb,
            0x7f, 0x0a,
        ];
        let suite = Suite::Aes128GcmSha256;
        let secret = suite.extract(&SALT, first_destination);
        let side = |label| Self::new(suite, &suite.expand_label(&secret, label, &[], 32));
        let sides = [side("client in"), side("server in")];
        (secret, sides)
    }

    /// Those of the next epoch.
    pub(crate) fn next(&self) -> Self {
        let length = self.secret.len();
        Self::new(
            self.suite,
            &self.suite.expand_label(&self.secret, "quic ku", &[], length),
        )
    }

    /// Those of an epoch; these are of epoch 0.
    pub(crate) fn of_epoch(&self, epoch: u32) -> Self {
        (0..epoch).fold(self.clone(), |keys, _| keys.next())
    }

    fn nonce(&self, number: u64) -> aead::Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        nonce.iter_mut().zip(&self.iv).for_each(|(byte, iv)| *byte ^= iv);
        aead::Nonce::assume_unique_for_key(nonce)
    }

    fn aead(&self) -> aead::LessSafeKey {
        aead::LessSafeKey::new(aead::UnboundKey::new(self.suite.aead(), &self.key).unwrap())
    }

    /// What stands behind the header.
    pub(crate) fn seal(&self, number: u64, header: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = plaintext.to_vec();
        let associated = aead::Aad::from(header);
        self.aead()
            .seal_in_place_append_tag(self.nonce(number), associated, &mut sealed)
            .unwrap();
        sealed
    }

    /// The plaintext of what stands behind the header.
    pub(crate) fn open(&self, number: u64, header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let associated = aead::Aad::from(header);
        let plaintext = self
            .aead()
            .open_in_place(self.nonce(number), associated, &mut bytes)
            .ok()?;
        Some(plaintext.to_vec())
    }
}
