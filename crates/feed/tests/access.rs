//! Who may come in, what they see, and how they are shown out.

mod common;

use acd::{Asked, CallId, CallerNumber, Event, LegId, OperatorId, QueueId, Role, Third};
use common::{Client, EPOCH, Engine, MASKED, NUMBER, arrived, config, metric, operator, serve};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

#[tokio::test]
async fn numbers_are_masked_for_who_has_not_signed_in() {
    let engine = Engine::new();
    engine.emit(&[arrived(1)]);
    let (feed, registry) = serve(&engine, config()).await;
    let mut watching = Client::connect(&feed, "").await;
    assert_eq!(watching.next().await["role"], "wallboard");
    assert_eq!(watching.next().await["calls"][0]["caller"], MASKED);

    let token = common::token(&feed, operator("1001", "ocean")).await;
    let mut client = Client::bearing(&feed, "", &token).await;
    let hello = client.next().await;
    assert_eq!(
        (&hello["role"], &hello["operator"]),
        (&json!("operator"), &json!("1001"))
    );
    assert_eq!(client.next().await["calls"][0]["caller"], NUMBER);
    engine.emit(&[arrived(2)]);
    assert_eq!(client.next().await["caller"], NUMBER);
    assert_eq!(watching.next().await["caller"], MASKED);
    for (event, at) in [(asked_outside(2), "/third/number"), (sent_outside(2), "/number")] {
        engine.emit(&[event]);
        assert_eq!(client.next().await.pointer(at), Some(&json!(NUMBER)));
        assert_eq!(watching.next().await.pointer(at), Some(&json!(MASKED)));
    }
    assert_eq!(metric(&registry, "holdfast_feed_clients{role=\"operator\"}"), 1.0);
    assert_eq!(
        metric(&registry, "holdfast_feed_clients{role=\"wallboard\"}"),
        1.0
    );
}

/// The operator of a call has asked a number outside about it.
fn asked_outside(call: u64) -> Event {
    let call = CallId(call);
    let who = Asked::Outside {
        number: CallerNumber::new(NUMBER),
        leg: LegId { call, leg: 2 },
    };
    let role = Role::Consulted;
    Event::ThirdChanged {
        call,
        third: Some(Third { who, role }),
    }
}

/// It was given to that number.
fn sent_outside(call: u64) -> Event {
    let call = CallId(call);
    Event::CallSentOutside {
        call,
        queue: QueueId(0),
        operator: OperatorId(0),
        number: CallerNumber::new(NUMBER),
        leg: LegId { call, leg: 2 },
    }
}

#[tokio::test]
async fn an_operator_resumes() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    engine.emit(&[arrived(1), arrived(2)]);
    let mut first = Client::operator(&feed, "1001", "ocean").await;
    engine.emit(&[arrived(3)]);
    assert_eq!(first.next().await["seq"], 3);
    let token = common::token(&feed, operator("1002", "river")).await;
    let mut client = Client::bearing(&feed, &format!("?epoch={EPOCH}&after=2"), &token).await;
    assert_eq!(client.next().await["role"], "operator");
    let delta = client.next().await;
    assert_eq!(
        (&delta["type"], &delta["seq"], &delta["caller"]),
        (&json!("delta"), &json!(3), &json!(NUMBER))
    );
}

#[tokio::test]
async fn without_an_open_wallboard_nothing_is_shown() {
    let engine = Engine::new();
    let mut config = config();
    config.open_wallboard = false;
    let (feed, _) = serve(&engine, config).await;
    let token = common::token(&feed, operator("1001", "ocean")).await;
    for (query, token) in [
        ("", None),
        ("?role=wallboard", None),
        ("?role=wallboard", Some(&token)),
    ] {
        let mut client = match token {
            Some(token) => Client::bearing(&feed, query, token).await,
            None => Client::connect(&feed, query).await,
        };
        engine.emit(&[arrived(1)]);
        match client.frame().await {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 4401),
            other => panic!("nobody was sent {other:?}"),
        }
    }
    assert_eq!(
        Client::bearing(&feed, "", &token).await.next().await["role"],
        "operator"
    );
}

