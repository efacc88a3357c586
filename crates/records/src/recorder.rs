//! The records' thread: follows events, gathers rows, and writes them together.

use crate::Refused;
use crate::curve::{Curve, Day};
use crate::handle::RecordsConfig;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::missed::{Missed, PEOPLE_MAX, Person};
use crate::rows::{CallRow, Form, FormRow, History, Row, TalkRow};
use crate::store::{Store, StoreError, Write, listed};
use acd::{CallId, Event, Snapshot, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Tasks taken before what they led to is written.
const BATCH_MAX: usize = 1_024;

/// Rows are gathered for as long before they are written; what an operator saves is written at once.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// Rows that wait for a disk that takes none. One more, and all are given up until the next start.
const PENDING_MAX: usize = 200_000;

/// A database that could not be used is tried again after this.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// How often it is said that the records cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// How often the list of missed callers is told at most.
const MISSED_EVERY: Duration = Duration::from_secs(1);

/// How often what is over is removed, and who is still to be called back looked up anew.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// While there is more to be removed, this often.
const TIDY_MORE: Duration = Duration::from_secs(1);

/// How often it is noted that nothing is missing while nothing happens, and
const COMPLETE_EVERY: Duration = Duration::from_secs(60);

/// how long an event may be under way from the engine.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);

type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// Something for the thread to do.
pub(crate) enum Task {
    Begin(Box<Snapshot>),
    Events {
        seq: u64,
        at: Timestamp,
        events: Vec<Event>,
    },
    Save {
        call: CallId,
        operator: Arc<str>,
        form: Form,
        reply: Reply<()>,
    },
    History {
        call: CallId,
        reply: Reply<History>,
    },
    Reached {
        caller: Arc<str>,
        by: Arc<str>,
        reply: Reply<()>,
    },
    Day {
        reply: Reply<Day>,
    },
    FillFrom {
        reply: Reply<Option<Timestamp>>,
    },
    Fill {
        rows: Vec<Row>,
        reply: Reply<()>,
    },
    Filled {
        reply: Reply<()>,
    },
    Stop {
        reply: Reply<()>,
    },
}

/// What the thread and those who hand it tasks share.
pub(crate) struct Shared {
    /// A task that cannot be repeated found no room.
    pub(crate) lost: AtomicBool,
    pub(crate) metrics: Metrics,
}

impl Shared {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            lost: AtomicBool::new(false),
            metrics,
        }
    }
}

/// What waits to be written.
#[derive(Default)]
struct Pending {
    calls: BTreeMap<CallId, CallRow>,
    talks: BTreeMap<(CallId, Arc<str>), TalkRow>,
    forms: Vec<(CallId, FormRow, Reply<()>)>,
    reached: Vec<(Arc<str>, Arc<str>, Reply<()>)>,
}

impl Pending {
    fn rows(&self) -> usize {
        self.calls.len() + self.talks.len()
    }

    fn add(&mut self, row: Row) {
        use std::collections::btree_map::Entry::{Occupied, Vacant};
        match row {
            Row::Call(row) => match self.calls.entry(row.call) {
                Occupied(mut there) => there.get_mut().join(row),
                Vacant(free) => drop(free.insert(row)),
            },
            Row::Talk(row) => match self.talks.entry((row.call, row.operator.clone())) {
                Occupied(mut there) => there.get_mut().join(row),
                Vacant(free) => drop(free.insert(row)),
            },
        }
    }
}

