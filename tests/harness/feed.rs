//! A watcher on the feed: keeps every delta, and waits until the log shows what is asked for.

use crate::{Engine, PATIENCE, SECRET, Web, soon};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A supervisor's connection to the feed.
pub struct Feed {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    token: String,
    hello: Value,
    snapshot: Value,
    /// Who was to be called back when it was told last.
    missed: Value,
    /// What else becomes of calls, by call: recorded, listened to.
    monitored: BTreeMap<u64, Value>,
    log: Log,
    /// The number of the last delta, or of the snapshot.
    seq: Option<u64>,
    next_id: u32,
}

/// Where a watcher stood when it went.
pub struct Left {
    token: String,
    epoch: u64,
    after: u64,
}

impl Left {
    /// The same with a session of this engine.
    pub async fn signed_in(self, engine: &Engine) -> Left {
        Left {
            token: engine.web().sign_in("supervisor", SECRET).await,
            ..self
        }
    }
}

/// All deltas since the snapshot, in order, without a gap.
#[derive(Default)]
pub struct Log(Vec<Value>);

impl Log {
    /// The deltas of one kind.
    pub fn of<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |delta| delta["event"] == event)
    }

    /// How many deltas of one kind there are.
    pub fn count(&self, event: &str) -> usize {
        self.of(event).count()
    }

    /// The last state of an operator, with its reason if it has one, such as `paused/no_answer`.
    pub fn operator(&self, name: &str) -> String {
        let last = self
            .of("operator_changed")
            .filter(|delta| delta["operator"] == name)
            .last();
        last.map(standing).unwrap_or_default()
    }

    /// One number of each delta of one kind, in order.
    pub fn numbers(&self, event: &str, field: &str) -> Vec<u64> {
        self.of(event)
            .filter_map(|delta| delta.pointer(field).and_then(Value::as_u64))
            .collect()
    }

    /// One text of each delta of one kind, in order.
    pub fn texts(&self, event: &str, field: &str) -> Vec<String> {
        self.of(event)
            .map(|delta| delta[field].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

fn standing(operator: &Value) -> String {
    let words = [&operator["state"], &operator["reason"]];
    let words: Vec<&str> = words.into_iter().filter_map(Value::as_str).collect();
    words.join("/")
}

impl Feed {
    pub(crate) async fn connect(address: SocketAddr, secret: &str) -> Feed {
        let token = Web(address).sign_in("supervisor", secret).await;
        let mut feed = Self::open(address, &token, "", None).await;
        while feed.snapshot.is_null() {
            feed.take().await;
        }
        feed
    }

    pub(crate) async fn resume(address: SocketAddr, left: &Left) -> Feed {
        let query = format!("?epoch={}&after={}", left.epoch, left.after);
        Self::open(address, &left.token, &query, Some(left.after)).await
    }

    async fn open(address: SocketAddr, token: &str, query: &str, seq: Option<u64>) -> Feed {
        let mut request = format!("ws://{address}/feed{query}")
            .into_client_request()
            .expect("an address");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("Authorization", bearer);
        let (socket, _) = soon("the feed", connect_async(request)).await.expect("a feed");
        let mut feed = Feed {
            socket,
            token: token.to_owned(),
            hello: Value::Null,
            snapshot: Value::Null,
            missed: Value::Null,
            monitored: BTreeMap::new(),
            log: Log::default(),
            seq,
            next_id: 0,
        };
        feed.hello = feed.message().await;
        assert_eq!(feed.hello["role"], "supervisor", "{}", feed.hello);
        feed
    }

    /// Takes the next message. Returns whether the whole state came, in place of what was missed.
    pub async fn starts_over(&mut self) -> bool {
        self.take().await["type"] == "snapshot"
    }

    /// Goes, remembering where it stood.
    pub fn leave(self) -> Left {
        Left {
            epoch: self.hello["epoch"].as_u64().expect("an epoch"),
            after: self.seq.expect("a number"),
            token: self.token,
        }
    }

    /// The state when this watcher came; null when it resumed.
    pub fn snapshot(&self) -> &Value {
        &self.snapshot
    }

    /// What has been seen so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Sends a command as the supervisor and waits until it is carried out.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn command(&mut self, command: Value) {
        let text = command.to_string();
        let answer = self.ask(command).await;
        assert_eq!(answer["type"], "ok", "{text} was answered {answer}");
    }

    /// Sends a command as the supervisor and gives the answer.
    pub async fn ask(&mut self, mut command: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id.to_string();
        command["id"] = Value::from(id.as_str());
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .expect("the feed takes commands");
        loop {
            let answer = self.take().await;
            if answer["id"] == id.as_str() {
                return answer;
            }
        }
    }

    /// Waits until the log shows what `is_there` looks for.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn until(&mut self, what: &str, is_there: impl Fn(&Log) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there(&self.log) {
            if timeout_at(deadline, self.take()).await.is_err() {
                let seen: Vec<String> = self.log.0.iter().map(Value::to_string).collect();
                panic!(
                    "waited {PATIENCE:?} in vain for {what}; the feed told:\n{}",
                    seen.join("\n")
                );
            }
        }
    }

    /// Waits until the list of those who are to be called back is as it should be.
    ///
    /// # Panics
    /// When it does not become so.
    pub async fn missed(&mut self, is_right: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.missed.is_null() || !is_right(&self.missed) {
            if timeout_at(deadline, self.take()).await.is_err() {
                panic!(
                    "waited {PATIENCE:?} in vain for another list than {}",
                    self.missed
                );
            }
        }
    }

    /// Waits until a call is recorded or not, and listened to so or by nobody (null).
    ///
    /// # Panics
    /// When it does not become so.
    pub async fn monitored(&mut self, call: u64, recorded: bool, listener: Value) {
        let deadline = Instant::now() + PATIENCE;
        let is_so = |known: Option<&Value>| match known {
            Some(known) => known["recorded"] == recorded && known["listener"] == listener,
            None => !recorded && listener.is_null(),
        };
        while !is_so(self.monitored.get(&call)) {
            if timeout_at(deadline, self.take()).await.is_err() {
                panic!(
                    "waited {PATIENCE:?} in vain for recorded {recorded} and {listener}; told was {:?}",
                    self.monitored
                );
            }
        }
    }

    /// Waits for the first delta since the snapshot that `is_it`, and returns it.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn first(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            if let Some(delta) = self.log.0[looked_at..].iter().find(|delta| is_it(delta)) {
                return delta.clone();
            }
            looked_at = self.log.0.len();
            let took = timeout_at(deadline, self.take()).await;
            assert!(took.is_ok(), "waited {PATIENCE:?} in vain for {what}");
        }
    }

    /// Reads one message into snapshot or log.
    async fn take(&mut self) -> Value {
        let message = self.message().await;
        match message["type"].as_str() {
            Some("snapshot") => {
                self.snapshot = message.clone();
                self.seq = message["seq"].as_u64();
                self.log = Log::default();
            }
            Some("delta") => {
                let seq = message["seq"].as_u64();
                assert_eq!(seq, self.seq.map(|seq| seq + 1), "a gap before {message}");
                self.seq = seq;
                self.log.0.push(message.clone());
            }
            Some("missed") => self.missed = message.clone(),
            Some("monitored") => self.take_monitored(&message),
            _ => {}
        }
        message
    }

    fn take_monitored(&mut self, message: &Value) {
        if message["whole"] == true {
            self.monitored.clear();
        }
        for call in message["calls"].as_array().into_iter().flatten() {
            let id = call["call"].as_u64().expect("a call");
            self.monitored.insert(id, call.clone());
        }
    }

    async fn message(&mut self) -> Value {
        loop {
            let frame = soon("a message of the feed", self.socket.next()).await;
            match frame.expect("the feed goes on").expect("the feed goes on") {
                Message::Text(text) => return serde_json::from_str(&text).expect("the feed speaks JSON"),
                Message::Close(close) => panic!("the feed was closed: {close:?}"),
                _ => {}
            }
        }
    }
}
