//! One client of the feed, from its hello to its close.

use crate::answers::Answers;
use crate::auth::{Auth, Claim, Role, Seat};
use crate::close::End;
use crate::command::{Refusal, Request, Requests};
use crate::config::{Clock, Directory, Limits};
use crate::fanout::{Fanout, Snapshots};
use crate::incoming::{self, Action, Command};
use crate::lines;
use crate::metrics::{Metrics, Resync};
use crate::quality::{self, Remarks};
use crate::ring::Behind;
use crate::wire::{Hello, Message, Numbers, PROTOCOL};
use acd::{CallId, Explanation, Input};
use futures_util::{SinkExt, StreamExt};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes, error::CapacityError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Deltas written before a flush.
const DELTAS_A_FLUSH: usize = 64;

/// Wrong secrets on one connection before it is closed.
const WRONG_SECRETS_MAX: u32 = 3;

/// How long a client may take to answer our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A burst of this many seconds' worth of messages is let through.
const BURST_SECONDS: f64 = 10.0;

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) epoch: u64,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    pub(crate) clock_rate: f64,
    pub(crate) heartbeat: Duration,
    pub(crate) open_wallboard: bool,
    pub(crate) limits: Limits,
    pub(crate) auth: Arc<Auth>,
    pub(crate) answers: Answers,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) remarks: Remarks,
    pub(crate) snapshots: Snapshots,
    pub(crate) requests: Requests,
    pub(crate) metrics: Metrics,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    /// Hands a command to the engine and waits for its answer.
    async fn ask_engine(&self, input: Input) -> Result<(), Refusal> {
        self.ask(|reply| Request::Command { input, reply }).await
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Request,
    ) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        if !(self.requests)(request(reply)) {
            return Err(Refusal::Overloaded);
        }
        match timeout(self.limits.engine_timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Refusal::NoAnswer),
        }
    }

    /// Asks the engine why a call waits.
    async fn explain(&self, role: Role, call: CallId) -> Result<Explanation, Refusal> {
        if !role.may_watch() {
            return Err(Refusal::NotSignedIn);
        }
        let (reply, answer) = oneshot::channel();
        if !(self.requests)(Request::Explain { call, reply }) {
            return Err(Refusal::Overloaded);
        }
        match timeout(self.limits.engine_timeout, answer).await {
            Ok(Ok(answer)) => answer.ok_or(Refusal::NotWaiting),
            Ok(Err(_)) | Err(_) => Err(Refusal::NoAnswer),
        }
    }
}

/// Where a client wants to go on: the last delta it has, of which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) epoch: u64,
    pub(crate) after: u64,
}

