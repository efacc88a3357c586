//! How long a caller will wait.
//!
//! Owns what is learned from each queue's calls, and three predictors of R. Ibrahim and W. Whitt, "Real-time delay
//! estimation based on delay history" (Manufacturing & Service Operations Management 11, 2009): by queue length, by
//! the wait of the last to enter service, and by the wait so far of the head of the line. The queue-length predictor
//! is the one with abandonment; all three are carried across the change of capacity that the schedule announces next,
//! since delay history knows nothing of it (Ibrahim and Whitt, "Wait-time predictors for customer service systems with
//! time-varying demand and capacity", Operations Research 59, 2011).
//!
//! Flows are treated as fluid: `n` callers leave a queue at `rate` a second by service and at `patience` a second each
//! by giving up. What is announced is a quantile: the prediction times the spread that service times alone would
//! cause, times a factor that is moved after every caller, so that the share of callers who wait no longer than they
//! were told comes to the quantile asked for. Logarithms are taken by `libm`, which gives the same bits everywhere.

use crate::{Timestamp, Waits};
use std::time::Duration;

/// What is learned of one queue.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Learned {
    /// Mean seconds a line is held by a served call: ring and talk.
    hold: Mean,
    /// Mean seconds an operator is busy with a call: ring, talk and wrap-up.
    busy: Mean,
    /// Callers who gave up, and seconds waited by all, both fading alike; their quotient is the rate of giving up.
    gave_up: f64,
    waited: f64,
    /// The wait of the last caller who was connected.
    last: Option<Duration>,
    /// This queue's part of all connections of late.
    share: f64,
    /// Logarithm of the factor that makes the announced quantile come true.
    correction: f64,
}

/// A mean that forgets.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Mean {
    value: f64,
    count: u32,
}

impl Mean {
    /// Calls remembered.
    const MEMORY: u32 = 50;

    fn add(&mut self, value: f64) {
        self.count = (self.count + 1).min(Self::MEMORY);
        self.value += (value - self.value) / f64::from(self.count);
    }

    fn get(&self) -> Option<f64> {
        (self.count > 0).then_some(self.value.max(0.001))
    }
}

/// What a prediction is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// Callers before this one, in the same queue.
    pub(crate) before: u32,
    /// Whether the caller still needs a line.
    pub(crate) needs_line: bool,
    /// How long the head of the line has waited.
    pub(crate) head_waited: Option<Duration>,
    /// Operators at work who serve the queue.
    pub(crate) operators: u32,
    /// Lines in force and in use.
    pub(crate) lines: u32,
    pub(crate) lines_in_use: u32,
    /// Seconds until the lines in force change, and to what.
    pub(crate) next_change: Option<(f64, u32)>,
}

/// How fast callers are served, now and after the next change of capacity.
struct Flow {
    /// Calls a second.
    now: f64,
    later: f64,
    /// Seconds until `later` counts; none if nothing changes.
    change: Option<f64>,
    /// Seconds for which more calls hold lines than are in force, now and after the change.
    shed_now: f64,
    shed_later: f64,
    /// Callers served at once when capacity rises.
    burst: f64,
    /// Callers a second who give up, each.
    patience: f64,
}

/// How strongly one caller moves the correction.
const STEP: f64 = 0.05;

/// The correction stays within a factor of about 4 either way.
const CORRECTION_MAX: f64 = 1.4;

/// How much of the past one caller leaves standing.
const FADE: f64 = 0.99;

impl Learned {
    pub(crate) fn new(queues: usize) -> Self {
        let (hold, busy) = Default::default();
        let share = 1.0 / queues.max(1) as f64;
        Self {
            hold,
            busy,
            gave_up: 0.0,
            waited: 0.0,
            last: None,
            share,
            correction: 0.0,
        }
    }

    /// A caller of this queue was connected after `waited`.
    pub(crate) fn connected(&mut self, waited: Duration) {
        self.last = Some(waited);
        self.left(waited, 0.0);
    }

