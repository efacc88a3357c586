//! The records' thread: follows events, gathers rows, and writes them together.

use crate::Refused;
use crate::base::Base;
use crate::curve::{Curve, Day};
use crate::handle::RecordsConfig;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::missed::{Missed, Watchlist};
use crate::pending::Pending;
use crate::rows::{Form, FormRow, History, LegRow, Row};
use crate::task::{Reply, Shared, Task};
use acd::{CallId, Event, Snapshot, Timestamp};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Tasks taken before what they led to is written.
const BATCH_MAX: usize = 1_024;

/// Rows are gathered for as long before they are written; what an operator saves is written at once.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// Rows that wait for a disk that takes none. One more, and all are given up until the next start.
const PENDING_MAX: usize = 200_000;

/// How often what is over is removed, and who is still to be called back looked up anew.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// While there is more to be removed, this often.
const TIDY_MORE: Duration = Duration::from_secs(1);

/// How often it is noted that nothing is missing while nothing happens, and
const COMPLETE_EVERY: Duration = Duration::from_secs(60);

/// how long an event may be under way from the engine.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Recorder {
    config: RecordsConfig,
    metrics: Metrics,
    base: Base,
    ledger: Ledger,
    curve: Curve,
    rows: Vec<Row>,
    pending: Pending,
    missed: Watchlist,
    /// The number and time of the last event followed.
    seq: u64,
    at: Timestamp,
    /// What runs before left out has been filled in.
    filled: bool,
    /// The day was drawn up from what there is of it.
    drawn: bool,
    /// Nothing was left out in this run.
    whole: bool,
    written: Instant,
    completed: Option<Instant>,
    tidied: Option<Instant>,
    more_to_tidy: bool,
    /// Who asked for the day before it could be drawn up.
    asked: Vec<Reply<Day>>,
    stop: Option<Reply<()>>,
}

impl Recorder {
    pub(crate) fn new(
        config: RecordsConfig,
        curve: Curve,
        metrics: Metrics,
        missed: watch::Sender<Arc<Missed>>,
    ) -> Self {
        metrics.incomplete.set(1);
        Self {
            base: Base::new(config.path.clone(), config.journal, metrics.clone()),
            ledger: Ledger::new(config.names.clone()),
            config,
            metrics,
            curve,
            rows: Vec::new(),
            pending: Pending::default(),
            missed: Watchlist::new(missed),
            seq: 0,
            at: Timestamp::default(),
            filled: false,
            drawn: false,
            whole: true,
            written: Instant::now(),
            completed: None,
            tidied: None,
            more_to_tidy: false,
            asked: Vec::new(),
            stop: None,
        }
    }

    /// Works until told to stop, or nobody can tell it anything any more.
    pub(crate) fn run(mut self, tasks: &Receiver<Task>, shared: &Shared) {
        loop {
            let mut drained = false;
            match tasks.recv_timeout(WRITE_EVERY) {
                Ok(task) => self.take(task),
                Err(RecvTimeoutError::Timeout) => drained = true,
                Err(RecvTimeoutError::Disconnected) => return self.write(true),
            }
            if !drained {
                drained = tasks
                    .try_iter()
                    .take(BATCH_MAX)
                    .map(|task| self.take(task))
                    .count()
                    < BATCH_MAX;
            }
            if shared.lost.swap(false, Ordering::Relaxed) {
                self.give_up("events found no room");
            }
            if self.is_due() {
                self.write(drained);
            }
            self.tidy();
            self.missed.tell();
            if self.base.fails() {
                self.tell_day();
            }
            if let Some(reply) = self.stop.take() {
                self.write(drained);
                let _ = reply.send(Ok(()));
                return;
            }
        }
    }

    fn take(&mut self, task: Task) {
        match task {
            Task::Begin(state) => self.begin(&state),
            Task::Events { seq, at, events } => self.follow(seq, at, &events),
            Task::Heard { leg, quality } => self.add(Row::Leg(LegRow {
                leg,
                known: (self.config.clock)(),
                operator: None,
                quality: Some(quality),
            })),
            Task::Save {
                call,
                operator,
                form,
                reply,
            } => self.save(call, operator, form, reply),
            Task::History { call, reply } => {
                let history = self.history(call);
                let _ = reply.send(history);
            }
            Task::Reached { caller, by, reply } => self.pending.add_reached(caller, by, reply),
            Task::Day { reply } => {
                self.asked.retain(|waits| !waits.is_closed());
                self.asked.push(reply);
                if self.drawn {
                    self.tell_day();
                }
            }
            Task::FillFrom { reply } => {
                let through = self.base.with(|store| store.through());
                let _ = reply.send(through);
            }
            Task::Fill { rows, reply } => {
                let _ = reply.send(self.fill(rows));
            }
            Task::Filled { whole, reply } => {
                self.write(false);
                self.filled = whole;
                self.draw();
                let _ = reply.send(Ok(()));
            }
            Task::Stop { reply } => self.stop = Some(reply),
        }
    }

    fn begin(&mut self, state: &Snapshot) {
        self.ledger.begin(state, &mut self.rows);
        self.curve.begin(state);
        self.gather();
    }

    fn follow(&mut self, seq: u64, at: Timestamp, events: &[Event]) {
        for event in events {
            self.ledger.take(at, event, &mut self.rows);
            self.curve.take(at, event);
        }
        (self.seq, self.at) = (seq, at);
        self.gather();
    }

    fn gather(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.drain(..).for_each(|row| self.add(row));
        self.rows = rows;
        if self.pending.rows() > PENDING_MAX {
            self.give_up("the disk has taken no rows for too long");
        }
        self.metrics.pending.set(self.pending.rows() as i64);
    }

