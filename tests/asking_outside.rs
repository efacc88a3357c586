//! Numbers outside that an operator asks about a call before giving it away: a tone of each of the three is measured at the
//! ends where it is to be heard, and music or ringing where somebody waits.

use harness::{HZ, House, Settings, hears, hears_music, hears_ringback, hung_up, rung, soon};
use phone::{Call, Incoming, Phone};
use serde_json::json;

const NUMBER: &str = "13900000009";

/// Whose of the tones is whose.
const CALLER: usize = 0;
const OPERATOR: usize = 1;
const OTHER: usize = 2;

/// Phones, and the call of two of them. A phone that goes ends its call.
struct Talk {
    _caller: Phone,
    operator: Phone,
    calling: Call,
    called: Call,
}

async fn house() -> House {
    house_with("[transfer]\ntrunk = \"loopback\"\nnumbers = [\"139*\"]\nring_timeout = \"60s\"").await
}

async fn house_with(tables: &'static str) -> House {
    House::open(Settings {
        operators: &["1001"],
        queue: "wrap_up = \"60s\"",
        tables,
        ..Settings::default()
    })
    .await
}

/// A caller talks with the operator.
async fn talking(house: &House) -> Talk {
    let operator = house.operator("1001").await;
    let (caller, calling) = house.caller("13800000001").await;
    calling.tone(HZ[CALLER]);
    let called = rung(&operator, "the operator's phone to ring")
        .await
        .answer()
        .unwrap();
    called.tone(HZ[OPERATOR]);
    let talk = Talk {
        _caller: caller,
        operator,
        calling,
        called,
    };
    together(&talk).await;
    talk
}

/// Caller and operator hear each other and nobody else.
async fn together(talk: &Talk) {
    hears(&talk.calling, &[OPERATOR], "with the operator, the caller").await;
    hears(&talk.called, &[CALLER], "with the caller, the operator").await;
}

/// The operator's console asks for something.
async fn asks(house: &mut House, mut command: serde_json::Value) {
    command["operator"] = "1001".into();
    house.feed.command(command).await;
}

/// The phone outside rings about the call, which the operator hears.
async fn asking(house: &mut House, talk: &Talk) -> Incoming {
    asks(house, json!({"do": "consult_outside", "number": NUMBER})).await;
    let incoming = rung(&house.outside, "the phone outside to ring").await;
    assert_eq!(incoming.caller(), "12345", "the number sees the hotline");
    incoming.ringing();
    hears_ringback(&talk.called, "asking, the operator").await;
    hears_music(&talk.calling, "while it rings outside, the caller").await;
    incoming
}

/// The phone outside is picked up, and operator and number talk about the caller.
async fn asked(talk: &Talk, incoming: Incoming) -> Call {
    let other = incoming.answer().unwrap();
    other.tone(HZ[OTHER]);
    hears(&talk.called, &[OTHER], "asking, the operator").await;
    hears(&other, &[OPERATOR], "asked, the number").await;
    hears_music(&talk.calling, "asked about, the caller").await;
    other
}

/// Caller and number talk, and the operator is out of it.
async fn given(talk: &mut Talk, other: &Call) {
    hung_up(&mut talk.called, "the operator's leg to end").await;
    hears(&talk.calling, &[OTHER], "given outside, the caller").await;
    hears(other, &[CALLER], "given the call, the number").await;
}

