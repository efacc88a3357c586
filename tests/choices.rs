//! Callers who say by a key what the operator must know: they are served by who does, and keep their place.

use harness::{Engine, Feed, Place, SECRET, Settings, soon};
use phone::{Call, CallState, Phone, PhoneConfig};
use std::time::Duration;

const ENGLISH: &str = "13800000001";
const ANY: &str = "13800000002";

/// How much sound is judged, how long it may take to come, and what counts as a tone alone.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(20);
const PURE: f64 = 0.9;

/// 1001 knows nothing in particular, 1002 knows English; the key 2 asks for it.
fn two_languages(queue: &'static str) -> Settings {
    Settings {
        operators: &["1001"],
        head: "skills = [\"english\"]",
        queue,
        ..Settings::default()
    }
}

async fn phone(engine: &Engine, name: &str, secret: Option<&str>) -> Phone {
    let config = PhoneConfig {
        secret: secret.map(str::to_owned),
        ..PhoneConfig::new(name, engine.sip())
    };
    Phone::start(config).await.unwrap()
}

/// An operator comes and is given the call of `caller`.
async fn serves(engine: &Engine, operator: &str, caller: &str) -> (Phone, Call) {
    let phone = phone(engine, operator, Some(SECRET)).await;
    phone.register(Duration::from_secs(300)).await.unwrap();
    let incoming = soon("the operator's phone to ring", phone.rung()).await.unwrap();
    assert_eq!(incoming.caller(), caller, "the caller whom {operator} can serve");
    (phone, incoming.answer().unwrap())
}

/// Two callers wait, of whom the older has asked for English with `press`.
async fn two_wait(
    engine: &Engine,
    feed: &mut Feed,
    press: impl AsyncFnOnce(&mut Call),
) -> [(Phone, Call); 2] {
    let english = phone(engine, ENGLISH, None).await;
    let mut asks = english.call("hotline", None).await.unwrap();
    feed.until("the first to wait", |log| log.count("call_admitted") == 1)
        .await;
    press(&mut asks).await;
    feed.until("the key to arrive", |log| log.count("call_chose") == 1)
        .await;
    let any = phone(engine, ANY, None).await;
    let waits = any.call("hotline", None).await.unwrap();
    feed.until("the second to wait", |log| log.count("call_admitted") == 2)
        .await;
    [(english, asks), (any, waits)]
}

#[tokio::test]
async fn who_asks_for_english_waits_for_who_speaks_it_and_is_not_forgotten() {
    let place = Place::new();
    let engine = Engine::start(
        &place,
        &two_languages(
            "wrap_up = \"0s\"\n\
             [[queues.choices]]\nkey = \"2\"\nskills = [\"english\"]\n\
             [[operators]]\nname = \"1002\"\nsecret = \"correct-horse-battery\"\nskills = [\"english\"]\nauto_ready = true",
        ),
    )
    .await;
    let mut feed = engine.feed().await;
    let [(_asking, mut asks), (_waiting, mut waits)] =
        two_wait(&engine, &mut feed, async |call: &mut Call| {
            assert_eq!(
                soon("the caller to be answered", call.settled()).await,
                CallState::Talking
            );
            soon("the key to be taken", call.press('2')).await.unwrap();
        })
        .await;

    let (_first, _called) = serves(&engine, "1001", ANY).await;
    feed.until("the younger to talk", |log| log.count("call_connected") == 1)
        .await;
    let calls = feed.log().numbers("call_arrived", "/call");
    let assigned = feed.log().of("call_assigned").next().cloned().unwrap();
    assert_eq!(assigned["call"], calls[1]);
    assert_eq!(
        assigned["why"]["passed_over"], calls[0],
        "that the older was passed, and which, is said: {assigned}"
    );

    let (_second, called) = serves(&engine, "1002", ENGLISH).await;
    called.tone(1_000);
    let heard = asks.hear(STRETCH, WITHIN).await;
    assert!(heard.duration() >= STRETCH, "the caller hears the operator");
    feed.until("the older to talk", |log| log.count("call_connected") == 2)
        .await;
    assert_eq!(feed.log().count("fifo_overtaken"), 0);
    asks.hang_up().await;
    waits.hang_up().await;
    feed.until("both to end", |log| log.count("call_ended") == 2)
        .await;
    engine.stop().await;
}

#[tokio::test]
async fn a_key_pressed_in_early_media_is_understood() {
    let place = Place::new();
    let engine = Engine::start(
        &place,
        &two_languages(
            "wrap_up = \"0s\"\nanswer = \"operator\"\n\
             [[queues.choices]]\nkey = \"2\"\nskills = [\"english\"]\n\
             [[operators]]\nname = \"1002\"\nsecret = \"correct-horse-battery\"\nskills = [\"english\"]\nauto_ready = true",
        ),
    )
    .await;
    let mut feed = engine.feed().await;
    let [(_asking, mut asks), (_waiting, mut waits)] =
        two_wait(&engine, &mut feed, async |call: &mut Call| {
            let music = call.hear(STRETCH, WITHIN).await;
            assert!(music.level() > 50.0, "there is early media");
            assert_ne!(call.state(), CallState::Talking, "and no answer");
            soon("the key to be sent", call.press_event('2')).await;
        })
        .await;
    assert_eq!(feed.log().of("call_chose").next().unwrap()["needs"][0], "english");

    let (_operator, called) = serves(&engine, "1002", ENGLISH).await;
    called.tone(1_000);
    assert_eq!(soon("the answer", asks.settled()).await, CallState::Talking);
    feed.until("the two to talk", |log| log.count("call_connected") == 1)
        .await;
    let heard = asks.hear(STRETCH, WITHIN).await;
    assert!(heard.share_at(1_000.0) > PURE, "{}", heard.share_at(1_000.0));
    asks.hang_up().await;
    waits.hang_up().await;
    feed.until("both to end", |log| log.count("call_ended") == 2)
        .await;
    engine.stop().await;
}
