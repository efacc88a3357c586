//! Signing in, staying signed in, signing out; and who is handed to those who serve other paths.

mod common;

use common::{Client, Engine, JSON, config, metric, operator, request, serve, sign_in, supervisor, token};
use feed::{Identity, Memory, Mount, Secret};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, protocol};

/// Signed in with `token`, however it is presented.
async fn role(feed: &feed::Feed, header: (&'static str, &str)) -> Value {
    let mut client = Client::connect_with(feed, "", &[header]).await.unwrap();
    client.next().await["role"].clone()
}

/// The code with which a client that presents `token` is closed.
async fn turned_away(feed: &feed::Feed, token: &str) -> u16 {
    Client::bearing(feed, "", token).await.closed().await
}

#[tokio::test]
async fn a_token_comes_in_the_answer_and_as_a_cookie() {
    let (feed, registry) = serve(&Engine::new(), config()).await;
    let answer = sign_in(&feed, operator("1001", "ocean")).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("; Path=/; HttpOnly; SameSite=Strict"),
        "{}",
        answer.head
    );
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    let body = answer.json();
    assert_eq!(
        (&body["role"], &body["operator"]),
        (&json!("operator"), &json!("1001"))
    );
    assert!(body["expires_in_s"].as_f64().unwrap() > 1700.0);
    assert_eq!(role(&feed, ("Cookie", &answer.cookie())).await, "operator");
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    assert_eq!(role(&feed, ("Authorization", &bearer)).await, "operator");
    let answer = sign_in(&feed, supervisor()).await.json();
    assert_eq!(
        (&answer["role"], &answer["supervisor"], answer.get("operator")),
        (&json!("supervisor"), &json!("anna"), None)
    );
    let series = "holdfast_feed_commands_total{answer=\"ok\",command=\"sign_in\"}";
    assert_eq!(metric(&registry, series), 2.0);
}

#[tokio::test]
async fn nobody_can_choose_a_token_for_another() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let planted = "A".repeat(43);
    let cookie = format!("Cookie: holdfast={planted}");
    let account = operator("1001", "ocean").to_string();
    let first = request(&feed, "POST /session", &[JSON, &cookie], &account).await;
    assert_ne!(first.json()["token"], planted.as_str());
    assert_eq!(turned_away(&feed, &planted).await, 4401);
    // Nor does a session that one has already go on under another's name.
    let cookie = format!("Cookie: {}", first.cookie());
    let second = request(
        &feed,
        "POST /session",
        &[JSON, &cookie],
        &operator("1002", "river").to_string(),
    )
    .await;
    assert_ne!(second.json()["token"], first.json()["token"]);
}

#[tokio::test]
async fn wrong_secrets_are_refused_and_then_braked() {
    let mut config = config();
    config.limits.wrong_secrets_per_minute = 4;
    let (feed, registry) = serve(&Engine::new(), config).await;
    let wrong = [
        operator("1001", "Ocean"),
        operator("1003", "ocean"),
        operator("anna", "ocean"),
        operator("anna", "harbour"),
    ];
    for account in wrong {
        let answer = sign_in(&feed, account).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("wrong_secret"))
        );
    }
    let answer = sign_in(&feed, operator("1001", "ocean")).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (429, &json!("too_many_attempts"))
    );
    assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
    let series = "holdfast_feed_commands_total{answer=\"wrong_secret\",command=\"sign_in\"}";
    assert_eq!(metric(&registry, series), 4.0);
}

#[tokio::test]
async fn no_other_sites_page_signs_anybody_in_or_out() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let account = operator("1001", "ocean").to_string();
    let form = "Content-Type: application/x-www-form-urlencoded";
    let elsewhere = "Origin: https://evil.example";
    let table: [(&[&str], u16, &str); 6] = [
        (&[JSON, elsewhere], 403, "cross_origin"),
        (&[JSON, "Origin: https://board.example"], 403, "cross_origin"),
        (&[JSON, "Origin: null"], 403, "cross_origin"),
        (&[JSON, "Sec-Fetch-Site: same-site"], 403, "cross_origin"),
        (&[form], 415, "not_json"),
        (&[], 415, "not_json"),
    ];
    for (headers, status, code) in table {
        let answer = request(&feed, "POST /session", headers, &account).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{headers:?}"
        );
    }
    let token = token(&feed, operator("1001", "ocean")).await;
    let bearer = format!("Authorization: Bearer {token}");
    for line in ["PUT /session", "DELETE /session"] {
        assert_eq!(
            request(&feed, line, &[&bearer, elsewhere], "").await.status,
            403,
            "{line}"
        );
    }
    let mut client = Client::bearing(&feed, "", &token).await;
    assert_eq!(client.next().await["role"], "operator");
}