    /// A caller of this queue gave up after `waited`.
    pub(crate) fn gave_up(&mut self, waited: Duration) {
        self.left(waited, 1.0);
    }

    fn left(&mut self, waited: Duration, gave_up: f64) {
        self.gave_up = self.gave_up * FADE + gave_up;
        self.waited = self.waited * FADE + waited.as_secs_f64();
    }

    /// A caller of some queue was connected.
    pub(crate) fn share(&mut self, mine: bool) {
        self.share = self.share * FADE + if mine { 1.0 - FADE } else { 0.0 };
    }

    /// A call of this queue is over: how long it held a line, and how long it will have held the operator.
    pub(crate) fn served(&mut self, hold: Duration, busy: Duration) {
        self.hold.add(hold.as_secs_f64());
        self.busy.add(busy.as_secs_f64());
    }

    /// A caller who was told `announced` waited `actual`.
    pub(crate) fn judge(&mut self, announced: Duration, actual: Duration, quantile: f64) {
        let kept = if actual <= announced { 1.0 } else { 0.0 };
        self.correction = (self.correction + STEP * (quantile - kept)).clamp(-CORRECTION_MAX, CORRECTION_MAX);
    }

    /// The three predictions.
    pub(crate) fn predict(&self, question: Question) -> Waits {
        let Some(flow) = self.flow(question) else {
            return Waits::default();
        };
        let history = |wait: Option<Duration>| duration(flow.carry(wait?.as_secs_f64())?);
        Waits {
            queue_length: flow.drain(f64::from(question.before) + 1.0).and_then(duration),
            last_to_enter_service: history(self.last),
            head_of_line: history(question.head_waited),
        }
    }

    /// The figure to tell so that about `quantile` of callers wait no longer.
    pub(crate) fn announced(&self, predicted: Duration, before: u32, quantile: f64) -> Option<Duration> {
        let spread = (1.0 + normal_quantile(quantile) / libm::sqrt(f64::from(before) + 1.0)).max(0.1);
        duration(predicted.as_secs_f64() * spread * libm::exp(self.correction))
    }

    fn flow(&self, question: Question) -> Option<Flow> {
        let (hold, busy) = (self.hold.get()?, self.busy.get()?);
        let operators = f64::from(question.operators) * self.share;
        let servers = |lines: u32| match question.needs_line {
            true => operators.min(f64::from(lines)),
            false => operators,
        };
        let rate = |lines: u32| match question.needs_line {
            true => (operators / busy).min(f64::from(lines) / hold),
            false => operators / busy,
        };
        let shed = |from: f64, to: f64| {
            if from > to && to > 0.0 {
                libm::log(from / to) * hold
            } else {
                0.0
            }
        };
        let (now, next) = (
            servers(question.lines),
            question.next_change.filter(|_| question.needs_line),
        );
        let later = next.map_or(now, |(_, lines)| servers(lines));
        let in_use = if question.needs_line {
            operators.min(f64::from(question.lines_in_use))
        } else {
            now
        };
        let patience = if self.waited > 0.0 {
            self.gave_up / self.waited
        } else {
            0.0
        };
        Some(Flow {
            now: rate(question.lines),
            later: next.map_or(rate(question.lines), |(_, lines)| rate(lines)),
            change: next.map(|(at, _)| at),
            shed_now: shed(in_use, now),
            shed_later: shed(now, later),
            burst: (later - now).max(0.0),
            patience,
        })
    }
}

impl Flow {
    /// Seconds until `callers` have left the queue; none if they never do.
    fn drain(&self, callers: f64) -> Option<f64> {
        let first = self
            .clear(self.fade(callers, self.shed_now), self.now)
            .map(|time| self.shed_now + time);
        let Some(change) = self.change else { return first };
        if let Some(time) = first.filter(|time| *time <= change) {
            return Some(time);
        }
        let serving = (change - self.shed_now).max(0.0);
        let left = self.after(self.fade(callers, change - serving), self.now, serving) - self.burst;
        if left <= 0.0 {
            return Some(change);
        }
        let time = self.clear(self.fade(left, self.shed_later), self.later)?;
        Some(change + self.shed_later + time)
    }

