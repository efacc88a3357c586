//! The rest of the HTTP edge: page, metrics, health, and the limits on connections.

mod common;

use common::{Client, Engine, config, serve};
use feed::{Feed, FeedError, Hub};
use std::io::Read;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status, head and body of a GET on a connection of its own.
async fn get(feed: &Feed, path: &str) -> (u16, String, String) {
    let (head, body) = fetched(feed, path, "").await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, String::from_utf8(body).unwrap())
}

/// Head and body of a GET with more headers.
async fn fetched(feed: &Feed, path: &str, more: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(feed.local_addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.to_lowercase(), answer[end + 4..].to_vec())
}

#[tokio::test]
async fn the_console_is_whole_and_keeps_to_its_policy() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let (status, head, page) = get(&feed, "/").await;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{head}"
    );
    assert!(head.contains("cache-control: no-cache"), "{head}");
    assert!(
        !page.contains("<style") && !page.contains(" onclick") && !page.contains(" style="),
        "inline"
    );
    assert_eq!(get(&feed, "/wallboard").await.2, page, "all pages are one file");
    let named: Vec<&str> = page.split('"').filter(|word| word.starts_with('/')).collect();
    if page.contains("make console") {
        // Compiled without the console: then the page says how to build it, and nothing else is there.
        assert_eq!(named, ["/metrics"]);
    } else {
        assert!(named.len() >= 3, "{named:?}");
    }
    for path in named {
        let (status, head, body) = get(&feed, path).await;
        assert!(status == 200 && !body.is_empty(), "{path}: {status}");
        let asset = path.starts_with("/assets/");
        assert!(
            head.contains("x-content-type-options: nosniff") || path == "/metrics",
            "{path}: {head}"
        );
        assert_eq!(head.contains("immutable"), asset, "{path}: {head}");
    }
    let (_, _, about) = get(&feed, "/about.json").await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&about).unwrap()["name"],
        "Hotline"
    );
}

#[tokio::test]
async fn the_console_is_gzipped_for_who_takes_that() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let (_, _, page) = get(&feed, "/").await;
    let named = page.split('"').filter(|word| word.starts_with("/assets/"));
    for path in ["/", "/call"].into_iter().chain(named) {
        let (head, plain) = fetched(&feed, path, "").await;
        assert!(
            head.contains("vary: accept-encoding") && !head.contains("content-encoding"),
            "{head}"
        );
        for (accepted, zipped) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("br\r\nAccept-Encoding: gzip", true),
            ("gzip;q=0, identity", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("xgzip", false),
            ("\u{e9}", false),
        ] {
            let more = format!("Accept-Encoding: {accepted}\r\n");
            let (head, body) = fetched(&feed, path, &more).await;
            assert_eq!(
                head.contains("content-encoding: gzip"),
                zipped,
                "{accepted}: {head}"
            );
            assert!(head.contains("vary: accept-encoding"), "{accepted}: {head}");
            assert!(
                head.contains(&format!("content-length: {}", body.len())),
                "{accepted}: {head}"
            );
            let body = if zipped { unzipped(&body) } else { body };
            assert!(body == plain, "{path} as {accepted}");
        }
    }
}

fn unzipped(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

#[tokio::test]
async fn health_readiness_metrics() {
    let engine = Engine::new();
    let (feed, registry) = serve(&engine, config()).await;
    let lines = prometheus::IntGauge::new("holdfast_lines_in_use", "Lines held.").unwrap();
    registry.register(Box::new(lines.clone())).unwrap();
    lines.set(7);
    assert_eq!(get(&feed, "/healthz").await.0, 200);
    assert_eq!(get(&feed, "/readyz").await.0, 503);
    engine.hub.set_ready(true);
    assert_eq!(get(&feed, "/readyz").await.0, 200);
    let _client = Client::connect(&feed, "").await;
    let (status, head, text) = get(&feed, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(
        text.contains("\nholdfast_lines_in_use 7\n"),
        "others' metrics show too"
    );
    assert!(
        text.contains("holdfast_feed_resyncs_total{reason=\"slow\"} 0\n"),
        "there from the start, at 0"
    );
    assert_eq!(get(&feed, "/nothing").await.0, 404);
    assert_eq!(get(&feed, "/feed").await.0, 426, "without an upgrade");
    assert_eq!(get(&feed, "/feed?after=minus").await.0, 400);
}

#[tokio::test]
async fn half_a_request_does_not_hold_a_connection() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.header_timeout = Duration::from_millis(100);
    config.limits.connections_max = 1;
    let (feed, _) = serve(&engine, config).await;
    let mut slow = TcpStream::connect(feed.local_addr()).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    // The only connection there may be is taken until its time is over; this one then gets its turn.
    let turn = tokio::time::timeout(Duration::from_secs(20), get(&feed, "/healthz")).await;
    assert_eq!(turn.expect("never got a turn").0, 200);
}

#[tokio::test]
async fn mistakes_at_the_start_are_named() {
    let engine = Engine::new();
    let (feed, registry) = serve(&engine, config()).await;
    let again = feed::start(config(), Hub::new(1), engine.requests(), registry).await;
    assert!(matches!(again.unwrap_err(), FeedError::Metrics(_)));

    let mut taken = config();
    taken.listen = feed.local_addr();
    let error = feed::start(taken, Hub::new(1), engine.requests(), prometheus::Registry::new())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("cannot listen on http://{}", feed.local_addr())),
        "{error}"
    );

    let used = feed::start(
        config(),
        engine.hub.clone(),
        engine.requests(),
        prometheus::Registry::new(),
    )
    .await;
    assert!(matches!(used.unwrap_err(), FeedError::HubInUse));

    let mut zero = config();
    zero.limits.deltas_kept = 0;
    let error = feed::start(zero, Hub::new(1), engine.requests(), prometheus::Registry::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the feed's limit deltas_kept is zero; give it at least 1"
    );
}