#[tokio::test]
async fn a_number_outside_is_asked_joins_and_at_last_has_the_call() {
    let mut house = house().await;
    let mut talk = talking(&house).await;
    let incoming = asking(&mut house, &talk).await;
    let mut other = asked(&talk, incoming).await;

    asks(&mut house, json!({"do": "conference"})).await;
    hears(&talk.calling, &[OPERATOR, OTHER], "of three, the caller").await;
    hears(&talk.called, &[CALLER, OTHER], "of three, the operator").await;
    hears(&other, &[CALLER, OPERATOR], "of three, the number").await;

    asks(&mut house, json!({"do": "cancel_consult"})).await;
    hung_up(&mut other, "the leg outside to end").await;
    together(&talk).await;

    let incoming = asking(&mut house, &talk).await;
    let mut other = asked(&talk, incoming).await;
    asks(&mut house, json!({"do": "complete_transfer"})).await;
    given(&mut talk, &other).await;
    let metrics = house.engine().web().metrics().await;
    assert_eq!(metrics.sum("holdfast_lines_in_use", &[]), 0.0);
    assert_eq!(metrics.sum("holdfast_calls", &["stage=\"forwarded\""]), 1.0);
    assert_eq!(metrics.sum("holdfast_calls_transferred_total", &[]), 1.0);

    other.hang_up().await;
    hung_up(&mut talk.calling, "the caller's leg to end").await;
    house.ended(&["answered"]).await;
    let ended = house.feed.log().of("call_ended").next().unwrap();
    assert_eq!(ended["operator"], "1001");
    assert!(ended["held_ms"].as_u64() > Some(0));
    assert_eq!(house.outside.dialogs(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_number_that_is_busy_or_hangs_up_gives_the_caller_back() {
    let mut house = house().await;
    let talk = talking(&house).await;
    let incoming = asking(&mut house, &talk).await;
    incoming.decline(486);
    together(&talk).await;

    let incoming = asking(&mut house, &talk).await;
    let mut other = asked(&talk, incoming).await;
    other.hang_up().await;
    together(&talk).await;

    let incoming = asking(&mut house, &talk).await;
    let mut other = asked(&talk, incoming).await;
    asks(&mut house, json!({"do": "conference"})).await;
    hears(&other, &[CALLER, OPERATOR], "of three, the number").await;
    other.hang_up().await;
    together(&talk).await;
    assert_eq!(house.outside.dialogs(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_number_that_does_not_answer_in_time_gives_the_caller_back() {
    let tables = "[transfer]\ntrunk = \"loopback\"\nnumbers = [\"139*\"]\nring_timeout = \"3s\"";
    let mut house = house_with(tables).await;
    let talk = talking(&house).await;
    asks(&mut house, json!({"do": "consult_outside", "number": NUMBER})).await;
    let mut incoming = rung(&house.outside, "the phone outside to ring").await;
    soon("the phone outside to fall silent", incoming.gone()).await;
    together(&talk).await;
    house.close().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_it_for_who_was_asked() {
    let mut house = house().await;
    let mut talk = talking(&house).await;
    let mut incoming = asking(&mut house, &talk).await;
    talk.calling.hang_up().await;
    soon("the phone outside to fall silent", incoming.gone()).await;
    hung_up(&mut talk.called, "the operator's leg to end").await;
    house.ended(&["answered"]).await;

    asks(&mut house, json!({"do": "ready"})).await;
    let (caller, calling) = house.caller("13800000002").await;
    calling.tone(HZ[CALLER]);
    let called = rung(&talk.operator, "the operator's phone to ring again").await;
    let called = called.answer().unwrap();
    called.tone(HZ[OPERATOR]);
    let mut talk = Talk {
        _caller: caller,
        calling,
        called,
        ..talk
    };
    together(&talk).await;
    let incoming = asking(&mut house, &talk).await;
    let mut other = asked(&talk, incoming).await;
    talk.calling.hang_up().await;
    hung_up(&mut other, "the leg outside to end").await;
    hung_up(&mut talk.called, "the operator's leg to end").await;
    house.ended(&["answered", "answered"]).await;
    house.close().await;
}

#[tokio::test]
async fn an_operator_who_hangs_up_leaves_the_call_to_who_was_asked() {
    let mut house = house().await;
    let mut talk = talking(&house).await;
    let incoming = asking(&mut house, &talk).await;
    talk.called.hang_up().await;
    house
        .feed
        .until("wrap-up", |log| log.operator("1001") == "wrap_up")
        .await;
    hears_music(&talk.calling, "given outside, the caller").await;
    let other = incoming.answer().unwrap();
    other.tone(HZ[OTHER]);
    hears(&talk.calling, &[OTHER], "picked up outside, the caller").await;
    hears(&other, &[CALLER], "picked up, the number").await;
    house.close().await;
}

#[tokio::test]
async fn only_numbers_that_are_allowed_are_asked() {
    let mut house = house().await;
    for (number, code) in [("sip:139@example.net", "not_a_number"), ("139", "not_talking")] {
        let ask = json!({"do": "consult_outside", "number": number, "operator": "1001"});
        assert_eq!(house.feed.ask(ask).await["code"], code, "{number}");
    }
    let _talk = talking(&house).await;
    let ask = json!({"do": "consult_outside", "number": "110", "operator": "1001"});
    assert_eq!(house.feed.ask(ask).await["code"], "number_not_allowed");
    house.close().await;
}

#[tokio::test]
async fn a_crash_costs_none_of_the_three_the_conversation() {
    let mut house = house().await;
    let mut talk = talking(&house).await;
    let incoming = asking(&mut house, &talk).await;
    // The phone that rings rings on, and what is picked up is taken.
    let house = house.killed().await;
    hears_music(&talk.calling, "while it rings after a crash, the caller").await;
    let other = asked(&talk, incoming).await;
    let mut house = house.killed().await;
    hears(&talk.called, &[OTHER], "asking after a crash, the operator").await;
    hears(&other, &[OPERATOR], "asked after a crash, the number").await;
    hears_music(&talk.calling, "asked about after a crash, the caller").await;

    asks(&mut house, json!({"do": "conference"})).await;
    hears(&talk.calling, &[OPERATOR, OTHER], "of three, the caller").await;
    let mut house = house.killed().await;
    hears(
        &talk.calling,
        &[OPERATOR, OTHER],
        "of three after a crash, the caller",
    )
    .await;
    hears(
        &talk.called,
        &[CALLER, OTHER],
        "of three after a crash, the operator",
    )
    .await;
    hears(&other, &[CALLER, OPERATOR], "of three after a crash, the number").await;

    asks(&mut house, json!({"do": "complete_transfer"})).await;
    given(&mut talk, &other).await;
    let mut house = house.killed().await;
    hears(&talk.calling, &[OTHER], "given away before a crash, the caller").await;
    hears(&other, &[CALLER], "given the call before a crash, the number").await;
    drop(other);
    hung_up(&mut talk.calling, "the caller's leg to end").await;
    house.ended(&["answered"]).await;
    house.close().await;
}
