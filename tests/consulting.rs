//! What operators do with a call from the console, with phones on their desks: a tone of each of the three is measured at
//! the ends where it is to be heard, and music where the caller waits.

use harness::{Engine, Feed, HZ, Place, SECRET, Settings, hears, hears_music, hears_ringback, soon};
use phone::{Call, CallState, Phone, PhoneConfig};
use serde_json::json;
use std::time::Duration;

/// Whose of the tones is whose.
const CALLER: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;

const HUNG_UP: CallState = CallState::HungUp { by_peer: true };

/// Phones, and the call of two of them. A phone that goes ends its call.
struct Talk {
    _caller: Phone,
    first: Phone,
    second: Phone,
    calling: Call,
    called: Call,
}

fn settings() -> Settings {
    Settings {
        operators: &["1001", "1002"],
        queue: "wrap_up = \"60s\"",
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

/// A caller talks with the first operator; the second is free.
async fn talking(engine: &Engine, feed: &mut Feed) -> Talk {
    let first = registered(engine, "1001").await;
    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut calling = caller.call("12345", Some("13800000001")).await.unwrap();
    let called = picked_up(&first, FIRST).await;
    calling.tone(HZ[CALLER]);
    assert_eq!(
        soon("the caller to be answered", calling.settled()).await,
        CallState::Talking
    );
    let second = registered(engine, "1002").await;
    feed.until("the second to be free", |log| log.operator("1002") == "available")
        .await;
    Talk {
        _caller: caller,
        first,
        second,
        calling,
        called,
    }
}

/// The phone rings with the caller's number and is picked up.
async fn picked_up(phone: &Phone, sends: usize) -> Call {
    let incoming = soon("a phone to ring", phone.rung()).await.unwrap();
    assert_eq!(incoming.caller(), "13800000001");
    let call = incoming.answer().unwrap();
    call.tone(HZ[sends]);
    call
}

/// Has the first operator's console ask for something.
async fn first_asks(feed: &mut Feed, mut command: serde_json::Value) {
    command["operator"] = "1001".into();
    feed.command(command).await;
}

#[tokio::test]
async fn the_console_holds_and_hangs_up_a_desk_phone_s_call() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let mut talk = talking(&engine, &mut feed).await;
    first_asks(&mut feed, json!({"do": "hold", "on": true})).await;
    hears_music(&talk.calling, "the caller on hold").await;
    first_asks(&mut feed, json!({"do": "hold", "on": false})).await;
    hears(&talk.calling, &[FIRST], "the caller after the hold").await;
    hears(&talk.called, &[CALLER], "the operator after the hold").await;
    first_asks(&mut feed, json!({"do": "hang_up"})).await;
    assert_eq!(
        soon("the caller's leg to end", talk.calling.over()).await,
        HUNG_UP
    );
    assert_eq!(
        soon("the operator's leg to end", talk.called.over()).await,
        HUNG_UP
    );
    feed.until("wrap-up", |log| log.operator("1001") == "wrap_up")
        .await;
    let answer = feed.ask(json!({"do": "hang_up", "operator": "1001"})).await;
    assert_eq!(answer["code"], "not_talking");
    assert!(feed.log().numbers("call_ended", "/held_ms")[0] > 0);
    engine.stop().await;
}

#[tokio::test]
async fn an_operator_asks_another_who_joins_and_at_last_has_the_call() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let mut talk = talking(&engine, &mut feed).await;

    first_asks(&mut feed, json!({"do": "consult", "to": "1002"})).await;
    let mut asked = picked_up(&talk.second, SECOND).await;
    hears(&talk.called, &[SECOND], "asking, the first operator").await;
    hears(&asked, &[FIRST], "asked, the second operator").await;
    hears_music(&talk.calling, "the caller, asked about").await;

    first_asks(&mut feed, json!({"do": "conference"})).await;
    hears(&talk.calling, &[FIRST, SECOND], "of three, the caller").await;
    hears(&talk.called, &[CALLER, SECOND], "of three, the first operator").await;
    hears(&asked, &[CALLER, FIRST], "of three, the second operator").await;

    first_asks(&mut feed, json!({"do": "cancel_consult"})).await;
    assert_eq!(soon("the second's leg to end", asked.over()).await, HUNG_UP);
    hears(&talk.calling, &[FIRST], "alone again, the caller").await;
    hears(&talk.called, &[CALLER], "alone again, the first operator").await;
    feed.until("the second to be free again", |log| {
        log.operator("1002") == "available"
    })
    .await;

    first_asks(&mut feed, json!({"do": "consult", "to": "1002"})).await;
    let mut asked = picked_up(&talk.second, SECOND).await;
    hears(&asked, &[FIRST], "asked again, the second operator").await;
    first_asks(&mut feed, json!({"do": "complete_transfer"})).await;
    assert_eq!(soon("the first's leg to end", talk.called.over()).await, HUNG_UP);
    hears(&talk.calling, &[SECOND], "given away, the caller").await;
    hears(&asked, &[CALLER], "given the call, the second operator").await;
    feed.until("wrap-up", |log| log.operator("1001") == "wrap_up")
        .await;
    assert_eq!(feed.log().operator("1002"), "talking");

    talk.calling.hang_up().await;
    soon("the second's leg to end", asked.over()).await;
    feed.until("the end", |log| log.count("call_ended") == 1).await;
    let ended = feed.log().of("call_ended").next().unwrap();
    assert_eq!(
        (&ended["operator"], &ended["outcome"]),
        (&json!("1002"), &json!("answered"))
    );
    let metrics = engine.web().metrics().await;
    assert_eq!(metrics.sum("holdfast_calls_transferred_total", &[]), 1.0);
    assert_eq!(
        metrics.sum("holdfast_wait_seconds_count", &["outcome=\"answered\""]),
        1.0
    );
    engine.stop().await;
}

