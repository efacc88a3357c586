//! The day so far, minute by minute: what consoles draw curves and shares from. Pure.
//!
//! A day begins at midnight where the hotline is. It is followed event by event, and can be drawn up again from the
//! records of its calls.

use acd::{CallId, CallView, Event, Outcome, Snapshot, Stage, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MINUTE_MICROS: u64 = 60_000_000;

/// Minutes kept: a day, and the hour by which one is longer when clocks are put back.
const MINUTES_MAX: usize = 25 * 60;

/// What one minute saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Minutes since 1970-01-01T00:00Z.
    pub at: u64,
    /// Callers who came; a place taken up again is not counted.
    pub arrived: u32,
    /// Calls connected.
    pub answered: u32,
    /// Of these, as soon as the service level asks for.
    pub in_time: u32,
    /// Calls whose callers gave up after the first seconds.
    pub abandoned: u32,
    /// Calls that ended, whatever the outcome.
    pub ended: u32,
    /// Of these, those that had reached an operator.
    pub reached: u32,
    /// Sum of the waits of those answered, in milliseconds.
    pub waited_ms: u64,
    /// Most who waited at once.
    pub depth: u32,
    /// The longest that anybody had waited, in milliseconds.
    pub oldest_ms: u64,
}

/// The minutes of one day in which something was, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The number of the last event that counts in it.
    pub seq: u64,
    /// From when on it is known: midnight, or a later moment if the records do not reach back.
    pub since: Timestamp,
    /// The minutes.
    pub minutes: Vec<Minute>,
}

/// One thing that shows in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call began to wait; its wait counts from `since`.
    Arrived {
        call: CallId,
        since: Timestamp,
        resumed: bool,
    },
    /// It waits no longer.
    Left(CallId),
    Connected {
        call: CallId,
        waited: Duration,
    },
    Ended(CallId, Outcome),
}

impl Step {
    /// What an event means for the day, if anything.
    pub(crate) fn of(event: &Event) -> [Option<Step>; 2] {
        match event {
            Event::CallArrived {
                call, since, resumed, ..
            } => [
                Some(Step::Arrived {
                    call: *call,
                    since: *since,
                    resumed: *resumed,
                }),
                None,
            ],
            Event::CallConnected { call, waited, .. } => [
                Some(Step::Left(*call)),
                Some(Step::Connected {
                    call: *call,
                    waited: *waited,
                }),
            ],
            Event::CallLeaving { call, .. } => [Some(Step::Left(*call)), None],
            Event::CallEnded { call, outcome, .. } => {
                [Some(Step::Left(*call)), Some(Step::Ended(*call, *outcome))]
            }
            _ => [None, None],
        }
    }
}

/// The day that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    zone: TimeZone,
    answer_within: Duration,
    day: Day,
    /// When the day is over.
    ends: Timestamp,
    /// Who waits, since when.
    waiting: BTreeMap<CallId, Timestamp>,
    /// Live calls that were answered: one that is connected again, to another operator, was so before.
    answered: BTreeSet<CallId>,
}

impl Curve {
    /// An empty day; a call answered within `answer_within` was answered in time.
    pub(crate) fn new(zone: TimeZone, answer_within: Duration, now: Timestamp) -> Self {
        let mut curve = Self {
            zone,
            answer_within,
            day: Day::default(),
            ends: Timestamp::default(),
            waiting: BTreeMap::new(),
            answered: BTreeSet::new(),
        };
        curve.advance(now);
        curve.day.since = now;
        curve
    }

    /// The moment at which the day began at the hotline.
    pub(crate) fn midnight(&self, now: Timestamp) -> Timestamp {
        midnights(&self.zone, now).0
    }

    /// The day drawn up anew from `steps`, which are in order and begin at midnight; up to `now`.
    pub(crate) fn redrawn(&self, steps: impl IntoIterator<Item = (Timestamp, Step)>, now: Timestamp) -> Self {
        let midnight = self.midnight(now);
        let mut curve = Self::new(self.zone.clone(), self.answer_within, midnight);
        for (at, step) in steps {
            if at < midnight {
                curve.follow(step);
            } else {
                curve.step(at, step);
            }
        }
        curve.advance(now);
        curve
    }

    /// Takes up who waits in `state`, in place of what was known.
    pub(crate) fn begin(&mut self, state: &Snapshot) {
        let waits = |view: &&CallView| {
            let waiting = matches!(
                view.stage,
                Stage::Queued | Stage::Admitted | Stage::Ringing { .. }
            );
            // Who was given away has been answered.
            waiting && !view.call.is_call_back() && view.transferred_by.is_none()
        };
        let waiting = state.calls.iter().filter(waits);
        self.waiting = waiting.map(|view| (view.call, view.since)).collect();
        let talks =
            |view: &&CallView| matches!(view.stage, Stage::Talking { .. }) || view.transferred_by.is_some();
        self.answered = state.calls.iter().filter(talks).map(|view| view.call).collect();
    }

