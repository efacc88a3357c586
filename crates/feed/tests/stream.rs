//! What a client sees: hello, snapshot, deltas; resuming; falling behind.

mod common;

use common::{Client, EPOCH, Engine, START, admitted, arrived, config, ended, metric, paused, serve, until};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[tokio::test]
async fn hello_then_snapshot_then_deltas() {
    let engine = Engine::new();
    engine.emit(&[arrived(1), admitted(1), arrived(2)]);
    let (feed, registry) = serve(&engine, config()).await;
    let mut client = Client::connect(&feed, "").await;
    assert_eq!(
        client.next().await,
        json!({
            "type": "hello", "protocol": 1, "epoch": EPOCH, "server_time": START.as_millis(), "clock_rate": 1.0,
            "heartbeat_s": 15.0, "role": "wallboard", "queues": ["hotline"], "pause_reasons": ["lunch", "training"],
            "thresholds": {
                "answer_within_ms": 15_000,
                "oldest_wait_ms": {"watch": 15_000, "alarm": 120_000},
                "service_level": {"watch": 0.8, "alarm": 0.7},
                "abandonment": {"watch": 0.05, "alarm": 0.1},
            },
        })
    );
    let since = START.as_millis();
    assert_eq!(
        client.next().await,
        json!({
            "type": "snapshot", "epoch": EPOCH, "seq": 3, "at": since + 5, "lines": 12, "lines_in_use": 1,
            "next_change": since + 3_600_000, "next_lines": 4, "draining": false,
            "calls": [
                {"call": 1, "queue": "hotline", "trunk": "city", "caller": common::MASKED, "ticket": 1,
                 "since": since, "line": true, "stage": "admitted"},
                {"call": 2, "queue": "hotline", "trunk": "city", "caller": common::MASKED, "ticket": 2,
                 "since": since, "line": false, "stage": "queued"},
            ],
            "operators": [
                {"operator": "1001", "state": "signed_off", "since": since, "phone": false, "answered": 0},
                {"operator": "1002", "state": "signed_off", "since": since, "phone": false, "answered": 0},
            ],
        })
    );
    engine.emit(&[ended(1), paused(0)]);
    let at = since + 10;
    assert_eq!(
        client.next().await,
        json!({
            "type": "delta", "seq": 4, "at": at, "event": "call_ended", "call": 1, "operator": null,
            "outcome": "abandoned", "waited_ms": 9000, "talked_ms": 0, "held_ms": 0, "place_kept": true,
        })
    );
    assert_eq!(
        client.next().await,
        json!({
            "type": "delta", "seq": 5, "at": at, "event": "operator_changed", "operator": "1001",
            "state": "paused", "reason": "training", "after_ms": 2000,
        })
    );
    assert_eq!(
        metric(&registry, "holdfast_feed_clients{role=\"wallboard\"}"),
        1.0
    );
    drop(client);
    let series = "holdfast_feed_clients{role=\"wallboard\"}";
    until("the client is counted out", || metric(&registry, series) == 0.0).await;
}

