//! One client of the feed, from its hello to its close.

use crate::answers::Answers;
use crate::auth::Role;
use crate::close::End;
use crate::command::{Refusal, Request, Requests, SupervisorMode};
use crate::config::{Clock, Directory, Limits, Thresholds};
use crate::desk::{self, MissedList};
use crate::fanout::{Fanout, Snapshots};
use crate::incoming::{self, Action, Command};
use crate::lines;
use crate::metrics::{Metrics, Resync};
use crate::monitoring::{Monitoring, Watching};
use crate::orders;
use crate::remarks::{self, Remark, Remarks};
use crate::ring::Behind;
use crate::seats::{Seat, Seats};
use crate::tokens::{Over, Pass, Tokens};
use crate::told::Told;
use crate::wire::{Done, FormChoices, Hello, Message, Numbers, PROTOCOL};
use acd::{CallId, Explanation, Input};
use futures_util::{SinkExt, StreamExt};
use records::{Day, History, Records};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes, error::CapacityError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Deltas written before a flush.
const DELTAS_A_FLUSH: usize = 64;

/// Rounds of deltas in a row, though more are there, before it is looked whether anything else is to be done.
const ROUNDS_IN_A_ROW: u32 = 16;

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
    pub(crate) thresholds: Thresholds,
    pub(crate) limits: Limits,
    pub(crate) tokens: Tokens,
    pub(crate) seats: Arc<Seats>,
    pub(crate) answers: Answers,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) remarks: Remarks,
    pub(crate) monitoring: Monitoring,
    pub(crate) told: Arc<Told>,
    pub(crate) snapshots: Snapshots,
    pub(crate) requests: Requests,
    pub(crate) records: Option<Records>,
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

    /// Whether all that followed is there: in this run, or after one before whose events are known.
    fn can_resume(&self, Resume { epoch, after }: Resume) -> bool {
        (epoch == self.epoch || self.told.knows(epoch, after)) && self.fanout.covers(after)
    }

    /// The name of the operator that somebody is.
    pub(crate) fn operator(&self, role: Role) -> Option<&str> {
        matches!(role, Role::Operator(_)).then(|| self.name(role))
    }

    /// The name of the supervisor that somebody is.
    pub(crate) fn supervisor(&self, role: Role) -> Option<&str> {
        matches!(role, Role::Supervisor(_)).then(|| self.name(role))
    }

    /// By which name somebody has signed in; the role's, for who has not.
    pub(crate) fn name(&self, role: Role) -> &str {
        let account = self.directory.account(role);
        account.map_or(role.name(), |account| &account.name)
    }

    /// Asks the engine why a call waits.
    async fn explain(&self, call: CallId) -> Result<Explanation, Refusal> {
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

/// As whom a client comes.
pub(crate) struct Client {
    pub(crate) role: Role,
    /// The session; none for a wallboard.
    pub(crate) pass: Option<Pass>,
}

/// One connected client.
pub(crate) struct Session<S> {
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
    role: Role,
    pass: Option<Pass>,
    seat: Option<Seat>,
    resume: Option<Resume>,
    /// The number of the delta to send next; none before the client may watch.
    next: Option<u64>,
    wake: watch::Receiver<()>,
    remarks: broadcast::Receiver<Remark>,
    monitored: Watching,
    missed: MissedList,
    heard: Instant,
    allowance: Allowance,
}

/// What a command comes to.
pub(crate) enum Answer {
    Done,
    Explained(Explanation),
    History(History),
    Day(Day),
    Renewed(Duration),
}

/// Closes a connection that may not even watch.
pub(crate) async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    mut socket: WebSocketStream<S>,
    end: End,
) {
    shared.metrics.closed.with_label_values(&[end.name()]).inc();
    goodbye(&mut socket, end).await;
}