#[tokio::test]
async fn a_call_given_away_that_nobody_answers_is_not_lost() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let mut feed = engine.feed().await;
    let mut talk = talking(&engine, &mut feed).await;
    first_asks(&mut feed, json!({"do": "transfer", "to": "1002"})).await;
    assert_eq!(soon("the first's leg to end", talk.called.over()).await, HUNG_UP);
    let incoming = soon("the second's phone to ring", talk.second.rung())
        .await
        .unwrap();
    hears_music(&talk.calling, "given away, the caller").await;
    incoming.decline(486);
    feed.until("the call to come back", |log| log.count("call_returned") == 1)
        .await;
    hears_music(&talk.calling, "back in the place, the caller").await;
    first_asks(&mut feed, json!({"do": "ready"})).await;
    let called = picked_up(&talk.first, FIRST).await;
    hears(&talk.calling, &[FIRST], "with the first again, the caller").await;
    hears(&called, &[CALLER], "the first operator again").await;
    assert_eq!(feed.log().count("fifo_overtaken"), 0);
    engine.stop().await;
}

#[tokio::test]
async fn a_crash_costs_nobody_the_conversation() {
    let place = Place::new();
    let settings = Settings {
        address: Some(place.address()),
        ..settings()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut talk = talking(&engine, &mut feed).await;
    first_asks(&mut feed, json!({"do": "hold", "on": true})).await;
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    hears_music(&talk.calling, "on hold and after a crash, the caller").await;
    first_asks(&mut feed, json!({"do": "hold", "on": false})).await;
    hears(&talk.calling, &[FIRST], "after hold and crash, the caller").await;

    first_asks(&mut feed, json!({"do": "consult", "to": "1002"})).await;
    let incoming = soon("the second's phone to ring", talk.second.rung())
        .await
        .unwrap();
    incoming.ringing();
    hears_ringback(&talk.called, "asking, the first operator").await;
    engine.kill().await;

    // The phone that rings rings on, and what is picked up is taken.
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let asked = incoming.answer().unwrap();
    asked.tone(HZ[SECOND]);
    hears(&talk.called, &[SECOND], "after the crash, the first operator").await;
    hears(&asked, &[FIRST], "after the crash, the second operator").await;
    hears_music(&talk.calling, "after the crash, the caller").await;

    first_asks(&mut feed, json!({"do": "conference"})).await;
    hears(&asked, &[CALLER, FIRST], "of three, the second operator").await;
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    hears(
        &talk.calling,
        &[FIRST, SECOND],
        "of three after a crash, the caller",
    )
    .await;

    first_asks(&mut feed, json!({"do": "complete_transfer"})).await;
    assert_eq!(soon("the first's leg to end", talk.called.over()).await, HUNG_UP);
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    hears(&talk.calling, &[SECOND], "given away before a crash, the caller").await;
    hears(
        &asked,
        &[CALLER],
        "given the call before a crash, the second operator",
    )
    .await;
    engine.stop().await;
}
