//! What happened is kept: over kills, without doubles, and for those who want to call back.

use harness::{Feed, House, Settings, hung_up, rung, soon};
use phone::{Call, Phone};
use serde_json::{Value, json};
use std::time::Duration;

/// Long enough to be judged: less than two seconds say nothing.
const SPOKEN: Duration = Duration::from_secs(3);
const WITHIN: Duration = Duration::from_secs(20);

/// No wrap-up, and whoever gives up at all counts as having given up.
fn settings() -> Settings {
    Settings {
        operators: &["1001"],
        queue: "wrap_up = \"0s\"\nshort_abandon = \"0s\"",
        tables: "[form]\noutcomes = [\"resolved\"]\ncategories = [\"noise\"]\n",
        ..Settings::default()
    }
}

/// What is known of a call's caller.
async fn history(feed: &mut Feed, call: u64) -> Value {
    let answer = feed.ask(json!({"do": "history", "call": call})).await;
    assert_eq!(answer["type"], "ok", "{answer}");
    answer["history"].clone()
}

/// The earlier calls of a call's caller: outcome and operator of each, the latest first.
async fn earlier(feed: &mut Feed, call: u64) -> Vec<(String, String)> {
    let history = history(feed, call).await;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let calls = history["earlier"].as_array().expect("a list").iter();
    calls
        .map(|call| (word(&call["outcome"]), word(&call["operator"])))
        .collect()
}

fn of(outcome: &str, operator: &str) -> (String, String) {
    (outcome.to_owned(), operator.to_owned())
}

/// The number of the call that arrived last.
fn last_call(feed: &Feed) -> u64 {
    let calls = feed.log().numbers("call_arrived", "/call");
    *calls.last().expect("a call")
}

/// A caller and the operator talk.
async fn talk(house: &mut House, operator: &Phone, number: &str) -> (Phone, Call, Call) {
    let before = house.feed.log().count("call_connected");
    let (phone, call) = house.caller(number).await;
    let called = rung(operator, "the operator's phone to ring").await;
    let called = called.answer().expect("it still rings");
    house
        .feed
        .until("the two to be connected", |log| {
            log.count("call_connected") > before
        })
        .await;
    (phone, call, called)
}

/// A caller waits for a moment and gives up.
async fn gives_up(house: &mut House, number: &str) {
    let before = house.feed.log().count("call_ended");
    let (_phone, mut call) = house.caller(number).await;
    call.hang_up().await;
    house
        .feed
        .until("the call to end", |log| log.count("call_ended") > before)
        .await;
}

#[tokio::test]
async fn records_outlive_a_kill_and_nothing_is_there_twice() {
    let mut house = House::open(settings()).await;
    let operator = house.operator("1001").await;
    let (_phone, mut call, _called) = talk(&mut house, &operator, "13800000001").await;
    let first = last_call(&house.feed);
    let form = json!({"do": "save_form", "operator": "1001", "call": first, "outcome": "resolved",
                      "categories": ["noise"], "text": "狗叫"});
    house.feed.command(form.clone()).await;
    call.hang_up().await;
    house
        .feed
        .until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    // The second call of the same person goes on over the kill.
    let (_phone, mut call, _called) = talk(&mut house, &operator, "13800000001").await;
    let second = last_call(&house.feed);

    let mut house = house.killed().await;
    assert_eq!(earlier(&mut house.feed, second).await, [of("answered", "1001")]);
    house
        .feed
        .command(json!({"do": "save_form", "operator": "1001", "call": second, "text": "again"}))
        .await;
    call.hang_up().await;
    house
        .feed
        .until("the call to end", |log| log.count("call_ended") == 1)
        .await;

    let mut house = house.killed().await;
    let (_phone, _call) = house.caller("13800000001").await;
    house
        .feed
        .until("the third call", |log| log.count("call_arrived") == 1)
        .await;
    let third = last_call(&house.feed);
    let both = [of("answered", "1001"), of("answered", "1001")];
    assert_eq!(earlier(&mut house.feed, third).await, both);
    let known = history(&mut house.feed, third).await;
    let texts = ["/earlier/0/forms/0/text", "/earlier/1/forms/0/text"].map(|path| known.pointer(path));
    assert_eq!(texts, [Some(&json!("again")), Some(&json!("狗叫"))]);
    house.close().await;
}

/// Who had each leg of the earlier call that was the last, its codec, and whether the phone's sound has a score.
fn legs(history: &Value) -> Vec<(String, String, bool)> {
    let legs = history.pointer("/earlier/0/legs").and_then(Value::as_array);
    let legs = legs.expect("an earlier call with legs").iter();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    legs.map(|leg| {
        let scored = leg["received"]["mos"]
            .as_f64()
            .is_some_and(|mos| (1.0..=4.5).contains(&mos));
        (word(&leg["operator"]), word(&leg["codec"]), scored)
    })
    .collect()
}

