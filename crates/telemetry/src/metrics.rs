//! The queue's metrics, each kept up by the events it follows from.

use crate::book::{Book, Call, Stage};
use crate::families::{Families, PerQueue, Phase};
use crate::{Names, TelemetryError};
use acd::{CallId, Event, OperatorId, OperatorState, Outcome, QueueId, ReturnCause, Snapshot, Timestamp};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGauge, Registry};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The engine's clock, for what is computed at scrape time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The queue's metrics. One owner observes; any number of scrapes read.
pub struct Metrics {
    families: Families,
    book: Arc<Mutex<Book>>,
}

impl Metrics {
    /// Registers everything, all series at zero, so that a rate is right from the first event on.
    ///
    /// # Errors
    /// The registry has these metrics already.
    pub fn new(names: &Names, registry: &Registry, clock: Clock) -> Result<Self, TelemetryError> {
        let families = Families::register(names, registry)?;
        let book = Arc::new(Mutex::new(Book::new(names.queues.len(), names.operators.len())));
        families
            .operators(OperatorState::SignedOff.name())
            .set(names.operators.len() as i64);
        registry.register(Box::new(AtScrape::new(names, book.clone(), clock)?))?;
        Ok(Self { families, book })
    }

    /// Sets every gauge to what `snapshot` says: after a recovery, before the first event. Counters stay.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut book = self.book();
        *book = book.restored(snapshot);
        self.families.clear_gauges();
        for call in snapshot
            .calls
            .iter()
            .filter_map(|view| book.calls.get(&view.call))
        {
            self.count_stage(call, 1);
        }
        for operator in &snapshot.operators {
            self.families.operators(operator.state.name()).inc();
        }
        self.families.lines_in_use.set(i64::from(snapshot.lines_in_use));
        self.families.lines_capacity.set(i64::from(snapshot.lines));
        self.families.draining.set(i64::from(snapshot.draining));
    }

    /// Takes one event into account. `at` is when the engine handled the input it came from.
    pub fn observe(&self, event: &Event, at: Timestamp) {
        let mut book = self.book();
        match event {
            Event::CallArrived {
                call,
                queue,
                trunk,
                ticket,
                since,
                ..
            } => {
                if let Some(offered) = self.queue(*queue).and_then(|q| q.offered.get(trunk.0 as usize)) {
                    offered.inc();
                }
                self.begin(&mut book, *call, Call::new(*call, *queue, (*ticket, *since), at));
            }
            Event::CallBackPromised {
                call,
                queue,
                ticket,
                since,
                ..
            } => {
                self.each(*queue, |q| q.promised.inc());
                self.begin(&mut book, *call, Call::new(*call, *queue, (*ticket, *since), at));
            }
            Event::CallAdmitted { call, .. } => {
                self.families.lines_in_use.inc();
                self.enter(&mut book, *call, Stage::Admitted, at);
                book.calls.entry(*call).and_modify(|call| call.holds_line = true);
            }
            Event::WaitJudged {
                announced,
                waits,
                waited,
                ..
            } => {
                // In the order of the predictors' names.
                let told = [
                    *announced,
                    waits.queue_length,
                    waits.last_to_enter_service,
                    waits.head_of_line,
                ];
                for (wait, error) in told.iter().zip(&self.families.estimate_errors) {
                    if let Some(wait) = wait {
                        error.observe(waited.abs_diff(*wait).as_secs_f64());
                    }
                }
            }
            Event::CallAssigned { call, queue, .. } => {
                self.each(*queue, |q| q.assigned.inc());
                self.enter(&mut book, *call, Stage::Ringing, at);
            }
            Event::CallReturned {
                call,
                queue,
                operator,
                cause,
                rang,
                ..
            } => {
                self.each(*queue, |q| {
                    q.phase(Phase::Ring).observe(rang.as_secs_f64());
                    q.returned(cause).inc();
                    if *cause == ReturnCause::NoAnswer {
                        q.no_answer.inc();
                    }
                });
                if !book.still_rings(*call, *operator) {
                    self.enter(&mut book, *call, Stage::Admitted, at);
                }
            }
            Event::CallerDialled { call, .. } => self.enter(&mut book, *call, Stage::CallingBack, at),
            Event::CallConnected {
                call,
                queue,
                operator,
                waited,
                rang,
            } => {
                // Of a transferred call the wait was observed when the first operator answered.
                let first = book.calls.get(call).is_none_or(|call| !call.connected);
                self.each(*queue, |q| {
                    q.phase(Phase::Ring).observe(rang.as_secs_f64());
                    if first && !call.is_call_back() {
                        q.wait(Outcome::Answered).observe(waited.as_secs_f64());
                    }
                });
                self.connect(&mut book, *call, *operator, at);
            }
            Event::CallTransferred { call, queue, .. } | Event::CallSentOutside { call, queue, .. } => {
                self.each(*queue, |q| q.transferred.inc());
                self.enter(&mut book, *call, Stage::Ringing, at);
            }
            Event::CallLeaving { call, .. } => self.enter(&mut book, *call, Stage::Leaving, at),
            Event::OutsideFailed { call, .. } => self.enter(&mut book, *call, Stage::Admitted, at),
            Event::CallForwarded { call, .. } | Event::OutsideAnswered { call, .. } => {
                self.enter(&mut book, *call, Stage::Forwarded, at);
                if let Some(call) = book.calls.get_mut(call)
                    && std::mem::take(&mut call.holds_line)
                {
                    self.families.lines_in_use.dec();
                }
            }
            Event::CallEnded {
                call,
                queue,
                outcome,
                waited,
                talked,
                held,
                ..
            } => {
                self.end(&mut book, *call, *queue, *outcome, *waited, (*talked, *held));
            }
            Event::OperatorChanged { operator, state, .. } => self.operator(&mut book, *operator, *state, at),
            Event::CapacityChanged { lines, .. } => self.families.lines_capacity.set(i64::from(*lines)),
            Event::FifoOvertaken { .. } => self.families.overtakes.inc(),
            Event::Draining => self.families.draining.set(1),
            Event::Started => self.families.draining.set(0),
            Event::CallHeld { .. }
            | Event::ThirdChanged { .. }
            | Event::CallChose { .. }
            | Event::PositionAnnounced { .. }
            | Event::PhoneChanged { .. }
            | Event::Refused { .. }
            | Event::MediaSilent { .. } => {}
        }
    }

    fn begin(&self, book: &mut Book, id: CallId, call: Call) {
        self.count_stage(&call, 1);
        book.track_wait(&call);
        book.calls.insert(id, call);
    }

    /// Moves a call from the stage it stands in to `stage`.
    fn enter(&self, book: &mut Book, id: CallId, stage: Stage, at: Timestamp) {
        // Taken out and put back, so that the order of waiting can be kept in the same book.
        let Some(mut call) = book.calls.remove(&id) else {
            return;
        };
        self.count_stage(&call, -1);
        call.enter(stage, at);
        self.count_stage(&call, 1);
        book.track_wait(&call);
        book.calls.insert(id, call);
    }

    fn connect(&self, book: &mut Book, id: CallId, operator: OperatorId, at: Timestamp) {
        self.enter(book, id, Stage::Talking, at);
        let Some(call) = book.calls.get_mut(&id) else {
            return;
        };
        call.connected = true;
        let queue = call.queue;
        if let Some(operator) = book.operators.get_mut(operator.0 as usize) {
            operator.last_queue = Some(queue);
        }
    }

    fn end(
        &self,
        book: &mut Book,
        id: CallId,
        queue: QueueId,
        outcome: Outcome,
        waited: Duration,
        (talked, held): (Duration, Duration),
    ) {
        let call = book.remove(id);
        let connected = call.as_ref().is_some_and(|call| call.connected);
        if let Some(call) = call {
            self.count_stage(&call, -1);
            if call.holds_line {
                self.families.lines_in_use.dec();
            }
        }
        self.each(queue, |q| {
            match id.is_call_back() {
                true => q.call_back(outcome).inc(),
                false => q.outcome(outcome).inc(),
            }
            if connected {
                q.phase(Phase::Talk)
                    .observe(talked.saturating_sub(held).as_secs_f64());
                if !held.is_zero() {
                    q.phase(Phase::Hold).observe(held.as_secs_f64());
                }
            } else if !id.is_call_back() {
                // An answered call's wait was observed when it was answered, not when the talk was over.
                q.wait(outcome).observe(waited.as_secs_f64());
            }
        });
    }

    fn operator(&self, book: &mut Book, id: OperatorId, state: OperatorState, at: Timestamp) {
        let Some(operator) = book.operators.get_mut(id.0 as usize) else {
            return;
        };
        self.families.operators(operator.state.name()).dec();
        self.families.operators(state.name()).inc();
        let wrapping = |state: &OperatorState| matches!(state, OperatorState::WrapUp { .. });
        match (wrapping(&operator.state), wrapping(&state)) {
            (false, true) => operator.wrap_up_since = at,
            (true, false) => {
                let lasted = at.since(operator.wrap_up_since).as_secs_f64();
                if let Some(queue) = operator.last_queue {
                    self.each(queue, |q| q.phase(Phase::WrapUp).observe(lasted));
                }
            }
            _ => {}
        }
        operator.state = state;
    }

    /// Counts a call where it stands, or takes it out of the count. In the depth are those who wait on the line.
    fn count_stage(&self, call: &Call, by: i64) {
        self.each(call.queue, |q| {
            q.stage(call.stage).add(by);
            match call.call_back {
                true if call.stage.waits() => q.call_backs_waiting.add(by),
                false if call.stage.waits() => q.depth.add(by),
                _ => {}
            }
        });
    }

    fn each(&self, queue: QueueId, then: impl FnOnce(&PerQueue)) {
        if let Some(queue) = self.queue(queue) {
            then(queue);
        }
    }

    fn queue(&self, queue: QueueId) -> Option<&PerQueue> {
        self.families.queues.get(queue.0 as usize)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What depends on the moment of the scrape.
struct AtScrape {
    book: Arc<Mutex<Book>>,
    clock: Clock,
    queues: Vec<String>,
    oldest_wait: GaugeVec,
    stuck: IntGauge,
}

impl AtScrape {
    fn new(names: &Names, book: Arc<Mutex<Book>>, clock: Clock) -> Result<Self, TelemetryError> {
        let oldest_wait = prometheus::opts!(
            "holdfast_queue_oldest_wait_seconds",
            "How long the oldest caller who has not reached an operator has waited; 0 if nobody waits."
        );
        let stuck = "Calls and wrap-ups whose next step is overdue; always 0 unless something is broken.";
        Ok(Self {
            book,
            clock,
            queues: names.queues.clone(),
            oldest_wait: GaugeVec::new(oldest_wait, &["queue"])?,
            stuck: IntGauge::new("holdfast_stuck_calls", stuck)?,
        })
    }
}

impl Collector for AtScrape {
    fn desc(&self) -> Vec<&Desc> {
        let mut descs = self.oldest_wait.desc();
        descs.extend(self.stuck.desc());
        descs
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = (self.clock)();
        {
            let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            for (name, wait) in self.queues.iter().zip(book.oldest_waits(now)) {
                self.oldest_wait
                    .with_label_values(&[name])
                    .set(wait.as_secs_f64());
            }
            self.stuck.set(i64::try_from(book.stuck(now)).unwrap_or(i64::MAX));
        }
        let mut families = self.oldest_wait.collect();
        families.extend(self.stuck.collect());
        families
    }
}