    fn add(&mut self, row: Row) {
        if let Row::Call(call) = &row
            && (call.ended.is_some() || call.connected.is_some())
        {
            self.missed.touch(&call.caller);
        }
        self.pending.add(row);
    }

    /// What happens from now on is recorded again; what was, is left to the next start.
    fn give_up(&mut self, why: &str) {
        tracing::error!(
            why,
            rows = self.pending.rows(),
            "records are missing: the next start fills them in from the journal, as far as that reaches back"
        );
        self.metrics.lost.inc_by(self.pending.rows() as u64);
        self.metrics.incomplete.set(1);
        self.whole = false;
        self.ledger.forget();
        self.pending.forget();
    }

    fn save(&mut self, call: CallId, operator: Arc<str>, form: Form, reply: Reply<()>) {
        let had = match self.pending.has_talk(call, &operator) {
            true => Ok(true),
            false => self.base.with(|store| store.had(call, &operator)),
        };
        let refused = match had {
            Ok(true) => {
                let row = FormRow {
                    operator: operator.to_string(),
                    saved: (self.config.clock)(),
                    form,
                };
                return self.pending.add_form(call, row, reply);
            }
            Ok(false) => Refused::NotTheirCall,
            Err(refused) => refused,
        };
        let _ = reply.send(Err(refused));
    }

    fn history(&mut self, call: CallId) -> Result<History, Refused> {
        self.write(false);
        let live = self.ledger.caller(call);
        let history = self.base.with(|store| {
            let caller = match live {
                Some(caller) => Some((!caller.is_withheld()).then(|| caller.reveal().to_owned())),
                None => store.caller(call)?,
            };
            let Some(caller) = caller else { return Ok(None) };
            let forms = store.forms(call)?;
            let earlier = caller.map_or(Ok(Vec::new()), |caller| store.earlier(&caller, call))?;
            Ok(Some(History { earlier, forms }))
        });
        history?.ok_or(Refused::UnknownCall)
    }

    fn tell_day(&mut self) {
        for reply in std::mem::take(&mut self.asked) {
            let now = (self.config.clock)();
            let day = Day {
                seq: self.seq,
                ..self.curve.day(now)
            };
            let _ = reply.send(Ok(day));
        }
    }

    fn is_due(&self) -> bool {
        let waits = self.pending.rows() > 0 && self.written.elapsed() >= WRITE_EVERY;
        let completes = self.completed.is_none_or(|at| at.elapsed() >= COMPLETE_EVERY);
        waits || completes || self.pending.is_urgent()
    }

    /// Writes what waits. If nothing else is waiting to be taken (`drained`), what has not come by now does not come.
    fn write(&mut self, drained: bool) {
        let pending = std::mem::take(&mut self.pending);
        let now = (self.config.clock)();
        let quiet = if drained {
            now - UNDER_WAY_MAX
        } else {
            Timestamp::default()
        };
        let complete = self.filled && self.whole;
        let write = pending.write(now, complete.then(|| self.at.max(quiet)));
        let result = self.base.with(|store| store.write(&write));
        self.written = Instant::now();
        if result.is_ok() {
            self.wrote(&pending);
        }
        self.pending = pending.answer(result);
        self.metrics.pending.set(self.pending.rows() as i64);
    }

    fn wrote(&mut self, pending: &Pending) {
        self.base.works();
        self.completed = Some(Instant::now());
        self.metrics.rows.inc_by(pending.rows() as u64);
        self.metrics.forms.inc_by(pending.forms() as u64);
        let from = (self.config.clock)() - self.config.call_back_within;
        let missed = &mut self.missed;
        // A failure was said; they are looked up next time.
        let _ = self
            .base
            .with(|store| missed.look_up(store, from, pending.callers_reached()));
    }

    /// Adds what was missing.
    fn fill(&mut self, rows: Vec<Row>) -> Result<(), Refused> {
        rows.into_iter().for_each(|row| self.add(row));
        self.write(false);
        match self.pending.rows() {
            0 => Ok(()),
            _ => Err(Refused::Unavailable),
        }
    }

    /// What runs before had to tell is on the disk: the day can be drawn up.
    fn draw(&mut self) {
        self.drawn = true;
        self.metrics
            .incomplete
            .set(i64::from(!(self.filled && self.whole)));
        let now = (self.config.clock)();
        let midnight = self.curve.midnight(now);
        let ledger = &self.ledger;
        let steps = self
            .base
            .with(|store| store.steps(midnight, |call| ledger.waits(call)));
        if let Ok(steps) = steps {
            self.curve = self.curve.redrawn(steps, now);
        }
        self.tell_day();
        self.tidied = None;
    }

    /// Removes what is over, and forgets who called too long ago.
    fn tidy(&mut self) {
        let every = if self.more_to_tidy { TIDY_MORE } else { TIDY_EVERY };
        if self.tidied.is_some_and(|at| at.elapsed() < every) || self.base.fails() {
            return;
        }
        self.tidied = Some(Instant::now());
        let now = (self.config.clock)();
        let before = now - self.config.retention;
        if !self.config.retention.is_zero()
            && let Ok((removed, more)) = self.base.with(|store| store.remove(before))
        {
            self.metrics.removed.inc_by(removed);
            self.more_to_tidy = more;
        }
        let from = now - self.config.call_back_within;
        let missed = &mut self.missed;
        // A failure was said; the next hour tries again.
        let _ = self.base.with(|store| missed.renew(store, from));
    }
}
