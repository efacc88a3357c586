//! A supervisor's phone at a call: a tone of each of the three is measured at the ends where it is to be heard.

use harness::{Engine, Feed, HZ, Place, SECRET, Settings, hears, soon};
use phone::{Call, CallState, Phone, PhoneConfig};
use serde_json::json;
use std::time::Duration;

/// Whose of the tones is whose.
const CALLER: usize = 0;
const OPERATOR: usize = 1;
const SUPERVISOR: usize = 2;

fn settings() -> Settings {
    Settings {
        operators: &["1001"],
        tables: "[[supervisors]]\nname = \"9001\"\nsecret = \"correct-horse-battery\"\n",
        ..Settings::default()
    }
}

async fn registered(engine: &Engine, user: &str) -> Phone {
    let phone = Phone::start(PhoneConfig {
        secret: Some(SECRET.to_owned()),
        ..PhoneConfig::new(user, engine.sip())
    });
    let phone = phone.await.unwrap();
    phone.register(Duration::from_secs(300)).await.unwrap();
    phone
}

/// A caller and an operator who talk. The phones come with their calls: a phone that goes ends its call.
async fn talking(engine: &Engine, feed: &mut Feed) -> ([Phone; 2], Call, Call) {
    let operator = registered(engine, "1001").await;
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut calling = caller.call("12345", Some("13800000001")).await.unwrap();
    let called = soon("the operator's phone to ring", operator.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    calling.tone(HZ[CALLER]);
    called.tone(HZ[OPERATOR]);
    assert_eq!(
        soon("the caller to be answered", calling.settled()).await,
        CallState::Talking
    );
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    ([caller, operator], calling, called)
}

async fn ask(feed: &mut Feed, what: &str) -> serde_json::Value {
    feed.ask(json!({"do": what, "operator": "1001"})).await
}

#[tokio::test]
async fn a_supervisor_listens_whispers_barges_in_and_leaves() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    assert_eq!(ask(&mut feed, "listen").await["code"], "not_talking");
    let (_phones, mut calling, mut called) = talking(&engine, &mut feed).await;
    assert_eq!(ask(&mut feed, "listen").await["code"], "phone_unreachable");
    let supervisor = registered(&engine, "9001").await;

    assert_eq!(ask(&mut feed, "listen").await["type"], "ok");
    let incoming = soon("the supervisor's phone to ring", supervisor.rung())
        .await
        .unwrap();
    assert_eq!(incoming.caller(), "1001", "it shows whose call it is");
    let call = feed.log().of("call_connected").next().unwrap()["call"]
        .as_u64()
        .unwrap();
    let listener = |mode| json!({"phone": "9001", "mode": mode});
    let rings = json!({"phone": "9001", "mode": "listen", "ringing": true});
    feed.monitored(call, false, rings).await;
    let mut listening = incoming.answer().unwrap();
    listening.tone(HZ[SUPERVISOR]);
    feed.monitored(call, false, listener("listen")).await;
    hears(&listening, &[CALLER, OPERATOR], "listening, the supervisor").await;
    hears(&calling, &[OPERATOR], "listened to, the caller").await;
    hears(&called, &[CALLER], "listened to, the operator").await;

    assert_eq!(ask(&mut feed, "whisper").await["type"], "ok");
    feed.monitored(call, false, listener("whisper")).await;
    hears(&called, &[CALLER, SUPERVISOR], "whispered to, the operator").await;
    hears(&calling, &[OPERATOR], "at a whisper, the caller").await;
    hears(&listening, &[CALLER, OPERATOR], "whispering, the supervisor").await;

    assert_eq!(ask(&mut feed, "barge").await["type"], "ok");
    hears(&calling, &[OPERATOR, SUPERVISOR], "barged in on, the caller").await;
    hears(&called, &[CALLER, SUPERVISOR], "barged in on, the operator").await;
    hears(&listening, &[CALLER, OPERATOR], "barging in, the supervisor").await;

    // The operator's hold parts the caller from both, and its end brings back what was.
    called.hold(true).await.unwrap();
    feed.until("the hold", |log| log.count("call_held") == 1).await;
    hears(&listening, &[OPERATOR], "the call on hold, the supervisor").await;
    called.hold(false).await.unwrap();
    feed.until("the end of the hold", |log| log.count("call_held") == 2)
        .await;
    hears(&calling, &[OPERATOR, SUPERVISOR], "after the hold, the caller").await;

    assert_eq!(ask(&mut feed, "leave").await["type"], "ok");
    assert_eq!(
        soon("the supervisor's leg to end", listening.over()).await,
        CallState::HungUp { by_peer: true }
    );
    feed.monitored(call, false, json!(null)).await;
    hears(&calling, &[OPERATOR], "alone again, the caller").await;
    hears(&called, &[CALLER], "alone again, the operator").await;
    let metrics = engine.web().metrics().await;
    for (mode, times) in [("listen", 1.0), ("whisper", 1.0), ("barge", 1.0)] {
        let label = format!("mode=\"{mode}\"");
        assert_eq!(
            metrics.sum("holdfast_supervisions_total", &[&label]),
            times,
            "{mode}"
        );
    }
    assert_eq!(metrics.sum("holdfast_supervisions", &[]), 0.0);

    // A second time, and the call's end is the end of it.
    assert_eq!(ask(&mut feed, "listen").await["type"], "ok");
    let mut listening = soon("the phone to ring again", supervisor.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    hears(&listening, &[CALLER, OPERATOR], "listening again, the supervisor").await;
    calling.hang_up().await;
    soon("the supervisor's leg to end", listening.over()).await;
    soon("the operator's leg to end", called.over()).await;
    assert_eq!(ask(&mut feed, "leave").await["type"], "ok", "it is over already");
    engine.stop().await;
}

#[tokio::test]
async fn a_crash_costs_the_supervisor_and_nobody_else() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let (_phones, calling, called) = talking(&engine, &mut feed).await;
    let supervisor = registered(&engine, "9001").await;
    assert_eq!(ask(&mut feed, "barge").await["type"], "ok");
    let mut listening = soon("the supervisor's phone to ring", supervisor.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    listening.tone(HZ[SUPERVISOR]);
    hears(&calling, &[OPERATOR, SUPERVISOR], "barged in on, the caller").await;
    engine.kill().await;
    let engine = Engine::start(&place, &settings()).await;
    assert_eq!(
        soon("the supervisor's leg to end", listening.over()).await,
        CallState::HungUp { by_peer: true }
    );
    hears(&calling, &[OPERATOR], "after the crash, the caller").await;
    hears(&called, &[CALLER], "after the crash, the operator").await;
    let mut feed = engine.feed().await;
    let call = feed.snapshot()["calls"][0]["call"].as_u64().unwrap();
    // Whatever was to be told at first has come when a command is answered.
    assert_eq!(ask(&mut feed, "leave").await["type"], "ok");
    feed.monitored(call, false, json!(null)).await;
    assert_eq!(ask(&mut feed, "listen").await["type"], "ok");
    let listening = soon("the phone to ring again", supervisor.rung())
        .await
        .unwrap()
        .answer()
        .unwrap();
    feed.monitored(call, false, json!({"phone": "9001", "mode": "listen"}))
        .await;
    hears(&listening, &[CALLER, OPERATOR], "listening again, the supervisor").await;
    // The phone's own hang-up is told too.
    drop(listening);
    feed.monitored(call, false, json!(null)).await;
    engine.stop().await;
}