#[tokio::test]
async fn what_is_no_sign_in_is_told_so() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let long = operator("1001", &"x".repeat(20_000)).to_string();
    for body in ["", "{", "[]", "{\"name\":\"1001\"}", "{\"secret\":\"x\"}", &long] {
        let answer = request(&feed, "POST /session", &[JSON], body).await;
        assert_eq!(answer.status, 400, "{body:.20}: {answer:?}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let answer = sign_in(&feed, supervisor()).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let mut client = Client::bearing(&feed, "", &token).await;
    client.next().await;
    let cookie = format!("Cookie: {}", answer.cookie());
    let gone = request(&feed, "DELETE /session", &[&cookie], "").await;
    assert_eq!(gone.status, 204);
    assert!(gone.head.contains("Max-Age=0"), "{}", gone.head);
    assert_eq!(client.closed().await, 4401);
    assert_eq!(turned_away(&feed, &token).await, 4401);
    let renewed = request(&feed, "PUT /session", &[&cookie], "").await;
    assert_eq!(
        (renewed.status, &renewed.json()["code"]),
        (401, &json!("not_signed_in"))
    );
    assert_eq!(
        request(&feed, "DELETE /session", &[&cookie], "").await.status,
        204,
        "again"
    );
}

#[tokio::test]
async fn a_sign_in_elsewhere_takes_the_place() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let first = token(&feed, operator("1001", "ocean")).await;
    let mut client = Client::bearing(&feed, "", &first).await;
    client.next().await;
    let mut other = Client::operator(&feed, "1002", "river").await;
    let second = token(&feed, operator("1001", "ocean")).await;
    assert_eq!(client.closed().await, 4409);
    assert_eq!(turned_away(&feed, &first).await, 4409, "and it cannot come back");
    assert_eq!(
        Client::bearing(&feed, "", &second).await.next().await["role"],
        "operator"
    );
    assert_eq!(other.ask(json!({"id": "1", "do": "renew"})).await["type"], "ok");
}

#[tokio::test]
async fn a_session_that_nobody_renews_runs_out() {
    let mut config = config();
    config.session_lifetime = Duration::from_millis(300);
    let (feed, _) = serve(&Engine::new(), config).await;
    let token = token(&feed, operator("1001", "ocean")).await;
    let mut client = Client::bearing(&feed, "", &token).await;
    assert_eq!(client.closed().await, 4410);
    assert_eq!(turned_away(&feed, &token).await, 4410);
}

#[tokio::test]
async fn renewing_says_how_long_it_lasts_now() {
    let (feed, _) = serve(&Engine::new(), config()).await;
    let token = token(&feed, operator("1001", "ocean")).await;
    let mut client = Client::bearing(&feed, "", &token).await;
    assert!(client.next().await["expires_in_s"].as_f64().unwrap() > 1700.0);
    client.next().await;
    let answer = client.ask(json!({"id": "1", "do": "renew"})).await;
    assert!(answer["expires_in_s"].as_f64().unwrap() > 1700.0, "{answer}");
    let bearer = format!("Authorization: Bearer {token}");
    let answer = request(&feed, "PUT /session", &[&bearer], "").await;
    assert!(
        answer.json()["expires_in_s"].as_f64().unwrap() > 1700.0,
        "{answer:?}"
    );
    let mut watching = Client::connect(&feed, "").await;
    watching.next().await;
    watching.next().await;
    let answer = watching.ask(json!({"id": "1", "do": "renew"})).await;
    assert_eq!(answer["code"], "not_signed_in");
}

/// A journal's notes.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Notes {
    fn memory(&self) -> Memory {
        let notes = self.0.clone();
        let kept = notes.lock().unwrap().clone().into_iter().collect();
        let keep = move |name, value| {
            let mut notes = notes.lock().unwrap();
            match value {
                Some(value) => drop(notes.insert(name, value)),
                None => drop(notes.remove(&name)),
            }
        };
        Memory {
            kept,
            keep: Some(Arc::new(keep)),
        }
    }
}

