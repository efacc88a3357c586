//! What outlives `kill -9` besides calls on the line: promises, call-backs under way, calls put through to another
//! place, kept places, and callers whose TCP connection died with the engine.

use harness::{House, Settings, hears_tone, hung_up, rung, soon};
use phone::CallState;

/// What each end sends.
const CALLER_HZ: u32 = 700;
const OTHER_HZ: u32 = 1_000;

const FIRST: &str = "13800000001";
const SECOND: &str = "13800000002";

#[tokio::test]
async fn a_promised_call_back_is_made() {
    let mut house = House::calling_back().await;
    house.promised(FIRST).await;
    let mut house = house.killed().await;
    let (_operator, mut called, incoming) = house.reached(FIRST).await;
    let answered = incoming.answer().unwrap();
    called.tone(OTHER_HZ);
    answered.tone(CALLER_HZ);
    hears_tone(&answered, OTHER_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    called.hang_up().await;
    house.ended(&["answered"]).await;
    assert_eq!(
        house.feed.log().count("caller_dialled"),
        1,
        "promised once, dialled once"
    );
    house.close().await;
}

#[tokio::test]
async fn a_caller_whose_phone_rings_for_a_call_back_rings_once_and_is_connected() {
    let mut house = House::calling_back().await;
    house.promised(FIRST).await;
    let (_operator, mut called, incoming) = house.reached(FIRST).await;
    let mut house = house.killed().await;
    let mut answered = incoming.answer().unwrap();
    called.tone(OTHER_HZ);
    answered.tone(CALLER_HZ);
    hears_tone(&answered, OTHER_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    answered.hang_up().await;
    hung_up(&mut called, "the operator's leg to end").await;
    house.ended(&["answered"]).await;
    assert_eq!(house.outside.dialogs(), 0, "no second call reached the caller");
    house.close().await;
}

#[tokio::test]
async fn a_call_put_through_to_another_place_goes_on() {
    let house = House::open(Settings {
        queue: "waiting_max = 1\nshort_abandon = \"0s\"\non_saturated = \"sip:desk@OUTSIDE\"",
        ..Settings::default()
    })
    .await;
    let (_first_phone, mut first) = house.caller(FIRST).await;
    let (_second_phone, mut second) = house.caller(SECOND).await;
    let mut desk = rung(&house.outside, "the other place's phone to ring")
        .await
        .answer()
        .unwrap();
    desk.tone(OTHER_HZ);
    second.tone(CALLER_HZ);
    hears_tone(&second, OTHER_HZ).await;
    let mut house = house.killed().await;
    hears_tone(&second, OTHER_HZ).await;
    hears_tone(&desk, CALLER_HZ).await;
    desk.hang_up().await;
    hung_up(&mut second, "the caller's leg to end").await;
    house.ended(&["saturated"]).await;
    assert_eq!(first.state(), CallState::Talking, "who waits is still there");
    first.hang_up().await;
    house.ended(&["saturated", "abandoned"]).await;
    house.close().await;
}

#[tokio::test]
async fn who_was_dropped_finds_the_place_again() {
    let mut house = House::open(Settings {
        queue: "wrap_up = \"0s\"\nshort_abandon = \"0s\"",
        ..Settings::default()
    })
    .await;
    let (_phone, mut dropped) = house.caller(FIRST).await;
    let (_other_phone, _waits) = house.caller(SECOND).await;
    dropped.hang_up().await;
    house.ended(&["abandoned"]).await;
    let tickets = house.feed.log().numbers("call_arrived", "/ticket");
    let mut house = house.killed().await;
    let (_again_phone, _again) = house.caller(FIRST).await;
    house
        .feed
        .until("the redial to arrive", |log| log.count("call_arrived") == 1)
        .await;
    let redial = house.feed.log().of("call_arrived").next().cloned().unwrap();
    assert_eq!(
        (&redial["resumed"], redial["ticket"].as_u64()),
        (&true.into(), tickets.first().copied()),
        "{redial}"
    );
    house.close().await;
}

#[tokio::test]
async fn a_caller_over_tcp_talks_on_and_is_hung_up_on() {
    let mut house = House::open(Settings {
        operators: &["1001"],
        ..Settings::default()
    })
    .await;
    let operator = house.operator("1001").await;
    let (_caller, mut calling) = house.caller_by_tcp(FIRST).await;
    let mut called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    house
        .feed
        .until("the two to talk", |log| log.count("call_connected") == 1)
        .await;
    let mut house = house.killed().await;
    called.tone(OTHER_HZ);
    calling.tone(CALLER_HZ);
    hears_tone(&calling, OTHER_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    soon("the operator to hang up", called.hang_up()).await;
    hung_up(&mut calling, "the caller's leg to end").await;
    house.ended(&["answered"]).await;
    house.close().await;
}
