//! Calls that operators give to a number outside: its phone is rung by the trunk, and a tone of each of the two is measured
//! at the other's end; who does not come to talk there is back in the place.

use harness::{House, Settings, hears_tone, hung_up, rung, soon};
use phone::{Call, CallState, Incoming, Phone};
use serde_json::json;

/// What each end sends.
const CALLER_HZ: u32 = 700;
const OPERATOR_HZ: u32 = 400;
const OTHER_HZ: u32 = 1_000;

const CALLER: &str = "13800000001";
const NUMBER: &str = "13900000009";

const HUNG_UP: CallState = CallState::HungUp { by_peer: true };

/// A caller who talked with operator 1001 and was given to [`NUMBER`], whose phone rings. A phone that goes ends its call.
struct Given {
    _caller: Phone,
    operator: Phone,
    calling: Call,
    incoming: Incoming,
}

async fn house() -> House {
    House::open(Settings {
        operators: &["1001"],
        queue: "wrap_up = \"60s\"",
        tables: "[transfer]\ntrunk = \"loopback\"\nnumbers = [\"139*\"]\nring_timeout = \"60s\"",
        ..Settings::default()
    })
    .await
}

async fn given(house: &mut House) -> Given {
    let operator = house.operator("1001").await;
    let (caller, calling) = house.caller(CALLER).await;
    calling.tone(CALLER_HZ);
    let mut called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    called.tone(OPERATOR_HZ);
    hears_tone(&calling, OPERATOR_HZ).await;
    let give = json!({"do": "transfer_outside", "number": NUMBER, "operator": "1001"});
    house.feed.command(give).await;
    hung_up(&mut called, "the operator's leg to end").await;
    house
        .feed
        .until("wrap-up", |log| log.operator("1001") == "wrap_up")
        .await;
    let incoming = rung(&house.outside, "the phone outside to ring").await;
    incoming.ringing();
    assert_eq!(incoming.caller(), "12345");
    Given {
        _caller: caller,
        operator,
        calling,
        incoming,
    }
}

/// The phone outside is picked up, and the two hear each other.
async fn talking(calling: &Call, incoming: Incoming) -> Call {
    let answered = incoming.answer().unwrap();
    answered.tone(OTHER_HZ);
    hears_tone(calling, OTHER_HZ).await;
    hears_tone(&answered, CALLER_HZ).await;
    answered
}

#[tokio::test]
async fn a_caller_who_is_given_outside_talks_there_and_holds_no_line() {
    let mut house = house().await;
    let mut given = given(&mut house).await;
    let mut answered = talking(&given.calling, given.incoming).await;
    house
        .feed
        .until("the number to answer", |log| log.count("outside_answered") == 1)
        .await;
    let metrics = house.engine().web().metrics().await;
    assert_eq!(metrics.sum("holdfast_lines_in_use", &[]), 0.0);
    assert_eq!(metrics.sum("holdfast_calls", &["stage=\"forwarded\""]), 1.0);
    answered.hang_up().await;
    assert_eq!(
        soon("the caller's leg to end", given.calling.over()).await,
        HUNG_UP
    );
    house.ended(&["answered"]).await;
    assert_eq!(house.outside.dialogs(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_number_that_is_busy_leaves_the_caller_in_the_place() {
    let mut house = house().await;
    let given = given(&mut house).await;
    given.incoming.decline(486);
    house
        .feed
        .until("the call to be back", |log| log.count("outside_failed") == 1)
        .await;
    let failed = house.feed.log().of("outside_failed").next().cloned().unwrap();
    assert_eq!(failed["cause"], "busy");
    let ready = json!({"do": "ready", "operator": "1001"});
    house.feed.command(ready).await;
    let called = rung(&given.operator, "the operator's phone to ring again")
        .await
        .answer()
        .unwrap();
    called.tone(OPERATOR_HZ);
    hears_tone(&given.calling, OPERATOR_HZ).await;
    hears_tone(&called, CALLER_HZ).await;
    assert_eq!(house.feed.log().count("fifo_overtaken"), 0);
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_silences_the_phone_outside() {
    let mut house = house().await;
    let mut given = given(&mut house).await;
    given.calling.hang_up().await;
    soon("the phone outside to fall silent", given.incoming.gone()).await;
    house.ended(&["answered"]).await;
    house.close().await;
}

#[tokio::test]
async fn numbers_that_are_not_allowed_are_not_dialled() {
    let mut house = house().await;
    for (number, code) in [("sip:139@example.net", "not_a_number"), ("139", "not_talking")] {
        let give = json!({"do": "transfer_outside", "number": number, "operator": "1001"});
        let answer = house.feed.ask(give).await;
        assert_eq!(answer["code"], code, "{number}");
    }
    let operator = house.operator("1001").await;
    let (_caller, _calling) = house.caller(CALLER).await;
    let _called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    house
        .feed
        .until("the two to talk", |log| log.count("call_connected") == 1)
        .await;
    let give = json!({"do": "transfer_outside", "number": "110", "operator": "1001"});
    let answer = house.feed.ask(give).await;
    assert_eq!(answer["code"], "number_not_allowed");
    assert_eq!(house.feed.log().operator("1001"), "talking");
    house.close().await;
}

#[tokio::test]
async fn a_crash_costs_neither_the_ringing_nor_the_talk() {
    let mut house = house().await;
    let mut given = given(&mut house).await;
    let house = house.killed().await;
    // The phone that rings rings on, and what is picked up is taken.
    let mut answered = talking(&given.calling, given.incoming).await;
    let mut house = house.killed().await;
    hears_tone(&given.calling, OTHER_HZ).await;
    hears_tone(&answered, CALLER_HZ).await;
    given.calling.hang_up().await;
    hung_up(&mut answered, "the leg outside to end").await;
    house.ended(&["answered"]).await;
    house.close().await;
}
