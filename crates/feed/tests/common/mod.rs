//! A stand-in for the engine (a snapshot kept up by its own events) and a client, for the tests of the feed.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use acd::{
    CallId, CallerNumber, Event, Input, OperatorId, OperatorState, OperatorView, Outcome, PauseReason,
};
use acd::{QueueId, Snapshot, Timestamp, TrunkId};
use feed::{
    About, Account, Directory, Feed, FeedConfig, Hub, Limits, Memory, Refusal, Request, Requests, Secret,
    Thresholds,
};
use futures_util::{SinkExt, StreamExt};
use prometheus::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub const EPOCH: u64 = 1_763_888_400_000_000;
pub const START: Timestamp = Timestamp::from_secs(1_763_888_400);
pub const NUMBER: &str = "13800138000";
pub const MASKED: &str = "138******00";

/// How long a test waits for what must come. Only a failing test ever waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the stand-in answers to commands.
pub type Answer = Arc<dyn Fn(&Input) -> Result<(), Refusal> + Send + Sync>;

pub struct Engine {
    pub hub: Hub,
    state: Mutex<(u64, Snapshot)>,
    commands: Mutex<Vec<Input>>,
    snapshots: Mutex<u32>,
    answer: Mutex<Option<Answer>>,
    refuses: Mutex<bool>,
    pub recordings: Mutex<Vec<(acd::OperatorId, bool)>>,
    pub supervisions: Mutex<Vec<feed::Supervise>>,
}

impl Engine {
    pub fn new() -> Arc<Self> {
        let operator = |index| OperatorView {
            operator: OperatorId(index),
            state: OperatorState::SignedOff,
            since: START,
            phone: false,
            answered: 0,
        };
        let snapshot = Snapshot {
            at: START,
            lines: 12,
            lines_in_use: 0,
            next_change: Some(START + Duration::from_secs(3600)),
            next_lines: Some(4),
            draining: false,
            calls: Vec::new(),
            operators: vec![operator(0), operator(1)],
        };
        Arc::new(Self {
            hub: Hub::new(EPOCH),
            state: Mutex::new((0, snapshot)),
            commands: Mutex::default(),
            snapshots: Mutex::default(),
            answer: Mutex::default(),
            refuses: Mutex::default(),
            recordings: Mutex::default(),
            supervisions: Mutex::default(),
        })
    }

    /// Makes `events` true and tells the feed. Returns the number of the last.
    pub fn emit(&self, events: &[Event]) -> u64 {
        let mut state = self.state.lock().unwrap();
        let at = state.1.at + Duration::from_millis(5);
        for event in events {
            state.0 += 1;
            state.1.apply(at, event);
        }
        self.hub.publish(state.0, at, events);
        state.0
    }

    /// The number that the last of `count` further events will have.
    pub fn next_seq(&self, count: usize) -> u64 {
        self.state.lock().unwrap().0 + count as u64
    }

    /// Makes `events` true without telling the feed, as when the channel to it was full.
    pub fn lose(&self, events: &[Event]) {
        let mut state = self.state.lock().unwrap();
        let at = state.1.at;
        for event in events {
            state.0 += 1;
            state.1.apply(at, event);
        }
    }

    pub fn answer_with(&self, answer: impl Fn(&Input) -> Result<(), Refusal> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Some(Arc::new(answer));
    }

    /// From now on requests are refused, or taken again.
    pub fn refuse(&self, refuses: bool) {
        *self.refuses.lock().unwrap() = refuses;
    }

    pub fn commands(&self) -> Vec<Input> {
        self.commands.lock().unwrap().clone()
    }

    pub fn snapshots_given(&self) -> u32 {
        *self.snapshots.lock().unwrap()
    }

    pub fn requests(self: &Arc<Self>) -> Requests {
        let engine = self.clone();
        Arc::new(move |request| engine.take(request))
    }

    fn take(&self, request: Request) -> bool {
        if *self.refuses.lock().unwrap() {
            return false;
        }
        match request {
            Request::Snapshot(reply) => {
                *self.snapshots.lock().unwrap() += 1;
                let state = self.state.lock().unwrap();
                let _ = reply.send((state.0, Arc::new(state.1.clone())));
            }
            Request::Command { input, reply } => {
                self.commands.lock().unwrap().push(input);
                let answer = self.answer.lock().unwrap().clone();
                let _ = reply.send(answer.map_or(Ok(()), |answer| answer(&input)));
            }
            // Only call 7 waits here.
            Request::Explain { call, reply } => drop(reply.send((call.0 == 7).then(explanation))),
            Request::Supervise { order, reply } => {
                self.supervisions.lock().unwrap().push(order);
                let _ = reply.send(Ok(()));
            }
            Request::Record { operator, on, reply } => {
                self.recordings.lock().unwrap().push((operator, on));
                let _ = reply.send(Ok(()));
            }
        }
        true
    }
}

