//! The way to an engine's web address: over TCP, and TLS where the address begins with `https://`.

use super::link::LinkError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, whatever it runs over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where an engine is, and how it is reached.
#[derive(Clone)]
pub(super) struct Way {
    /// Host and port.
    pub(super) authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why the file with certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read, or holds something else.
    #[error("{} holds no certificate as PEM that could be trusted: {why}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// This machine trusts nobody.
    #[error(
        "this machine knows no certificate authority; name one, or the engine's own certificate, with --ca"
    )]
    NoneKnown,
}

impl Way {
    /// The way to `address`: `HOST:PORT` or `http://HOST:PORT` over TCP, `https://HOST:PORT` over TLS, trusting `ca` alone or,
    /// without it, whom this machine trusts.
    ///
    /// # Errors
    /// [`LinkError::Address`] and [`LinkError::Trust`].
    pub(super) fn to(address: &str, ca: Option<&Path>) -> Result<Self, LinkError> {
        let address = address.trim_end_matches('/');
        let Some(authority) = address.strip_prefix("https://") else {
            let authority = address.strip_prefix("http://").unwrap_or(address);
            return Ok(Self {
                authority: authority.to_owned(),
                tls: None,
            });
        };
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| LinkError::Address(address.to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| LinkError::Untrusted(error.to_string()))?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        Ok(Self {
            authority: authority.to_owned(),
            tls: Some((TlsConnector::from(Arc::new(config)), name)),
        })
    }

    /// The scheme of the feed's address.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "wss" } else { "ws" }
    }

    /// Connects.
    ///
    /// # Errors
    /// What the network says; see [`untrusted`].
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }
}

/// What is wrong with the engine's certificate, if that is why a connection failed: trying again will not help.
pub(super) fn untrusted(error: &io::Error) -> Option<LinkError> {
    let source = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(source, rustls::Error::InvalidCertificate(_)).then(|| LinkError::Untrusted(source.to_string()))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // Single files that do not read are the system's business, as long as one does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() {
            Err(TrustError::NoneKnown)
        } else {
            Ok(roots)
        };
    };
    let unusable = |why: String| TrustError::Unusable {
        path: path.to_owned(),
        why,
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is none in it".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// A server with a certificate of its own making, which is in the file that is returned.
    async fn server(name: &str) -> (std::net::SocketAddr, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let file = std::env::temp_dir().join(format!("holdfast-{name}-{}.pem", std::process::id()));
        std::fs::write(&file, made.cert.pem()).expect("a file");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who does not trust us breaks off.
                let _ = acceptor.accept(stream).await;
            }
        });
        (address, file)
    }

    #[tokio::test]
    async fn a_certificate_is_believed_only_where_it_was_named() {
        let (address, file) = server("named").await;
        let (_, other) = server("other").await;
        let url = format!("https://{address}");
        let trusting = Way::to(&url, Some(&file)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(trusting.scheme(), "wss");
        assert!(trusting.connect().await.is_ok());
        let doubting = Way::to(&url, Some(&other)).unwrap_or_else(|error| panic!("{error}"));
        let error = doubting.connect().await.err().expect("refused");
        let told = untrusted(&error).expect("the certificate is why").to_string();
        assert!(told.contains("not trusted") && told.contains("--ca"), "{told}");
        for file in [file, other] {
            std::fs::remove_file(file).expect("the file is ours");
        }
    }

    #[test]
    fn an_address_may_carry_its_scheme() {
        for (address, authority, scheme) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", "ws"),
            ("http://desk:8080/", "desk:8080", "ws"),
        ] {
            let way = Way::to(address, None).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((way.authority.as_str(), way.scheme()), (authority, scheme));
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let error = Way::to("https://desk:8443", Some(Path::new("Cargo.toml")))
            .err()
            .expect("refused");
        assert_eq!(
            error.to_string(),
            "Cargo.toml holds no certificate as PEM that could be trusted: there is none in it"
        );
    }
}
