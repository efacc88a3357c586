//! Phones outside: callers who are called back in their turn, and calls that go on to another place. And a queue that
//! rings all its operators' phones at once.

use harness::{House, Settings, hears_tone, hung_up, rung, soon};

/// What each end sends.
const CALLER_HZ: u32 = 700;
const OTHER_HZ: u32 = 1_000;
/// The tone that is heard while another phone rings (GF 002).
const RINGBACK_HZ: u32 = 450;

const NUMBER: &str = "13800000001";

#[tokio::test]
async fn a_caller_who_asked_for_it_is_called_back_once_and_both_hear_each_other() {
    let mut house = House::calling_back().await;
    house.promised(NUMBER).await;
    let (operator, mut called, incoming) = house.reached(NUMBER).await;
    hears_tone(&called, RINGBACK_HZ).await;
    let mut answered = incoming.answer().unwrap();
    called.tone(OTHER_HZ);
    answered.tone(CALLER_HZ);
    house
        .feed
        .until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    hears_tone(&answered, OTHER_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    called.hang_up().await;
    hung_up(&mut answered, "the caller's leg to end").await;
    house.ended(&["callback", "answered"]).await;
    let log = house.feed.log();
    assert_eq!(log.count("caller_dialled"), 1);
    assert_eq!(log.count("fifo_overtaken"), 0);
    assert_eq!((house.outside.dialogs(), operator.dialogs()), (0, 0));
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_after_a_call_back_ends_the_operators_leg() {
    let mut house = House::calling_back().await;
    house.promised(NUMBER).await;
    let (_operator, mut called, incoming) = house.reached(NUMBER).await;
    let mut answered = incoming.answer().unwrap();
    house
        .feed
        .until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    answered.hang_up().await;
    hung_up(&mut called, "the operator's leg to end").await;
    house.ended(&["callback", "answered"]).await;
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_is_not_reached_is_not_dialled_again() {
    let mut house = House::calling_back().await;
    house.promised(NUMBER).await;
    let (_operator, mut called, incoming) = house.reached(NUMBER).await;
    incoming.decline(486);
    hung_up(&mut called, "the operator's leg to end").await;
    house.ended(&["callback", "failed"]).await;
    house
        .feed
        .until("the operator to be free", |log| {
            log.operator("1001") == "available"
        })
        .await;
    assert_eq!(house.feed.log().count("caller_dialled"), 1);
    house.close().await;
}

#[tokio::test]
async fn an_operator_who_gives_up_while_it_rings_ends_the_callers_ringing() {
    let mut house = House::calling_back().await;
    house.promised(NUMBER).await;
    let (_operator, mut called, mut incoming) = house.reached(NUMBER).await;
    called.hang_up().await;
    soon("the caller's phone to fall silent", incoming.gone()).await;
    house.ended(&["callback", "failed"]).await;
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_calls_again_has_the_place_back_and_is_not_called() {
    let mut house = House::calling_back().await;
    house.promised(NUMBER).await;
    let (_phone, mut again) = house.caller(NUMBER).await;
    house
        .feed
        .until("the second call to arrive", |log| log.count("call_arrived") == 2)
        .await;
    let tickets = house.feed.log().numbers("call_arrived", "/ticket");
    assert_eq!(tickets[0], tickets[1], "the place is the same");
    let operator = house.operator("1001").await;
    let called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    called.tone(OTHER_HZ);
    hears_tone(&again, OTHER_HZ).await;
    again.hang_up().await;
    house.ended(&["callback", "abandoned", "answered"]).await;
    assert_eq!(house.feed.log().count("caller_dialled"), 0);
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_finds_it_full_is_put_through_to_another_place() {
    let mut house = House::open(Settings {
        queue: "waiting_max = 1\non_saturated = \"sip:desk@OUTSIDE\"",
        ..Settings::default()
    })
    .await;
    let (_first_phone, mut first) = house.caller(NUMBER).await;
    let (_second_phone, mut second) = house.caller("13800000002").await;
    let incoming = rung(&house.outside, "the other place's phone to ring").await;
    assert_eq!(incoming.caller(), "13800000002");
    incoming.ringing();
    let mut desk = incoming.answer().unwrap();
    desk.tone(OTHER_HZ);
    second.tone(CALLER_HZ);
    hears_tone(&second, OTHER_HZ).await;
    hears_tone(&desk, CALLER_HZ).await;
    desk.hang_up().await;
    hung_up(&mut second, "the caller's leg to end").await;
    house.ended(&["saturated"]).await;
    assert_eq!(house.feed.log().count("call_forwarded"), 1);
    first.hang_up().await;
    house.ended(&["saturated", "short_abandoned"]).await;
    house.close().await;
}

#[tokio::test]
async fn all_phones_ring_and_the_first_to_pick_up_has_the_call() {
    let mut house = House::open(Settings {
        operators: &["1001", "1002"],
        queue: "wrap_up = \"0s\"\nstrategy = \"ring_all\"",
        ..Settings::default()
    })
    .await;
    let (first, second) = (house.operator("1001").await, house.operator("1002").await);
    house
        .feed
        .until("both to be available", |log| {
            ["1001", "1002"]
                .iter()
                .all(|name| log.operator(name) == "available")
        })
        .await;
    let (_phone, mut caller) = house.caller(NUMBER).await;
    let mut rings = rung(&first, "the first phone to ring").await;
    let picked_up = rung(&second, "the second phone to ring").await;
    rings.ringing();
    let called = picked_up.answer().unwrap();
    soon("the other phone to fall silent", rings.gone()).await;
    called.tone(OTHER_HZ);
    hears_tone(&caller, OTHER_HZ).await;
    house
        .feed
        .until("the other to be free", |log| {
            log.operator("1001") == "available" && log.operator("1002") == "talking"
        })
        .await;
    caller.hang_up().await;
    house.ended(&["answered"]).await;
    house.close().await;
}
