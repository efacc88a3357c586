//! Why a call still waits.
//!
//! Owns the answer, as data: what the call waits for, who stands before it, and until when. Nothing here changes
//! anything. Why an operator got a call is told with the assignment itself, in [`Why`](crate::Why).

use super::Acd;
use super::assign::Standing;
use crate::calls::CallState;
use crate::{CallId, OperatorId, OperatorState, Timestamp, Waits};
use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

/// What a call waits for, who stands before it, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The call.
    pub call: CallId,
    /// Its place in the order of all calls.
    pub ticket: u64,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Calls of its queue that wait and stand before it.
    pub before: u32,
    /// The oldest waiting call of each queue that stands before it, soonest first; at most [`Explanation::HEADS_MAX`].
    pub heads: ArrayVec<CallId, { Explanation::HEADS_MAX }>,
    /// When its wait ends at the latest.
    pub until: Timestamp,
    /// What the predictors say of the rest of its wait.
    pub predicted: Waits,
}

impl Explanation {
    /// Most calls named.
    pub const HEADS_MAX: usize = 8;
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitsFor {
    /// A line.
    Line {
        /// Lines in force.
        in_force: u32,
        /// Lines held.
        in_use: u32,
        /// When the lines in force next change.
        next_change: Option<Timestamp>,
        /// What they change to.
        next_lines: Option<u32>,
    },
    /// An operator.
    Operator {
        /// Operators who may take it.
        may: u32,
        /// Of these: phone ringing, talking or in wrap-up.
        busy: u32,
        /// Of these: paused.
        paused: u32,
        /// When operators without the skills may take it too, if that is to come.
        relaxes: Option<Timestamp>,
    },
    /// The phone of an operator to be picked up.
    Answer {
        /// Whose phone rings, or was dialled first of those that do.
        operator: OperatorId,
        /// For how long at most.
        until: Timestamp,
    },
    /// A call-back: the caller's own phone to be picked up.
    Caller {
        /// Who is on the phone.
        operator: OperatorId,
        /// For how long at most.
        until: Timestamp,
    },
    /// The phone of a number outside to be picked up, to which an operator gave the call.
    Outside {
        /// For how long at most.
        until: Timestamp,
    },
}

impl Acd {
    /// Why a call still waits; none if there is no such call or it does not wait.
    pub fn explain(&self, call: CallId) -> Option<Explanation> {
        let slot = self.calls.find(call)?;
        let call = &self.calls[slot];
        let waits_for = match call.state {
            CallState::Queued => WaitsFor::Line {
                in_force: self.lines.in_force,
                in_use: self.lines.in_use,
                next_change: self.lines.next_change.map(|(at, _)| at),
                next_lines: self.lines.next_change.map(|(_, lines)| lines),
            },
            CallState::Admitted => self.waits_for_operator(slot),
            CallState::Ringing { first, dialled } => WaitsFor::Answer {
                operator: first,
                until: dialled + self.queue_config(call.queue).ring_timeout,
            },
            CallState::CallingBack(talk) => WaitsFor::Caller {
                operator: talk.operator,
                until: talk.connected
                    + self
                        .queue_config(call.queue)
                        .call_back
                        .unwrap_or_default()
                        .ring_timeout,
            },
            CallState::RingingOutside(outside) => WaitsFor::Outside { until: outside.until },
            CallState::Talking(_) | CallState::TalkingOutside { .. } | CallState::Leaving { .. } => {
                return None;
            }
        };
        let question = self.question(slot);
        Some(Explanation {
            call: call.id,
            ticket: call.ticket,
            waits_for,
            before: question.before,
            heads: self.heads_before(slot),
            until: self.wait_until(slot),
            predicted: self.queues[call.queue.0 as usize].learned.predict(question),
        })
    }

    fn waits_for_operator(&self, slot: u32) -> WaitsFor {
        let wanted = self.wanted(slot);
        let (mut may, mut busy, mut paused) = (0, 0, 0);
        for view in self
            .operators
            .views()
            .filter(|view| self.operators.level(view.operator, wanted).is_some())
        {
            may += 1;
            match view.state {
                OperatorState::Reserved { .. }
                | OperatorState::Talking { .. }
                | OperatorState::WrapUp { .. } => busy += 1,
                OperatorState::Paused { .. } => paused += 1,
                OperatorState::SignedOff | OperatorState::Available => {}
            }
        }
        let relaxes = self.relaxes_at(slot).filter(|_| wanted.needs.is_some());
        WaitsFor::Operator {
            may,
            busy,
            paused,
            relaxes,
        }
    }

    /// The oldest waiting call of each queue, of those that stand before the one in `slot`, soonest first.
    fn heads_before(&self, slot: u32) -> ArrayVec<CallId, { Explanation::HEADS_MAX }> {
        let mine = self.standing(slot);
        let heads = self.queues.iter().flat_map(|queue| queue.heads());
        let before = heads
            .map(|(_, slot)| (self.standing(slot), slot))
            .filter(|head| head.0 < mine);
        let mut before: Vec<(Standing, u32)> = before.collect();
        before.sort_unstable();
        before
            .iter()
            .take(Explanation::HEADS_MAX)
            .map(|(_, slot)| self.calls[*slot].id)
            .collect()
    }
}
