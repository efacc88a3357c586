//! The page and the feed by TLS, and a certificate that changes while connections are up.

mod common;

use common::{Client, Engine, arrived, config, serve};
use feed::{Feed, FeedError, TlsError, TlsFiles};
use rcgen::{CertifiedKey, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A folder with a certificate and its key, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "holdfast-tls-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.0.join("certificate.pem"),
            key: self.0.join("key.pem"),
        }
    }

    /// Writes a new pair, and returns what trusts it.
    fn renew(&self) -> Arc<ClientConfig> {
        let CertifiedKey { cert, signing_key } = pair();
        std::fs::write(self.files().key, signing_key.serialize_pem()).unwrap();
        std::fs::write(self.files().certificate, cert.pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(cert)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A resumed session would not look at the certificate again.
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pair() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

async fn connect(feed: &Feed, trusting: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(feed.local_addr()).await?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(trusting.clone()).connect(name, stream).await
}

#[tokio::test]
async fn page_sign_in_and_feed_go_by_tls() {
    let folder = Folder::new();
    let trusting = folder.renew();
    let engine = Engine::new();
    let mut config = config();
    config.tls = Some(folder.files());
    let (feed, _) = serve(&engine, config).await;

    let mut stream = connect(&feed, &trusting).await.unwrap();
    let account = common::operator("1001", "ocean").to_string();
    let request = format!(
        "POST /session HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\nConnection: close\r\n{}\r\n\
         Content-Length: {}\r\n\r\n{account}",
        common::JSON,
        account.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(
        cookie.starts_with("__Host-holdfast=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );

    let mut request = "wss://localhost/feed".into_client_request().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    request.headers_mut().insert("Cookie", cookie.parse().unwrap());
    let stream = connect(&feed, &trusting).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let mut client = Client(socket);
    assert_eq!(client.next().await["operator"], "1001");

    let mut plain = TcpStream::connect(feed.local_addr()).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // A reset is an answer too.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "nothing is served in the clear");
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_nobody_is_cut_off() {
    let folder = Folder::new();
    let trusting_old = folder.renew();
    let engine = Engine::new();
    let mut config = config();
    config.tls = Some(folder.files());
    let (feed, _) = serve(&engine, config).await;
    let stream = connect(&feed, &trusting_old).await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async("wss://localhost/feed", stream)
        .await
        .unwrap();
    let mut client = Client(socket);
    client.next().await;
    client.next().await;

    // What does not fit is not taken.
    std::fs::write(folder.files().key, "no key at all").unwrap();
    let trusting_new = folder.renew();
    let mut attempts = 0;
    while connect(&feed, &trusting_new).await.is_err() {
        attempts += 1;
        assert!(attempts < 10_000, "the new certificate was never taken");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(
        connect(&feed, &trusting_old).await.is_err(),
        "the old one is gone"
    );
    engine.emit(&[arrived(1)]);
    assert_eq!(client.next().await["seq"], 1, "the old connection goes on");
}

#[tokio::test]
async fn files_that_do_not_fit_are_named() {
    let (folder, other) = (Folder::new(), Folder::new());
    folder.renew();
    other.renew();
    let files = folder.files();
    let empty = folder.0.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let nowhere = folder.0.join("nowhere.pem");
    let with = |certificate: &Path, key: &Path| TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let table = [
        (with(&nowhere, &files.key), "certificate", "cannot read"),
        (with(&files.certificate, &nowhere), "key", "cannot read"),
        (
            with(&empty, &files.key),
            "certificate",
            "holds no certificate as PEM",
        ),
        (
            with(&files.certificate, &empty),
            "key",
            "holds no private key as PEM",
        ),
        (
            with(&files.certificate, &files.certificate),
            "key",
            "holds no private key as PEM",
        ),
        (
            with(&files.certificate, &other.files().key),
            "key",
            "is not the key of the first certificate",
        ),
    ];
    for (files, setting, expected) in table {
        let error: TlsError = files.check().unwrap_err();
        assert_eq!(error.setting(), setting, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        let mut config = config();
        config.tls = Some(files);
        let started = feed::start(
            config,
            feed::Hub::new(1),
            Engine::new().requests(),
            Default::default(),
        )
        .await;
        assert!(
            matches!(started, Err(FeedError::Tls(_))),
            "it does not start in the clear instead"
        );
    }
    assert!(files.check().is_ok());
}
