//! SIGTERM with calls up: who talks may finish, who comes is told when to come back, and a restart takes calls again.

use harness::{Engine, Feed, Place, SECRET, Settings, Sipp, soon};
use phone::{Call, CallState, Phone, PhoneConfig};
use serde_json::json;
use std::time::Duration;

/// A caller and an operator who talk.
struct Talk {
    caller: Phone,
    operator: Phone,
    calling: Call,
    called: Call,
}

async fn talk(engine: &Engine, feed: &mut Feed) -> Talk {
    let operator = PhoneConfig {
        secret: Some(SECRET.to_owned()),
        ..PhoneConfig::new("1001", engine.sip())
    };
    let operator = Phone::start(operator).await.unwrap();
    operator.register(Duration::from_secs(300)).await.unwrap();
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let calling = caller.call("hotline", None).await.unwrap();
    let called = soon("the phone to ring", operator.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    let before = feed.log().count("call_connected");
    feed.until("the two to talk", |log| log.count("call_connected") > before)
        .await;
    Talk {
        caller,
        operator,
        calling,
        called,
    }
}

fn settings(engine: &'static str) -> Settings {
    Settings {
        operators: &["1001"],
        engine,
        ..Settings::default()
    }
}

#[tokio::test]
async fn who_talks_may_finish_and_who_comes_is_told_to_come_back() {
    let place = Place::new();
    let settings = settings("drain_timeout = \"30s\"");
    let mut engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut talk = talk(&engine, &mut feed).await;
    talk.called.tone(1_000);

    engine.terminate().await;
    feed.until("the engine to drain", |log| log.count("draining") == 1)
        .await;
    Sipp::callers(&place, "caller_refused", engine.sip(), ["13800000002"])
        .start(&place)
        .succeeded()
        .await;
    let heard = talk
        .calling
        .hear(Duration::from_secs(1), Duration::from_secs(10))
        .await;
    assert!(heard.share_at(1_000.0) > 0.5, "the two still hear each other");
    assert_eq!(
        engine.web().get("/readyz").await.map(|(status, _)| status),
        Some(503)
    );

    talk.calling.hang_up().await;
    assert_eq!(
        soon("the operator's leg to end", talk.called.over()).await,
        CallState::HungUp { by_peer: true }
    );
    let status = engine.ended().await;
    assert!(status.success(), "the engine ended with {status}");
    assert_eq!((talk.caller.dialogs(), talk.operator.dialogs()), (0, 0));
}

#[tokio::test]
async fn when_the_time_is_over_both_sides_are_hung_up() {
    let place = Place::new();
    let settings = settings("drain_timeout = \"1s\"");
    let mut engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut talk = talk(&engine, &mut feed).await;
    engine.terminate().await;
    let hung_up = CallState::HungUp { by_peer: true };
    assert_eq!(
        soon("the caller's leg to end", talk.calling.over()).await,
        hung_up
    );
    assert_eq!(
        soon("the operator's leg to end", talk.called.over()).await,
        hung_up
    );
    let status = engine.ended().await;
    assert!(status.success(), "the engine ended with {status}");
}

#[tokio::test]
async fn after_a_restart_calls_are_taken_and_call_ids_go_on() {
    let place = Place::new();
    let address = Some(place.address());
    let settings = Settings {
        address,
        ..settings("drain_timeout = \"0s\"")
    };
    let mut calls = Vec::new();
    for _ in 0..2 {
        let mut engine = Engine::start(&place, &settings).await;
        let mut feed = engine.feed().await;
        let _talk = talk(&engine, &mut feed).await;
        calls.extend(feed.log().numbers("call_connected", "/call"));
        engine.terminate().await;
        let status = engine.ended().await;
        assert!(status.success(), "the engine ended with {status}");
    }
    assert!(calls[0] < calls[1], "no call id is used twice: {calls:?}");
}

#[tokio::test]
async fn lines_set_by_hand_stay_so_after_a_restart() {
    let place = Place::new();
    let address = Some(place.address());
    let settings = Settings {
        address,
        ..settings("drain_timeout = \"0s\"")
    };
    // Monday 22:00, with the test's clock at 10:00.
    let until = 1_795_442_400_000_u64;
    for run in 0..2 {
        let engine = Engine::start(&place, &settings).await;
        let mut feed = engine.feed().await;
        if run == 0 {
            assert_eq!(feed.snapshot()["lines"], 12, "as scheduled");
            feed.command(json!({ "do": "set_lines", "lines": 6, "until": until }))
                .await;
            engine.kill().await;
        } else {
            let snapshot = feed.snapshot();
            assert_eq!(
                (
                    &snapshot["lines"],
                    &snapshot["next_change"],
                    &snapshot["next_lines"]
                ),
                (&json!(6), &json!(until), &json!(4)),
                "{snapshot}"
            );
            feed.command(json!({ "do": "follow_schedule" })).await;
            feed.until("the schedule to count again", |log| {
                log.numbers("capacity_changed", "/lines") == [12]
            })
            .await;
            engine.stop().await;
        }
    }
}