#[tokio::test]
async fn a_second_sign_in_replaces_the_first() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut first = Client::operator(&feed, "1001", "ocean").await;
    let mut other = Client::operator(&feed, "1002", "river").await;
    let mut second = Client::operator(&feed, "1001", "ocean").await;
    assert_eq!(first.closed().await, 4409);
    engine.emit(&[arrived(1)]);
    assert_eq!(second.next().await["seq"], 1);
    assert_eq!(other.next().await["seq"], 1);
}

#[tokio::test]
async fn only_our_page_and_listed_origins_may_open_it() {
    let engine = Engine::new();
    let (feed, registry) = serve(&engine, config()).await;
    let own = format!("http://{}", feed.local_addr());
    assert!(Client::connect_with(&feed, "", &[]).await.is_ok());
    for origin in [own.as_str(), "https://board.example"] {
        assert!(
            Client::connect_with(&feed, "", &[("Origin", origin)])
                .await
                .is_ok(),
            "{origin}"
        );
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1"] {
        match Client::connect_with(&feed, "", &[("Origin", origin)]).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| "let in")),
        }
    }
    assert_eq!(
        metric(&registry, "holdfast_feed_rejected_total{reason=\"origin\"}"),
        3.0
    );
}

#[tokio::test]
async fn no_more_clients_than_the_limit() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.clients_max = 2;
    let (feed, registry) = serve(&engine, config).await;
    let first = Client::connect(&feed, "").await;
    let _second = Client::connect(&feed, "").await;
    match Client::connect_with(&feed, "", &[]).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "5");
        }
        other => panic!("{:?}", other.map(|_| "let in")),
    }
    drop(first);
    common::until("the first one's place is free", || {
        metric(&registry, "holdfast_feed_closed_total{reason=\"gone\"}") == 1.0
    })
    .await;
    let mut attempts = 0;
    while Client::connect_with(&feed, "", &[]).await.is_err() {
        attempts += 1;
        assert!(attempts < 1000, "the place never became free");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_not_the_protocol_is_answered_or_closed() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::connect(&feed, "").await;
    client.next().await;
    client.next().await;
    for garbage in [
        "",
        "hello?",
        "{\"id\":\"1\"",
        "{\"id\":\"1\",\"do\":\"fly\"}",
        "[[[[[[[[",
    ] {
        client.0.send_text(garbage).await;
        let answer = client.next().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("refused"), &json!("malformed")),
            "{garbage}"
        );
        assert_eq!(answer["id"], Value::Null);
    }
    let too_big = "x".repeat(20_000);
    let table: [(Message, u16); 2] = [
        (Message::Binary(Bytes::from_static(b"\x00\xff")), 1003),
        (Message::text(too_big), 1009),
    ];
    for (message, code) in table {
        let mut client = Client::connect(&feed, "").await;
        futures_util::SinkExt::send(&mut client.0, message).await.unwrap();
        assert_eq!(client.closed().await, code);
    }
}

#[tokio::test]
async fn frames_that_break_the_rfc_are_closed() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    // An unmasked frame; a reserved opcode; a fragmented control frame; text that is not UTF-8.
    let table: [(&[u8], u16); 4] = [
        (&[0x81, 0x02, b'{', b'}'], 1002),
        (&[0x83, 0x80, 1, 2, 3, 4], 1002),
        (&[0x09, 0x80, 1, 2, 3, 4], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ];
    for (frame, code) in table {
        let mut raw = tokio::net::TcpStream::connect(feed.local_addr()).await.unwrap();
        let request = "GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        raw.write_all(request.as_bytes()).await.unwrap();
        raw.write_all(frame).await.unwrap();
        let mut came = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), raw.read_to_end(&mut came));
        read.await.expect("the connection stayed open").unwrap();
        let close = came
            .windows(4)
            .rfind(|bytes| bytes[0] == 0x88 && bytes[1] < 126)
            .expect("no close frame");
        assert_eq!(u16::from_be_bytes([close[2], close[3]]), code, "{frame:02x?}");
    }
}

#[tokio::test]
async fn a_flood_is_closed() {
    let engine = Engine::new();
    let mut config = config();
    config.limits.messages_per_second = 1;
    let (feed, _) = serve(&engine, config).await;
    let mut client = Client::connect(&feed, "").await;
    for _ in 0..50 {
        client.0.send_text("{}").await;
    }
    assert_eq!(client.closed().await, 4429);
}

