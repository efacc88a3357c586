//! Was anybody served out of turn? An answer from the journal that does not rely on how the core chose.
//!
//! Owns a picture of who waits, drawn from events alone, and the rules of order in a form of its own. For every line and
//! every operator given out it looks at each call with an older ticket that still waits for the same: either there is a
//! reason for which it could not have been served, or the order was broken. It does not judge which of several free
//! operators was chosen.

use crate::walk::Watch;
use crate::words::{Words, length};
use acd::schedule::Timetable;
use acd::{AcdConfig, CallId, Event, Input, OperatorId, Output, QueueId, Skills, Snapshot, Stage, Timestamp};
use journal::Head;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Those who passed a call, as far as they are named.
const NAMED_MAX: usize = 3;

/// Why a younger call was served before an older one, as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The younger one's queue has a head start (`priority` by waiting).
    Priority,
    /// The operator does not serve the older one's queue.
    Queue,
    /// The operator lacks skills that the older one needs.
    Skills,
    /// The operator prefers the younger one's queue.
    Preference,
    /// The older one's queue has no line free: its own schedule is used up, or lines are kept for others.
    Lines,
    /// The older one is a call-back, and none is begun while the engine stops.
    Stopping,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Priority => "priority: the other's queue has a head start",
            Reason::Queue => "the operator does not serve its queue",
            Reason::Skills => "the operator lacks skills it needs",
            Reason::Preference => "the operator prefers the other's queue",
            Reason::Lines => "its queue had no line free",
            Reason::Stopping => "call-backs wait while the engine stops",
        })
    }
}

/// A call that was passed, when its wait is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passed {
    /// The call.
    pub call: CallId,
    /// Its ticket.
    pub ticket: u64,
    /// Its queue's name.
    pub queue: String,
    /// When it was passed first, in the house's time zone.
    pub first: String,
    /// For each reason: how often, and the first calls that passed it.
    pub reasons: BTreeMap<Reason, (u64, Vec<CallId>)>,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// When, in the house's time zone.
    pub at: String,
    /// The call that suffered.
    pub call: CallId,
    /// What is wrong.
    pub what: String,
}

/// One thing an audit finds, as it finds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// A call was passed for good reasons.
    Passed(Passed),
    /// The order was broken.
    Violation(Violation),
}

/// What an audit comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Lines given out in the stretch.
    pub admissions: u64,
    /// Phones rung in the stretch.
    pub assignments: u64,
    /// Older calls that were looked at for them.
    pub comparisons: u64,
    /// Calls that were passed for a reason.
    pub passed: u64,
    /// Assignments to the operator whom the caller knew; none of them overtakes.
    pub sticky: u64,
    /// Broken rules.
    pub violations: u64,
}

struct Call {
    queue: QueueId,
    ticket: u64,
    since: Timestamp,
    skills: Skills,
    ringing: u32,
    passed: Option<Passed>,
}

/// Watches a journal being replayed and tells what it finds.
pub struct Auditor<'a> {
    from: Timestamp,
    to: Timestamp,
    tell: &'a mut dyn FnMut(Found),
    config: Option<AcdConfig>,
    words: Words,
    shares: Vec<Option<Timetable>>,
    lines: u32,
    draining: bool,
    /// The highest ticket seen, and whether all were.
    ticket_max: u64,
    from_empty: bool,
    calls: BTreeMap<CallId, Call>,
    for_line: BTreeSet<(u64, CallId)>,
    for_operator: BTreeSet<(u64, CallId)>,
    holding: BTreeMap<CallId, QueueId>,
    /// Calls that operators have, and may give to others.
    talking: BTreeMap<CallId, Call>,
    verdict: Verdict,
}

impl<'a> Auditor<'a> {
    /// One that looks at what happened from `from` to `to`, as if the rest had not to be judged.
    pub fn new(from: Option<Timestamp>, to: Option<Timestamp>, tell: &'a mut dyn FnMut(Found)) -> Self {
        Self {
            from: from.unwrap_or_default(),
            to: to.unwrap_or(Timestamp::from_micros(u64::MAX)),
            tell,
            config: None,
            words: Words::default(),
            shares: Vec::new(),
            lines: 0,
            draining: false,
            ticket_max: 0,
            from_empty: true,
            calls: BTreeMap::new(),
            for_line: BTreeSet::new(),
            for_operator: BTreeSet::new(),
            holding: BTreeMap::new(),
            talking: BTreeMap::new(),
            verdict: Verdict::default(),
        }
    }

