//! The loop: take a batch, stamp it, journal it, ask the core, commit, and only then carry out what follows.

use crate::clock::Clock;
use crate::edges::{Edges, Log};
use crate::inbox::{Inbox, Stimulus};
use crate::metrics::Metrics;
use crate::numbers::NUMBER;
use crate::reconcile::{Reconciler, Repair};
use acd::{
    Acd, CallView, Event, Explanation, HangUpCause, Input, OperatorId, OperatorState, Outcome, Output,
    Snapshot, Stage, Timestamp,
};
use feed::{Refusal, Request, Supervise};
use journal::JournalError;
use replay::Decisions;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Most stimuli handled in one turn, and so committed with one write.
pub(crate) const BATCH_MAX: usize = 512;

/// The loop turns at least this often: for its progress metric and the journal's own deadlines.
const TURN_MAX: Duration = Duration::from_secs(1);

/// A deadline that a tick has not moved is tried again after this, rather than at once.
const TURN_MIN: Duration = Duration::from_millis(1);

/// A journal that cannot be written is said so in the log this often.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Everything one engine's thread owns.
pub(crate) struct Loop {
    pub(crate) acd: Acd,
    /// The core has a past: the last run's.
    pub(crate) resumes: bool,
    pub(crate) clock: Clock,
    pub(crate) inbox: Inbox,
    pub(crate) log: Box<dyn Log>,
    pub(crate) edges: Box<dyn Edges>,
    pub(crate) metrics: Metrics,
    pub(crate) calls: watch::Sender<usize>,
    /// Told when the loop has turned once.
    pub(crate) begun: Option<oneshot::Sender<()>>,
    pub(crate) reconciler: Reconciler,
    pub(crate) state: State,
}

/// What the loop remembers between turns.
#[derive(Default)]
pub(crate) struct State {
    /// Number of the last event that was carried out.
    pub(crate) seq: u64,
    /// Events in `outputs`.
    fresh: u64,
    pub(crate) outputs: Vec<Output>,
    answers: Vec<Answer>,
    pub(crate) live: usize,
    complained: Option<Instant>,
    room_short: bool,
    /// What the core has decided in this run, and whether that is to be written down.
    decisions: Decisions,
    undecided: bool,
    stop: bool,
}

impl State {
    /// A run whose events are numbered on from `seq`.
    pub(crate) fn after(seq: u64) -> Self {
        Self {
            seq,
            ..Self::default()
        }
    }
}

/// An answer to a console: it is given when what it tells is on disk.
enum Answer {
    Snapshot(oneshot::Sender<(u64, Arc<Snapshot>)>, u64, Arc<Snapshot>),
    Command(oneshot::Sender<Result<(), Refusal>>, Result<(), Refusal>),
    Explain(oneshot::Sender<Option<Explanation>>, Option<Explanation>),
}