/// One connected client.
pub(crate) struct Session<S> {
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
    from: IpAddr,
    role: Role,
    seat: Option<Seat>,
    resume: Option<Resume>,
    /// The number of the delta to send next; none before the client may watch.
    next: Option<u64>,
    wake: watch::Receiver<()>,
    remarks: broadcast::Receiver<Utf8Bytes>,
    heard: Instant,
    allowance: Allowance,
    wrong_secrets: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: WebSocketStream<S>,
        from: IpAddr,
        role: Role,
        resume: Option<Resume>,
    ) -> Self {
        shared.metrics.clients.with_label_values(&[role.name()]).inc();
        Self {
            wake: shared.fanout.subscribe(),
            remarks: shared.remarks.subscribe(),
            allowance: Allowance::new(shared.limits.messages_per_second),
            shared,
            socket,
            from,
            role,
            seat: None,
            resume,
            next: None,
            heard: Instant::now(),
            wrong_secrets: 0,
        }
    }

    /// Serves the client until either side ends it.
    pub(crate) async fn run(mut self) {
        let Err(end) = self.serve().await;
        debug!(role = self.role.name(), end = end.name(), "feed client gone");
        self.shared.metrics.closed.with_label_values(&[end.name()]).inc();
        self.shared
            .metrics
            .clients
            .with_label_values(&[self.role.name()])
            .dec();
        self.seat = None;
        if end == End::Stalled {
            return;
        }
        let goodbye = async {
            let _ = self.socket.close(end.frame()).await;
            // The frame is only sure to arrive if what the client still sends is read.
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        self.begin().await?;
        let sign_in_by = Instant::now() + self.shared.limits.sign_in_timeout;
        let mut beat = self.heartbeats();
        let stop = self.shared.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Stopping),
                () = replaced(self.seat.as_ref()) => return Err(End::Replaced),
                _ = beat.tick() => self.beat().await?,
                () = sleep_until(sign_in_by), if !self.role.may_watch() => return Err(End::SignInTimeout),
                message = self.socket.next() => self.hear(message).await?,
                _ = self.wake.changed(), if self.next.is_some() => self.forward().await?,
                remark = quality::next(&mut self.remarks), if self.next.is_some() => self.send(remark).await?,
            }
        }
    }

    fn heartbeats(&self) -> Interval {
        let every = self.shared.heartbeat;
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat
    }

    /// Says hello, and what is there to be seen: on connecting, and again when the role has changed.
    async fn begin(&mut self) -> Result<(), End> {
        let shared = self.shared.clone();
        let hello = Hello {
            protocol: PROTOCOL,
            epoch: shared.epoch,
            server_time: (shared.clock)().as_millis(),
            clock_rate: shared.clock_rate,
            heartbeat_s: shared.heartbeat.as_secs_f64(),
            role: self.role.into(),
            operator: match self.role {
                Role::Operator(operator) => Some(shared.directory.operator(operator)),
                _ => None,
            },
            queues: &shared.directory.queues,
            pause_reasons: &shared.directory.pause_reasons,
        };
        self.send(Message::Hello(hello).bytes()).await?;
        if !self.role.may_watch() {
            return Ok(());
        }
        match self.resume.take() {
            Some(resume) if resume.epoch == shared.epoch && shared.fanout.covers(resume.after) => {
                self.next = Some(resume.after.saturating_add(1));
                self.forward().await
            }
            Some(_) => {
                shared.metrics.resynced(Resync::Stale);
                self.start_over().await
            }
            None => self.start_over().await,
        }
    }

    /// Sends the whole state, then what followed it.
    async fn start_over(&mut self) -> Result<(), End> {
        let start = self.shared.snapshots.get().await.ok_or(End::TryLater)?;
        self.send(self.shared.snapshots.bytes(&start, self.numbers()))
            .await?;
        self.next = Some(start.seq.saturating_add(1));
        // Not `forward`: if the client has fallen behind again meanwhile, the loop gives others their turn first.
        self.wake.mark_changed();
        Ok(())
    }

    /// Sends the deltas the client has not seen.
    async fn forward(&mut self) -> Result<(), End> {
        self.wake.mark_unchanged();
        while let Some(next) = self.next {
            let deltas = match self.shared.fanout.read(next, DELTAS_A_FLUSH, self.numbers()) {
                Ok(deltas) => deltas,
                Err(behind) => {
                    self.shared.metrics.resynced(match behind {
                        Behind::Slow => Resync::Slow,
                        Behind::Gap => Resync::Gap,
                    });
                    return self.start_over().await;
                }
            };
            if deltas.is_empty() {
                break;
            }
            self.next = Some(next + deltas.len() as u64);
            self.send_all(deltas.into_iter().map(tungstenite::Message::Text))
                .await?;
        }
        Ok(())
    }

    /// Shows that we are here, and finds out whether the client is.
    async fn beat(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > self.shared.limits.idle_timeout {
            return Err(End::Idle);
        }
        let time = (self.shared.clock)().as_millis();
        let heartbeat = self.next.map(|next| {
            Message::Heartbeat {
                seq: next.saturating_sub(1),
                time,
            }
            .bytes()
        });
        let ping = tungstenite::Message::Ping(Default::default());
        self.send_all(
            heartbeat
                .map(tungstenite::Message::Text)
                .into_iter()
                .chain([ping]),
        )
        .await
    }

    async fn hear(&mut self, message: Option<tungstenite::Result<tungstenite::Message>>) -> Result<(), End> {
        let message = message.ok_or(End::Gone)?.map_err(|error| end_of(&error))?;
        self.heard = Instant::now();
        if !self.allowance.take(self.heard) {
            return Err(End::TooFast);
        }
        match message {
            tungstenite::Message::Text(text) => self.command(&text).await,
            tungstenite::Message::Binary(_) => Err(End::Binary),
            tungstenite::Message::Close(_) => Err(End::Gone),
            tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) => Ok(()),
            tungstenite::Message::Frame(_) => Err(End::Protocol),
        }
    }

    async fn command(&mut self, text: &str) -> Result<(), End> {
        let command = match Command::parse(text) {
            Ok(command) => command,
            Err(refusal) => return self.send(Message::refused(None, &refusal).bytes()).await,
        };
        let mut explanation = None;
        let answer = match &command.action {
            Action::SignIn { role, name, secret } => {
                let claim = Action::claim(*role, name.as_deref());
                match claim {
                    Ok(claim) => self.sign_in(claim, secret).await,
                    Err(refusal) => Err(refusal),
                }
            }
            Action::Explain { call } => {
                let why = self.shared.explain(self.role, CallId(*call)).await;
                why.map(|why| explanation = Some(why))
            }
            Action::Record { operator, on } => self.record(operator.as_deref(), *on).await,
            _ => self.carry_out(&command).await,
        };
        let word = answer.as_ref().map_or_else(Refusal::code, |()| "ok");
        self.shared
            .metrics
            .commands
            .with_label_values(&[command.action.name(), word])
            .inc();
        let message = match &answer {
            Ok(()) => Message::Ok {
                id: &command.id,
                explanation: explanation
                    .as_ref()
                    .map(|why| self.shared.directory.explanation(why)),
            },
            Err(refusal) => Message::refused(Some(&command.id), refusal),
        };
        self.send(message.bytes()).await?;
        match (&command.action, &answer) {
            (Action::SignIn { .. }, Ok(())) => self.begin().await,
            _ if self.wrong_secrets >= WRONG_SECRETS_MAX => Err(End::WrongSecret),
            _ => Ok(()),
        }
    }

    async fn sign_in(&mut self, claim: Claim<'_>, secret: &str) -> Result<(), Refusal> {
        let role = match self.shared.auth.sign_in(claim, secret, self.from) {
            Ok(role) => role,
            Err(refusal) => {
                self.wrong_secrets += 1;
                info!(from = %self.from, code = refusal.code(), "sign-in to the feed refused");
                sleep(self.shared.limits.wrong_secret_delay).await;
                return Err(refusal);
            }
        };
        self.seat = match role {
            Role::Operator(operator) => Some(self.shared.auth.seat(operator)),
            _ => None,
        };
        let clients = &self.shared.metrics.clients;
        clients.with_label_values(&[self.role.name()]).dec();
        clients.with_label_values(&[role.name()]).inc();
        self.role = role;
        Ok(())
    }

    /// Has the engine do it, unless it did before.
    async fn carry_out(&mut self, command: &Command) -> Result<(), Refusal> {
        let shared = &self.shared;
        let input = command.action.input(self.role, &shared.directory)?;
        if let Err(known) = shared.answers.begin(self.role, &command.id, input) {
            return known;
        }
        // Not before `begin`: an order sent again when its time is over gets the answer it had.
        let answer = match lines::in_time(&input, (shared.clock)()) {
            Ok(()) => shared.ask_engine(input).await,
            Err(refusal) => Err(refusal),
        };
        shared.answers.finish(self.role, &command.id, &answer);
        answer
    }

    /// Has a call recorded, or no longer. It says what shall be, so that asking again changes nothing.
    async fn record(&mut self, operator: Option<&str>, on: bool) -> Result<(), Refusal> {
        let operator = incoming::subject(operator, self.role, &self.shared.directory)?;
        info!(
            operator = operator.0,
            on,
            role = self.role.name(),
            "recording asked for"
        );
        let ask = |reply| Request::Record { operator, on, reply };
        self.shared.ask(ask).await
    }

    fn numbers(&self) -> Numbers {
        if self.role.sees_numbers() {
            Numbers::Clear
        } else {
            Numbers::Masked
        }
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.send_all([tungstenite::Message::Text(text)]).await
    }

    /// Writes and flushes within the write timeout.
    async fn send_all(
        &mut self,
        messages: impl IntoIterator<Item = tungstenite::Message>,
    ) -> Result<(), End> {
        let socket = &mut self.socket;
        let write = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        match timeout(self.shared.limits.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(end_of(&error)),
            Err(_) => Err(End::Stalled),
        }
    }
}

async fn replaced(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.replaced().await,
        None => std::future::pending().await,
    }
}

fn end_of(error: &tungstenite::Error) -> End {
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => End::TooBig,
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            End::Gone
        }
        tungstenite::Error::Protocol(_) => End::Protocol,
        tungstenite::Error::Utf8(_) => End::NotUtf8,
        _ => End::Gone,
    }
}

/// A token bucket over what a client sends.
struct Allowance {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            left: per_second * BURST_SECONDS,
            at: Instant::now(),
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let earned = now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.per_second * BURST_SECONDS);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}
