//! What the core is told once: limits, times, queues, operators and the schedule of lines.

use crate::schedule::{Schedule, Timetable};
use crate::{ConfigError, Outcome, TrunkId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The whole configuration of a core. Recorded at the head of a journal, since replay depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AcdConfig {
    /// Lines in force over time.
    pub schedule: Schedule,
    /// Queues, by [`QueueId`](crate::QueueId).
    pub queues: Vec<QueueConfig>,
    /// Operators, by [`OperatorId`](crate::OperatorId).
    pub operators: Vec<OperatorConfig>,
    /// Names of the pauses an operator may choose.
    pub pause_reasons: Vec<String>,
    /// Most live calls over all queues; one more is `saturated`. Call-backs that were promised do not count.
    pub calls_max: u32,
    /// Whether callers can be dialled by a trunk, by [`TrunkId`]; left out means no.
    #[serde(default)]
    pub dialable: Vec<bool>,
    /// Where calls can be forwarded to, as SIP addresses; the core only knows their index.
    #[serde(default)]
    pub forwards: Vec<String>,
    /// To which numbers outside operators may give calls; left out means to none.
    #[serde(default)]
    pub transfer: Option<TransferRule>,
}

/// How operators may give calls to numbers outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRule {
    /// The trunk by which they are dialled; callers can be dialled by it.
    pub trunk: TrunkId,
    /// Numbers that may be dialled, as [`Self::is_pattern`] has them.
    pub numbers: Vec<String>,
    /// How long the phone outside rings.
    pub ring_timeout: Duration,
}

impl TransferRule {
    /// The longest number, in digits; E.164 allows 15, and some put a provider's prefix before it.
    pub const DIGITS_MAX: usize = 32;

    /// Whether `text` is a number that can be dialled: digits, perhaps after a plus sign.
    pub fn is_number(text: &str) -> bool {
        let digits = text.strip_prefix('+').unwrap_or(text);
        (1..=Self::DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    }

    /// Whether `text` says which numbers may be dialled: a number, or what numbers begin with and a star.
    pub fn is_pattern(text: &str) -> bool {
        match text.strip_suffix('*') {
            Some(first) => first.is_empty() || first == "+" || Self::is_number(first),
            None => Self::is_number(text),
        }
    }

    /// Whether a number may be dialled.
    pub fn allows(&self, number: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(first) => number.starts_with(first),
            None => number == pattern,
        };
        Self::is_number(number) && self.numbers.iter().any(matches)
    }

    fn validate(&self, dialable: &[bool]) -> Result<(), (&'static str, &'static str)> {
        if dialable.get(self.trunk.0 as usize) != Some(&true) {
            return Err((
                "trunk",
                "nobody can be dialled by it; name a trunk that has `dial`",
            ));
        }
        if !self.numbers.iter().all(|number| Self::is_pattern(number)) {
            return Err((
                "numbers",
                "not all are digits with perhaps a plus sign before and a star after them; write \"010*\"",
            ));
        }
        if self.ring_timeout.is_zero() {
            return Err(("ring_timeout", "no phone could ring; use at least a second"));
        }
        Ok(())
    }
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueConfig {
    /// Its name in metrics, feed and logs.
    pub name: String,
    /// When the caller's INVITE is answered.
    pub answer: AnswerWhen,
    /// Most calls waiting (for a line or an operator); one more is `saturated`.
    pub waiting_max: u32,
    /// The longest wait; then `timed_out`.
    pub wait_max: Duration,
    /// A caller gone within this time is `short_abandoned`.
    pub short_abandon: Duration,
    /// How long a phone rings before the call goes on to the next operator.
    pub ring_timeout: Duration,
    /// How long a dropped caller's place is kept; zero switches it off.
    pub place_grace: Duration,
    /// How often a waiting caller is told the position; zero for never.
    pub announce_every: Duration,
    /// Wrap-up after a call.
    pub wrap_up: Duration,
    /// How much one extension of the wrap-up adds.
    pub wrap_up_extension: Duration,
    /// Which operator is chosen among the eligible.
    pub strategy: Strategy,
    /// Whether the greeting is played.
    pub greeting: bool,
    /// Lines this queue may hold over time; at 0 it is closed. None: as many as the house has.
    pub schedule: Option<Schedule>,
    /// Lines that no other queue may take while this one holds fewer.
    pub lines_min: u32,
    /// Priority: calls count as if they had arrived this much earlier. Since all calls age alike, no queue starves: a
    /// call of a queue without it is passed by those that arrive within this time, and by no later one.
    pub head_start: Duration,
    /// What an operator must know to take a call.
    pub skills: Skills,
    /// After this wait the call goes to operators without the skills too; zero for never.
    pub relax_after: Duration,
    /// Which predictor the announced wait is taken from.
    pub predictor: Predictor,
    /// The share of callers, in percent, who shall wait no longer than they are told; zero to tell no wait.
    pub wait_quantile: u8,
    /// A caller who talked with an operator within this time gets the same one if free; zero switches it off.
    pub sticky: Duration,
    /// Whether and how waiting callers may ask to be called back.
    pub call_back: Option<CallBack>,
    /// What becomes of a caller who finds the queue full.
    pub on_saturated: Overflow,
    /// What becomes of a caller who finds the queue closed.
    pub on_closed: Overflow,
    /// What becomes of a caller who has waited for the longest time allowed.
    pub on_timed_out: Overflow,
    /// How long the phone of another place rings for a call that is forwarded.
    pub forward_timeout: Duration,
    /// What callers may say of themselves with a key while they wait.
    pub choices: Vec<Choice>,
}

/// How callers are called back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallBack {
    /// The key that asks for it: `0`–`9`, `*` or `#`.
    pub key: char,
    /// The offer is made after this wait, and from then on with each position that is told.
    pub offer_after: Duration,
    /// Most call-backs of the queue that are promised and not yet made.
    pub promises_max: u32,
    /// A call-back whose turn has not come within this time lapses.
    pub within: Duration,
    /// How long the caller's phone rings.
    pub ring_timeout: Duration,
}

