//! A whole engine in this process, on ports of its own.

use holdfast::{Config, ServeError, Served, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of this test's own, gone when the test is over.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "holdfast-serve-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn config(&self, web: &str) -> Config {
        let text = format!(
            r#"
            schedule = {{ lines_otherwise = 4 }}
            journal = {{ dir = "{}/journal" }}
            sip = {{ listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] }}
            media = {{ bind_v4 = "127.0.0.1", audio_dir = "{}/../../config" }}
            feed = {{ listen = "{web}" }}
            queues = [{{ name = "hotline", dial = ["hotline"] }}]
            trunks = [{{ name = "local", from = ["127.0.0.1"] }}]
            "#,
            self.0.display(),
            env!("CARGO_MANIFEST_DIR"),
        );
        let checked = Config::parse("test.toml", &text);
        checked
            .config
            .unwrap_or_else(|| panic!("{:#?}", checked.findings))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("the web page listens");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_starts_tells_where_it_is_and_stops() {
    let dir = Dir::new();
    for epoch in 1..=2 {
        let server = Server::start(dir.config("127.0.0.1:0")).await.expect("it starts");
        let (sip, web) = (server.sip_addrs(), server.web_addr());
        assert_eq!(sip.len(), 2);
        assert!(sip.iter().all(|(_, addr)| addr.port() != 0));
        assert_eq!(server.addresses().dial, [format!("sip:hotline@{}", sip[0].1)]);
        let (ready, metrics) =
            tokio::task::spawn_blocking(move || (get(web, "/readyz"), get(web, "/metrics")))
                .await
                .expect("no panic");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        // The first input of a run tells the core the time, and with it the lines in force.
        assert!(metrics.contains("\nholdfast_lines_capacity 4\n"), "{metrics}");
        let served = server
            .run(std::future::ready(()), std::future::pending())
            .await
            .expect("it stops");
        assert_eq!(served, Served { hung_up: 0 });
        let segments = journal::segments(&dir.0.join("journal")).expect("a journal");
        assert_eq!(segments.len(), epoch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_cannot_share_a_journal_or_a_port() {
    let dir = Dir::new();
    let first = Server::start(dir.config("127.0.0.1:0")).await.expect("it starts");
    let second = Server::start(dir.config("127.0.0.1:0"))
        .await
        .err()
        .expect("the journal is taken");
    assert!(
        matches!(second, ServeError::Journal(journal::JournalError::InUse { .. })),
        "{second}"
    );
    let other = Dir::new();
    let third = Server::start(other.config(&first.web_addr().to_string()))
        .await
        .err()
        .expect("the port is taken");
    assert!(
        matches!(third, ServeError::Feed(feed::FeedError::Listen { .. })),
        "{third}"
    );
    first
        .run(std::future::ready(()), std::future::pending())
        .await
        .expect("it stops");
}
