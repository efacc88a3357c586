//! What the records' thread is told and asked.

use crate::Refused;
use crate::curve::Day;
use crate::metrics::Metrics;
use crate::quality::Quality;
use crate::rows::{Form, History, Row};
use acd::{CallId, Event, LegId, Snapshot, Timestamp};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::oneshot;

/// Takes an answer. Who asked may have gone.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// Something for the thread to do.
pub(crate) enum Task {
    /// A run goes on with this.
    Begin(Box<Snapshot>),
    /// This has become true.
    Events {
        seq: u64,
        at: Timestamp,
        events: Vec<Event>,
    },
    /// A leg's media has ended, and this is how it sounded.
    Heard {
        leg: LegId,
        quality: Quality,
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
    /// From when on is something missing?
    FillFrom {
        reply: Reply<Option<Timestamp>>,
    },
    /// What was missing; answered when it is on the disk.
    Fill {
        rows: Vec<Row>,
        reply: Reply<()>,
    },
    /// Nothing more is missing, or nothing more can be filled in.
    Filled {
        whole: bool,
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
