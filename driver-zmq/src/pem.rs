//! Certificates and keys from PEM files, with errors that name the file and what is wrong with it.
//!
//! [`server`] and [`client`] begin a configuration with one call each, with the cryptography of [`default_provider`]. What they return is
//! the builder, where everything else can be set. With mutual authentication, a client is begun by [`client_with_identity`], and the
//! server is given a [`client_verifier`]:
//!
//! ```no_run
//! use steadfast_zmq::pem;
//!
//! let server = pem::server("server.pem", "server.key")?.client_verifier(pem::client_verifier("clients.pem")?).build()?;
//! let client =
//!     pem::client_with_identity("authority.pem", "client.pem", "client.key")?.endpoint_name("worker-7").build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For another provider, or a verifier with revocation lists, [`identity`] and [`roots`] load what
//! [`ServerConfig::builder`](steadfast::ServerConfig::builder), [`ClientConfig::builder`](steadfast::ClientConfig::builder) and the
//! verifiers of rustls take.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use steadfast::{ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder};

use crate::default_provider;

/// A certificate chain, own certificate first, and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Begins the configuration of a server that shows this certificate chain, own certificate first, and has the key that belongs to it.
/// Both may be in one file.
///
/// Clients are not asked for a certificate unless a [`client_verifier`] is added.
///
/// # Errors
/// [`PemError`], also if the key is not the certificate's.
pub fn server(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<ServerConfigBuilder, PemError> {
    let provider = default_provider();
    let (chain, key) = identity(chain, key, &provider)?;
    Ok(ServerConfig::builder(provider, chain, key))
}

/// Begins the configuration of a client that accepts servers which these authorities vouch for. A self-signed certificate vouches for
/// itself.
///
/// # Errors
/// [`PemError`].
pub fn client(authorities: impl AsRef<Path>) -> Result<ClientConfigBuilder, PemError> {
    let provider = default_provider();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authorities)?.into(), provider.clone())
        .build()
        .expect(ROOTS_WILL_DO);
    Ok(ClientConfig::builder(provider, verifier))
}

/// The same for a client that shows a certificate chain of its own, own certificate first, to a server that asks.
///
/// # Errors
/// [`PemError`], also if the key is not the certificate's.
pub fn client_with_identity(
    authorities: impl AsRef<Path>,
    chain: impl AsRef<Path>,
    key: impl AsRef<Path>,
) -> Result<ClientConfigBuilder, PemError> {
    let client = client(authorities)?;
    let (chain, key) = identity(chain, key, &default_provider())?;
    Ok(client.identity(chain, key))
}

/// Lets a server accept only clients which these authorities vouch for: for
/// [`ServerConfigBuilder::client_verifier`]. Without revocation lists.
///
/// # Errors
/// [`PemError`].
pub fn client_verifier(authorities: impl AsRef<Path>) -> Result<Arc<dyn ClientCertVerifier>, PemError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authorities)?.into(), default_provider());
    Ok(verifier.build().expect(ROOTS_WILL_DO))
}

/// What the verifiers of rustls refuse to be built with: no root, or an unreadable revocation list.
const ROOTS_WILL_DO: &str = "`roots` returns one at least, and there is no revocation list";

/// Loads what one side shows to the other: its certificate chain, own certificate first, and the key that belongs to it. Both
/// may be in one file.
///
/// # Errors
/// [`PemError`], also if the key is not the certificate's.
pub fn identity(
    chain: impl AsRef<Path>,
    key: impl AsRef<Path>,
    provider: &CryptoProvider,
) -> Result<Identity, PemError> {
    let (chain_file, key_file) = (chain.as_ref(), key.as_ref());
    let chain = certificates(chain_file)?;
    let key = private_key(key_file)?;
    match CertifiedKey::from_der(chain.clone(), key.clone_key(), provider) {
        Ok(_) => Ok((chain, key)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(error(
            key_file,
            Fault::KeyMismatch {
                chain: chain_file.into(),
            },
        )),
        Err(rustls::Error::InvalidCertificate(e)) => Err(error(chain_file, Fault::Refused(e.into()))),
        Err(e) => Err(error(key_file, Fault::Refused(e))),
    }
}

/// Loads the certificates that others are checked against.
///
/// # Errors
/// [`PemError`].
pub fn roots(file: impl AsRef<Path>) -> Result<RootCertStore, PemError> {
    let file = file.as_ref();
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| error(file, Fault::Refused(e)))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Vec<_> = read_all(file)?;
    if found.is_empty() {
        Err(error(file, Fault::NoCertificate))
    } else {
        Ok(found)
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let mut found: Vec<PrivateKeyDer<'static>> = read_all(file)?;
    match (found.pop(), found.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), others) => Err(error(file, Fault::SeveralKeys(others + 1))),
        (None, _) => Err(error(file, Fault::NoKey)),
    }
}

fn read_all<T: PemObject>(file: &Path) -> Result<Vec<T>, PemError> {
    T::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|fault| error(file, fault.into()))
}

/// A PEM file that cannot be used.
#[derive(Debug)]
pub struct PemError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a PEM file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It does not exist.
    Missing,
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not PEM.
    Malformed(String),
    /// It has no section `CERTIFICATE`.
    NoCertificate,
    /// It has no section `PRIVATE KEY` (or `RSA PRIVATE KEY`, `EC PRIVATE KEY`), or the key is encrypted.
    NoKey,
    /// It has so many keys, where one is needed.
    SeveralKeys(usize),
    /// Its key belongs to another certificate than the chain's first.
    KeyMismatch {
        /// The file with the chain.
        chain: PathBuf,
    },
    /// The content is PEM, but no certificate or key that this release can use.
    Refused(rustls::Error),
}

fn error(file: &Path, fault: Fault) -> PemError {
    PemError {
        file: file.into(),
        fault,
    }
}

impl From<pem::Error> for Fault {
    fn from(fault: pem::Error) -> Self {
        match fault {
            pem::Error::Io(e) if e.kind() == io::ErrorKind::NotFound => Self::Missing,
            pem::Error::Io(e) => Self::Unreadable(e),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.fault {
            Fault::Missing => f.write_str("there is no such file; check the path, which starts from the working directory unless it is absolute"),
            Fault::Unreadable(error) => write!(f, "cannot be read: {error}; check that it is a file, and that this user may read it"),
            Fault::Malformed(error) => write!(f, "is no PEM file, or a damaged one: {error}; copy or export it again, as PEM (DER will not do)"),
            Fault::NoCertificate => f.write_str(
                "has no certificate (no section BEGIN CERTIFICATE); check that it is not the key's file, and that it is PEM rather than DER",
            ),
            Fault::NoKey => f.write_str(
                "has no private key (no section BEGIN PRIVATE KEY); check that it is not the certificate's file; an encrypted key \
                 must be decrypted first",
            ),
            Fault::SeveralKeys(number) => write!(f, "has {number} private keys; leave only the one of the certificate in it"),
            Fault::KeyMismatch { chain } => {
                write!(
                    f,
                    "the key does not belong to the first certificate in {}; name the file with that certificate's key, and put \
                     that certificate before those of its issuers",
                    chain.display()
                )
            }
            Fault::Refused(error) => write!(f, "cannot be used: {error}; issue it anew as an X.509 v3 certificate, with a key that the crypto provider supports"),
        }
    }
}

impl std::error::Error for PemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Unreadable(error) => Some(error),
            Fault::Refused(error) => Some(error),
            _ => None,
        }
    }
}
