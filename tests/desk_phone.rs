//! A real softphone on an operator's desk, whose calls are controlled from the console: a tone of each of the three is
//! measured at the ends where it is to be heard, by the softphones too.

use harness::{Baresip, Feed, HZ, House, Settings, hears, hears_music, hears_ringback, hung_up, rung};
use phone::{Call, Phone};
use serde_json::json;

/// Whose of the tones is whose. The third is a colleague's softphone, or a phone outside.
const CALLER: usize = 0;
const DESK: usize = 1;
const THIRD: usize = 2;

async fn house() -> House {
    House::open(Settings {
        operators: &["1001", "1002"],
        queue: "wrap_up = \"60s\"",
        // This old baresip gives up on any challenge it does not know, even beside one that it does.
        sip: "digest = [\"md5\"]",
        tables: "[transfer]\ntrunk = \"loopback\"\nnumbers = [\"139*\"]\nring_timeout = \"60s\"",
        ..Settings::default()
    })
    .await
}

/// An operator's softphone, which picks up by itself.
async fn softphone(house: &mut House, name: &str, sends: usize) -> Baresip {
    let softphone = Baresip::start(house.place(), name, HZ[sends], house.engine().sip(), true).await;
    free(house, name).await;
    softphone
}

async fn free(house: &mut House, name: &str) {
    let what = format!("{name} to be free");
    house
        .feed
        .until(&what, |log| log.operator(name) == "available")
        .await;
}

/// The softphone's console asks for something.
async fn asks(feed: &mut Feed, mut command: serde_json::Value) {
    command["operator"] = "1001".into();
    feed.command(command).await;
}

/// A caller, whom the softphone picks up; the two hear each other.
async fn calls(house: &House, desk: &Baresip, number: &str) -> (Phone, Call) {
    let (caller, calling) = house.caller(number).await;
    calling.tone(HZ[CALLER]);
    together(desk, &calling).await;
    (caller, calling)
}

async fn together(desk: &Baresip, calling: &Call) {
    hears(calling, &[DESK], "with the softphone, the caller").await;
    hears(desk, &[CALLER], "with the caller, the softphone").await;
}

#[tokio::test]
async fn a_softphone_s_calls_are_held_asked_about_given_away_and_ended_from_the_console() {
    let mut house = house().await;
    let desk = softphone(&mut house, "1001", DESK).await;
    let (_caller, calling) = calls(&house, &desk, "13800000001").await;

    asks(&mut house.feed, json!({"do": "hold", "on": true})).await;
    hears_music(&calling, "on hold, the caller").await;
    asks(&mut house.feed, json!({"do": "hold", "on": false})).await;
    together(&desk, &calling).await;

    let colleague = softphone(&mut house, "1002", THIRD).await;
    asks(&mut house.feed, json!({"do": "consult", "to": "1002"})).await;
    hears(&desk, &[THIRD], "asking, the softphone").await;
    hears(&colleague, &[DESK], "asked, the colleague").await;
    hears_music(&calling, "asked about, the caller").await;
    asks(&mut house.feed, json!({"do": "conference"})).await;
    hears(&calling, &[DESK, THIRD], "of three, the caller").await;
    hears(&desk, &[CALLER, THIRD], "of three, the softphone").await;
    hears(&colleague, &[CALLER, DESK], "of three, the colleague").await;
    asks(&mut house.feed, json!({"do": "cancel_consult"})).await;
    together(&desk, &calling).await;
    free(&mut house, "1002").await;

    asks(
        &mut house.feed,
        json!({"do": "consult_outside", "number": "13900000009"}),
    )
    .await;
    let incoming = rung(&house.outside, "the phone outside to ring").await;
    incoming.ringing();
    hears_ringback(&desk, "asking outside, the softphone").await;
    hears_music(&calling, "while it rings outside, the caller").await;
    let other = incoming.answer().unwrap();
    other.tone(HZ[THIRD]);
    hears(&desk, &[THIRD], "asking outside, the softphone").await;
    hears(&other, &[DESK], "asked, the number").await;
    asks(&mut house.feed, json!({"do": "complete_transfer"})).await;
    hears(&calling, &[THIRD], "given outside, the caller").await;
    hears(&other, &[CALLER], "given the call, the number").await;
    house
        .feed
        .until("wrap-up", |log| log.operator("1001") == "wrap_up")
        .await;

    // The colleague goes, and the softphone's line is free again: it takes the next call, which the console ends.
    let sign_off = json!({"do": "sign_off", "operator": "1002"});
    house.feed.command(sign_off).await;
    asks(&mut house.feed, json!({"do": "ready"})).await;
    let (_next, mut next) = calls(&house, &desk, "13800000002").await;
    asks(&mut house.feed, json!({"do": "hang_up"})).await;
    hung_up(&mut next, "the caller's leg to end").await;
    house.ended(&["answered"]).await;
    let metrics = house.engine().web().metrics().await;
    assert_eq!(metrics.sum("holdfast_calls_transferred_total", &[]), 1.0);
    house.close().await;
}