#[tokio::test]
async fn sessions_outlive_a_restart() {
    let notes = Notes::default();
    let start = async |change: fn(&mut feed::FeedConfig)| {
        let mut config = config();
        config.memory = notes.memory();
        change(&mut config);
        serve(&Engine::new(), config).await.0
    };
    let feed = start(|_| {}).await;
    let anne = token(&feed, operator("1001", "ocean")).await;
    let bert = token(&feed, operator("1002", "river")).await;
    let chief = token(&feed, supervisor()).await;
    let bearer = format!("Authorization: Bearer {bert}");
    assert_eq!(
        request(&feed, "DELETE /session", &[&bearer], "").await.status,
        204
    );
    {
        let notes = notes.0.lock().unwrap();
        assert_eq!(notes.len(), 2, "{:?}", notes.keys());
        let text = format!("{notes:?}");
        assert!(
            !text.contains(&anne) && !text.contains("ocean"),
            "neither token nor secret: {text}"
        );
    }
    let feed = start(|_| {}).await;
    for (token, expected) in [(&anne, "operator"), (&chief, "supervisor")] {
        assert_eq!(
            role(&feed, ("Authorization", &format!("Bearer {token}"))).await,
            expected
        );
    }
    assert_eq!(
        turned_away(&feed, &bert).await,
        4401,
        "signed out stays signed out"
    );
    // A secret that was changed meanwhile, as after it became known, ends what it had opened.
    let feed = start(|config| config.directory.operators[0].secret = Secret::plain("desert")).await;
    assert_eq!(turned_away(&feed, &anne).await, 4401);
    assert_eq!(notes.0.lock().unwrap().len(), 1, "and it is forgotten");
    let feed = start(|config| drop(config.directory.supervisors.remove(0))).await;
    assert_eq!(turned_away(&feed, &chief).await, 4401);
}

#[tokio::test]
async fn a_hashed_secret_signs_in() {
    let mut config = config();
    let hash = feed::hash_secret("ocean").unwrap();
    config.directory.operators[0].secret = Secret::parse(&hash).unwrap();
    let (feed, _) = serve(&Engine::new(), config).await;
    assert_eq!(sign_in(&feed, operator("1001", "Ocean")).await.status, 403);
    assert_eq!(
        sign_in(&feed, operator("1001", &hash)).await.status,
        403,
        "the hash is not the secret"
    );
    assert_eq!(sign_in(&feed, operator("nobody", "ocean")).await.status, 403);
    assert_eq!(sign_in(&feed, operator("1001", "ocean")).await.status, 200);
    assert_eq!(
        sign_in(&feed, operator("1002", "river")).await.status,
        200,
        "beside plain ones"
    );
}

/// Tells each visitor who they are, and when their session is over.
fn mirror() -> Mount {
    Mount {
        path: "/mirror",
        subprotocol: "mirror",
        serve: Arc::new(|mut visitor, io| {
            Box::pin(async move {
                let mut socket = WebSocketStream::from_raw_socket(io, protocol::Role::Server, None).await;
                let who = format!("{:?}", visitor.who);
                socket.send(Message::text(who)).await.unwrap();
                visitor.session_over().await;
                socket.send(Message::text("over")).await.unwrap();
                socket.close(None).await.unwrap();
            })
        }),
    }
}

#[tokio::test]
async fn who_serves_another_path_is_told_whose_connection_it_is() {
    let mut config = config();
    config.mounts = vec![mirror()];
    let (feed, registry) = serve(&Engine::new(), config).await;
    let token = token(&feed, operator("1002", "river")).await;
    let bearer = format!("Bearer {token}");
    let open = async |headers: &[(&'static str, &str)]| {
        let mut headers = headers.to_vec();
        headers.push(("Sec-WebSocket-Protocol", "chat, mirror"));
        Client::open(&feed, "/mirror", &headers).await
    };
    let first = async |client: &mut Client| client.0.next().await.unwrap().unwrap().into_text().unwrap();
    let mut nobody = open(&[]).await.unwrap();
    assert_eq!(
        first(&mut nobody).await.as_str(),
        format!("{:?}", Identity::Nobody)
    );
    let mut bert = open(&[("Authorization", &bearer)]).await.unwrap();
    let expected = format!("{:?}", Identity::Operator(acd::OperatorId(1)));
    assert_eq!(first(&mut bert).await.as_str(), expected);

    for (headers, status) in [
        (&[("Authorization", "Bearer unknown")][..], 401),
        (&[("Origin", "https://evil.example")][..], 403),
    ] {
        match open(headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{headers:?}"),
            other => panic!("{headers:?}: {:?}", other.map(|_| "let in")),
        }
    }
    match Client::open(&feed, "/mirror", &[]).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 400, "another subprotocol"),
        other => panic!("{:?}", other.map(|_| "let in")),
    }
    assert_eq!(
        metric(&registry, "holdfast_feed_rejected_total{reason=\"token\"}"),
        1.0
    );

    let bearer = format!("Authorization: {bearer}");
    request(&feed, "DELETE /session", &[&bearer], "").await;
    assert_eq!(first(&mut bert).await.as_str(), "over");
    let stopped = tokio::join!(nobody.0.next(), feed.stop()).0;
    assert!(!matches!(stopped, Some(Ok(Message::Text(_)))), "{stopped:?}");
}
