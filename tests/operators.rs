//! Operators who take a call, decline it, let it ring, or go away: each does what the queue's rules say.

use harness::{Engine, Feed, Place, Settings, Sipp, SippRun, soon};
use phone::{CallState, Phone, PhoneConfig};

/// One operator's phone under sipp, on the hook.
struct Desk {
    phone: SippRun,
    user: &'static str,
}

impl Desk {
    async fn open(place: &Place, engine: &Engine, user: &'static str, scenario: &str) -> Desk {
        let phone = Sipp::new(place, scenario, 1).pausing(100).start(place);
        phone.register(place, engine.sip(), &[user], 300).await;
        Desk { phone, user }
    }
}

async fn ready(feed: &mut Feed, user: &str) {
    feed.until(&format!("{user} to be available"), |log| {
        log.operator(user) == "available"
    })
    .await;
}

const TWO: &[&str] = &["1001", "1002"];

fn two_operators() -> Settings {
    Settings {
        operators: TWO,
        queue: "wrap_up = \"0s\"\nring_timeout = \"1s\"",
        ..Settings::default()
    }
}

/// 1001 does not take the call; it goes back to its place, rings 1002, and is answered there. Returns how 1001 ended
/// up and what the call came back with.
async fn first_fails(settings: Settings, scenario: &str) -> (String, String) {
    let place = Place::new();
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut first = Desk::open(&place, &engine, "1001", scenario).await;
    ready(&mut feed, first.user).await;
    let mut second = Desk::open(&place, &engine, "1002", "operator_hangs_up").await;
    ready(&mut feed, second.user).await;

    let mut calling = Sipp::callers(&place, "caller_stays", engine.sip(), ["13800000001"]).start(&place);
    feed.until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    calling.succeeded().await;
    first.phone.succeeded().await;
    second.phone.succeeded().await;
    let log = feed.log();
    assert_eq!(
        log.texts("call_assigned", "operator"),
        TWO,
        "longest idle first, then the other"
    );
    assert_eq!(log.numbers("call_assigned", "/why/attempt"), [1, 2]);
    assert_eq!(log.texts("call_ended", "outcome"), ["answered"]);
    assert_eq!(first.phone.rung_by(), ["13800000001"]);
    assert_eq!(second.phone.rung_by(), ["13800000001"]);
    let ended = (
        log.operator("1001"),
        log.texts("call_returned", "cause").join(" "),
    );
    engine.stop().await;
    ended
}

#[tokio::test]
async fn a_busy_phone_passes_the_call_on() {
    let (state, cause) = first_fails(two_operators(), "operator_busy").await;
    assert_eq!((state.as_str(), cause.as_str()), ("paused/phone_busy", "busy"));
}

#[tokio::test]
async fn a_declined_call_is_passed_on() {
    let (state, cause) = first_fails(two_operators(), "operator_declines").await;
    assert_eq!((state.as_str(), cause.as_str()), ("paused/declined", "declined"));
}

#[tokio::test]
async fn a_phone_that_nobody_picks_up_is_called_off_and_its_operator_paused() {
    let (state, cause) = first_fails(two_operators(), "operator_silent").await;
    assert_eq!(
        (state.as_str(), cause.as_str()),
        ("paused/no_answer", "no_answer")
    );
}

#[tokio::test]
async fn an_operator_may_miss_as_many_calls_as_are_set() {
    let settings = Settings {
        no_answer_max: 2,
        ..two_operators()
    };
    let (state, _) = first_fails(settings, "operator_silent").await;
    assert_eq!(state, "available");
}

#[tokio::test]
async fn the_phone_stops_ringing_when_the_caller_gives_up() {
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
    let mut desk = Desk::open(&place, &engine, "1001", "operator_silent").await;
    ready(&mut feed, desk.user).await;

    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("hotline", None).await.unwrap();
    feed.until("the phone to ring", |log| log.operator("1001") == "reserved")
        .await;
    call.hang_up().await;
    feed.until("the operator to be free", |log| {
        log.count("call_ended") == 1 && log.operator("1001") == "available"
    })
    .await;
    desk.phone.succeeded().await;
    assert_eq!(feed.log().count("call_connected"), 0);
    engine.stop().await;
}

#[tokio::test]
async fn an_operator_whose_phone_unregisters_gets_no_call() {
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
    let desk = Desk::open(&place, &engine, "1001", "operator_answers").await;
    ready(&mut feed, desk.user).await;
    desk.phone.register(&place, engine.sip(), &["1001"], 0).await;
    feed.until("the operator to be gone", |log| {
        log.operator("1001") == "signed_off"
    })
    .await;

    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("hotline", None).await.unwrap();
    feed.until("the caller to wait", |log| log.count("call_admitted") == 1)
        .await;
    call.hang_up().await;
    feed.until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    assert_eq!(feed.log().count("call_assigned"), 0);
    engine.stop().await;
}

#[tokio::test]
async fn a_phone_that_unregisters_while_ringing_gives_the_call_back() {
    let place = Place::new();
    let settings = Settings {
        operators: TWO,
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let first = Desk::open(&place, &engine, "1001", "operator_silent").await;
    ready(&mut feed, first.user).await;

    let caller = Phone::start(PhoneConfig::new("13800000001", engine.sip()))
        .await
        .unwrap();
    let mut call = caller.call("hotline", None).await.unwrap();
    feed.until("the phone to ring", |log| log.operator("1001") == "reserved")
        .await;
    first.phone.register(&place, engine.sip(), &["1001"], 0).await;
    feed.until("the call to be back", |log| {
        log.texts("call_returned", "cause") == ["phone_gone"]
    })
    .await;
    let mut second = Desk::open(&place, &engine, "1002", "operator_hangs_up").await;
    assert_eq!(
        soon("the end of the call", call.over()).await,
        CallState::HungUp { by_peer: true }
    );
    second.phone.succeeded().await;
    feed.until("the outcome", |log| {
        log.texts("call_ended", "outcome") == ["answered"]
    })
    .await;
    engine.stop().await;
}

#[tokio::test]
async fn when_the_caller_hangs_up_the_operators_leg_ends() {
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
    let mut desk = Desk::open(&place, &engine, "1001", "operator_answers").await;
    ready(&mut feed, desk.user).await;
    let mut calling = Sipp::callers(&place, "caller", engine.sip(), ["13800000001"])
        .pausing(500)
        .start(&place);
    calling.succeeded().await;
    desk.phone.succeeded().await;
    feed.until("the outcome", |log| {
        log.texts("call_ended", "outcome") == ["answered"]
    })
    .await;
    engine.stop().await;
}

#[tokio::test]
async fn commands_over_the_feed_make_an_operator_ready() {
    let place = Place::new();
    let settings = Settings {
        operators: &["1001"],
        auto_ready: false,
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut desk = Desk::open(&place, &engine, "1001", "operator_hangs_up").await;
    feed.until("the phone to be there", |log| log.count("phone_changed") == 1)
        .await;
    let mut calling = Sipp::callers(&place, "caller_stays", engine.sip(), ["13800000001"]).start(&place);
    feed.until("the caller to wait", |log| log.count("call_admitted") == 1)
        .await;
    assert_eq!(feed.log().count("call_assigned"), 0);
    for command in ["sign_on", "ready"] {
        feed.command(serde_json::json!({ "do": command, "operator": "1001" }))
            .await;
    }
    feed.until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    calling.succeeded().await;
    desk.phone.succeeded().await;
    engine.stop().await;
}
