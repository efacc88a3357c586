//! Operators' and supervisors' commands: carried out once, answered always.

mod common;

use acd::{Input, OperatorId, PauseReason};
use common::{Client, Engine, config, paused, serve};
use feed::Refusal;
use serde_json::json;
use std::sync::mpsc;
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

    let mut supervisor = Client::connect(&feed, "?role=supervisor").await;
    supervisor.next().await;
    let sign_in = json!({"id": "s", "do": "sign_in", "role": "supervisor", "secret": "lighthouse"});
    assert_eq!(supervisor.ask(sign_in).await["type"], "ok");
    assert_eq!(supervisor.next().await["role"], "supervisor");
    assert_eq!(supervisor.next().await["type"], "snapshot");
    assert_eq!(
        supervisor.ask(json!({"id": "1", "do": "ready"})).await["code"],
        "unknown_operator"
    );
    let off = json!({"id": "2", "do": "sign_off", "operator": "1002"});
    assert_eq!(supervisor.ask(off).await["type"], "ok");
    assert_eq!(engine.commands(), [Input::SignOff { operator: BERT }]);
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
        std::sync::Arc::new(move |request| match request {
            feed::Request::Command { .. } => hold.send(request).is_ok(),
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
