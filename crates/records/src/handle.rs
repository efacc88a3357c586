//! The ways to the records' thread. None of them blocks the engine.

use crate::curve::{Curve, Day};
use crate::ledger::Names;
use crate::metrics::Metrics;
use crate::missed::Missed;
use crate::quality::Quality;
use crate::recorder::Recorder;
use crate::rows::{Form, History, Row};
use crate::task::{Shared, Task};
use crate::{RecordsError, Refused};
use acd::{CallId, Event, LegId, Snapshot, Timestamp};
use jiff::tz::TimeZoneDatabase;
use prometheus::Registry;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Batches of events and requests that wait for the thread. One more is dropped, or refused.
const QUEUE_MAX: usize = 8_192;

/// How long a journal's replay rests before it tries a database again that could not be used.
const FILL_REST: Duration = Duration::from_secs(1);

/// What the records are told once.
#[derive(Clone)]
pub struct RecordsConfig {
    /// The database's file.
    pub path: PathBuf,
    /// Calls that arrived longer ago are removed; zero: never.
    pub retention: Duration,
    /// Who called longer ago is not listed as still to be called back.
    pub call_back_within: Duration,
    /// A call answered within this was answered in time.
    pub answer_within: Duration,
    /// Where the hotline's midnight is: an IANA name.
    pub time_zone: String,
    /// Tells this journal's calls from those of another.
    pub journal: u32,
    /// Names by the core's indexes.
    pub names: Names,
    /// The engine's clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for RecordsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordsConfig")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The records. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    queue: SyncSender<Task>,
    shared: Arc<Shared>,
    missed: watch::Receiver<Arc<Missed>>,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl Records {
    /// Starts their thread. The database is opened there: if it cannot be, calls go on, and it is tried again.
    ///
    /// # Errors
    /// When the registry has the records' metrics already, the zone is unknown, or the system gives no thread.
    pub fn start(config: RecordsConfig, registry: &Registry) -> Result<Self, RecordsError> {
        let zone = TimeZoneDatabase::bundled()
            .get(&config.time_zone)
            .map_err(|_| RecordsError::TimeZone(config.time_zone.clone()))?;
        let metrics = Metrics::register(registry)?;
        let curve = Curve::new(zone, config.answer_within, (config.clock)());
        let (queue, tasks) = sync_channel(QUEUE_MAX);
        let (told, missed) = watch::channel(Arc::default());
        let shared = Arc::new(Shared::new(metrics.clone()));
        let recorder = Recorder::new(config, curve, metrics, told);
        let body = {
            let shared = shared.clone();
            move || {
                let run = AssertUnwindSafe(|| recorder.run(&tasks, &shared));
                if catch_unwind(run).is_err() {
                    shared.metrics.failing.set(1);
                    tracing::error!(
                        "the records' thread broke off: calls go on, and the next start fills in what is missing; please \
                         report it with the lines before"
                    );
                }
            }
        };
        thread::Builder::new()
            .name("records".into())
            .spawn(body)
            .map_err(RecordsError::Thread)?;
        Ok(Self {
            queue,
            shared,
            missed,
        })
    }

    /// Takes up what is live in `state`, with which a run goes on.
    pub fn resume(&self, state: &Snapshot) {
        self.offer(Task::Begin(Box::new(state.clone())));
    }

    /// Follows what has become true at `at`; `seq` is the number of the last of `events`. Never blocks.
    pub fn take(&self, seq: u64, at: Timestamp, events: &[Event]) {
        let events: Vec<Event> = events.iter().filter(|event| matters(event)).cloned().collect();
        if !events.is_empty() {
            self.offer(Task::Events { seq, at, events });
        }
    }

    /// Notes how a leg sounded whose media has ended. Never blocks. What finds no room is not told again: no journal has it.
    pub fn heard(&self, leg: LegId, quality: Quality) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Task::Heard { leg, quality }) {
            self.shared.metrics.lost.inc();
        }
    }

    fn offer(&self, task: Task) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(task) {
            self.shared.lost.store(true, Ordering::Relaxed);
            self.shared.metrics.lost.inc();
        }
    }

    /// Keeps what an operator wrote down about a call, in place of what was kept before.
    ///
    /// # Errors
    /// [`Refused::NotTheirCall`], or the records cannot be written now.
    pub async fn save(&self, call: CallId, operator: &str, form: Form) -> Result<(), Refused> {
        let operator = operator.into();
        self.ask(|reply| Task::Save {
            call,
            operator,
            form,
            reply,
        })
        .await
    }

    /// The earlier calls of a call's caller, and what was written down about it.
    ///
    /// # Errors
    /// [`Refused::UnknownCall`], or the records cannot be read now.
    pub async fn history(&self, call: CallId) -> Result<History, Refused> {
        self.ask(|reply| Task::History { call, reply }).await
    }

    /// Notes that somebody has reached `caller`, who need not be called back any more.
    ///
    /// # Errors
    /// When the records cannot be written now.
    pub async fn reached(&self, caller: &str, by: &str) -> Result<(), Refused> {
        let (caller, by) = (caller.into(), by.into());
        self.ask(|reply| Task::Reached { caller, by, reply }).await
    }

    /// The day so far, with everything that was handed to [`Self::take`] before.
    ///
    /// # Errors
    /// When the records cannot keep up.
    pub async fn day(&self) -> Result<Day, Refused> {
        self.ask(|reply| Task::Day { reply }).await
    }

    /// Who is still to be called back, now and whenever it changes; at most once a second.
    pub fn missed(&self) -> watch::Receiver<Arc<Missed>> {
        self.missed.clone()
    }

    /// Where what a journal tells is filled in.
    pub fn filling(&self) -> Filling {
        Filling {
            queue: self.queue.clone(),
        }
    }

    /// Writes what waits, and ends the thread. A database that cannot be written is not waited for.
    pub async fn stop(&self) {
        let _ = self.ask(|reply| Task::Stop { reply }).await;
    }

    async fn ask<T>(
        &self,
        task: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Task,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(task(reply)).map_err(|_| Refused::Busy)?;
        answer.await.unwrap_or(Err(Refused::Unavailable))
    }
}