impl Loop {
    /// Turns until told to stop, then writes the rest of the journal.
    pub(crate) fn run(mut self) -> Result<(), JournalError> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        if self.resumes {
            self.resume(&mut batch);
        } else {
            self.begin(&mut batch);
        }
        self.turn(&mut batch);
        if let Some(begun) = self.begun.take() {
            // Who started us may have given up.
            let _ = begun.send(());
        }
        while !self.state.stop {
            let patience = self.patience();
            self.inbox.take(&mut batch, BATCH_MAX, patience);
            self.turn(&mut batch);
        }
        self.checkpoint(self.clock.now());
        self.log.close()
    }

    /// How long the loop may wait for something to happen.
    fn patience(&self) -> Duration {
        let Some(deadline) = self.acd.next_deadline() else {
            return TURN_MAX;
        };
        self.clock.until(deadline).clamp(TURN_MIN, TURN_MAX)
    }

    /// One turn. `batch` is emptied.
    pub(crate) fn turn(&mut self, batch: &mut Vec<Stimulus>) {
        let began = Instant::now();
        let busy = !batch.is_empty();
        self.metrics.inbox_depth.set(batch.len() as i64);
        let now = self.clock.now();
        self.reconcile(now);
        if self.acd.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.tell(now, Input::Tick);
        }
        for stimulus in batch.drain(..) {
            match stimulus {
                Stimulus::Input(input) => drop(self.tell(now, input)),
                Stimulus::Note { key, value } => self.note(now, &key, value.as_deref()),
                Stimulus::Supervisor(news) => self.edges.supervisor(news),
                Stimulus::Request(request) => self.hear(now, request),
                Stimulus::Stop => self.state.stop = true,
            }
        }
        self.commit(now);
        self.carry(now);
        for answer in self.state.answers.drain(..) {
            // A console that has gone away meanwhile is no loss.
            match answer {
                Answer::Snapshot(reply, seq, snapshot) => drop(reply.send((seq, snapshot))),
                Answer::Command(reply, answer) => drop(reply.send(answer)),
                Answer::Explain(reply, why) => drop(reply.send(why)),
            }
        }
        self.metrics.turned();
        if busy {
            self.metrics.turn_seconds.observe(began.elapsed().as_secs_f64());
        }
    }

    /// Journals one input and lets the core handle it. Returns why the core would not carry out an operator's command.
    fn tell(&mut self, now: Timestamp, input: Input) -> Option<acd::Refusal> {
        match self.log.append(now, &input) {
            Ok(_) => self.metrics.journal_appends.inc(),
            Err(error) => tracing::error!(%error, "an input could not be journaled"),
        }
        self.metrics.inputs.inc();
        let before = self.state.outputs.len();
        self.acd.handle(now, input, &mut self.state.outputs);
        self.state.decisions.take(&self.state.outputs[before..]);
        self.state.undecided = true;
        let mut refusal = None;
        for output in &self.state.outputs[before..] {
            let Output::Event(event) = output else { continue };
            self.state.fresh += 1;
            match event {
                Event::CallArrived { .. } => self.state.live += 1,
                // A call-back is up from when its caller is dialled: a promise does not keep the engine from stopping.
                Event::CallerDialled { .. } => self.state.live += 1,
                Event::CallEnded { call, outcome, .. }
                    if call.is_call_back() && !matches!(outcome, Outcome::Answered | Outcome::Failed) => {}
                Event::CallEnded { .. } => self.state.live = self.state.live.saturating_sub(1),
                Event::Refused { refusal: why, .. } => refusal = Some(*why),
                _ => {}
            }
        }
        refusal
    }

    fn note(&mut self, now: Timestamp, key: &str, value: Option<&[u8]>) {
        if let Err(error) = self.log.note(now, key, value) {
            tracing::error!(%error, key, "a note could not be journaled");
        }
    }

    fn hear(&mut self, now: Timestamp, request: Request) {
        let answer = match request {
            Request::Record { operator, on, reply } => Answer::Command(reply, self.record(operator, on)),
            Request::Supervise { order, reply } => Answer::Command(reply, self.supervise(order)),
            Request::Snapshot(reply) => {
                let snapshot = Arc::new(self.acd.snapshot());
                Answer::Snapshot(reply, self.state.seq + self.state.fresh, snapshot)
            }
            Request::Command { input, reply } => {
                let refusal = self.tell(now, input);
                Answer::Command(reply, refusal.map_or(Ok(()), |why| Err(why.into())))
            }
            Request::Explain { call, reply } => Answer::Explain(reply, self.acd.explain(call)),
        };
        self.state.answers.push(answer);
    }

    /// Has the call that an operator talks in recorded, or no longer.
    fn record(&mut self, operator: OperatorId, on: bool) -> Result<(), Refusal> {
        let snapshot = self.acd.snapshot();
        let talks = |call: &&CallView| matches!(call.stage, Stage::Talking { operator: with, .. } if with == operator);
        let call = snapshot.calls.iter().find(talks);
        let call = call.ok_or(Refusal::NotTalking)?;
        self.edges.record(call.call, call.queue, on)
    }

    /// Lets a supervisor listen to the call that an operator talks in, or no longer.
    fn supervise(&mut self, order: Supervise) -> Result<(), Refusal> {
        let snapshot = self.acd.snapshot();
        let operator = snapshot.operators.get(order.operator.0 as usize);
        match operator.map(|operator| operator.state) {
            Some(OperatorState::Talking { leg }) => self.edges.supervise(leg.call, order),
            // It ended with the call.
            _ if order.mode.is_none() => Ok(()),
            _ => Err(Refusal::NotTalking),
        }
    }

    fn reconcile(&mut self, now: Timestamp) {
        let Some(found) = self.reconciler.look(|| self.acd.snapshot(), || self.edges.legs()) else {
            return;
        };
        self.metrics.stuck_legs.set(found.len() as i64);
        for stuck in found {
            tracing::error!(call = %stuck.leg().call, leg = stuck.leg().leg, "{stuck}; putting it right");
            self.metrics.repairs.inc();
            match stuck.repair() {
                Repair::Tell(input) => drop(self.tell(now, input)),
                Repair::HangUp(leg) => {
                    self.state.outputs.push(Output::HangUp {
                        leg,
                        cause: HangUpCause::Ended,
                    });
                }
            }
        }
    }

    /// Makes what was appended durable. When that fails the queue goes on in memory: a caller is better served by an
    /// engine that might forget than by none.
    fn commit(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.state.undecided)
            && let Err(error) = self.log.decided(now, self.state.decisions.hash())
        {
            tracing::error!(%error, "what was decided could not be journaled");
        }
        match self.log.commit(now) {
            Ok(committed) => {
                self.metrics.journal_bytes.inc_by(committed.bytes);
                if let Some(took) = committed.sync {
                    self.metrics.journal_fsync_seconds.observe(took.as_secs_f64());
                }
                if self.state.complained.take().is_some() {
                    self.metrics.journal_failing.set(0);
                    tracing::warn!(missing = self.log.missing(), "the journal is written again");
                }
            }
            Err(error) => {
                self.metrics.journal_failing.set(1);
                if self
                    .state
                    .complained
                    .is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY)
                {
                    self.state.complained = Some(Instant::now());
                    tracing::error!(
                        %error,
                        missing = self.log.missing(),
                        "the journal cannot be written: calls go on, but a crash now would lose their places; \
                         make room on the disk or replace it"
                    );
                }
            }
        }
        self.metrics
            .journal_missing
            .set(i64::try_from(self.log.missing()).unwrap_or(i64::MAX));
        self.watch_room();
        if self.log.checkpoint_due(now) {
            self.checkpoint(now);
        }
        match self.log.checkpointed(now) {
            Some(Ok(done)) => {
                self.metrics.journal_checkpoints.inc();
                self.metrics.journal_checkpoint_failing.set(0);
                tracing::debug!(
                    index = done.index,
                    bytes = done.bytes,
                    took_ms = done.took.as_millis() as u64,
                    state = %done.hash,
                    "checkpoint"
                );
            }
            Some(Err(error)) => {
                self.metrics.journal_checkpoint_failing.set(1);
                tracing::error!(%error, "no checkpoint could be written: a start will have to replay more");
            }
            None => {}
        }
    }

    /// Hands the core's state to the journal. All that was told is committed, or waits in memory for the disk.
    fn checkpoint(&mut self, now: Timestamp) {
        let number = self.state.seq + self.state.fresh;
        self.note(now, NUMBER, Some(&number.to_le_bytes()));
        self.log.checkpoint(now, self.acd.state());
    }

    /// Says so before the disk is full, while there is time to do something about it.
    fn watch_room(&mut self) {
        let room = self.log.room();
        self.metrics.count_room(&room);
        if std::mem::replace(&mut self.state.room_short, room.is_short()) == room.is_short() {
            return;
        }
        if room.is_short() {
            tracing::error!(
                used_bytes = room.used,
                used_max_bytes = room.used_max,
                free_bytes = room.free,
                free_min_bytes = room.free_min,
                "the journal is short of room: make room on its disk, or set smaller bounds in [journal]"
            );
        } else {
            tracing::warn!(
                used_bytes = room.used,
                free_bytes = room.free,
                "the journal has room again"
            );
        }
    }

    fn carry(&mut self, now: Timestamp) {
        if !self.state.outputs.is_empty() {
            self.edges.carry(now, self.state.seq, &mut self.state.outputs);
            self.state.outputs.clear();
        }
        self.state.seq += std::mem::take(&mut self.state.fresh);
        let live = self.state.live;
        self.calls
            .send_if_modified(|calls| std::mem::replace(calls, live) != live);
    }
}
