//! What the core is told once: limits, times, queues, operators and the schedule of lines.

use crate::ConfigError;
use crate::schedule::{Schedule, Timetable};
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
    /// Most live calls over all queues; one more is `saturated`.
    pub calls_max: u32,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The first free one in configured order.
    Linear,
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorConfig {
    /// Sign-in name, which is the phone's SIP user too.
    pub name: String,
    /// Indexes of the queues served; empty for all.
    pub queues: Vec<u32>,
    /// Registering the phone signs on and makes ready; unregistering signs off.
    pub auto_ready: bool,
    /// Calls in a row not answered before the operator is paused; zero for never.
    pub no_answer_max: u32,
}

impl AcdConfig {
    /// Looks for mistakes.
    ///
    /// # Errors
    /// The first mistake found, with where it is and what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        Timetable::new(&self.schedule)?;
        if self.calls_max == 0 {
            return Err(ConfigError::CallsMax);
        }
        let last = self.queues.len().checked_sub(1).ok_or(ConfigError::NoQueues)? as u32;
        for (index, queue) in self.queues.iter().enumerate() {
            queue
                .validate()
                .map_err(|(key, what)| ConfigError::Queue { index, key, what })?;
        }
        for (index, operator) in self.operators.iter().enumerate() {
            if let Some(&queue) = operator.queues.iter().find(|queue| **queue > last) {
                return Err(ConfigError::OperatorQueue { index, queue, last });
            }
        }
        Ok(())
    }
}

impl QueueConfig {
    fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        if self.wait_max.is_zero() {
            return Err(("wait_max", "nobody could wait at all; use at least a second"));
        }
        if self.ring_timeout.is_zero() {
            return Err(("ring_timeout", "no phone could ring; use at least a second"));
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

/// A position takes about this long to say.
const ANNOUNCE_EVERY_MIN: Duration = Duration::from_secs(5);