    /// Follows one event.
    pub(crate) fn take(&mut self, at: Timestamp, event: &Event) {
        for step in Step::of(event).into_iter().flatten() {
            self.step(at, step);
        }
    }

    /// The day up to `now`.
    pub(crate) fn day(&mut self, now: Timestamp) -> Day {
        self.advance(now);
        self.day.clone()
    }

    fn step(&mut self, at: Timestamp, step: Step) {
        self.advance(at);
        let first = self.follow(step);
        let answer_within = self.answer_within;
        if let Some(minute) = self.minute(at) {
            match step {
                Step::Arrived { resumed, .. } => minute.arrived += u32::from(!resumed),
                Step::Left(_) => {}
                Step::Connected { .. } if !first => {}
                Step::Connected { waited, .. } => {
                    minute.answered += 1;
                    minute.in_time += u32::from(waited <= answer_within);
                    minute.waited_ms += u64::try_from(waited.as_millis()).unwrap_or_default();
                }
                Step::Ended(_, outcome) => {
                    minute.ended += 1;
                    minute.reached += u32::from(outcome == Outcome::Answered);
                    minute.abandoned += u32::from(outcome == Outcome::Abandoned);
                }
            }
        }
        self.sample(at);
    }

    /// Keeps count of who waits and who was answered. Returns whether a call that is connected is so for the first time.
    fn follow(&mut self, step: Step) -> bool {
        match step {
            Step::Arrived { call, since, .. } => drop(self.waiting.insert(call, since)),
            Step::Left(call) => drop(self.waiting.remove(&call)),
            Step::Connected { call, .. } => return self.answered.insert(call),
            Step::Ended(call, _) => drop(self.answered.remove(&call)),
        }
        true
    }

    /// Lets time pass: who waits goes on waiting through minutes in which nothing happens.
    fn advance(&mut self, now: Timestamp) {
        if now >= self.ends {
            let (midnight, next) = midnights(&self.zone, now);
            self.day = Day {
                since: midnight,
                ..Day::default()
            };
            self.ends = next;
        }
        if self.waiting.is_empty() {
            return;
        }
        let last = self.day.minutes.last().map(|minute| minute.at);
        let number = now.as_micros() / MINUTE_MICROS;
        let first = last.unwrap_or(self.day.since.as_micros() / MINUTE_MICROS);
        for passed in first..number {
            self.sample(Timestamp::from_micros((passed + 1) * MINUTE_MICROS - 1));
        }
        self.sample(now);
    }

    fn sample(&mut self, at: Timestamp) {
        let depth = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let Some(oldest) = self.waiting.values().min().copied() else {
            return;
        };
        let oldest_ms = u64::try_from(at.since(oldest).as_millis()).unwrap_or(u64::MAX);
        if let Some(minute) = self.minute(at) {
            minute.depth = minute.depth.max(depth);
            minute.oldest_ms = minute.oldest_ms.max(oldest_ms);
        }
    }

    /// The minute of `at`, which is the last one or later; none if there are too many.
    fn minute(&mut self, at: Timestamp) -> Option<&mut Minute> {
        let number = at.as_micros() / MINUTE_MICROS;
        let minutes = &mut self.day.minutes;
        if minutes.last().is_none_or(|minute| minute.at < number) {
            if minutes.len() == MINUTES_MAX {
                return None;
            }
            minutes.push(Minute {
                at: number,
                ..Minute::default()
            });
        }
        minutes.last_mut()
    }
}

/// The midnight before `now` and the one after it. Where the calendar ends, the day does not.
fn midnights(zone: &TimeZone, now: Timestamp) -> (Timestamp, Timestamp) {
    let bounds = || {
        let micros = i64::try_from(now.as_micros()).ok()?;
        let here = jiff::Timestamp::from_microsecond(micros).ok()?;
        let today = zone.to_datetime(here).date();
        let midnight = |date: Date| {
            // Where clocks are put forward over it, the first moment of that date.
            let moment = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).earlier().ok()?;
            u64::try_from(moment.as_microsecond())
                .ok()
                .map(Timestamp::from_micros)
        };
        Some((
            midnight(today).unwrap_or_default(),
            midnight(today.tomorrow().ok()?)?,
        ))
    };
    let (begins, ends) = bounds().unwrap_or((Timestamp::default(), Timestamp::from_micros(u64::MAX)));
    (begins.min(now), ends.max(now + Duration::from_micros(1)))
}
