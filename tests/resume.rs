//! A console that was watching when the engine was killed goes on where it was.

use harness::{Engine, Place, Settings};
use phone::{Phone, PhoneConfig};

fn settings() -> Settings {
    Settings {
        operators: &["1001"],
        ..Settings::default()
    }
}

#[tokio::test]
async fn what_a_console_missed_before_and_after_a_kill_comes_in_order() {
    let place = Place::new();
    let settings = Settings {
        address: Some(place.address()),
        ..settings()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut other = engine.feed().await;
    let mut callers = Vec::new();
    for number in ["13800000001", "13800000002"] {
        callers.push(
            Phone::start(PhoneConfig::new(number, engine.sip()))
                .await
                .unwrap(),
        );
    }
    let _first = callers[0].call("hotline", None).await.unwrap();
    feed.until("the first to come", |log| log.count("call_admitted") == 1)
        .await;
    let left = feed.leave();

    // Missed before the kill, as the other console saw it.
    let mut second = callers[1].call("hotline", None).await.unwrap();
    other
        .until("the second to come", |log| log.count("call_admitted") == 2)
        .await;
    let told: Vec<u64> = other
        .log()
        .of("call_arrived")
        .filter_map(|delta| delta["call"].as_u64())
        .collect();
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;

    let mut feed = engine.feed_from(&left).await;
    feed.until("the second to come", |log| log.count("call_admitted") == 1)
        .await;
    assert!(feed.snapshot().is_null(), "it went on without a snapshot");
    assert_eq!(
        feed.log().numbers("call_arrived", "/call"),
        [told[1]],
        "the second, once; the first is known"
    );
    // And on from there, across another kill.
    let left = feed.leave();
    engine.kill().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed_from(&left).await;
    second.hang_up().await;
    feed.until("the second to leave", |log| log.count("call_ended") == 1)
        .await;
    assert!(feed.snapshot().is_null());
    let fresh = engine.feed().await;
    let calls = fresh.snapshot()["calls"].as_array().map_or(0, Vec::len);
    assert_eq!(calls, 1, "{}", fresh.snapshot());
    engine.stop().await;
}

#[tokio::test]
async fn another_journals_numbers_are_not_mistaken_for_these() {
    let (place, other_place) = (Place::new(), Place::new());
    let settings = settings();
    let engine = Engine::start(&other_place, &settings).await;
    let left = engine.feed().await.leave();
    engine.stop().await;
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed_from(&left.signed_in(&engine).await).await;
    assert!(feed.starts_over().await);
    engine.stop().await;
}