pub fn explanation() -> acd::Explanation {
    acd::Explanation {
        call: acd::CallId(7),
        ticket: 5,
        waits_for: acd::WaitsFor::Operator {
            may: 3,
            busy: 2,
            paused: 1,
            relaxes: Some(START),
        },
        before: 1,
        heads: [acd::CallId(6)].into_iter().collect(),
        until: START,
        predicted: acd::Waits {
            queue_length: Some(Duration::from_secs(90)),
            ..acd::Waits::default()
        },
    }
}

pub fn config() -> FeedConfig {
    let account = |name: &str, secret: &str| Account {
        name: name.into(),
        secret: Secret::plain(secret),
    };
    FeedConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        directory: Directory {
            queues: vec!["hotline".into()],
            trunks: vec!["city".into()],
            operators: vec![account("1001", "ocean"), account("1002", "river")],
            pause_reasons: vec!["lunch".into(), "training".into()],
            skills: vec!["english".into()],
            forwards: vec!["sip:elsewhere@192.0.2.9".into()],
            supervisors: vec![account("anna", "lighthouse"), account("ben", "harbour")],
            phones: vec!["9001".into()],
            transfer_numbers: vec!["13*".into()],
            on_demand: vec!["hotline".into()],
            outcomes: vec!["resolved".into(), "assigned".into()],
            categories: vec!["noise".into(), "water".into()],
        },
        clock: Arc::new(|| START),
        clock_rate: 1.0,
        heartbeat: Duration::from_secs(15),
        open_wallboard: true,
        session_lifetime: Duration::from_secs(1800),
        memory: Memory::default(),
        records: None,
        thresholds: Thresholds::default(),
        mounts: Vec::new(),
        origins: vec!["https://board.example".into()],
        about: About {
            name: "Hotline".into(),
            version: "0.1.0".into(),
            ..About::default()
        },
        limits: Limits {
            wrong_secret_delay: Duration::from_millis(5),
            ..Limits::default()
        },
    }
}

pub async fn serve(engine: &Arc<Engine>, config: FeedConfig) -> (Feed, Registry) {
    let registry = Registry::new();
    let feed = feed::start(config, engine.hub.clone(), engine.requests(), registry.clone())
        .await
        .unwrap();
    (feed, registry)
}

pub fn arrived(call: u64) -> Event {
    Event::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::new(NUMBER),
        ticket: call,
        since: START,
        resumed: false,
        skills: acd::Skills::default(),
    }
}

pub fn admitted(call: u64) -> Event {
    Event::CallAdmitted {
        call: CallId(call),
        queue: QueueId(0),
        waited: Duration::from_secs(3),
    }
}

pub fn ended(call: u64) -> Event {
    Event::CallEnded {
        call: CallId(call),
        queue: QueueId(0),
        operator: None,
        outcome: Outcome::Abandoned,
        waited: Duration::from_secs(9),
        talked: Duration::ZERO,
        held: Duration::ZERO,
        place_kept: true,
    }
}

pub fn paused(operator: u32) -> Event {
    Event::OperatorChanged {
        operator: OperatorId(operator),
        state: OperatorState::Paused {
            reason: PauseReason::Chosen(1),
        },
        after: Duration::from_secs(2),
    }
}

/// The value of one series in the registry's text, or 0.
pub fn metric(registry: &Registry, series: &str) -> f64 {
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    let line = text.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Waits until `done`, which something in the background brings about.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("never came: {what}"));
}

/// What came back from a request.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The cookie that was set, as a browser would send it back.
    pub fn cookie(&self) -> String {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        line.split(';').next().unwrap().to_owned()
    }
}

/// A request on a connection of its own; each of `headers` is a line.
pub async fn request(feed: &Feed, line: &str, headers: &[&str], body: &str) -> Response {
    let mut stream = TcpStream::connect(feed.local_addr()).await.unwrap();
    let mut text = format!(
        "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        feed.local_addr()
    );
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text));
    read.await.expect("no answer").unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    // Header names mean the same in any case; values here are compared as they are.
    let lower = |line: &str| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_lowercase()),
        None => line.to_owned(),
    };
    let head: Vec<String> = head.lines().map(lower).collect();
    Response {
        status: head[0].split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.join("\n"),
        body: body.to_owned(),
    }
}

pub const JSON: &str = "Content-Type: application/json";

/// `POST /session`.
pub async fn sign_in(feed: &Feed, account: Value) -> Response {
    request(feed, "POST /session", &[JSON], &account.to_string()).await
}

