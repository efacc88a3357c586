//! The page at `/`, in a real browser, shows a caller who waits.

use harness::{Engine, Place, Settings, soon};
use phone::{Phone, PhoneConfig};
use std::process::Stdio;
use tokio::process::Command;

/// Milliseconds of the page's own time that the browser lets pass before it prints what it shows.
const PAGE_TIME_MS: &str = "3000";

async fn shown(place: &Place, url: &str) -> String {
    let profile = place.dir().join("chromium");
    let browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--virtual-time-budget={PAGE_TIME_MS}"))
        .args(["--dump-dom", url])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let printed = soon("chromium", browser)
        .await
        .expect("chromium runs; run `make setup`");
    String::from_utf8_lossy(&printed.stdout).into_owned()
}

#[tokio::test]
async fn the_page_shows_a_waiting_caller() {
    let place = Place::new();
    let engine = Engine::start(
        &place,
        &Settings {
            operators: &["1001"],
            ..Settings::default()
        },
    )
    .await;
    let mut feed = engine.feed().await;
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let _call = caller.call("hotline", None).await.unwrap();
    feed.until("the caller to wait", |log| log.count("call_admitted") == 1)
        .await;
    let page = shown(&place, &format!("http://{}/", engine.web().0)).await;
    assert!(page.contains("138"), "{page}");
    engine.stop().await;
}