    /// What it came to. Calls that still wait and were passed are told of now.
    pub fn verdict(mut self) -> Verdict {
        let passed = std::mem::take(&mut self.calls)
            .into_values()
            .filter_map(|call| call.passed);
        for passed in passed {
            (self.tell)(Found::Passed(passed));
        }
        self.verdict
    }

    fn watches(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }

    fn broken(&mut self, at: Timestamp, call: CallId, what: String) {
        if self.watches(at) {
            self.verdict.violations += 1;
            let at = self.words.moment(at);
            (self.tell)(Found::Violation(Violation { at, call, what }));
        }
    }

    /// A call begins to wait for a line.
    fn arrives(&mut self, call: CallId, waiting: Call) {
        self.for_line.insert((waiting.ticket, call));
        self.calls.insert(call, waiting);
    }

    /// A call waits no longer; gives what was known of it.
    fn leaves(&mut self, call: CallId) -> Option<Call> {
        let mut known = self.calls.remove(&call)?;
        self.for_line.remove(&(known.ticket, call));
        self.for_operator.remove(&(known.ticket, call));
        if let Some(passed) = known.passed.take() {
            (self.tell)(Found::Passed(passed));
        }
        Some(known)
    }

    /// A call has come to an operator, who may give it away again.
    fn connected(&mut self, call: CallId) {
        if let Some(known) = self.leaves(call) {
            self.talking.insert(call, Call { ringing: 0, ..known });
        }
    }

    /// A call rings at another operator's phone, by the first one's choice and not by anybody's turn.
    fn transferred(&mut self, call: CallId) {
        if let Some(known) = self.talking.remove(&call) {
            self.calls.insert(call, Call { ringing: 1, ..known });
        }
    }

    fn admitted(&mut self, at: Timestamp, call: CallId) {
        let Some(ticket) = self.calls.get(&call).map(|known| known.ticket) else {
            return;
        };
        self.for_line.remove(&(ticket, call));
        if self.watches(at) {
            self.verdict.admissions += 1;
            let older: Vec<CallId> = self
                .for_line
                .range(..(ticket, call))
                .map(|(_, call)| *call)
                .collect();
            for other in older {
                let reason = self.reason_for_line(at, other, call);
                self.judge(at, other, call, reason, "a line");
            }
        }
        if let Some(known) = self.calls.get(&call) {
            self.holding.insert(call, known.queue);
        }
        self.for_operator.insert((ticket, call));
    }

    fn assigned(&mut self, at: Timestamp, call: CallId, operator: OperatorId, favourite: bool) {
        let Some(known) = self.calls.get_mut(&call) else {
            return;
        };
        known.ringing += 1;
        let ticket = known.ticket;
        self.for_operator.remove(&(ticket, call));
        if self.watches(at) {
            self.verdict.assignments += 1;
            self.verdict.sticky += u64::from(favourite);
            let older: Vec<CallId> = self
                .for_operator
                .range(..(ticket, call))
                .map(|(_, call)| *call)
                .collect();
            for other in older {
                let reason = self.reason_for_operator(at, other, call, operator);
                let name = self.words.operator(operator).to_owned();
                self.judge(at, other, call, reason, &name);
            }
        }
    }

    /// The phone of one operator does not ring for the call any more.
    fn returned(&mut self, call: CallId) {
        if let Some(known) = self.calls.get_mut(&call) {
            known.ringing = known.ringing.saturating_sub(1);
            if known.ringing == 0 {
                self.for_operator.insert((known.ticket, call));
            }
        }
    }

