//! Operators' and supervisors' commands: carried out once, answered always.

mod common;

use acd::{Input, OperatorId, PauseReason};
use common::{Client, Engine, START, config, paused, serve};
use feed::Refusal;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const ANNE: OperatorId = OperatorId(0);
const BERT: OperatorId = OperatorId(1);

#[tokio::test]
async fn every_command_reaches_the_engine() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::operator(&feed, "1001", "ocean").await;
    for (id, what) in ["sign_on", "ready", "extend_wrap_up", "sign_off"]
        .into_iter()
        .enumerate()
    {
        let id = id.to_string();
        assert_eq!(
            client.ask(json!({"id": id, "do": what})).await,
            json!({"type": "ok", "id": id})
        );
    }
    let pause = json!({"id": "p", "do": "pause", "reason": "training"});
    assert_eq!(client.ask(pause).await, json!({"type": "ok", "id": "p"}));
    assert_eq!(
        engine.commands(),
        [
            Input::SignOn { operator: ANNE },
            Input::Ready { operator: ANNE },
            Input::ExtendWrapUp { operator: ANNE },
            Input::SignOff { operator: ANNE },
            Input::Pause {
                operator: ANNE,
                reason: PauseReason::Chosen(1)
            },
        ]
    );
}

#[tokio::test]
async fn a_refusal_says_which_and_why() {
    let engine = Engine::new();
    engine.answer_with(|_| Err(acd::Refusal::PhoneGone.into()));
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::operator(&feed, "1001", "ocean").await;
    assert_eq!(
        client.ask(json!({"id": "r", "do": "ready"})).await,
        json!({
            "type": "refused", "id": "r", "code": "phone_gone",
            "message": "the phone is not registered; check that it is on and reaches the engine",
        })
    );
}

#[tokio::test]
async fn a_command_sent_twice_is_carried_out_once() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let extend = json!({"id": "x", "do": "extend_wrap_up"});
    let mut client = Client::operator(&feed, "1001", "ocean").await;
    assert_eq!(client.ask(extend.clone()).await["type"], "ok");
    assert_eq!(client.ask(extend.clone()).await["type"], "ok");
    drop(client);
    let mut client = Client::operator(&feed, "1001", "ocean").await;
    assert_eq!(
        client.ask(extend).await["type"],
        "ok",
        "also by another connection"
    );
    assert_eq!(
        client.ask(json!({"id": "x", "do": "ready"})).await["code"],
        "id_reused"
    );
    assert_eq!(engine.commands(), [Input::ExtendWrapUp { operator: ANNE }]);
}

#[tokio::test]
async fn roles_bound_what_may_be_asked() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut wallboard = Client::connect(&feed, "").await;
    wallboard.next().await;
    wallboard.next().await;
    assert_eq!(
        wallboard.ask(json!({"id": "1", "do": "ready"})).await["code"],
        "not_signed_in"
    );
    assert_eq!(
        wallboard
            .ask(json!({"id": "1", "do": "ready", "operator": "1001"}))
            .await["code"],
        "not_signed_in"
    );

    let mut anne = Client::operator(&feed, "1001", "ocean").await;
    assert_eq!(
        anne.ask(json!({"id": "1", "do": "ready", "operator": "1002"}))
            .await["code"],
        "not_signed_in"
    );
    assert_eq!(engine.commands(), []);

    let mut supervisor = Client::supervisor(&feed).await;
    assert_eq!(
        supervisor.ask(json!({"id": "1", "do": "ready"})).await["code"],
        "unknown_operator"
    );
    let off = json!({"id": "2", "do": "sign_off", "operator": "1002"});
    assert_eq!(supervisor.ask(off).await["type"], "ok");
    assert_eq!(engine.commands(), [Input::SignOff { operator: BERT }]);
}

#[tokio::test]
async fn a_supervisor_orders_lines_and_takes_the_order_back() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let evening = START + Duration::from_secs(5 * 3600);
    let open = json!({"id": "1", "do": "set_lines", "lines": 6, "until": evening.as_millis()});
    let follow = json!({"id": "2", "do": "follow_schedule"});

    let mut wallboard = Client::connect(&feed, "").await;
    wallboard.next().await;
    wallboard.next().await;
    let anne = Client::operator(&feed, "1001", "ocean").await;
    for mut client in [wallboard, anne] {
        for order in [&open, &follow] {
            assert_eq!(client.ask(order.clone()).await["code"], "not_signed_in");
        }
    }
    assert_eq!(engine.commands(), []);

    let mut supervisor = Client::supervisor(&feed).await;
    assert_eq!(supervisor.ask(open).await, json!({"type": "ok", "id": "1"}));
    assert_eq!(supervisor.ask(follow).await, json!({"type": "ok", "id": "2"}));
    let ordered = Input::SetLines {
        lines: 6,
        until: evening,
    };
    assert_eq!(engine.commands(), [ordered, Input::FollowSchedule]);
}