/// Whether an event changes anything that is kept.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::CallArrived { .. }
            | Event::CallBackPromised { .. }
            | Event::CallConnected { .. }
            | Event::CallLeaving { .. }
            | Event::CallForwarded { .. }
            | Event::OutsideAnswered { .. }
            | Event::CallEnded { .. }
            | Event::OperatorChanged { .. }
    )
}

/// Fills in what the records lack, from a thread that may wait.
pub struct Filling {
    queue: SyncSender<Task>,
}

impl Filling {
    /// Up to when nothing is missing; none: nothing is there yet. Waits for a database that can be read. `None` when
    /// the records have ended.
    pub fn from(&self) -> Option<Option<Timestamp>> {
        self.insist(|reply| Task::FillFrom { reply })
    }

    /// Adds rows, and waits until they are on the disk. False when the records have ended.
    pub fn put(&self, rows: &[Row]) -> bool {
        let answer = self.insist(|reply| Task::Fill {
            rows: rows.to_vec(),
            reply,
        });
        answer.is_some()
    }

    /// All that there was to be filled in is; or, unless `whole`, the next start must try again.
    pub fn done(self, whole: bool) {
        let _ = self.insist(|reply| Task::Filled { whole, reply });
    }

    fn insist<T>(&self, task: impl Fn(oneshot::Sender<Result<T, Refused>>) -> Task) -> Option<T> {
        loop {
            let (reply, answer) = oneshot::channel();
            self.queue.send(task(reply)).ok()?;
            match answer.blocking_recv() {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(_)) => thread::sleep(FILL_REST),
                Err(_) => return None,
            }
        }
    }
}
