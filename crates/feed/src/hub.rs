//! The way from the engine into the feed: one bounded channel, and it never blocks.

use crate::monitoring::{Listener, Monitoring};
use crate::quality;
use crate::remarks::Remarks;
use crate::told::Told;
use acd::{CallId, Event, LegId, Timestamp};
use records::Quality;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Batches of events on their way from the engine to the feed. One more is dropped, and every client then gets a
/// fresh snapshot: the engine is never made to wait.
const BATCHES_MAX: usize = 4096;

/// What one turn of the engine brought about.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The number of the last of `events`.
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) events: Vec<Event>,
}

/// The engine's end of the feed. Cheap to clone; no call on it ever blocks.
#[derive(Clone, Debug)]
pub struct Hub {
    epoch: u64,
    batches: mpsc::Sender<Batch>,
    receiver: Arc<Mutex<Option<mpsc::Receiver<Batch>>>>,
    ready: Arc<AtomicBool>,
    remarks: Remarks,
    monitoring: Monitoring,
    told: Arc<Told>,
}

impl Hub {
    /// A hub for one run of the engine. A client that resumes names the epoch it knows; two runs must not share one.
    pub fn new(epoch: u64) -> Self {
        let (batches, receiver) = mpsc::channel(BATCHES_MAX);
        let receiver = Arc::new(Mutex::new(Some(receiver)));
        Self {
            epoch,
            batches,
            receiver,
            ready: Arc::new(AtomicBool::new(false)),
            remarks: Remarks::new(),
            monitoring: Monitoring::new(),
            told: Arc::default(),
        }
    }

    /// The same hub, whose numbering goes on where that of the runs before ended.
    #[must_use]
    pub fn after(self, told: Told) -> Self {
        Self {
            told: Arc::new(told),
            ..self
        }
    }

    pub(crate) fn told(&self) -> &Arc<Told> {
        &self.told
    }

    /// Tells the consoles what has become true. `seq` is the number of the last of `events`, and numbers rise by
    /// one an event. Safe from any thread; takes the time of one copy.
    pub fn publish(&self, seq: u64, at: Timestamp, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        // A full channel needs no handling here: the gap in the numbers tells the other end all it must know.
        let _ = self.batches.try_send(Batch {
            seq,
            at,
            events: events.to_vec(),
        });
    }

    /// Tells the consoles how a leg sounded. Safe from any thread.
    pub fn tell_quality(&self, leg: LegId, quality: &Quality) {
        quality::tell(&self.remarks, leg, quality);
    }

    pub(crate) fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// Tells the consoles that a call is recorded from now on, or no longer. Safe from any thread.
    pub fn tell_recorded(&self, call: CallId, recorded: bool) {
        self.monitoring.recorded(call, recorded);
    }

    /// Whether a call is recorded, by what was told last.
    pub fn is_recorded(&self, call: CallId) -> bool {
        self.monitoring.is_recorded(call)
    }

    /// Tells supervisors' consoles whose phone is at a call; none: nobody's. Safe from any thread.
    pub fn tell_listener(&self, call: CallId, listener: Option<Listener>) {
        self.monitoring.listener(call, listener);
    }

    /// A call is over, and all that was told of it is.
    pub fn tell_ended(&self, call: CallId) {
        self.monitoring.ended(call);
    }

    pub(crate) fn monitoring(&self) -> &Monitoring {
        &self.monitoring
    }

    /// Whether `/readyz` answers 200: the engine has recovered and takes calls.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// The receiving end, once.
    pub(crate) fn take_receiver(&self) -> Option<mpsc::Receiver<Batch>> {
        self.receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
