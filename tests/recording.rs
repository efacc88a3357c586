//! A recorded call, all the way: a tone of caller and operator each is measured in the file that the engine leaves, also when
//! it is killed.

use harness::{Engine, Feed, Place, Recording, SECRET, Settings, soon};
use phone::{Call, CallState, Heard, Phone, PhoneConfig};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const CALLER_HZ: u32 = 440;
const OPERATOR_HZ: u32 = 1_000;

/// How much is talked before the file is judged, and how much of it is.
const TALK: Duration = Duration::from_secs(4);
const JUDGED: Duration = Duration::from_secs(1);
const WITHIN: Duration = Duration::from_secs(20);

/// How often a file is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The share of the power from which a side has that tone alone; and what is left of the other side's.
const PURE: f64 = 0.9;
const FOREIGN: f64 = 0.01;

fn settings(tables: &'static str) -> Settings {
    Settings {
        operators: &["1001"],
        queue: "wrap_up = \"0s\"\nrecord = \"all\"",
        tables,
        ..Settings::default()
    }
}

const WAV: &str = "[recording]\ndir = \"PLACE/recordings\"\nfree_min = \"1B\"\n";
const OPUS: &str = "[recording]\ndir = \"PLACE/recordings\"\nformat = \"opus\"\nfree_min = \"1B\"\n";

/// Two phones that talk; they come along, since a phone that goes ends its call.
async fn talking(engine: &Engine, feed: &mut Feed) -> ([Phone; 2], Call, Call) {
    let operator = Phone::start(PhoneConfig {
        secret: Some(SECRET.to_owned()),
        ..PhoneConfig::new("1001", engine.sip())
    });
    let operator = operator.await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut calling = caller.call("12345", Some("13800000001")).await.unwrap();
    calling.tone(CALLER_HZ);
    let called = soon("the operator's phone to ring", operator.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    called.tone(OPERATOR_HZ);
    assert_eq!(
        soon("the caller to be answered", calling.settled()).await,
        CallState::Talking
    );
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    ([caller, operator], calling, called)
}

fn only(dir: &Path) -> Option<PathBuf> {
    let files = Recording::all(&dir.join("recordings"));
    assert!(files.len() <= 1, "one call, one file: {files:?}");
    files.into_iter().next()
}

/// The last whole second but one of a side: there both talk.
fn judged(heard: &Heard) -> Heard {
    let samples = heard.samples();
    let length = (JUDGED.as_micros() / 125) as usize;
    let end = samples.len().saturating_sub(length / 2);
    samples[end.saturating_sub(length)..end].to_vec().into()
}

fn assert_apart(file: &Path) {
    let recording = Recording::read(file).expect("a file that can be played");
    for (side, own, foreign) in [
        (&recording.left, CALLER_HZ, OPERATOR_HZ),
        (&recording.right, OPERATOR_HZ, CALLER_HZ),
    ] {
        let heard = judged(side);
        assert_eq!(heard.duration(), JUDGED, "there is enough of it");
        let shares = [own, foreign].map(|hz| heard.share_at(f64::from(hz)));
        assert!(shares[0] > PURE && shares[1] < FOREIGN, "{own} Hz: {shares:?}");
    }
}

/// Records a call to its end, and judges the file.
async fn recorded_whole(tables: &'static str) {
    let place = Place::new();
    let engine = Engine::start(&place, &settings(tables)).await;
    let mut feed = engine.feed().await;
    let (_phones, mut calling, mut called) = talking(&engine, &mut feed).await;
    let call = feed.log().of("call_connected").next().unwrap()["call"]
        .as_u64()
        .unwrap();
    feed.monitored(call, true, Value::Null).await;
    calling.hear(TALK, WITHIN).await;
    calling.hang_up().await;
    feed.monitored(call, false, Value::Null).await;
    soon("the operator's leg to end", called.over()).await;
    engine.stop().await;
    assert_apart(&only(place.dir()).expect("a recording"));
}

/// Kills the engine in the midst of a call, and judges what it leaves.
async fn recorded_until_killed(tables: &'static str) {
    let place = Place::new();
    let engine = Engine::start(&place, &settings(tables)).await;
    let mut feed = engine.feed().await;
    let (_phones, _calling, _called) = talking(&engine, &mut feed).await;
    // What is on disk when it has come to be so long is there after the kill.
    let grown = async {
        loop {
            let recording = only(place.dir()).and_then(|file| Recording::read(&file));
            if recording.is_some_and(|recording| recording.right.duration() > TALK) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    soon("some seconds of the recording", grown).await;
    engine.kill().await;
    assert_apart(&only(place.dir()).expect("a recording"));
}

#[tokio::test]
async fn a_recording_asked_for_is_told_of_and_ends_with_the_engine() {
    let place = Place::new();
    let settings = Settings {
        address: Some(place.address()),
        queue: "wrap_up = \"0s\"\nrecord = \"on-demand\"",
        ..settings(WAV)
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let (_phones, _calling, _called) = talking(&engine, &mut feed).await;
    let call = feed.log().of("call_connected").next().unwrap()["call"]
        .as_u64()
        .unwrap();
    let record = |on| json!({"do": "record", "operator": "1001", "on": on});
    for on in [true, false, true] {
        feed.command(record(on)).await;
        feed.monitored(call, on, Value::Null).await;
    }
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    // Whatever was to be told at first has come when a command is answered.
    feed.command(record(false)).await;
    feed.monitored(call, false, Value::Null).await;
    feed.command(record(true)).await;
    feed.monitored(call, true, Value::Null).await;
    engine.stop().await;
}

#[tokio::test]
async fn a_call_that_is_always_recorded_is_recorded_on_after_a_restart() {
    let place = Place::new();
    let settings = Settings {
        address: Some(place.address()),
        ..settings(WAV)
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let (_phones, _calling, _called) = talking(&engine, &mut feed).await;
    let call = feed.log().of("call_connected").next().unwrap()["call"]
        .as_u64()
        .unwrap();
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    feed.monitored(call, true, Value::Null).await;
    engine.stop().await;
}

#[tokio::test]
async fn a_call_is_recorded_in_wav() {
    recorded_whole(WAV).await;
}

#[tokio::test]
async fn a_call_is_recorded_in_opus() {
    recorded_whole(OPUS).await;
}

#[tokio::test]
async fn a_killed_engine_leaves_a_playable_file_in_wav() {
    recorded_until_killed(WAV).await;
}

#[tokio::test]
async fn a_killed_engine_leaves_a_playable_file_in_opus() {
    recorded_until_killed(OPUS).await;
}