impl Default for CallBack {
    fn default() -> Self {
        Self {
            key: '1',
            offer_after: Duration::from_secs(60),
            promises_max: 100,
            within: Duration::from_secs(24 * 3600),
            ring_timeout: Duration::from_secs(30),
        }
    }
}

/// What becomes of a caller who cannot wait, or not any longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// A last word, then we hang up.
    #[default]
    Farewell,
    /// The call goes to another place: an index into [`AcdConfig::forwards`].
    Forward(u32),
    /// The caller may ask to be called back; who does not hears the last word.
    OfferCallBack,
}

/// A key with which a waiting caller says what the operator must know ("for English, press 2").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The key: `0`–`9`, `*` or `#`.
    pub key: char,
    /// What an operator must know besides the queue's own skills, in place of an earlier choice.
    pub skills: Skills,
}

impl Default for QueueConfig {
    /// A queue named "queue" with times fit for a hotline.
    fn default() -> Self {
        Self {
            name: "queue".into(),
            answer: AnswerWhen::Arrival,
            waiting_max: 200,
            wait_max: Duration::from_secs(1800),
            short_abandon: Duration::from_secs(5),
            ring_timeout: Duration::from_secs(20),
            place_grace: Duration::from_secs(120),
            announce_every: Duration::from_secs(60),
            wrap_up: Duration::from_secs(60),
            wrap_up_extension: Duration::from_secs(60),
            strategy: Strategy::LongestIdle,
            greeting: true,
            schedule: None,
            lines_min: 0,
            head_start: Duration::ZERO,
            skills: Skills::default(),
            relax_after: Duration::ZERO,
            predictor: Predictor::QueueLength,
            wait_quantile: 80,
            sticky: Duration::ZERO,
            call_back: None,
            on_saturated: Overflow::Farewell,
            on_closed: Overflow::Farewell,
            on_timed_out: Overflow::Farewell,
            forward_timeout: Duration::from_secs(30),
            choices: Vec::new(),
        }
    }
}

/// A way to predict the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predictor {
    /// By the number of callers before.
    QueueLength,
    /// By the wait of the last caller who was connected.
    LastToEnterService,
    /// By how long the oldest caller has waited so far.
    HeadOfLine,
}

/// A set of skills, one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Skills(pub u64);

impl Skills {
    /// These and those.
    pub const fn and(self, more: Skills) -> Self {
        Self(self.0 | more.0)
    }

    /// Whether all of `needed` are here.
    pub const fn cover(self, needed: Skills) -> bool {
        self.0 & needed.0 == needed.0
    }
}

/// When a waiting caller's INVITE is answered with 200; until then there is early media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerWhen {
    /// At once: the wait is part of the call.
    Arrival,
    /// When the call is given a line.
    Admission,
    /// When an operator answers.
    Operator,
}

/// Which free operator takes the oldest call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Who has been idle longest.
    LongestIdle,
    /// The next after the one chosen last, in configured order.
    RoundRobin,
    /// Who answered the fewest calls since sign-on.
    FewestCalls,
    /// Who spent the smallest share of the time since sign-on on calls and wrap-up.
    LeastOccupied,
    /// The first free one in configured order.
    Linear,
    /// All who are free at once, at most [`RING_ALL_MAX`]; who picks up first has the call.
    RingAll,
}

/// Most phones that ring for one call at a time.
pub const RING_ALL_MAX: usize = 32;