    /// A wait that was seen under the capacity of now, carried across the change.
    fn carry(&self, wait: f64) -> Option<f64> {
        match self.change {
            Some(change) if wait > change => {
                if self.later <= 0.0 {
                    return None;
                }
                Some(change + self.shed_later + (wait - change) * self.now / self.later)
            }
            _ => Some(wait),
        }
    }

    /// Seconds to serve `callers` at `rate` while some give up.
    fn clear(&self, callers: f64, rate: f64) -> Option<f64> {
        if rate <= 0.0 {
            return None;
        }
        match callers * self.patience < rate * 1e-6 {
            true => Some(callers / rate),
            false => Some(libm::log(1.0 + callers * self.patience / rate) / self.patience),
        }
    }

    /// Callers left after `time` seconds of service at `rate`.
    fn after(&self, callers: f64, rate: f64, time: f64) -> f64 {
        match callers * self.patience < rate * 1e-6 {
            true => callers - rate * time,
            false => {
                let level = rate / self.patience;
                (callers + level) * libm::exp(-self.patience * time) - level
            }
        }
    }

    /// Callers left after `time` seconds without service.
    fn fade(&self, callers: f64, time: f64) -> f64 {
        callers * libm::exp(-self.patience * time)
    }
}

/// Announcements and predictions are cut to whole milliseconds; nonsense gives none.
fn duration(seconds: f64) -> Option<Duration> {
    let day = 86_400.0;
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_millis((seconds.min(day) * 1000.0) as u64))
}

/// The standard normal quantile, to 4.5e-4 (Abramowitz and Stegun 26.2.23).
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p).max(1e-6);
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let above = 2.515_517 + 0.802_853 * t + 0.010_328 * t * t;
    let below = 1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t;
    let z = t - above / below;
    if p < 0.5 { -z } else { z }
}

/// Something told to a caller who still waits, to be judged when the wait ends.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) announced: Option<Duration>,
    pub(crate) waits: Waits,
    /// What the same caller was told before.
    pub(crate) earlier: Option<u32>,
}

/// All that was told and is not judged yet: a pool, chained by caller, the last first.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Announcements {
    slots: Vec<Told>,
    vacant: Vec<u32>,
}

impl Announcements {
    pub(crate) fn add(&mut self, told: Told) -> u32 {
        match self.vacant.pop() {
            Some(slot) => {
                self.slots[slot as usize] = told;
                slot
            }
            None => {
                self.slots.push(told);
                self.slots.len() as u32 - 1
            }
        }
    }

