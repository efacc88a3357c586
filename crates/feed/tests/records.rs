//! What consoles ask of the records: who may, what is answered, and what is told without being asked.

mod common;

use acd::{CallId, CallerNumber, Event, LegId, OperatorId, OperatorState, Outcome, QueueId, TrunkId};
use common::{Client, NUMBER, START, Schema, arrived, config};
use feed::{Feed, FeedConfig};
use prometheus::Registry;
use records::{Names, Records, RecordsConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A feed with records in a folder of its own, which goes with it.
struct Desk {
    dir: PathBuf,
    records: Records,
    engine: Arc<common::Engine>,
    feed: Feed,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Desk {
    async fn open() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("holdfast-desk-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let records = RecordsConfig {
            path: dir.join("records.db"),
            retention: Duration::ZERO,
            call_back_within: Duration::from_secs(86_400),
            answer_within: Duration::from_secs(15),
            time_zone: "Asia/Shanghai".into(),
            journal: 1,
            names: Names {
                queues: vec!["hotline".into()],
                trunks: vec!["city".into()],
                operators: vec!["1001".into(), "1002".into()],
            },
            clock: Arc::new(|| START + Duration::from_secs(60)),
        };
        let records = Records::start(records, &Registry::new()).unwrap();
        let filling = records.filling();
        tokio::task::spawn_blocking(move || {
            filling.from();
            filling.done(true);
        })
        .await
        .unwrap();
        let engine = common::Engine::new();
        let config = FeedConfig {
            records: Some(records.clone()),
            ..config()
        };
        let (feed, _) = common::serve(&engine, config).await;
        Self {
            dir,
            records,
            engine,
            feed,
        }
    }

    /// Makes `events` true, as the engine does: the records hear of it before the consoles.
    fn emit(&self, events: &[Event]) -> u64 {
        let seq = self.engine.next_seq(events.len());
        self.records.take(seq, START, events);
        self.engine.emit(events)
    }
}

fn answered(call: u64, operator: u32) -> [Event; 2] {
    let (call, operator) = (CallId(call), OperatorId(operator));
    [
        Event::CallConnected {
            call,
            queue: QueueId(0),
            operator,
            waited: Duration::from_secs(4),
            rang: Duration::from_secs(2),
        },
        Event::OperatorChanged {
            operator,
            state: OperatorState::Talking {
                leg: LegId { call, leg: 1 },
            },
            after: Duration::from_secs(2),
        },
    ]
}

fn gave_up(call: u64, caller: &str) -> [Event; 2] {
    let arrived = Event::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::new(caller),
        ticket: call,
        since: START,
        resumed: false,
        skills: acd::Skills::default(),
    };
    let ended = Event::CallEnded {
        call: CallId(call),
        queue: QueueId(0),
        operator: None,
        outcome: Outcome::Abandoned,
        waited: Duration::from_secs(9),
        talked: Duration::ZERO,
        held: Duration::ZERO,
        place_kept: false,
    };
    [arrived, ended]
}

/// A wallboard, with hello and snapshot taken.
async fn wallboard(feed: &Feed) -> Client {
    let mut board = Client::connect(feed, "?role=wallboard").await;
    assert_eq!(board.next().await["role"], "wallboard");
    assert_eq!(board.next().await["type"], "snapshot");
    board
}

/// What a command is answered: `ok`, or why not.
async fn code(client: &mut Client, command: Value) -> String {
    let id = command["id"].clone();
    client.say(command).await;
    loop {
        let answer = client.next().await;
        if answer["id"] == id {
            return answer["code"].as_str().unwrap_or("ok").to_owned();
        }
    }
}

#[tokio::test]
async fn a_form_is_saved_by_who_had_the_call() {
    let desk = Desk::open().await;
    desk.emit(&[arrived(7)]);
    desk.emit(&answered(7, 0));
    let form = |id: &str, text: &str| json!({"id": id, "do": "save_form", "call": 7, "outcome": "resolved", "categories": ["noise"], "text": text});
    let mut anne = Client::operator(&desk.feed, "1001", "ocean").await;
    let mut bert = Client::operator(&desk.feed, "1002", "river").await;
    let mut board = wallboard(&desk.feed).await;
    let mut supervisor = Client::supervisor(&desk.feed).await;
    assert_eq!(code(&mut anne, form("1", "a dog")).await, "ok");
    assert_eq!(code(&mut anne, form("2", "a dog barks")).await, "ok");
    assert_eq!(code(&mut bert, form("1", "mine")).await, "not_their_call");
    assert_eq!(code(&mut board, form("1", "mine")).await, "not_signed_in");
    for (wrong, expected) in [
        (json!({"outcome": "solved"}), "unknown_outcome"),
        (json!({"categories": ["dogs"]}), "unknown_category"),
        (json!({"text": "x".repeat(2_001)}), "text_too_long"),
        (json!({"call": 70}), "not_their_call"),
        (json!({"operator": "1002"}), "not_signed_in"),
    ] {
        let mut command = form("3", "");
        for (field, value) in wrong.as_object().unwrap() {
            command[field] = value.clone();
        }
        assert_eq!(code(&mut anne, command).await, expected, "{wrong}");
    }
    // A supervisor says whose it is.
    assert_eq!(code(&mut supervisor, form("1", "")).await, "unknown_operator");
    let answer = anne.ask(json!({"id": "4", "do": "history", "call": 7})).await;
    let forms = answer["history"]["forms"].as_array().unwrap();
    assert_eq!(forms.len(), 1, "{answer}");
    assert_eq!(
        (&forms[0]["operator"], &forms[0]["text"], &forms[0]["outcome"]),
        (&json!("1001"), &json!("a dog barks"), &json!("resolved"))
    );
}