    fn judge(&mut self, at: Timestamp, older: CallId, by: CallId, reason: Option<Reason>, what: &str) {
        self.verdict.comparisons += 1;
        let Some(reason) = reason else {
            let waited = self
                .calls
                .get(&older)
                .map_or_else(Default::default, |call| at.since(call.since));
            let text = format!(
                "call {by} was given {what} though call {older} had waited longer ({}) and could have been served",
                length(waited)
            );
            return self.broken(at, older, text);
        };
        let first = self.words.moment(at);
        let Some(call) = self.calls.get_mut(&older) else {
            return;
        };
        let queue = self.words.queue(call.queue).to_owned();
        let ticket = call.ticket;
        if call.passed.is_none() {
            self.verdict.passed += 1;
        }
        let passed = call.passed.get_or_insert_with(|| Passed {
            call: older,
            ticket,
            queue,
            first,
            reasons: BTreeMap::new(),
        });
        let (count, named) = passed.reasons.entry(reason).or_default();
        *count += 1;
        if named.len() < NAMED_MAX {
            named.push(by);
        }
    }

    /// Why the line that `by` was given could not have been `older`'s.
    fn reason_for_line(&self, at: Timestamp, older: CallId, by: CallId) -> Option<Reason> {
        let (config, older_call) = (self.config.as_ref()?, self.calls.get(&older)?);
        if older.is_call_back() && self.draining {
            return Some(Reason::Stopping);
        }
        if !self.line_free_for(config, at, older_call.queue) {
            return Some(Reason::Lines);
        }
        self.priority(config, older, by)
    }

    /// Why `operator` could not have been `older`'s rather than `by`'s.
    fn reason_for_operator(
        &self,
        at: Timestamp,
        older: CallId,
        by: CallId,
        operator: OperatorId,
    ) -> Option<Reason> {
        let config = self.config.as_ref()?;
        let (older_call, by_call) = (self.calls.get(&older)?, self.calls.get(&by)?);
        let desk = config.operators.get(operator.0 as usize)?;
        let queue = config.queues.get(older_call.queue.0 as usize)?;
        if !desk.queues.is_empty() && !desk.queues.contains(&older_call.queue.0) {
            return Some(Reason::Queue);
        }
        let relaxed = !queue.relax_after.is_zero() && older_call.since + queue.relax_after <= at;
        if !relaxed && !desk.skills.cover(queue.skills.and(older_call.skills)) {
            return Some(Reason::Skills);
        }
        if older.is_call_back() && self.draining {
            return Some(Reason::Stopping);
        }
        let level = |queue: QueueId| {
            let listed = desk.queues.iter().position(|served| *served == queue.0);
            listed.and_then(|n| desk.levels.get(n)).copied().unwrap_or(0)
        };
        if level(older_call.queue) > level(by_call.queue) {
            return Some(Reason::Preference);
        }
        self.priority(config, older, by)
    }

    fn priority(&self, config: &AcdConfig, older: CallId, by: CallId) -> Option<Reason> {
        let standing = |call: CallId| {
            let call = self.calls.get(&call)?;
            let head_start = config.queues.get(call.queue.0 as usize)?.head_start;
            Some((call.since - head_start, call.ticket))
        };
        (standing(by)? < standing(older)?).then_some(Reason::Priority)
    }