#[tokio::test]
async fn a_client_that_never_answers_a_ping_is_closed() {
    let engine = Engine::new();
    let mut config = config();
    config.heartbeat = Duration::from_millis(20);
    config.limits.idle_timeout = Duration::from_millis(100);
    let (feed, registry) = serve(&engine, config).await;
    // The library answers pings whenever it reads, so this one lives as long as it is read from.
    let mut alive = Client::connect(&feed, "").await;
    let _mute = Client::connect(&feed, "").await;
    let closed = || metric(&registry, "holdfast_feed_closed_total{reason=\"idle\"}") == 1.0;
    while !closed() {
        alive.any().await;
    }
}

#[tokio::test]
async fn stopping_says_so() {
    let engine = Engine::new();
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::connect(&feed, "").await;
    client.next().await;
    client.next().await;
    let addr = feed.local_addr();
    let (code, ()) = tokio::join!(client.closed(), feed.stop());
    assert_eq!(code, 1001);
    assert!(
        tokio::net::TcpStream::connect(addr).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn without_the_engine_a_client_is_told_to_come_again() {
    let engine = Engine::new();
    engine.refuse(true);
    let (feed, _) = serve(&engine, config()).await;
    let mut client = Client::connect(&feed, "").await;
    assert_eq!(client.next().await["type"], "hello");
    assert_eq!(client.closed().await, 1013);
}

/// Text that need not be JSON.
trait SendText {
    async fn send_text(&mut self, text: &str);
}

impl<S: futures_util::Sink<Message> + Unpin> SendText for S {
    async fn send_text(&mut self, text: &str) {
        // After the server has closed, sending may fail; what it answered is what counts.
        let _ = futures_util::SinkExt::send(self, Message::text(text)).await;
    }
}

/// The next message about what else becomes of calls.
async fn monitored<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>) -> Value {
    loop {
        let message = client.next().await;
        if message["type"] == "monitored" {
            return message;
        }
    }
}

#[tokio::test]
async fn recordings_are_shown_to_who_signed_in_and_listeners_to_supervisors_alone() {
    let engine = Engine::new();
    engine.hub.tell_recorded(CallId(1), true);
    let listener = |ringing| feed::Listener {
        phone: "9001".into(),
        mode: feed::SupervisorMode::Listen,
        ringing,
    };
    engine.hub.tell_listener(CallId(2), Some(listener(true)));
    let (feed, _) = serve(&engine, config()).await;
    let mut wallboard = Client::connect(&feed, "").await;
    assert_eq!(wallboard.next().await["type"], "hello");
    assert_eq!(wallboard.next().await["type"], "snapshot");
    engine.emit(&[arrived(1), arrived(2)]);
    wallboard.deltas_to(2).await;
    let mut operator = Client::operator(&feed, "1001", "ocean").await;
    let token = common::token(&feed, common::supervisor()).await;
    let mut supervisor = Client::bearing(&feed, &format!("?epoch={EPOCH}&after=2"), &token).await;
    let recorded = json!({"call": 1, "recorded": true});
    let listened = json!({"call": 2, "recorded": false, "listener": {"phone": "9001", "mode": "listen", "ringing": true}});
    assert_eq!(
        monitored(&mut operator).await,
        json!({"type": "monitored", "whole": true, "calls": [recorded]})
    );
    assert_eq!(
        monitored(&mut supervisor).await,
        json!({"type": "monitored", "whole": true, "calls": [recorded, listened]})
    );

    engine.hub.tell_listener(CallId(2), Some(listener(false)));
    engine.hub.tell_ended(CallId(1));
    let over = json!({"type": "monitored", "calls": [{"call": 1, "recorded": false}]});
    assert_eq!(
        monitored(&mut operator).await,
        over,
        "of the listener nothing is told"
    );
    let listened = json!({"call": 2, "recorded": false, "listener": {"phone": "9001", "mode": "listen"}});
    assert_eq!(monitored(&mut supervisor).await["calls"], json!([listened]));
    assert_eq!(monitored(&mut supervisor).await, over);
    engine.emit(&[arrived(3)]);
    assert_eq!(
        wallboard.next().await["event"],
        "call_arrived",
        "nothing came before it"
    );
}