#[tokio::test]
async fn earlier_calls_are_for_those_who_may_see_numbers() {
    let desk = Desk::open().await;
    desk.emit(&gave_up(6, NUMBER));
    desk.emit(&[arrived(7)]);
    let asked = json!({"id": "1", "do": "history", "call": 7});
    let mut board = wallboard(&desk.feed).await;
    assert_eq!(code(&mut board, asked.clone()).await, "not_signed_in");
    let mut anne = Client::operator(&desk.feed, "1001", "ocean").await;
    let answer = anne.ask(asked).await;
    let earlier = answer["history"]["earlier"].as_array().unwrap();
    assert_eq!(earlier.len(), 1, "{answer}");
    assert_eq!(
        (&earlier[0]["outcome"], &earlier[0]["waited_ms"]),
        (&json!("abandoned"), &json!(9_000))
    );
    assert_eq!(
        code(&mut anne, json!({"id": "2", "do": "history", "call": 99})).await,
        "unknown_call"
    );
}

#[tokio::test]
async fn supervisors_see_who_is_to_be_called_back_until_somebody_is() {
    let desk = Desk::open().await;
    desk.emit(&gave_up(6, NUMBER));
    desk.emit(&gave_up(7, NUMBER));
    let mut supervisor = Client::supervisor(&desk.feed).await;
    let list = async |client: &mut Client, count: u64| loop {
        let message = client.next().await;
        if message["type"] == "missed" && message["count"] == count {
            return message;
        }
    };
    let message = list(&mut supervisor, 1).await;
    let person = &message["people"][0];
    assert_eq!((&person["caller"], &person["calls"]), (&json!(NUMBER), &json!(2)));
    let mut anne = Client::operator(&desk.feed, "1001", "ocean").await;
    assert_eq!(
        code(&mut anne, json!({"id": "1", "do": "reached", "caller": ""})).await,
        "malformed"
    );
    assert_eq!(
        code(&mut anne, json!({"id": "2", "do": "reached", "caller": NUMBER})).await,
        "ok"
    );
    list(&mut supervisor, 0).await;
    let mut board = wallboard(&desk.feed).await;
    let refused = code(&mut board, json!({"id": "1", "do": "reached", "caller": NUMBER})).await;
    assert_eq!(refused, "not_signed_in");
}

#[tokio::test]
async fn the_day_counts_at_least_what_the_console_has_seen() {
    let desk = Desk::open().await;
    let mut board = wallboard(&desk.feed).await;
    for call in 1..=20 {
        let last = desk.emit(&gave_up(call, NUMBER));
        loop {
            let message = board.next().await;
            if message["seq"] == last {
                break;
            }
        }
        let answer = board.ask(json!({"id": call.to_string(), "do": "day"})).await;
        let day = &answer["day"];
        assert_eq!(day["seq"], last);
        let minutes = day["minutes"].as_array().unwrap();
        let abandoned: u64 = minutes.iter().map(|minute| minute[4].as_u64().unwrap()).sum();
        assert_eq!(abandoned, call);
    }
}

#[tokio::test]
async fn all_of_it_follows_the_schema() {
    let schema = Schema::load();
    let desk = Desk::open().await;
    desk.emit(&gave_up(6, NUMBER));
    desk.emit(&[arrived(7)]);
    desk.emit(&answered(7, 0));
    let mut supervisor = Client::supervisor(&desk.feed).await;
    let form = json!({"outcome": "assigned", "categories": ["water"], "text": "a leak"});
    // How many are to be called back, as told last.
    let mut missed = None;
    for (number, mut command) in [
        json!({"do": "save_form", "call": 7, "operator": "1001"}),
        json!({"do": "save_form", "call": 7, "operator": "1001", "outcome": null}),
        json!({"do": "save_form", "call": 7, "operator": "1001", "outcome": form["outcome"],
               "categories": form["categories"], "text": form["text"]}),
        json!({"do": "history", "call": 7}),
        json!({"do": "day"}),
        json!({"do": "reached", "caller": NUMBER}),
    ]
    .into_iter()
    .enumerate()
    {
        command["id"] = json!(number.to_string());
        schema.accepts("command", &command);
        supervisor.say(command.clone()).await;
        loop {
            let message = supervisor.next().await;
            schema.accepts("message", &message);
            if message["type"] == "missed" {
                missed = message["count"].as_u64();
            }
            if message["id"] == command["id"] {
                assert_eq!(message["type"], "ok", "{command}: {message}");
                break;
            }
        }
    }
    // The list is empty again, and may have been told so before the answer.
    while missed != Some(0) {
        let message = supervisor.next().await;
        schema.accepts("message", &message);
        if message["type"] == "missed" {
            missed = message["count"].as_u64();
        }
    }
}

#[tokio::test]
async fn without_records_it_is_said_so() {
    let engine = common::Engine::new();
    let (feed, _) = common::serve(&engine, config()).await;
    let mut anne = Client::operator(&feed, "1001", "ocean").await;
    for command in [
        json!({"id": "1", "do": "save_form", "call": 7}),
        json!({"id": "2", "do": "history", "call": 7}),
        json!({"id": "3", "do": "reached", "caller": NUMBER}),
        json!({"id": "4", "do": "day"}),
    ] {
        assert_eq!(
            code(&mut anne, command.clone()).await,
            "records_unavailable",
            "{command}"
        );
    }
}
