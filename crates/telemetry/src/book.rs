//! What is live, as the events tell it: enough to keep the gauges, and to answer at scrape time what depends on now.

use acd::{CallId, OperatorId, OperatorState, QueueId, Snapshot, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How far a deadline may lie in the past before what hangs on it counts as stuck.
const OVERDUE: Duration = Duration::from_secs(5);

/// The longest a farewell may take before the call counts as stuck.
const FAREWELL_MAX: Duration = Duration::from_secs(120);

/// Where a live call stands, without the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued,
    Admitted,
    Ringing,
    CallingBack,
    Talking,
    Leaving,
    Forwarded,
}

impl Stage {
    pub(crate) const ALL: [Stage; 7] = [
        Stage::Queued,
        Stage::Admitted,
        Stage::Ringing,
        Stage::CallingBack,
        Stage::Talking,
        Stage::Leaving,
        Stage::Forwarded,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Stage::Queued => "queued",
            Stage::Admitted => "admitted",
            Stage::Ringing => "ringing",
            Stage::CallingBack => "calling_back",
            Stage::Talking => "talking",
            Stage::Leaving => "leaving",
            Stage::Forwarded => "forwarded",
        }
    }

    /// Whether a call in this stage still waits for an operator's voice.
    pub(crate) const fn waits(self) -> bool {
        matches!(self, Stage::Queued | Stage::Admitted | Stage::Ringing)
    }
}

impl From<&acd::Stage> for Stage {
    fn from(stage: &acd::Stage) -> Self {
        match stage {
            acd::Stage::Queued => Stage::Queued,
            acd::Stage::Admitted => Stage::Admitted,
            acd::Stage::Ringing { .. } | acd::Stage::RingingOutside { .. } => Stage::Ringing,
            acd::Stage::CallingBack { .. } => Stage::CallingBack,
            acd::Stage::Talking { .. } => Stage::Talking,
            acd::Stage::Leaving => Stage::Leaving,
            acd::Stage::Forwarded { .. } | acd::Stage::TalkingOutside { .. } => Stage::Forwarded,
        }
    }
}

/// One live call, or call-back.
#[derive(Debug)]
pub(crate) struct Call {
    /// We call the caller: nobody waits on the line.
    pub(crate) call_back: bool,
    pub(crate) queue: QueueId,
    pub(crate) ticket: u64,
    pub(crate) since: Timestamp,
    pub(crate) holds_line: bool,
    pub(crate) connected: bool,
    pub(crate) stage: Stage,
    stage_since: Timestamp,
}

impl Call {
    pub(crate) fn new(id: CallId, queue: QueueId, (ticket, since): (u64, Timestamp), now: Timestamp) -> Self {
        Self {
            call_back: id.is_call_back(),
            queue,
            ticket,
            since,
            holds_line: false,
            connected: false,
            stage: Stage::Queued,
            stage_since: now,
        }
    }

    pub(crate) fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stage = stage;
        self.stage_since = now;
    }
}

/// One operator.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) state: OperatorState,
    pub(crate) wrap_up_since: Timestamp,
    /// The queue of the last connected call, which a wrap-up belongs to.
    pub(crate) last_queue: Option<QueueId>,
}

impl Operator {
    fn signed_off() -> Self {
        Self {
            state: OperatorState::SignedOff,
            wrap_up_since: Timestamp::default(),
            last_queue: None,
        }
    }
}

/// All that is live. Its size follows the core's own limits.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) calls: HashMap<CallId, Call>,
    pub(crate) operators: Vec<Operator>,
    /// By queue: the waiting calls' arrival by ticket, so that the first is the oldest.
    waiting: Vec<BTreeMap<u64, Timestamp>>,
}

impl Book {
    pub(crate) fn new(queues: usize, operators: usize) -> Self {
        Self {
            calls: HashMap::new(),
            operators: vec![Operator::signed_off(); operators],
            waiting: vec![BTreeMap::new(); queues],
        }
    }

    /// The same size of book, holding what `snapshot` holds.
    pub(crate) fn restored(&self, snapshot: &Snapshot) -> Self {
        let mut book = Self::new(self.waiting.len(), self.operators.len());
        for view in &snapshot.calls {
            let mut call = Call::new(view.call, view.queue, (view.ticket, view.since), snapshot.at);
            call.holds_line = view.admitted.is_some();
            call.enter(Stage::from(&view.stage), snapshot.at);
            call.connected = call.stage == Stage::Talking || view.transferred_by.is_some();
            book.track_wait(&call);
            book.calls.insert(view.call, call);
        }
        for view in &snapshot.operators {
            if let Some(operator) = book.operators.get_mut(view.operator.0 as usize) {
                operator.state = view.state;
                operator.wrap_up_since = view.since;
            }
        }
        book
    }

    /// Keeps the order of waiting in step with where `call` stands now.
    pub(crate) fn track_wait(&mut self, call: &Call) {
        if call.call_back {
            return;
        }
        if let Some(waiting) = self.waiting.get_mut(call.queue.0 as usize) {
            if call.stage.waits() {
                waiting.insert(call.ticket, call.since);
            } else {
                waiting.remove(&call.ticket);
            }
        }
    }

    /// Forgets a call that is over.
    pub(crate) fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        if !call.call_back
            && let Some(waiting) = self.waiting.get_mut(call.queue.0 as usize)
        {
            waiting.remove(&call.ticket);
        }
        Some(call)
    }

    /// Whether another phone than that of `operator` rings for a call.
    pub(crate) fn still_rings(&self, id: CallId, operator: OperatorId) -> bool {
        let rings = |(n, other): (usize, &Operator)| {
            let for_call = matches!(other.state, OperatorState::Reserved { leg, .. } if leg.call == id);
            for_call && n != operator.0 as usize
        };
        self.operators.iter().enumerate().any(rings)
    }

    /// By queue: how long its oldest waiting call has waited at `now`; zero if none waits.
    pub(crate) fn oldest_waits(&self, now: Timestamp) -> impl Iterator<Item = Duration> {
        self.waiting.iter().map(move |waiting| {
            waiting
                .first_key_value()
                .map_or(Duration::ZERO, |(_, since)| now.since(*since))
        })
    }

    /// Calls whose next step is overdue at `now`: a reservation or wrap-up past its deadline, an endless farewell.
    pub(crate) fn stuck(&self, now: Timestamp) -> usize {
        let overdue = |operator: &&Operator| match operator.state {
            OperatorState::Reserved { until, .. } | OperatorState::WrapUp { until, .. } => {
                until + OVERDUE < now
            }
            _ => false,
        };
        let endless = |call: &&Call| call.stage == Stage::Leaving && call.stage_since + FAREWELL_MAX < now;
        let leaving = self.calls.values().filter(endless).count();
        self.operators.iter().filter(overdue).count() + leaving
    }
}