#[tokio::test]
async fn how_a_call_sounded_is_told_with_it_and_outlives_a_kill() {
    let mut house = House::open(settings()).await;
    let operator = house.operator("1001").await;
    let (_phone, mut call, called) = talk(&mut house, &operator, "13800000001").await;
    let heard = call.hear(SPOKEN, WITHIN).await.duration() + called.hear(SPOKEN, WITHIN).await.duration();
    assert!(heard >= SPOKEN * 2, "{heard:?}");
    call.hang_up().await;
    let (_phone, _call) = house.caller("13800000001").await;
    house
        .feed
        .until("the second call", |log| log.count("call_arrived") == 2)
        .await;
    let call = last_call(&house.feed);
    let both = [("-", "PCMA", true), ("1001", "PCMA", true)]
        .map(|(who, codec, scored)| (who.into(), codec.into(), scored));
    let told = async {
        while legs(&history(&mut house.feed, call).await) != both {
            tokio::task::yield_now().await;
        }
    };
    soon("both legs to be judged", told).await;

    let mut house = house.killed().await;
    assert_eq!(legs(&history(&mut house.feed, call).await), both);
    house.close().await;
}

#[tokio::test]
async fn records_that_were_lost_come_back_from_the_journal() {
    let mut house = House::open(settings()).await;
    let operator = house.operator("1001").await;
    let (_phone, mut call, _called) = talk(&mut house, &operator, "13800000001").await;
    call.hang_up().await;
    house
        .feed
        .until("the call to end", |log| log.count("call_ended") == 1)
        .await;
    gives_up(&mut house, "13800000001").await;
    let mut house = house
        .killed_and(|dir| {
            for name in ["records.db", "records.db-wal", "records.db-shm"] {
                // The last two are there only while the first is open, or after a kill.
                let _ = std::fs::remove_file(dir.join(name));
            }
        })
        .await;
    let (_phone, _call) = house.caller("13800000001").await;
    house
        .feed
        .until("the call to arrive", |log| log.count("call_arrived") == 1)
        .await;
    let call = last_call(&house.feed);
    let filled_in = async {
        let both = [of("abandoned", "-"), of("answered", "1001")];
        while earlier(&mut house.feed, call).await != both {
            tokio::task::yield_now().await;
        }
    };
    soon("the records to be filled in", filled_in).await;
    house.close().await;
}

#[tokio::test]
async fn who_gave_up_is_listed_once_and_gone_when_reached() {
    let mut house = House::open(settings()).await;
    gives_up(&mut house, "13800000001").await;
    gives_up(&mut house, "13800000001").await;
    gives_up(&mut house, "13900000002").await;
    let people = |list: &Value| -> Vec<(String, u64)> {
        let people = list["people"].as_array().expect("a list").iter();
        people
            .map(|person| {
                let caller = person["caller"].as_str().expect("a number").to_owned();
                (caller, person["calls"].as_u64().expect("a count"))
            })
            .collect()
    };
    let both = [("13800000001".to_owned(), 2), ("13900000002".to_owned(), 1)];
    house.feed.missed(|list| people(list) == both).await;

    let mut house = house.killed().await;
    house.feed.missed(|list| people(list) == both).await;
    // One is answered when calling again, the other is called back by hand.
    let operator = house.operator("1001").await;
    let (_phone, _call, _called) = talk(&mut house, &operator, "13800000001").await;
    house.feed.missed(|list| people(list) == both[1..]).await;
    house
        .feed
        .command(json!({"do": "reached", "caller": "13900000002"}))
        .await;
    house.feed.missed(|list| people(list).is_empty()).await;
    house.close().await;
}

#[tokio::test]
async fn calls_go_on_where_no_records_can_be_written() {
    let mut house = House::open(Settings {
        // A folder is no database.
        tables: "[records]\npath = \"PLACE\"\n",
        ..settings()
    })
    .await;
    let operator = house.operator("1001").await;
    let (_phone, mut call, mut called) = talk(&mut house, &operator, "13800000001").await;
    let number = last_call(&house.feed);
    let refused = house
        .feed
        .ask(json!({"do": "save_form", "operator": "1001", "call": number, "text": "x"}))
        .await;
    assert_eq!(refused["code"], "records_unavailable", "{refused}");
    let metrics = house.engine().web().metrics().await;
    assert_eq!(metrics.sum("holdfast_records_failing", &[]), 1.0);
    call.hang_up().await;
    hung_up(&mut called, "the operator's phone to be hung up").await;
    house.close().await;
}