/// Says why it ends, and reads what still comes: the frame is only sure to arrive if that is read.
async fn goodbye<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, end: End) {
    let goodbye = async {
        let _ = socket.close(end.frame()).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: WebSocketStream<S>,
        Client { role, pass }: Client,
        resume: Option<Resume>,
    ) -> Self {
        shared.metrics.clients.with_label_values(&[role.name()]).inc();
        let seat = match role {
            Role::Operator(operator) => Some(shared.seats.take(operator)),
            Role::Wallboard | Role::Supervisor(_) => None,
        };
        Self {
            wake: shared.fanout.subscribe(),
            remarks: shared.remarks.subscribe(),
            monitored: shared.monitoring.watch(role),
            missed: MissedList::of(shared.records.as_ref(), role),
            allowance: Allowance::new(shared.limits.messages_per_second),
            shared,
            socket,
            role,
            pass,
            seat,
            resume,
            next: None,
            heard: Instant::now(),
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
        if end != End::Stalled {
            goodbye(&mut self.socket, end).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        self.begin().await?;
        let mut beat = self.heartbeats();
        let stop = self.shared.stop.clone();
        let mut rounds = 0;
        loop {
            tokio::select! {
                biased;
                // First, since it happens most by far: then the others are not even asked.
                () = woken(&mut self.wake, &mut rounds), if self.next.is_some() => self.forward().await?,
                () = stop.cancelled() => return Err(End::Stopping),
                () = replaced(self.seat.as_ref()) => return Err(End::Replaced),
                over = over(self.pass.as_mut()) => return Err(over.into()),
                _ = beat.tick() => self.beat().await?,
                message = self.socket.next() => self.hear(message).await?,
                remark = remarks::next(&mut self.remarks, self.role), if self.next.is_some() => self.send(remark).await?,
                change = self.monitored.next(), if self.next.is_some() => self.send(change).await?,
                list = self.missed.next(), if self.next.is_some() => self.send(list).await?,
            }
        }
    }

    fn heartbeats(&self) -> Interval {
        let every = self.shared.heartbeat;
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat
    }

    /// Says hello, and what is there to be seen.
    async fn begin(&mut self) -> Result<(), End> {
        let shared = self.shared.clone();
        let hello = Hello {
            protocol: PROTOCOL,
            epoch: shared.epoch,
            server_time: (shared.clock)().as_millis(),
            clock_rate: shared.clock_rate,
            heartbeat_s: shared.heartbeat.as_secs_f64(),
            role: self.role.into(),
            operator: shared.operator(self.role),
            supervisor: shared.supervisor(self.role),
            expires_in_s: self.pass.as_ref().map(|pass| pass.left().as_secs_f64()),
            queues: &shared.directory.queues,
            pause_reasons: &shared.directory.pause_reasons,
            phones: match self.role {
                Role::Supervisor(_) => &shared.directory.phones,
                _ => &[],
            },
            on_demand: match self.role {
                Role::Wallboard => &[],
                _ => &shared.directory.on_demand,
            },
            transfer_numbers: match self.role {
                Role::Wallboard => &[],
                _ => &shared.directory.transfer_numbers,
            },
            thresholds: (&shared.thresholds).into(),
            form: self.role.sees_numbers().then_some(FormChoices {
                outcomes: &shared.directory.outcomes,
                categories: &shared.directory.categories,
                text_max: desk::TEXT_MAX,
            }),
        };
        self.send(Message::Hello(hello).bytes()).await?;
        match self.resume.take() {
            Some(resume) if shared.can_resume(resume) => {
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
        let answer = self.act(&command).await;
        let word = answer.as_ref().map_or_else(Refusal::code, |_| "ok");
        self.shared
            .metrics
            .commands
            .with_label_values(&[command.action.name(), word])
            .inc();
        let message = match &answer {
            Ok(answer) => self.ok(&command.id, answer),
            Err(refusal) => Message::refused(Some(&command.id), refusal),
        };
        let message = message.bytes();
        self.send(message).await
    }

    async fn act(&mut self, command: &Command) -> Result<Answer, Refusal> {
        if let Some(answer) = desk::ask(&self.shared, self.role, &command.action).await {
            return answer;
        }
        match &command.action {
            Action::Renew => self.renew().map(Answer::Renewed),
            Action::Explain { call } => self.shared.explain(CallId(*call)).await.map(Answer::Explained),
            Action::Record { operator, on } => {
                let done = self.record(operator.as_deref(), *on).await;
                self.ordered(&command.action, done).map(|()| Answer::Done)
            }
            action => match action.supervision() {
                Some((operator, phone, mode)) => {
                    let done = self.supervise(operator, phone, mode).await;
                    self.ordered(action, done)
                }
                None => self.carry_out(command).await,
            }
            .map(|()| Answer::Done),
        }
    }

    fn ok<'a>(&'a self, id: &'a str, answer: &'a Answer) -> Message<'a> {
        let mut ok = Done {
            id,
            ..Done::default()
        };
        match answer {
            Answer::Done => {}
            Answer::Explained(why) => ok.explanation = Some(self.shared.directory.explanation(why)),
            Answer::History(history) => ok.history = Some(history.into()),
            Answer::Day(day) => ok.day = Some(day.into()),
            Answer::Renewed(lasts) => ok.expires_in_s = Some(lasts.as_secs_f64()),
        }
        Message::Ok(ok)
    }

    /// Has the session last for another lifetime.
    fn renew(&self) -> Result<Duration, Refusal> {
        let renewed = self
            .pass
            .as_ref()
            .and_then(|pass| self.shared.tokens.renew(&pass.key));
        renewed.ok_or(Refusal::NotSignedIn)
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
        self.ordered(&command.action, answer)
    }

    /// Has a call recorded, or no longer. It says what shall be, so that asking again changes nothing.
    async fn record(&mut self, operator: Option<&str>, on: bool) -> Result<(), Refusal> {
        let operator = incoming::subject(operator, self.role, &self.shared.directory)?;
        info!(
            operator = self.shared.directory.operator(operator),
            on,
            by = self.shared.name(self.role),
            "recording asked for"
        );
        let ask = |reply| Request::Record { operator, on, reply };
        self.shared.ask(ask).await
    }

    /// Lets a supervisor listen to a call, or no longer. It says what shall be, so that asking again changes nothing.
    async fn supervise(
        &mut self,
        operator: &str,
        phone: Option<&str>,
        mode: Option<SupervisorMode>,
    ) -> Result<(), Refusal> {
        let order = incoming::supervise(operator, phone, mode, self.role, &self.shared.directory)?;
        info!(
            supervisor = self.shared.supervisor(self.role),
            operator,
            phone = order.phone,
            mode = mode.map_or("leave", SupervisorMode::name),
            "a supervisor asks to listen"
        );
        self.shared.ask(|reply| Request::Supervise { order, reply }).await
    }

    /// Tells of what a supervisor had done.
    fn ordered(&self, action: &Action, done: Result<(), Refusal>) -> Result<(), Refusal> {
        if let (Some(supervisor), Ok(())) = (self.shared.supervisor(self.role), &done) {
            orders::tell(&self.shared.remarks, (self.shared.clock)(), supervisor, action);
        }
        done
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

/// Returns when there are deltas to send. Every [`ROUNDS_IN_A_ROW`] it lets others go first, so that a client which is
/// always behind is heard all the same.
async fn woken(wake: &mut watch::Receiver<()>, rounds: &mut u32) {
    if *rounds == ROUNDS_IN_A_ROW {
        *rounds = 0;
        yield_now().await;
    }
    if wake.changed().await.is_err() {
        // The feed has ended: the stop signal says so.
        pending::<()>().await;
    }
    *rounds += 1;
}

async fn over(pass: Option<&mut Pass>) -> Over {
    match pass {
        Some(pass) => pass.over().await,
        None => pending().await,
    }
}

async fn replaced(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.replaced().await,
        None => pending().await,
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