    pub(crate) fn take(&mut self, slot: u32) -> Told {
        self.vacant.push(slot);
        self.slots[slot as usize]
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue whose calls take 100 s and whose callers never give up.
    fn learned() -> Learned {
        let mut learned = Learned::new(1);
        learned.served(Duration::from_secs(100), Duration::from_secs(100));
        learned.connected(Duration::from_secs(240));
        learned
    }

    fn question() -> Question {
        let (operators, lines, lines_in_use) = (10, 10, 10);
        let head_waited = Some(Duration::from_secs(120));
        Question {
            before: 29,
            needs_line: true,
            head_waited,
            operators,
            lines,
            lines_in_use,
            next_change: None,
        }
    }

    fn seconds(wait: Option<Duration>) -> f64 {
        wait.expect("a prediction").as_secs_f64()
    }

    #[test]
    fn by_queue_length_is_callers_over_rate() {
        // 30 callers at 10 lines / 100 s.
        assert_eq!(seconds(learned().predict(question()).queue_length), 300.0);
    }

    #[test]
    fn those_who_give_up_shorten_the_wait() {
        let mut learned = learned();
        for _ in 0..1000 {
            learned.gave_up(Duration::from_secs(100));
        }
        // 1/100 s patience: ln(1 + 30 · 0.01 / 0.1) / 0.01 = 100 · ln 4.
        let wait = seconds(learned.predict(question()).queue_length);
        assert!((wait - 138.6).abs() < 0.5, "{wait}");
    }

    #[test]
    fn a_fall_ahead_makes_the_wait_longer() {
        let fall = Question {
            next_change: Some((100.0, 4)),
            ..question()
        };
        let waits = learned().predict(fall);
        // 10 served until the fall, ln(10/4) · 100 s of shedding, 20 more at 4 / 100 s.
        let expected = 100.0 + 91.629 + 500.0;
        let wait = seconds(waits.queue_length);
        assert!((wait - expected).abs() < 0.01, "{wait} instead of {expected}");
        // History: 100 s as they are, shedding, the other 140 s and 20 s at 10/4 of the time.
        assert!((seconds(waits.last_to_enter_service) - (100.0 + 91.629 + 350.0)).abs() < 0.01);
        assert!((seconds(waits.head_of_line) - (100.0 + 91.629 + 50.0)).abs() < 0.01);
    }

    #[test]
    fn a_fall_after_one_s_turn_changes_nothing() {
        let fall = Question {
            next_change: Some((301.0, 1)),
            ..question()
        };
        assert_eq!(seconds(learned().predict(fall).queue_length), 300.0);
    }

    #[test]
    fn a_rise_ahead_makes_the_wait_shorter() {
        let rise = Question {
            lines: 4,
            lines_in_use: 4,
            next_change: Some((50.0, 10)),
            ..question()
        };
        // 2 until the rise, 6 at once, 22 at 10 / 100 s.
        assert_eq!(seconds(learned().predict(rise).queue_length), 270.0);
    }

    #[test]
    fn while_more_lines_are_held_than_in_force_nobody_is_admitted() {
        let over = Question {
            lines: 4,
            ..question()
        };
        let wait = seconds(learned().predict(over).queue_length);
        assert!((wait - (91.629 + 750.0)).abs() < 0.01, "{wait}");
    }

    #[test]
    fn who_has_a_line_does_not_care_for_lines() {
        let admitted = Question {
            needs_line: false,
            next_change: Some((10.0, 1)),
            ..question()
        };
        assert_eq!(seconds(learned().predict(admitted).queue_length), 300.0);
    }

    #[test]
    fn without_operators_or_history_nothing_is_said() {
        assert_eq!(
            learned()
                .predict(Question {
                    operators: 0,
                    ..question()
                })
                .queue_length,
            None
        );
        assert_eq!(Learned::new(1).predict(question()), Waits::default());
    }

    #[test]
    fn the_announced_figure_comes_to_its_quantile() {
        let (mut learned, mut kept) = (learned(), 0);
        // Waits are uniform on 0–600 s whatever is predicted, so the 80 % quantile is 480 s.
        for n in 0..5000u64 {
            let actual = Duration::from_secs(n * 7919 % 600);
            let announced = learned
                .announced(Duration::from_secs(300), 29, 0.8)
                .expect("a figure");
            learned.judge(announced, actual, 0.8);
            kept += u32::from(n >= 1000 && actual <= announced);
        }
        assert!((3120..=3280).contains(&kept), "{kept} of 4000 kept, not 80 %");
    }

    #[test]
    fn normal_quantiles() {
        for (p, z) in [
            (0.5, 0.0),
            (0.8, 0.8416),
            (0.9, 1.2816),
            (0.95, 1.6449),
            (0.2, -0.8416),
        ] {
            assert!((normal_quantile(p) - z).abs() < 4.5e-4, "{p}");
        }
    }
}