#[tokio::test]
async fn supervisors_are_told_who_gave_an_order_and_nobody_else_is() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut anna = Client::supervisor(&feed).await;
    let mut ben = Client::signed_in(&feed, "ben", "harbour").await;
    let mut anne = Client::operator(&feed, "1001", "ocean").await;
    let mut wallboard = Client::connect(&feed, "").await;
    wallboard.next().await;
    wallboard.next().await;
    let pause = json!({"id": "1", "do": "pause", "operator": "1002", "reason": "lunch"});
    assert_eq!(anna.ask(pause.clone()).await["type"], "ok");
    assert_eq!(anna.ask(pause).await["type"], "ok", "sent again");
    let listen = json!({"id": "2", "do": "listen", "operator": "1002"});
    assert_eq!(anna.ask(listen).await["type"], "ok");
    // Ids are each supervisor's own.
    let off = json!({"id": "1", "do": "sign_off", "operator": "1002"});
    ben.say(off).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        let message = ben.next().await;
        if message["type"] == "ordered" {
            told.push(message);
        }
    }
    let at = START.as_millis();
    assert_eq!(
        told,
        [
            json!({"type": "ordered", "at": at, "supervisor": "anna", "do": "pause", "operator": "1002", "reason": "lunch"}),
            json!({"type": "ordered", "at": at, "supervisor": "anna", "do": "listen", "operator": "1002"}),
            json!({"type": "ordered", "at": at, "supervisor": "ben", "do": "sign_off", "operator": "1002"}),
        ]
    );
    // A remark for everybody, which comes after those.
    let quality = records::Quality {
        codec: None,
        round_trip: None,
        received: None,
        sent: None,
    };
    let caller = acd::LegId::caller(acd::CallId(1));
    engine.hub.tell_quality(caller, &quality);
    for client in [&mut anne, &mut wallboard] {
        assert_eq!(client.next().await["type"], "quality");
    }
}

#[tokio::test]
async fn an_order_of_lines_out_of_range_never_reaches_the_engine() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut supervisor = Client::supervisor(&feed).await;
    let soon = START.as_millis() + 1;
    let far = START.as_millis() + 31 * 24 * 3_600_000 + 1;
    let lines = ("lines_out_of_range", "`lines` must be from 0 to 10000");
    let until = (
        "until_out_of_range",
        "`until` must be later than the engine's clock, by 31 days at most; heartbeats tell that clock",
    );
    let table = [
        (json!(-1), json!(soon), lines),
        (json!(10_001), json!(soon), lines),
        (json!(6), json!(START.as_millis()), until),
        (json!(6), json!(-1), until),
        (json!(6), json!(far), until),
    ];
    for (index, (lines, end, (code, message))) in table.into_iter().enumerate() {
        let id = index.to_string();
        let order = json!({"id": id, "do": "set_lines", "lines": lines, "until": end});
        let refused = json!({"type": "refused", "id": id, "code": code, "message": message});
        assert_eq!(supervisor.ask(order).await, refused);
    }
    assert_eq!(engine.commands(), []);
}

#[tokio::test]
async fn an_order_of_lines_sent_again_after_its_end_gets_the_answer_it_had() {
    let engine = Engine::new();
    let passed = Arc::new(AtomicU64::new(0));
    let mut config = config();
    config.clock = {
        let passed = passed.clone();
        Arc::new(move || START + Duration::from_secs(passed.load(Ordering::SeqCst)))
    };
    let (feed, _) = serve(&engine, config).await;
    let mut supervisor = Client::supervisor(&feed).await;
    let until = START + Duration::from_secs(60);
    let order = |id: &str| json!({"id": id, "do": "set_lines", "lines": 0, "until": until.as_millis()});
    assert_eq!(supervisor.ask(order("1")).await["type"], "ok");
    passed.store(60, Ordering::SeqCst);
    assert_eq!(supervisor.ask(order("1")).await["type"], "ok");
    assert_eq!(supervisor.ask(order("2")).await["code"], "until_out_of_range");
    assert_eq!(engine.commands(), [Input::SetLines { lines: 0, until }]);
}

#[tokio::test]
async fn an_engine_that_cannot_take_it_may_be_asked_again() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::operator(&feed, "1001", "ocean").await;
    engine.refuse(true);
    assert_eq!(
        client.ask(json!({"id": "1", "do": "ready"})).await["code"],
        "overloaded"
    );
    engine.refuse(false);
    assert_eq!(client.ask(json!({"id": "1", "do": "ready"})).await["type"], "ok");
    assert_eq!(engine.commands().len(), 1);
}

#[tokio::test]
async fn an_engine_that_hangs_delays_only_the_one_who_asked() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.engine_timeout = Duration::from_millis(300);
    // The reply is dropped long after the deadline, when the test is over.
    let (hold, held) = mpsc::channel::<feed::Request>();
    let requests = {
        let serve = engine.requests();
        Arc::new(move |request| match request {
            feed::Request::Command { .. } | feed::Request::Explain { .. } | feed::Request::Record { .. } => {
                hold.send(request).is_ok()
            }
            other => serve(other),
        })
    };
    let registry = prometheus::Registry::new();
    let feed = feed::start(config, engine.hub.clone(), requests, registry)
        .await
        .unwrap();
    let mut asker = Client::operator(&feed, "1001", "ocean").await;
    let mut watcher = Client::operator(&feed, "1002", "river").await;
    asker.say(json!({"id": "1", "do": "ready"})).await;
    let kept = tokio::task::spawn_blocking(move || held.recv().map(|request| (request, held)))
        .await
        .unwrap();
    engine.emit(&[paused(1)]);
    assert_eq!(watcher.next().await["seq"], 1, "while the other one still waits");
    let mut answer = asker.next().await;
    if answer["type"] == "delta" {
        answer = asker.next().await;
    }
    assert_eq!(answer["code"], "no_answer");
    assert_eq!(Refusal::NoAnswer.code(), "no_answer");
    drop(kept);
}