/// One operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatorConfig {
    /// Sign-in name, which is the phone's SIP user too.
    pub name: String,
    /// Indexes of the queues served; empty for all.
    pub queues: Vec<u32>,
    /// Registering the phone signs on and makes ready; unregistering signs off.
    pub auto_ready: bool,
    /// Calls in a row not answered before the operator is paused; zero for never.
    pub no_answer_max: u32,
    /// How much each of `queues` is preferred, in the same order: 0 is best, and left out means 0. A call goes to the
    /// operators who prefer it most, an operator to the call preferred most; only then does age or strategy decide.
    pub levels: Vec<u8>,
    /// What the operator knows.
    pub skills: Skills,
    /// How long a pause lasts that the phone brought about (declined, busy, out of reach, not answered); then the
    /// operator is available again. Zero: until ready.
    pub rest: Duration,
}

impl AcdConfig {
    /// Looks for mistakes.
    ///
    /// # Errors
    /// The first mistake found, with where it is and what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        Timetable::new(&self.schedule)?;
        self.queues
            .iter()
            .filter_map(|queue| queue.schedule.as_ref())
            .try_for_each(|s| Timetable::new(s).map(drop))?;
        if self.calls_max == 0 {
            return Err(ConfigError::CallsMax);
        }
        if let Some(rule) = &self.transfer {
            rule.validate(&self.dialable)
                .map_err(|(key, what)| ConfigError::Transfer { key, what })?;
        }
        let last = self.queues.len().checked_sub(1).ok_or(ConfigError::NoQueues)? as u32;
        for (index, queue) in self.queues.iter().enumerate() {
            queue
                .validate(self.forwards.len())
                .map_err(|(key, what)| ConfigError::Queue { index, key, what })?;
        }
        for (index, operator) in self.operators.iter().enumerate() {
            if let Some(&queue) = operator.queues.iter().find(|queue| **queue > last) {
                return Err(ConfigError::OperatorQueue { index, queue, last });
            }
            if operator.levels.len() > operator.queues.len() {
                return Err(ConfigError::OperatorLevels { index });
            }
        }
        Ok(())
    }
}

impl QueueConfig {
    /// What becomes of a caller who leaves unserved for a reason, where the queue says more than a last word.
    pub(crate) fn overflow(&self, outcome: Outcome) -> Overflow {
        match outcome {
            Outcome::Saturated => self.on_saturated,
            Outcome::Closed => self.on_closed,
            Outcome::TimedOut => self.on_timed_out,
            _ => Overflow::Farewell,
        }
    }

    fn validate(&self, forwards: usize) -> Result<(), (&'static str, &'static str)> {
        self.validate_overflow(forwards)?;
        if self.wait_max.is_zero() {
            return Err(("wait_max", "nobody could wait at all; use at least a second"));
        }
        if self.ring_timeout.is_zero() {
            return Err(("ring_timeout", "no phone could ring; use at least a second"));
        }
        if self.wait_quantile > 99 {
            return Err((
                "wait_quantile",
                "not within 1 to 99 percent; use 80, or 0 to tell no wait",
            ));
        }
        if !self.announce_every.is_zero() && self.announce_every < ANNOUNCE_EVERY_MIN {
            return Err((
                "announce_every",
                "too often to be heard out; use at least 5 s, or zero for never",
            ));
        }
        Ok(())
    }
}

impl QueueConfig {
    fn validate_overflow(&self, forwards: usize) -> Result<(), (&'static str, &'static str)> {
        let actions = [
            ("on_saturated", self.on_saturated),
            ("on_closed", self.on_closed),
            ("on_timed_out", self.on_timed_out),
        ];
        for (key, action) in actions {
            match action {
                Overflow::Forward(to) if to as usize >= forwards => {
                    return Err((key, "forwards to an address that is not listed"));
                }
                Overflow::OfferCallBack if self.call_back.is_none() => {
                    return Err((
                        key,
                        "offers a call-back, but the queue has no call-backs; give it some",
                    ));
                }
                _ => {}
            }
        }
        if self.forward_timeout.is_zero() {
            return Err(("forward_timeout", "no phone could ring; use at least a second"));
        }
        let Some(call_back) = self.call_back else {
            return self.validate_keys(None);
        };
        if call_back.ring_timeout.is_zero() {
            return Err((
                "call_back",
                "no phone could ring; let it ring for at least a second",
            ));
        }
        if call_back.within.is_zero() {
            return Err((
                "call_back",
                "every promise would lapse at once; allow at least a minute",
            ));
        }
        self.validate_keys(Some(call_back.key))
    }

    /// Each key means one thing.
    fn validate_keys(&self, call_back: Option<char>) -> Result<(), (&'static str, &'static str)> {
        let mut keys: Vec<char> = self
            .choices
            .iter()
            .map(|choice| choice.key)
            .chain(call_back)
            .collect();
        if keys.iter().any(|key| !KEYS.contains(*key)) {
            return Err(("key", "no such key on a phone; use one of 0 to 9, * or #"));
        }
        keys.sort_unstable();
        match keys.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(("key", "one key means two things; give each its own")),
            false => Ok(()),
        }
    }
}

/// The keys that every phone has.
const KEYS: &str = "0123456789*#";

/// A position takes about this long to say.
const ANNOUNCE_EVERY_MIN: Duration = Duration::from_secs(5);
