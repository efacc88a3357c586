//! TLS for the page and the feed: a certificate and its key from two files, read again when they change.
//!
//! Always holds: connections that are up keep what they were begun with; files that do not fit change nothing but the
//! log while a certificate is in use, and are an error at a start.

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where certificate and key are, both as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to a known authority.
    pub certificate: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Whether they can be used.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn check(&self) -> Result<(), TlsError> {
        read(self, &ring::default_provider()).map(drop)
    }
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One does not hold what it should.
    #[error("{} holds no {wanted} as PEM: {why}", .path.display())]
    Wrong {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What the parser said.
        why: String,
    },
    /// They are not a pair.
    #[error("{} is not the key of the first certificate in {}", .key.display(), .certificate.display())]
    NotAPair {
        /// The file with the certificates.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The library does not take them.
    #[error("{} and {} cannot be used: {source}", .certificate.display(), .key.display())]
    Unusable {
        /// The file with the certificates.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What it said.
        source: rustls::Error,
    },
}

impl TlsError {
    /// The setting in `[feed.tls]` to look at.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::Unreadable { setting, .. } | Self::Wrong { setting, .. } => setting,
            Self::NotAPair { .. } | Self::Unusable { .. } => "key",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a file that is there and that this user may read",
            Self::Wrong { .. } => "name a PEM file; a key must not be locked with a passphrase",
            Self::NotAPair { .. } => "put the server's own certificate first, or name its key",
            Self::Unusable { .. } => "use RSA from 2048 bits, ECDSA P-256 or P-384, or Ed25519",
        }
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Reads the files, and again whenever they change until `stop`.
///
/// # Errors
/// When they cannot be used now.
pub(crate) fn acceptor(files: TlsFiles, stop: CancellationToken) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let seen = changed(&files);
    let current = Arc::new(Current(RwLock::new(Arc::new(read(&files, &provider)?))));
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|source| unusable(&files, source))?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    tokio::spawn(follow(files, seen, provider, current, stop));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn follow(
    files: TlsFiles,
    mut seen: [Option<SystemTime>; 2],
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    stop: CancellationToken,
) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        let now = changed(&files);
        if now == seen {
            continue;
        }
        seen = now;
        match read(&files, &provider) {
            Ok(pair) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                info!(certificate = %files.certificate.display(), "the certificate was renewed");
            }
            // The files may change one after the other: the second change is looked at too.
            Err(error) => {
                error!(%error, remedy = error.remedy(), "the changed certificate cannot be used; the one before stays")
            }
        }
    }
}

/// When each of the files was written last.
fn changed(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    let written = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    [written(&files.certificate), written(&files.key)]
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let text = text_of("certificate", &files.certificate)?;
    let wrong = |why| wrong("certificate", &files.certificate, "certificate", why);
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("there is no such section".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&text_of("key", &files.key)?);
    let key = key.map_err(|error| self::wrong("key", &files.key, "private key", error.to_string()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::NotAPair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        },
        source => unusable(files, source),
    })
}

fn text_of(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        setting,
        path: path.to_owned(),
        source,
    })
}

fn wrong(setting: &'static str, path: &Path, wanted: &'static str, why: String) -> TlsError {
    TlsError::Wrong {
        setting,
        path: path.to_owned(),
        wanted,
        why,
    }
}

fn unusable(files: &TlsFiles, source: rustls::Error) -> TlsError {
    TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    }
}