pub fn operator(name: &str, secret: &str) -> Value {
    json!({"name": name, "secret": secret})
}

pub fn supervisor() -> Value {
    json!({"name": "anna", "secret": "lighthouse"})
}

/// The token that `account` gets.
pub async fn token(feed: &Feed, account: Value) -> String {
    let answer = sign_in(feed, account).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

pub struct Client<S = MaybeTlsStream<TcpStream>>(pub WebSocketStream<S>);

impl Client {
    /// Connects with `query` (`?…` or nothing).
    pub async fn connect(feed: &Feed, query: &str) -> Self {
        Self::connect_with(feed, query, &[]).await.unwrap()
    }

    /// Connects with a token.
    pub async fn bearing(feed: &Feed, query: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        Self::connect_with(feed, query, &[("Authorization", &bearer)])
            .await
            .unwrap()
    }

    pub async fn connect_with(
        feed: &Feed,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        Self::open(feed, &format!("/feed{query}"), headers).await
    }

    /// Opens a WebSocket at `path`.
    pub async fn open(
        feed: &Feed,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", feed.local_addr())
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    /// Signed in, with hello and snapshot taken.
    pub async fn operator(feed: &Feed, name: &str, secret: &str) -> Self {
        let token = token(feed, operator(name, secret)).await;
        let mut client = Self::bearing(feed, "", &token).await;
        assert_eq!(client.next().await["operator"], name);
        assert_eq!(client.next().await["type"], "snapshot");
        client
    }

    /// Signed in as a supervisor, with hello and snapshot taken.
    pub async fn supervisor(feed: &Feed) -> Self {
        Self::signed_in(feed, "anna", "lighthouse").await
    }

    /// The same, by name.
    pub async fn signed_in(feed: &Feed, name: &str, secret: &str) -> Self {
        let token = token(feed, operator(name, secret)).await;
        let mut client = Self::bearing(feed, "", &token).await;
        assert_eq!(client.next().await["supervisor"], name);
        assert_eq!(client.next().await["type"], "snapshot");
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// The next message that is not a heartbeat.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = self.any().await;
            if message["type"] != "heartbeat" {
                return message;
            }
        }
    }

    /// The next message.
    pub async fn any(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    pub async fn frame(&mut self) -> Option<tungstenite::Result<Message>> {
        tokio::time::timeout(PATIENCE, self.0.next())
            .await
            .expect("nothing came")
    }

    /// Deltas up to the number `seq`, with no gap among them.
    pub async fn deltas_to(&mut self, seq: u64) -> Vec<Value> {
        let mut deltas: Vec<Value> = Vec::new();
        while deltas.last().is_none_or(|last| last["seq"] != seq) {
            let delta = self.next().await;
            assert_eq!(delta["type"], "delta", "{delta}");
            if let Some(last) = deltas.last() {
                assert_eq!(
                    delta["seq"].as_u64(),
                    last["seq"].as_u64().map(|seq| seq + 1),
                    "a gap"
                );
            }
            deltas.push(delta);
        }
        deltas
    }

    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        loop {
            let answer = self.next().await;
            if answer["type"] != "delta" && answer["type"] != "ordered" {
                return answer;
            }
        }
    }

    /// The code the server closes with, skipping what comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close but {other:?}"),
            }
        }
    }
}

/// The published schema.
pub struct Schema {
    schemas: boon::Schemas,
    /// By name: the messages, and the definitions that stand for themselves.
    kinds: BTreeMap<&'static str, boon::SchemaIndex>,
}

impl Schema {
    pub fn load() -> Self {
        let text = include_str!("../../../../docs/feed.schema.json");
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler
            .add_resource("feed.json", serde_json::from_str(text).unwrap())
            .unwrap();
        let places = [
            ("message", "feed.json"),
            ("command", "feed.json#/$defs/command"),
            ("sign_in", "feed.json#/$defs/sign_in"),
            ("signed_in", "feed.json#/$defs/signed_in"),
            ("denied", "feed.json#/$defs/denied"),
        ];
        let kinds = places.map(|(kind, place)| (kind, compiler.compile(place, &mut schemas).unwrap()));
        Self {
            kinds: kinds.into(),
            schemas,
        }
    }

    pub fn accepts(&self, kind: &str, value: &Value) {
        if let Err(error) = self.schemas.validate(value, self.kinds[kind]) {
            panic!("not a {kind} by the schema: {value}\n{error:#}");
        }
    }

    pub fn is_valid(&self, kind: &str, value: &Value) -> bool {
        self.schemas.validate(value, self.kinds[kind]).is_ok()
    }
}
