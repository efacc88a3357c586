//! The demonstration: alive by itself, and gone without a trace when told.

use harness::{Engine, Place, Process, Web, soon};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

#[tokio::test]
async fn the_demonstration_answers_calls_and_ends_when_interrupted() {
    let place = Place::new();
    let ip = place.address();
    let (sip, web) = (SocketAddr::new(ip, 5060), Web(SocketAddr::new(ip, 8080)));
    let mut command = Command::new(Engine::binary());
    command
        .args([
            "demo",
            "--speed",
            "60",
            "--calls-per-hour",
            "600",
            "--operators",
            "3",
            "--talk",
            "60",
        ])
        .args(["--sip", &sip.to_string(), "--web", &web.0.to_string()])
        .arg("--audio")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../config"));
    // Its journal belongs into this test's folder.
    let mut demo = Process::start(&place, "demo", command.env("TMPDIR", place.dir()));
    soon("three answered calls", async {
        loop {
            assert!(demo.is_running(), "the demonstration ended:\n{}", demo.tail());
            let answered = match web.get("/metrics").await {
                Some((200, text)) => {
                    harness::Metrics(text).sum("holdfast_calls_total", &["outcome=\"answered\""])
                }
                _ => 0.0,
            };
            if answered >= 3.0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let metrics = web.metrics().await;
    assert_eq!(metrics.sum("holdfast_fifo_overtakes_total", &[]), 0.0);
    assert_eq!(metrics.sum("holdfast_calls_total", &["outcome=\"failed\""]), 0.0);

    demo.interrupt().await;
    let status = demo.ended().await;
    assert!(
        status.success(),
        "the demonstration ended with {status}:\n{}",
        demo.tail()
    );
    let said = std::fs::read_to_string(demo.output()).unwrap();
    assert!(said.contains("Ctrl-C ends it"), "{said}");
    assert!(!said.contains("ERROR") && !said.contains("WARN"), "{said}");
    let left = std::fs::read_dir(place.dir()).unwrap().flatten();
    let left: Vec<_> = left
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("holdfast-demo"))
        .collect();
    assert!(left.is_empty(), "the journal's folder is left: {left:?}");
}
