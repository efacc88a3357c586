//! The edges of the house: who may register, who may call, what `check` says, and metrics that Prometheus accepts.

use harness::{Engine, Place, SECRET, Settings, soon};
use phone::{CallState, Digest, Phone, PhoneConfig, PhoneError, Transport};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const EXPIRES: Duration = Duration::from_secs(300);

async fn engine(place: &Place) -> Engine {
    Engine::start(
        place,
        &Settings {
            operators: &["1001"],
            ..Settings::default()
        },
    )
    .await
}

fn operator(engine: &Engine, secret: &str) -> PhoneConfig {
    PhoneConfig {
        secret: Some(secret.to_owned()),
        ..PhoneConfig::new("1001", engine.sip())
    }
}

#[tokio::test]
async fn the_right_password_registers_and_a_wrong_one_does_not() {
    let place = Place::new();
    let engine = engine(&place).await;
    let mut feed = engine.feed().await;
    let ways = [
        (Transport::Udp, Digest::Md5),
        (Transport::Udp, Digest::Sha256),
        (Transport::Tcp, Digest::Sha256),
    ];
    for (transport, digest) in ways {
        let wrong = PhoneConfig {
            transport,
            digest,
            ..operator(&engine, "wrong")
        };
        let phone = Phone::start(wrong).await.unwrap();
        let refused = phone.register(EXPIRES).await.unwrap_err();
        assert!(
            matches!(
                refused,
                PhoneError::Refused {
                    status: 401 | 403,
                    ..
                }
            ),
            "{refused}"
        );
        let right = PhoneConfig {
            transport,
            digest,
            ..operator(&engine, SECRET)
        };
        let phone = Phone::start(right).await.unwrap();
        phone.register(EXPIRES).await.unwrap();
        feed.until("the operator to be available", |log| {
            log.operator("1001") == "available"
        })
        .await;
        phone.register(Duration::ZERO).await.unwrap();
        feed.until("the operator to be gone", |log| {
            log.operator("1001") == "signed_off"
        })
        .await;
    }
    engine.stop().await;
}

#[tokio::test]
async fn a_number_nobody_has_is_not_found() {
    let place = Place::new();
    let engine = engine(&place).await;
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("nobody", None).await.unwrap();
    let refused = soon("the refusal", call.settled()).await;
    assert_eq!(
        refused,
        CallState::Refused {
            status: 404,
            retry_after: None
        }
    );
    engine.stop().await;
}

#[tokio::test]
async fn prometheus_accepts_the_metrics() {
    let place = Place::new();
    let engine = engine(&place).await;
    let metrics = engine.web().metrics().await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("promtool runs; run `make setup`");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(metrics.0.as_bytes())
        .await
        .unwrap();
    let checked = soon("promtool", promtool.wait_with_output()).await.unwrap();
    let said =
        String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.trim().is_empty(), "{said}");
    engine.stop().await;
}

/// The metrics that a text of queries names.
fn named(queries: &str) -> BTreeSet<&str> {
    let words = queries.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    let metrics = words.filter(|word| word.starts_with("holdfast_"));
    metrics
        .map(|word| {
            let parts = ["_bucket", "_sum", "_count"];
            parts
                .iter()
                .find_map(|part| word.strip_suffix(part))
                .unwrap_or(word)
        })
        .collect()
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_metrics_that_there_are() {
    let place = Place::new();
    let engine = engine(&place).await;
    let desk = Phone::start(operator(&engine, SECRET)).await.unwrap();
    desk.register(EXPIRES).await.unwrap();
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("hotline", None).await.unwrap();
    let talk = soon("the operator's phone", desk.rung()).await.unwrap();
    let mut talk = talk.answer().unwrap();
    soon("the caller to be connected", call.settled()).await;
    call.hang_up().await;
    soon("the operator to be hung up on", talk.over()).await;
    let there = engine.web().metrics().await;
    let there = named(&there.0);
    let dashboard = include_str!("../config/grafana/holdfast.json");
    let rules = include_str!("../config/prometheus/rules.yml");
    let rules: String = rules.lines().filter(|line| !line.contains("- name:")).collect();
    for (file, queries) in [("holdfast.json", dashboard), ("rules.yml", &rules)] {
        let missing: Vec<_> = named(queries).difference(&there).copied().collect();
        assert_eq!(missing, [""; 0], "asked for in {file}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn check_names_each_mistake_with_its_line() {
    let place = Place::new();
    let config = place.write(
        "broken.toml",
        "[schedule]\ntime_zone = \"Asia/Shanghai\"\nlines_otherwise = -4\n\n[sip]\nlissten = []\n",
    );
    let checked = Command::new(Engine::binary())
        .args(["check", "--config"])
        .arg(config)
        .output()
        .await
        .unwrap();
    let said =
        String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for (line, key) in [(3, "lines_otherwise"), (6, "lissten")] {
        let named = said
            .lines()
            .any(|text| text.contains(&format!("broken.toml:{line}")) && text.contains(key));
        assert!(named, "no word on {key} in line {line}:\n{said}");
    }
}