#[tokio::test]
async fn snapshot_and_deltas_join_without_gap_under_load() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let busy = engine.clone();
    let load = tokio::spawn(async move {
        for call in 1..=3000 {
            busy.emit(&[arrived(call), ended(call)]);
            if call % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(&feed, "").await;
        clients.push(tokio::spawn(async move {
            assert_eq!(client.next().await["type"], "hello");
            let from = client.next().await["seq"].as_u64().unwrap();
            assert!(from < 6000, "the load was over before the client came");
            let deltas = client.deltas_to(6000).await;
            assert_eq!(
                deltas.first().and_then(|delta| delta["seq"].as_u64()),
                Some(from + 1)
            );
        }));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    load.await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn resuming_gives_exactly_what_was_missed() {
    let engine = Engine::new();
    let (feed, registry) = serve(&engine, config()).await;
    engine.emit(&[arrived(1), arrived(2)]);
    let mut client = Client::connect(&feed, "").await;
    client.next().await;
    assert_eq!(client.next().await["seq"], 2);
    engine.emit(&[arrived(3)]);
    client.deltas_to(3).await;
    drop(client);
    engine.emit(&[arrived(4), arrived(5)]);
    let mut client = Client::connect(&feed, &format!("?epoch={EPOCH}&after=3")).await;
    assert_eq!(client.next().await["type"], "hello");
    let missed = client.deltas_to(5).await;
    assert_eq!(missed.first().and_then(|delta| delta["seq"].as_u64()), Some(4));
    // Nothing missed: nothing but hello, then what is new.
    let mut client = Client::connect(&feed, &format!("?epoch={EPOCH}&after=5")).await;
    assert_eq!(client.next().await["type"], "hello");
    engine.emit(&[arrived(6)]);
    assert_eq!(client.next().await["seq"], 6);
    assert_eq!(
        metric(&registry, "holdfast_feed_resyncs_total{reason=\"stale\"}"),
        0.0
    );
}

#[tokio::test]
async fn what_cannot_be_resumed_starts_over() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.deltas_kept = 16;
    let (feed, registry) = serve(&engine, config).await;
    for call in 1..=100 {
        engine.emit(&[arrived(call)]);
    }
    let mut client = Client::connect(&feed, "").await;
    client.next().await;
    client.next().await;
    let other = EPOCH + 1;
    for query in [
        format!("?epoch={EPOCH}&after=3"),
        format!("?epoch={EPOCH}&after=1000"),
        format!("?epoch={EPOCH}&after={}", u64::MAX),
        format!("?epoch={other}&after=99"),
    ] {
        let mut client = Client::connect(&feed, &query).await;
        assert_eq!(client.next().await["type"], "hello", "{query}");
        let snapshot = client.next().await;
        assert_eq!(
            (&snapshot["type"], &snapshot["seq"]),
            (&json!("snapshot"), &json!(100)),
            "{query}"
        );
    }
    assert_eq!(
        metric(&registry, "holdfast_feed_resyncs_total{reason=\"stale\"}"),
        4.0
    );
}

#[tokio::test]
async fn a_slow_client_gets_a_snapshot_and_delays_nobody() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.deltas_kept = 512;
    let (feed, registry) = serve(&engine, config).await;
    let mut slow = Client::connect(&feed, "").await;
    slow.next().await;
    slow.next().await;
    let mut quick = Client::connect(&feed, "").await;
    quick.next().await;
    quick.next().await;
    // Far more than the socket's buffers and the ring hold, while the slow one reads nothing.
    let last = 60_000;
    let read = Arc::new(AtomicU64::new(0));
    let progress = read.clone();
    let reader = tokio::spawn(async move {
        for seq in 1..=last {
            assert_eq!(quick.next().await["seq"], seq, "the quick one gets every delta");
            progress.store(seq, Ordering::Relaxed);
        }
    });
    for call in 1..=last / 2 {
        let seq = engine.emit(&[arrived(call), ended(call)]);
        // The load goes as fast as the quick one reads, however slow the machine.
        if seq > read.load(Ordering::Relaxed) + 256 {
            until("the quick one keeps up", || {
                seq < read.load(Ordering::Relaxed) + 128
            })
            .await;
        }
    }
    reader.await.unwrap();
    // What was already on its way, and a snapshot in place of the rest: or of a part, if it fell behind more than once.
    let (mut seq, mut snapshots) = (0, 0);
    while seq < last {
        let message = slow.next().await;
        let told = message["seq"].as_u64().unwrap();
        if message["type"] == "snapshot" {
            assert!(told > seq, "a snapshot leads on");
            snapshots += 1;
        } else {
            assert_eq!(told, seq + 1, "no gap without a snapshot");
        }
        seq = told;
    }
    assert!(snapshots >= 1, "it got all {last} deltas");
    assert!(metric(&registry, "holdfast_feed_resyncs_total{reason=\"slow\"}") >= 1.0);
}

#[tokio::test]
async fn a_gap_on_our_side_is_never_silent() {
    let engine = Engine::new();
    let (feed, registry) = serve(&engine, config()).await;
    let mut client = Client::connect(&feed, "").await;
    client.next().await;
    client.next().await;
    engine.emit(&[arrived(1)]);
    client.deltas_to(1).await;
    engine.lose(&[arrived(2), arrived(3)]);
    engine.emit(&[arrived(4)]);
    let snapshot = client.next().await;
    assert_eq!(
        (&snapshot["type"], &snapshot["seq"]),
        (&json!("snapshot"), &json!(4))
    );
    assert_eq!(snapshot["calls"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        metric(&registry, "holdfast_feed_resyncs_total{reason=\"gap\"}"),
        1.0
    );
}

#[tokio::test]
async fn clients_that_come_together_share_a_snapshot() {
    let engine = Engine::new();
    engine.emit(&[arrived(1)]);
    let (feed, _) = serve(&engine, config()).await;
    for _ in 0..20 {
        let mut client = Client::connect(&feed, "").await;
        client.next().await;
        assert_eq!(client.next().await["seq"], 1);
    }
    assert!(
        engine.snapshots_given() < 20,
        "{} snapshots for 20 clients",
        engine.snapshots_given()
    );
}

#[tokio::test]
async fn heartbeats_tell_number_and_time() {
    let engine = Engine::new();
    let mut config = config();
    config.heartbeat = Duration::from_millis(20);
    let (feed, _) = serve(&engine, config).await;
    let mut client = Client::connect(&feed, "").await;
    client.any().await;
    client.any().await;
    assert_eq!(
        client.any().await,
        json!({"type": "heartbeat", "seq": 0, "time": START.as_millis()})
    );
    engine.emit(&[arrived(1)]);
    client.deltas_to(1).await;
    assert_eq!(
        client.any().await,
        json!({"type": "heartbeat", "seq": 1, "time": START.as_millis()})
    );
}