pub(crate) struct Recorder {
    config: RecordsConfig,
    metrics: Metrics,
    store: Option<Store>,
    /// When the database failed last, until it works.
    failed: Option<Instant>,
    complained: Option<Instant>,
    ledger: Ledger,
    curve: Curve,
    rows: Vec<Row>,
    pending: Pending,
    /// The number and time of the last event followed.
    seq: u64,
    at: Timestamp,
    /// What runs before left out has been filled in.
    filled: bool,
    /// Nothing was left out in this run.
    whole: bool,
    written: Instant,
    completed: Option<Instant>,
    tidied: Option<Instant>,
    more_to_tidy: bool,
    people: BTreeMap<String, Person>,
    /// Callers whose line may have changed.
    touched: BTreeSet<String>,
    missed: watch::Sender<Arc<Missed>>,
    missed_told: Option<Instant>,
    missed_changed: bool,
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
            ledger: Ledger::new(config.names.clone()),
            config,
            metrics,
            store: None,
            failed: None,
            complained: None,
            curve,
            rows: Vec::new(),
            pending: Pending::default(),
            seq: 0,
            at: Timestamp::default(),
            filled: false,
            whole: true,
            written: Instant::now(),
            completed: None,
            tidied: None,
            more_to_tidy: false,
            people: BTreeMap::new(),
            touched: BTreeSet::new(),
            missed,
            missed_told: None,
            missed_changed: false,
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
            self.tell_missed();
            if let Some(reply) = self.stop.take() {
                self.write(drained);
                // Who asked may have gone.
                let _ = reply.send(Ok(()));
                return;
            }
        }
    }

    fn take(&mut self, task: Task) {
        match task {
            Task::Begin(state) => {
                self.ledger.begin(&state, &mut self.rows);
                self.curve.begin(&state);
                self.gather();
            }
            Task::Events { seq, at, events } => {
                for event in &events {
                    self.ledger.take(at, event, &mut self.rows);
                    self.curve.take(at, event);
                }
                (self.seq, self.at) = (seq, at);
                self.gather();
            }
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
            Task::Reached { caller, by, reply } => self.pending.reached.push((caller, by, reply)),
            Task::Day { reply } => {
                if self.filled || self.failed.is_some() {
                    let _ = reply.send(Ok(self.day()));
                } else {
                    self.asked.push(reply);
                }
            }
            Task::FillFrom { reply } => {
                let through = self.with_store(|store| store.through());
                let _ = reply.send(through);
            }
            Task::Fill { rows, reply } => {
                rows.into_iter().for_each(|row| self.add(row));
                self.write(false);
                let written = if self.pending.rows() == 0 {
                    Ok(())
                } else {
                    Err(Refused::Unavailable)
                };
                let _ = reply.send(written);
            }
            Task::Filled { reply } => {
                self.write(false);
                self.fill_in_done();
                let _ = reply.send(Ok(()));
            }
            Task::Stop { reply } => self.stop = Some(reply),
        }
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
            && !call.caller.is_withheld()
        {
            self.touched.insert(call.caller.reveal().to_owned());
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
        self.pending.calls.clear();
        self.pending.talks.clear();
        self.touched.clear();
    }

    fn save(&mut self, call: CallId, operator: Arc<str>, form: Form, reply: Reply<()>) {
        let known = self.pending.talks.contains_key(&(call, operator.clone()));
        let had = known || {
            match self.with_store(|store| store.had(call, &operator)) {
                Ok(had) => had,
                Err(refused) => {
                    let _ = reply.send(Err(refused));
                    return;
                }
            }
        };
        if !had {
            let _ = reply.send(Err(Refused::NotTheirCall));
            return;
        }
        let row = FormRow {
            operator: operator.to_string(),
            saved: (self.config.clock)(),
            form,
        };
        self.pending.forms.push((call, row, reply));
    }

    fn history(&mut self, call: CallId) -> Result<History, Refused> {
        self.write(false);
        let live = self.ledger.caller(call);
        self.with_store(|store| {
            let forms = store.forms(call)?;
            let caller = match live {
                Some(caller) => Some((!caller.is_withheld()).then(|| caller.reveal().to_owned())),
                None => store.caller(call)?,
            };
            let Some(caller) = caller else { return Ok(None) };
            let earlier = caller.map_or(Ok(Vec::new()), |caller| store.earlier(&caller, call))?;
            Ok(Some(History { earlier, forms }))
        })?
        .ok_or(Refused::UnknownCall)
    }

    fn day(&mut self) -> Day {
        let now = (self.config.clock)();
        Day {
            seq: self.seq,
            ..self.curve.day(now)
        }
    }

    /// Does something with the database, if it can be used.
    fn with_store<T>(&mut self, act: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, Refused> {
        if self.store.is_none() {
            if self.failed.is_some_and(|at| at.elapsed() < RETRY_EVERY) {
                return Err(Refused::Unavailable);
            }
            match Store::open(&self.config.path, self.config.journal) {
                Ok(store) => self.store = Some(store),
                Err(error) => return Err(self.complain(&error)),
            }
        }
        let Some(store) = &mut self.store else {
            return Err(Refused::Unavailable);
        };
        match act(store) {
            Ok(done) => Ok(done),
            Err(error) => Err(self.complain(&error)),
        }
    }

    fn complain(&mut self, error: &StoreError) -> Refused {
        // Opened anew next time: the file may have been put right meanwhile.
        self.store = None;
        self.failed = Some(Instant::now());
        self.metrics.failing.set(1);
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            self.complained = Some(Instant::now());
            tracing::error!(
                %error,
                path = %self.config.path.display(),
                pending = self.pending.rows(),
                "the records cannot be used: calls go on, and what happens is written when they can be; make room on the \
                 disk, end what locks the file, or move it away and a new one is made"
            );
        }
        // Who waits for the day gets what is known.
        for reply in std::mem::take(&mut self.asked) {
            let _ = reply.send(Ok(self.day()));
        }
        Refused::Unavailable
    }

    fn is_due(&self) -> bool {
        let waits = self.pending.rows() > 0 && self.written.elapsed() >= WRITE_EVERY;
        let completes = self.completed.is_none_or(|at| at.elapsed() >= COMPLETE_EVERY);
        waits || completes || !self.pending.forms.is_empty() || !self.pending.reached.is_empty()
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
        let write = Write {
            calls: pending.calls.values().collect(),
            talks: pending.talks.values().collect(),
            forms: pending.forms.iter().map(|(call, row, _)| (*call, row)).collect(),
            reached: pending
                .reached
                .iter()
                .map(|(caller, by, _)| (&**caller, now, &**by))
                .collect(),
            through: complete.then(|| self.at.max(quiet)),
        };
        let result = self.with_store(|store| store.write(&write));
        self.written = Instant::now();
        if result.is_ok() {
            self.wrote(&pending);
        }
        for (_, _, reply) in pending.forms {
            let _ = reply.send(result);
        }
        for (_, _, reply) in pending.reached {
            let _ = reply.send(result);
        }
        if result.is_err() {
            self.pending.calls = pending.calls;
            self.pending.talks = pending.talks;
        }
        self.metrics.pending.set(self.pending.rows() as i64);
    }

    fn wrote(&mut self, pending: &Pending) {
        self.completed = Some(Instant::now());
        self.metrics.rows.inc_by(pending.rows() as u64);
        self.metrics.forms.inc_by(pending.forms.len() as u64);
        if self.failed.take().is_some() {
            self.complained = None;
            self.metrics.failing.set(0);
            tracing::warn!("the records are written again");
        }
        let reached = pending.reached.iter().map(|(caller, ..)| caller.to_string());
        self.touched.extend(reached);
        let touched = std::mem::take(&mut self.touched);
        self.look_up(touched);
    }

    /// Looks up whether some callers are still to be called back.
    fn look_up(&mut self, callers: impl IntoIterator<Item = String>) {
        let from = (self.config.clock)() - self.config.call_back_within;
        for caller in callers {
            let Ok(person) = self.with_store(|store| store.missed(&caller, from)) else {
                return;
            };
            let before = self.people.get(&caller);
            self.missed_changed |= before != person.as_ref();
            match person {
                Some(person) => drop(self.people.insert(caller, person)),
                None => drop(self.people.remove(&caller)),
            }
        }
    }

    fn tell_missed(&mut self) {
        let rests = self.missed_told.is_some_and(|at| at.elapsed() < MISSED_EVERY);
        if self.missed_changed && !rests {
            self.missed_changed = false;
            self.missed_told = Some(Instant::now());
            let list = listed(self.people.values(), PEOPLE_MAX);
            self.missed.send_replace(Arc::new(list));
        }
    }

    /// All that runs before had to tell is on the disk: the day can be drawn up.
    fn fill_in_done(&mut self) {
        self.filled = true;
        self.metrics.incomplete.set(i64::from(!self.whole));
        let now = (self.config.clock)();
        let midnight = self.curve.midnight(now);
        let ledger = std::mem::take(&mut self.ledger);
        let steps = self.with_store(|store| store.steps(midnight, |call| ledger.waits(call)));
        self.ledger = ledger;
        if let Ok(steps) = steps {
            self.curve = self.curve.redrawn(steps, now);
        }
        for reply in std::mem::take(&mut self.asked) {
            let _ = reply.send(Ok(self.day()));
        }
        self.tidied = None;
    }

    /// Removes what is over, and forgets who called too long ago.
    fn tidy(&mut self) {
        let every = if self.more_to_tidy { TIDY_MORE } else { TIDY_EVERY };
        if self.tidied.is_some_and(|at| at.elapsed() < every) || self.failed.is_some() {
            return;
        }
        self.tidied = Some(Instant::now());
        let now = (self.config.clock)();
        let before = now - self.config.retention;
        if !self.config.retention.is_zero()
            && let Ok((removed, more)) = self.with_store(|store| store.remove(before))
        {
            self.metrics.removed.inc_by(removed);
            self.more_to_tidy = more;
        }
        let from = now - self.config.call_back_within;
        if let Ok(callers) = self.with_store(|store| store.missed_callers(from)) {
            self.people.clear();
            self.missed_changed = true;
            self.look_up(callers);
        }
    }
}
