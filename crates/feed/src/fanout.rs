//! From the engine's events to bytes every client shares, and the snapshots to start from.

use crate::command::{Request, Requests};
use crate::config::Directory;
use crate::hub::Batch;
use crate::ring::{Behind, Delta, Ring};
use crate::told::Told;
use crate::wire::{Message, Numbers};
use acd::{Asked, Event, Third, Timestamp};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use std::{io, thread};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Batches taken at once.
const BATCHES_AT_ONCE: usize = 4_096;

/// How long the clients are left in peace after they were woken. What comes meanwhile goes out together: with a thousand
/// clients it is writing to each that costs, not what is written.
const REST: Duration = Duration::from_millis(8);

/// A snapshot is given to another client too if it is no older than this, and
const SNAPSHOT_SHARED_FOR: Duration = Duration::from_secs(1);

/// if no more deltas than this have come since.
const SNAPSHOT_SHARED_DELTAS: u64 = 256;

/// The ring of deltas, and who waits for the next.
pub(crate) struct Fanout {
    directory: Arc<Directory>,
    ring: RwLock<Ring>,
    /// Carries no value: a change means that there is something to read.
    wake: watch::Sender<()>,
}

impl Fanout {
    /// A fan-out whose ring holds what was told before.
    pub(crate) fn new(directory: Arc<Directory>, deltas_kept: usize, told: &Told) -> Self {
        let mut ring = Ring::new(deltas_kept);
        for (seq, at, event) in told.events() {
            ring.push(seq, serialise(&directory, seq, at, event));
        }
        Self {
            directory,
            ring: RwLock::new(ring),
            wake: watch::Sender::new(()),
        }
    }

    /// Carries the engine's batches into the ring until the hub is gone, on a thread of its own: behind the tasks of a
    /// thousand clients each batch would wait for all of them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(self: Arc<Self>, batches: mpsc::Receiver<Batch>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let body = move || runtime.block_on(self.run(batches));
        thread::Builder::new()
            .name("feed-fanout".into())
            .spawn(body)
            .map(drop)
    }

    /// What has come is in the ring at once, also for clients whose turn has not come since they were woken last: with a
    /// thousand of them that takes longer than the rest.
    async fn run(self: Arc<Self>, mut batches: mpsc::Receiver<Batch>) {
        let mut taken = Vec::new();
        let mut rested = Instant::now();
        let mut news = false;
        loop {
            tokio::select! {
                count = batches.recv_many(&mut taken, BATCHES_AT_ONCE) => {
                    if count == 0 {
                        self.wake.send_replace(());
                        return;
                    }
                    for batch in taken.drain(..) {
                        self.take(&batch);
                    }
                    news = true;
                }
                () = sleep_until(rested), if news => {
                    self.wake.send_replace(());
                    news = false;
                    rested = Instant::now() + REST;
                }
            }
        }
    }

    /// A receiver that is told of everything new from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    /// At most `max` deltas from the number `from` on; none if there is nothing newer.
    pub(crate) fn read(&self, from: u64, max: usize, numbers: Numbers) -> Result<Vec<Utf8Bytes>, Behind> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let bytes = |delta: &Delta| match numbers {
            Numbers::Clear => delta.clear.clone(),
            Numbers::Masked => delta.masked.clone(),
        };
        Ok(ring.read(from, max)?.map(bytes).collect())
    }

    /// Whether a client that has everything up to `after` can go on without a snapshot.
    pub(crate) fn covers(&self, after: u64) -> bool {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .covers(after)
    }

    fn next(&self) -> u64 {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn take(&self, batch: &Batch) {
        let first = batch
            .seq
            .saturating_add(1)
            .saturating_sub(batch.events.len() as u64);
        let deltas: Vec<Delta> = (first..)
            .zip(&batch.events)
            .map(|(seq, event)| serialise(&self.directory, seq, batch.at, event))
            .collect();
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for (seq, delta) in (first..).zip(deltas) {
            ring.push(seq, delta);
        }
    }
}

/// An event as it goes out.
fn serialise(directory: &Directory, seq: u64, at: Timestamp, event: &Event) -> Delta {
    let text = |numbers| {
        let change = directory.change(event, numbers);
        Message::Delta {
            seq,
            at: at.as_millis(),
            change,
        }
        .bytes()
    };
    let clear = text(Numbers::Clear);
    // Few events show a number.
    let numbered = matches!(
        event,
        Event::CallArrived { .. }
            | Event::CallBackPromised { .. }
            | Event::CallSentOutside { .. }
            | Event::ThirdChanged {
                third: Some(Third {
                    who: Asked::Outside { .. },
                    ..
                }),
                ..
            }
    );
    let masked = if numbered {
        text(Numbers::Masked)
    } else {
        clear.clone()
    };
    Delta { clear, masked }
}

/// The whole state at one number, serialised when first asked for.
pub(crate) struct Start {
    /// The last event it contains.
    pub(crate) seq: u64,
    taken: Instant,
    snapshot: Arc<acd::Snapshot>,
    clear: OnceLock<Utf8Bytes>,
    masked: OnceLock<Utf8Bytes>,
}

/// Snapshots, shared by clients that ask at about the same time: a thousand consoles that come back together cost
/// the engine one.
pub(crate) struct Snapshots {
    epoch: u64,
    directory: Arc<Directory>,
    fanout: Arc<Fanout>,
    requests: Requests,
    engine_timeout: Duration,
    latest: Mutex<Option<Arc<Start>>>,
}

impl Snapshots {
    pub(crate) fn new(epoch: u64, fanout: Arc<Fanout>, requests: Requests, engine_timeout: Duration) -> Self {
        let directory = fanout.directory.clone();
        Self {
            epoch,
            directory,
            fanout,
            requests,
            engine_timeout,
            latest: Mutex::new(None),
        }
    }

    /// A state to start from whose following deltas are, or will be, in the ring. None: the engine does not answer.
    pub(crate) async fn get(&self) -> Option<Arc<Start>> {
        // Whoever comes while one is being fetched waits here and then finds it fresh.
        let mut latest = self.latest.lock().await;
        if let Some(start) = latest.as_ref().filter(|start| self.is_fresh(start)) {
            return Some(start.clone());
        }
        let (reply, answer) = oneshot::channel();
        if !(self.requests)(Request::Snapshot(reply)) {
            return None;
        }
        let (seq, snapshot) = timeout(self.engine_timeout, answer).await.ok()?.ok()?;
        let start = Arc::new(Start {
            seq,
            taken: Instant::now(),
            snapshot,
            clear: OnceLock::new(),
            masked: OnceLock::new(),
        });
        *latest = Some(start.clone());
        Some(start)
    }

    /// The message for it.
    pub(crate) fn bytes(&self, start: &Start, numbers: Numbers) -> Utf8Bytes {
        let cell = match numbers {
            Numbers::Clear => &start.clear,
            Numbers::Masked => &start.masked,
        };
        cell.get_or_init(|| {
            self.directory
                .snapshot(self.epoch, start.seq, &start.snapshot, numbers)
        })
        .clone()
    }

    fn is_fresh(&self, start: &Start) -> bool {
        let nothing_since = start.seq.saturating_add(1) >= self.fanout.next();
        let few_since = self.fanout.next().saturating_sub(start.seq) <= SNAPSHOT_SHARED_DELTAS;
        start.taken.elapsed() < SNAPSHOT_SHARED_FOR
            && (nothing_since || (few_since && self.fanout.covers(start.seq)))
    }
}