    /// Whether a queue could have taken the line that was free a moment ago, by the schedules and what is kept for
    /// others.
    fn line_free_for(&self, config: &AcdConfig, at: Timestamp, queue: QueueId) -> bool {
        let in_use = |queue: u32| self.holding.values().filter(|held| held.0 == queue).count() as u32;
        let in_force = |queue: usize| {
            let own = self.shares.get(queue).and_then(Option::as_ref);
            own.map_or(u32::MAX, |timetable| timetable.lines_at(at))
        };
        let used = self.holding.len() as u32;
        let Some(own) = config.queues.get(queue.0 as usize) else {
            return false;
        };
        let mine = in_use(queue.0);
        if used >= self.lines || mine >= in_force(queue.0 as usize) {
            return false;
        }
        if mine < own.lines_min {
            return true;
        }
        let kept: u32 = (0..)
            .zip(&config.queues)
            .filter(|(id, _)| *id != queue.0)
            .map(|(id, other)| {
                other
                    .lines_min
                    .min(in_force(id as usize))
                    .saturating_sub(in_use(id))
            })
            .sum();
        used + kept < self.lines
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::CallArrived {
                call,
                queue,
                ticket,
                since,
                resumed,
                skills,
                ..
            } => {
                let drawn_before = *ticket <= self.ticket_max;
                if drawn_before && !*resumed {
                    self.broken(at, *call, format!("ticket {ticket} was drawn twice"));
                }
                if !drawn_before && *resumed && self.from_empty {
                    self.broken(
                        at,
                        *call,
                        format!("ticket {ticket} was given back and never drawn"),
                    );
                }
                self.ticket_max = self.ticket_max.max(*ticket);
                self.arrives(*call, waiting(*queue, *ticket, *since, *skills));
            }
            Event::CallBackPromised {
                call,
                queue,
                ticket,
                since,
                skills,
                ..
            } => self.arrives(*call, waiting(*queue, *ticket, *since, *skills)),
            Event::CallChose { call, skills } => {
                if let Some(known) = self.calls.get_mut(call) {
                    known.skills = *skills;
                }
            }
            Event::CallAdmitted { call, .. } => self.admitted(at, *call),
            Event::CallAssigned {
                call, operator, why, ..
            } => self.assigned(at, *call, *operator, why.favourite),
            Event::CallReturned { call, .. } | Event::OutsideFailed { call, .. } => self.returned(*call),
            Event::CallConnected { call, .. } => self.connected(*call),
            Event::CallTransferred { call, .. } | Event::CallSentOutside { call, .. } => {
                self.transferred(*call)
            }
            Event::CallLeaving { call, .. } => drop(self.leaves(*call)),
            Event::CallEnded { call, .. }
            | Event::CallForwarded { call, .. }
            | Event::OutsideAnswered { call, .. } => {
                self.leaves(*call);
                self.talking.remove(call);
                self.holding.remove(call);
            }
            Event::FifoOvertaken { call, by } => {
                self.broken(
                    at,
                    *call,
                    format!("the engine itself reported that call {by} overtook it"),
                );
            }
            Event::CapacityChanged { lines, .. } => self.lines = *lines,
            Event::Draining => self.draining = true,
            Event::Started => self.draining = false,
            _ => {}
        }
    }
}

fn waiting(queue: QueueId, ticket: u64, since: Timestamp, skills: Skills) -> Call {
    Call {
        queue,
        ticket,
        since,
        skills,
        ringing: 0,
        passed: None,
    }
}

impl Watch for Auditor<'_> {
    fn run(&mut self, head: &Head) {
        self.words = Words::new(&head.config);
        let own = |queue: &acd::QueueConfig| queue.schedule.as_ref().and_then(|s| Timetable::new(s).ok());
        self.shares = head.config.queues.iter().map(own).collect();
        self.config = Some(head.config.clone());
        if !head.continues {
            self.forget();
        }
    }

    fn begins(&mut self, state: &Snapshot) {
        self.forget();
        self.lines = state.lines;
        self.draining = state.draining;
        for view in &state.calls {
            let mut call = waiting(view.queue, view.ticket, view.since, view.skills);
            self.ticket_max = self.ticket_max.max(view.ticket);
            if view.admitted.is_some() {
                self.holding.insert(view.call, view.queue);
            }
            match view.stage {
                Stage::Queued => drop(self.for_line.insert((view.ticket, view.call))),
                Stage::Admitted => drop(self.for_operator.insert((view.ticket, view.call))),
                Stage::Ringing { .. } | Stage::RingingOutside { .. } => call.ringing = 1,
                Stage::Talking { .. } => {
                    self.talking.insert(view.call, call);
                    continue;
                }
                _ => continue,
            }
            self.calls.insert(view.call, call);
        }
        // Tickets that belong to nobody any more are not in the state that is shown.
        self.from_empty = false;
    }

    fn handled(&mut self, at: Timestamp, _: &Input, outputs: &[Output]) {
        for output in outputs {
            if let Output::Event(event) = output {
                self.event(at, event);
            }
        }
    }

    fn lost(&mut self, _: &str) {
        self.forget();
    }
}

impl Auditor<'_> {
    /// Another queue begins, of which nothing is known.
    fn forget(&mut self) {
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        calls.into_iter().for_each(|call| drop(self.leaves(call)));
        self.talking.clear();
        self.for_line.clear();
        self.for_operator.clear();
        self.holding.clear();
        self.draining = false;
        self.ticket_max = 0;
        self.from_empty = true;
    }
}
