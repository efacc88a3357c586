//! Lines and order: sipp plays callers and operators, the feed and the metrics tell what the queue did.

use harness::{Engine, Feed, Place, Settings, Sipp};

const OPERATORS: &[&str] = &["1001", "1002", "1003"];

/// Callers' numbers, in the order in which they call.
fn numbers(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("138000000{number:02}"))
        .collect()
}

/// How many calls the feed has seen end with each outcome.
fn outcomes(feed: &Feed, outcome: &str) -> usize {
    feed.log()
        .of("call_ended")
        .filter(|delta| delta["outcome"] == outcome)
        .count()
}

/// Lets `lines + 1` callers in before any operator is there; all but the last get a line. Then three operators serve
/// them, and the order is judged from three sides: the queue's tickets, the operators' phones, and the metrics.
async fn one_more_than_lines(clock_start: &'static str, lines: usize) {
    let place = Place::new();
    let settings = Settings {
        clock_start,
        operators: OPERATORS,
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    assert_eq!(feed.snapshot()["lines"], lines);

    let callers = numbers(lines + 1);
    let mut calling = Sipp::callers(
        &place,
        "caller_stays",
        engine.sip(),
        callers.iter().map(String::as_str),
    )
    .with(&["-r", "10"])
    .start(&place);
    feed.until("every caller to arrive", |log| {
        log.count("call_arrived") == lines + 1
    })
    .await;
    feed.until("every line to be taken", |log| {
        log.count("call_admitted") == lines
    })
    .await;
    assert_eq!(feed.log().texts("call_arrived", "caller"), callers);
    let tickets = feed.log().numbers("call_arrived", "/ticket");
    assert!(tickets.is_sorted_by(|a, b| a < b), "{tickets:?}");
    let calls = feed.log().numbers("call_arrived", "/call");
    assert_eq!(
        feed.log().numbers("call_admitted", "/call"),
        calls[..lines],
        "the last caller waits for a line"
    );
    assert_eq!(
        engine.web().metrics().await.sum("holdfast_lines_in_use", &[]),
        lines as f64
    );

    let mut phones = Sipp::new(&place, "operator_hangs_up", lines + 1)
        .pausing(100)
        .start(&place);
    phones.register(&place, engine.sip(), OPERATORS, 300).await;
    feed.until("every call to end", |log| log.count("call_ended") == lines + 1)
        .await;
    calling.succeeded().await;
    phones.succeeded().await;

    assert_eq!(outcomes(&feed, "answered"), lines + 1);
    assert_eq!(
        feed.log().numbers("call_assigned", "/why/ticket"),
        tickets,
        "oldest first, always"
    );
    assert_eq!(feed.log().count("fifo_overtaken"), 0);
    assert_eq!(phones.rung_by(), callers, "the phones rang in the callers' order");
    let metrics = engine.web().metrics().await;
    assert_eq!(
        metrics.sum("holdfast_calls_total", &["outcome=\"answered\""]),
        (lines + 1) as f64
    );
    assert_eq!(metrics.sum("holdfast_fifo_overtakes_total", &[]), 0.0);
    assert_eq!(metrics.sum("holdfast_lines_in_use", &[]), 0.0);
    assert_eq!(metrics.sum("holdfast_lines_capacity", &[]), lines as f64);
    engine.stop().await;
}

#[tokio::test]
async fn by_day_the_thirteenth_waits_and_all_are_served_in_order() {
    one_more_than_lines("2026-11-23T10:00:00+08:00", 12).await;
}

#[tokio::test]
async fn by_night_the_fifth_waits_and_all_are_served_in_order() {
    one_more_than_lines("2026-11-23T22:00:00+08:00", 4).await;
}

#[tokio::test]
async fn at_six_in_the_evening_nobody_is_cut_off_and_nobody_loses_the_place() {
    let place = Place::new();
    let settings = Settings {
        clock_start: "2026-11-23T17:59:57+08:00",
        operators: OPERATORS,
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;

    let callers = numbers(7);
    let mut calling = Sipp::callers(
        &place,
        "caller_stays",
        engine.sip(),
        callers.iter().map(String::as_str),
    )
    .with(&["-r", "10"])
    .start(&place);
    feed.until("six lines of twelve and the cliff", |log| {
        log.count("call_admitted") == 7 && log.count("capacity_changed") == 1
    })
    .await;
    assert_eq!(feed.log().numbers("capacity_changed", "/lines"), [4]);
    let in_use = engine.web().metrics().await.sum("holdfast_lines_in_use", &[]);
    assert_eq!(in_use, 7.0, "who has a line keeps it");

    let mut phones = Sipp::new(&place, "operator_hangs_up", 7)
        .pausing(100)
        .start(&place);
    phones.register(&place, engine.sip(), OPERATORS, 300).await;
    feed.until("every call to end", |log| log.count("call_ended") == 7)
        .await;
    calling.succeeded().await;
    phones.succeeded().await;
    assert_eq!(outcomes(&feed, "answered"), 7);
    assert_eq!(phones.rung_by(), callers);
    engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_cancels_while_held_leaves_the_queue() {
    let place = Place::new();
    let settings = Settings {
        queue: "answer = \"operator\"\nshort_abandon = \"0s\"",
        ..Settings::default()
    };
    let engine = Engine::start(&place, &settings).await;
    let mut feed = engine.feed().await;
    let mut calling = Sipp::callers(&place, "caller_gives_up", engine.sip(), ["13800000001"])
        .pausing(300)
        .start(&place);
    feed.until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    calling.succeeded().await;
    assert_eq!(feed.log().texts("call_ended", "outcome"), ["abandoned"]);
    assert_eq!(engine.web().metrics().await.sum("holdfast_queue_depth", &[]), 0.0);
    engine.stop().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_at_once_is_a_short_abandon() {
    let place = Place::new();
    let engine = Engine::start(&place, &Settings::default()).await;
    let mut feed = engine.feed().await;
    let mut calling = Sipp::callers(&place, "caller", engine.sip(), ["13800000001"])
        .pausing(100)
        .start(&place);
    feed.until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    calling.succeeded().await;
    assert_eq!(feed.log().texts("call_ended", "outcome"), ["short_abandoned"]);
    engine.stop().await;
}
