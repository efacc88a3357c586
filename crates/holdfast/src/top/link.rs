//! The connection to the feed: signs in, resumes, reconnects, and keeps the session from running out.

use super::state::{Hello, Message, State};
use super::way::{TrustError, Way, Wire, untrusted};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long the engine may take to answer before it counts as away.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection is given up when nothing was heard for this many heartbeats.
const BEATS_MISSED: f64 = 2.5;

/// Between attempts to reconnect: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// The longest answer of the engine over HTTP, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;

/// The longest message of the feed, in bytes: a snapshot of the fullest queue is a tenth of it.
const MESSAGE_MAX: usize = 64 << 20;

/// Closes after which the session is no more: there is none or it ran out, or somebody else took the operator's place.
const NOT_SIGNED_IN: [u16; 2] = [4401, 4410];
const REPLACED: u16 = 4409;

/// Whom to sign in as.
#[derive(Clone)]
pub(super) struct Account {
    /// An operator's name; none for a supervisor.
    pub(super) name: String,
    pub(super) secret: String,
}

/// Why there is nothing to show, for good.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The engine wants a session.
    #[error(
        "this engine shows its queue to nobody who has not signed in: name an operator or a supervisor with --as"
    )]
    SignInFirst,
    /// No host and port.
    #[error("{0} is no address of an engine: write HOST:PORT")]
    Address(String),
    /// An operator has one session.
    #[error("that operator signed in elsewhere, which ended this session")]
    Replaced,
    /// Whom to trust is not known.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Somebody else may be at the other end.
    #[error(
        "the engine's certificate is not trusted: {0}; name its authority, or the certificate itself, with --ca"
    )]
    Untrusted(String),
    /// Name or secret, mostly.
    #[error("the sign-in was refused: {0}")]
    Refused(String),
}

/// What is on the screen.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) state: State,
    pub(super) hello: Option<Hello>,
    /// The server's time at a moment of ours.
    clock: Option<(u64, Instant)>,
    /// Since when nothing is heard; none while all is well.
    pub(super) lost: Option<Instant>,
}

impl Shown {
    /// Milliseconds since the Unix epoch on the engine's clock.
    pub(super) fn now(&self) -> u64 {
        let rate = self.hello.as_ref().map_or(1.0, |hello| hello.clock_rate);
        self.clock.map_or(0, |(server, at)| {
            server.saturating_add((at.elapsed().as_secs_f64() * 1e3 * rate) as u64)
        })
    }
}

/// One engine's feed.
pub(super) struct Link {
    pub(super) way: Way,
    pub(super) account: Option<Account>,
    pub(super) shown: watch::Sender<Shown>,
    token: Option<String>,
}

type Socket = WebSocketStream<Box<dyn Wire>>;

/// Why no connection came about.
enum Trouble {
    /// The engine was not reached; it may come back.
    Away,
    /// It will be no other next time.
    ForGood(LinkError),
}

/// How a connection ended.
enum Lost {
    /// It may come back.
    Gone,
    /// Who has a secret may sign in again.
    NotSignedIn,
    /// It is somebody else's now.
    Replaced,
}

impl Link {
    pub(super) fn new(way: Way, account: Option<Account>, shown: watch::Sender<Shown>) -> Self {
        Self {
            way,
            account,
            shown,
            token: None,
        }
    }

    /// Follows the feed until there is no point in it any more.
    pub(super) async fn follow(mut self) -> LinkError {
        let mut wait = RETRY.0;
        loop {
            match self.connect().await {
                Ok(Lost::Gone) => wait = RETRY.0,
                Ok(Lost::NotSignedIn) if self.account.is_none() => return LinkError::SignInFirst,
                Ok(Lost::NotSignedIn) => self.token = None,
                Ok(Lost::Replaced) => return LinkError::Replaced,
                Err(Trouble::ForGood(error)) => return error,
                Err(Trouble::Away) => wait = (wait * 2).min(RETRY.1),
            }
            self.shown.send_modify(|shown| {
                shown.lost.get_or_insert_with(Instant::now);
            });
            sleep(wait).await;
        }
    }

    /// One connection from its beginning to its end.
    async fn connect(&mut self) -> Result<Lost, Trouble> {
        if self.token.is_none()
            && let Some(account) = self.account.clone()
        {
            self.token = Some(self.sign_in(&account).await?);
        }
        let (epoch, seq) = {
            let shown = self.shown.borrow();
            (shown.state.epoch, shown.state.seq)
        };
        let resume = seq
            .map(|seq| format!("?epoch={epoch}&after={seq}"))
            .unwrap_or_default();
        let address = format!("{}://{}/feed{resume}", self.way.scheme(), self.way.authority);
        let mut request = address
            .into_client_request()
            .map_err(|_| LinkError::Address(self.way.authority.clone()))?;
        if let Some(token) = &self.token
            && let Ok(bearer) = format!("Bearer {token}").parse()
        {
            request.headers_mut().insert("Authorization", bearer);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        let connecting = async {
            let wire = self.way.connect().await?;
            let upgraded = client_async_with_config(request, wire, Some(config)).await;
            upgraded.map_err(|_| Trouble::Away)
        };
        let (socket, _) = timeout(ANSWER_TIMEOUT, connecting)
            .await
            .map_err(|_| Trouble::Away)??;
        Ok(self.hear(socket).await)
    }

    async fn hear(&mut self, mut socket: Socket) -> Lost {
        let mut patience = ANSWER_TIMEOUT;
        let mut renew = None;
        loop {
            let frame = tokio::select! {
                frame = timeout(patience, socket.next()) => frame,
                () = at(renew) => {
                    renew = None;
                    let command = json!({ "id": fresh_id(), "do": "renew" });
                    match socket.send(Frame::text(command.to_string())).await {
                        Ok(()) => continue,
                        Err(_) => return Lost::Gone,
                    }
                }
            };
            let text = match frame {
                Ok(Some(Ok(Frame::Text(text)))) => text,
                Ok(Some(Ok(Frame::Close(close)))) => return lost(close.map_or(0, |close| close.code.into())),
                Ok(Some(Ok(_))) => continue,
                Ok(Some(Err(_)) | None) | Err(_) => return Lost::Gone,
            };
            // What this program does not know is passed over; what it cannot read is no feed.
            let Ok(message) = serde_json::from_str(&text) else {
                return Lost::Gone;
            };
            if let Message::Hello(Hello { heartbeat_s, .. }) = &message {
                patience = Duration::from_secs_f64(heartbeat_s.clamp(1.0, 60.0) * BEATS_MISSED);
            }
            renew = renewal(&message).or(renew);
            if !self.take(message) {
                return Lost::Gone;
            }
        }
    }

    /// Shows what a message says. False: something was lost on the way.
    pub(super) fn take(&self, message: Message) -> bool {
        let mut whole = true;
        self.shown.send_modify(|shown| match message {
            Message::Hello(hello) => {
                shown.clock = Some((hello.server_time, Instant::now()));
                shown.hello = Some(hello);
            }
            Message::Snapshot(snapshot) => {
                shown.state = snapshot.into();
                shown.lost = None;
            }
            Message::Delta(delta) => {
                whole = shown.state.apply(delta);
                shown.lost = None;
                // Resumed, perhaps across a restart of the engine: from now on its epoch counts.
                if let (true, Some(hello)) = (whole, &shown.hello) {
                    shown.state.epoch = hello.epoch;
                }
            }
            Message::Heartbeat { seq, time } => {
                shown.clock = Some((time, Instant::now()));
                whole = shown.state.seq == Some(seq);
                shown.lost = None;
            }
            Message::Ok { .. } | Message::Other => {}
        });
        whole
    }

    async fn sign_in(&self, account: &Account) -> Result<String, Trouble> {
        let body = json!({ "name": account.name, "secret": account.secret });
        let answer = exchange(&self.way, "POST /session", &body.to_string()).await?;
        if let Some(token) = answer["token"].as_str() {
            return Ok(token.to_owned());
        }
        match (answer["code"].as_str(), answer["message"].as_str()) {
            (Some("overloaded"), _) | (_, None) => Err(Trouble::Away),
            (_, Some(message)) => Err(LinkError::Refused(message.to_owned()).into()),
        }
    }
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        Self::ForGood(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        untrusted(&error).map_or(Self::Away, Self::ForGood)
    }
}

/// When to renew the session that a message speaks of: when half of it has passed.
fn renewal(message: &Message) -> Option<tokio::time::Instant> {
    let (Message::Hello(Hello { expires_in_s, .. }) | Message::Ok { expires_in_s }) = message else {
        return None;
    };
    let half = Duration::try_from_secs_f64((*expires_in_s)? / 2.0).ok()?;
    tokio::time::Instant::now().checked_add(half)
}

async fn at(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn lost(code: u16) -> Lost {
    match code {
        REPLACED => Lost::Replaced,
        code if NOT_SIGNED_IN.contains(&code) => Lost::NotSignedIn,
        _ => Lost::Gone,
    }
}

/// Commands of one session are told apart by when they were sent.
fn fresh_id() -> String {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("top-{}", since.as_micros())
}

/// What the page knows of the engine: its name and time zone.
pub(super) async fn about(way: &Way) -> Option<Value> {
    exchange(way, "GET /about.json", "").await.ok()
}

/// One request on a connection of its own, answered with JSON.
async fn exchange(way: &Way, line: &str, body: &str) -> Result<Value, Trouble> {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        way.authority,
        body.len()
    );
    let asked = async {
        let mut stream = way.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = timeout(ANSWER_TIMEOUT, asked)
        .await
        .map_err(|_| Trouble::Away)??;
    let answer = String::from_utf8_lossy(&answer);
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(Trouble::Away)?;
    serde_json::from_str(body).map_err(|_| Trouble::Away)
}
