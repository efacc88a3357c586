//! From the core's words to those of the wire.

use super::{
    Call, Change, Explanation, MarkedFrom, Marks, Message, Numbers, Operator, SnapshotMessage, Standing,
    Third, WaitMarks, WaitsFor, Why,
};
use crate::config::{self, Directory, Thresholds};
use acd::{Asked, CallView, CallerNumber, Event, OperatorState, OperatorView, PauseReason};
use acd::{OperatorId, QueueId, Skills, Snapshot, Stage, Timestamp, TrunkId};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Stands for an index the configuration does not have.
const UNKNOWN: &str = "unknown";

impl Directory {
    fn queue(&self, queue: QueueId) -> &str {
        self.queues.get(queue.0 as usize).map_or(UNKNOWN, String::as_str)
    }

    fn trunk(&self, trunk: TrunkId) -> &str {
        self.trunks.get(trunk.0 as usize).map_or(UNKNOWN, String::as_str)
    }

    pub(crate) fn operator(&self, operator: OperatorId) -> &str {
        self.operators
            .get(operator.0 as usize)
            .map_or(UNKNOWN, |account| &account.name)
    }

    fn forward(&self, to: u32) -> &str {
        self.forwards.get(to as usize).map_or(UNKNOWN, String::as_str)
    }

    /// The names of the skills a call needs besides its queue's own.
    fn skills(&self, skills: Skills) -> Vec<&str> {
        let asked = |n: &usize| skills.0 >> n & 1 != 0;
        let names = (0..u64::BITS as usize).filter(asked);
        names
            .map(|n| self.skills.get(n).map_or(UNKNOWN, String::as_str))
            .collect()
    }

    fn reason(&self, reason: PauseReason) -> &str {
        match reason {
            PauseReason::NotReady => "not_ready",
            PauseReason::Chosen(index) => self
                .pause_reasons
                .get(usize::from(index))
                .map_or(UNKNOWN, String::as_str),
            PauseReason::NoAnswer => "no_answer",
            PauseReason::Declined => "declined",
            PauseReason::PhoneGone => "phone_gone",
            PauseReason::PhoneBusy => "phone_busy",
        }
    }

    fn standing(&self, state: &OperatorState) -> Standing<'_> {
        let (reason, call, until) = match state {
            OperatorState::Paused { reason } => (Some(self.reason(*reason)), None, None),
            OperatorState::Reserved { leg, until } => (None, Some(leg.call), Some(*until)),
            OperatorState::Talking { leg } => (None, Some(leg.call), None),
            OperatorState::WrapUp { call, until } => (None, Some(*call), Some(*until)),
            OperatorState::SignedOff | OperatorState::Available => (None, None, None),
        };
        Standing {
            state: state.into(),
            reason,
            call: call.map(|call| call.0),
            until: until.map(Timestamp::as_millis),
        }
    }

    fn call(&self, view: &CallView, numbers: Numbers) -> Call<'_> {
        let (operator, connected, held) = match view.stage {
            Stage::Ringing { operator } | Stage::CallingBack { operator } => (Some(operator), None, None),
            Stage::Talking {
                operator,
                connected,
                held,
                ..
            } => (Some(operator), Some(connected), Some(held)),
            Stage::Queued
            | Stage::Admitted
            | Stage::Leaving
            | Stage::Forwarded { .. }
            | Stage::RingingOutside { .. }
            | Stage::TalkingOutside { .. } => (None, None, None),
        };
        Call {
            call: view.call.0,
            queue: self.queue(view.queue),
            trunk: self.trunk(view.trunk),
            caller: shown(&view.caller, numbers),
            ticket: view.ticket,
            since: view.since.as_millis(),
            line: view.admitted.is_some(),
            stage: (&view.stage).into(),
            needs: self.skills(view.skills),
            call_back: view.call.is_call_back(),
            forward: match view.stage {
                Stage::Forwarded { to, .. } => Some(self.forward(to)),
                _ => None,
            },
            outside: match view.stage {
                Stage::RingingOutside { number, .. } | Stage::TalkingOutside { number, .. } => {
                    shown(&number, numbers)
                }
                _ => None,
            },
            operator: operator.map(|operator| self.operator(operator)),
            connected: connected.map(Timestamp::as_millis),
            held,
            third: match view.stage {
                Stage::Talking { third, .. } => third.map(|third| self.third(third, numbers)),
                _ => None,
            },
            transferred_by: view.transferred_by.map(|operator| self.operator(operator)),
        }
    }

    fn third(&self, third: acd::Third, numbers: Numbers) -> Third<'_> {
        let (operator, number) = match third.who {
            Asked::Operator(operator) => (Some(self.operator(operator)), None),
            Asked::Outside { number, .. } => (None, shown(&number, numbers)),
        };
        Third {
            operator,
            number,
            role: third.role.into(),
        }
    }

    fn operator_view(&self, view: &OperatorView) -> Operator<'_> {
        Operator {
            operator: self.operator(view.operator),
            standing: self.standing(&view.state),
            since: view.since.as_millis(),
            phone: view.phone,
            answered: view.answered,
        }
    }

    /// The whole state, after the event numbered `seq`.
    pub(crate) fn snapshot(&self, epoch: u64, seq: u64, snapshot: &Snapshot, numbers: Numbers) -> Utf8Bytes {
        let message = SnapshotMessage {
            epoch,
            seq,
            at: snapshot.at.as_millis(),
            lines: snapshot.lines,
            lines_in_use: snapshot.lines_in_use,
            next_change: snapshot.next_change.map(Timestamp::as_millis),
            next_lines: snapshot.next_lines,
            draining: snapshot.draining,
            calls: snapshot
                .calls
                .iter()
                .map(|view| self.call(view, numbers))
                .collect(),
            operators: snapshot
                .operators
                .iter()
                .map(|view| self.operator_view(view))
                .collect(),
        };
        Message::Snapshot(message).bytes()
    }

    /// What one event changes.
    pub(crate) fn change<'a>(&'a self, event: &Event, numbers: Numbers) -> Change<'a> {
        match event {
            Event::CallArrived {
                call,
                queue,
                trunk,
                caller,
                ticket,
                since,
                resumed,
                skills,
            } => Change::CallArrived {
                call: call.0,
                queue: self.queue(*queue),
                trunk: self.trunk(*trunk),
                caller: shown(caller, numbers),
                ticket: *ticket,
                since: since.as_millis(),
                resumed: *resumed,
                needs: self.skills(*skills),
            },
            Event::CallChose { call, skills } => Change::CallChose {
                call: call.0,
                needs: self.skills(*skills),
            },
            Event::CallBackPromised {
                call,
                from,
                queue,
                trunk,
                caller,
                ticket,
                since,
                skills,
            } => Change::CallBackPromised {
                call: call.0,
                from: from.0,
                queue: self.queue(*queue),
                trunk: self.trunk(*trunk),
                caller: shown(caller, numbers),
                ticket: *ticket,
                since: since.as_millis(),
                needs: self.skills(*skills),
            },
            Event::CallerDialled { call, operator, .. } => Change::CallerDialled {
                call: call.0,
                operator: self.operator(*operator),
            },
            Event::CallForwarded { call, to, .. } => Change::CallForwarded {
                call: call.0,
                forward: self.forward(*to),
            },
            Event::CallAdmitted { call, waited, .. } => Change::CallAdmitted {
                call: call.0,
                waited_ms: millis(*waited),
            },
            Event::PositionAnnounced { call, position, wait } => Change::PositionAnnounced {
                call: call.0,
                position: *position,
                wait_ms: wait.map(millis),
            },
            Event::WaitJudged {
                call,
                announced,
                waits,
                waited,
                ..
            } => Change::WaitJudged {
                call: call.0,
                announced_ms: announced.map(millis),
                queue_length_ms: waits.queue_length.map(millis),
                last_to_enter_service_ms: waits.last_to_enter_service.map(millis),
                head_of_line_ms: waits.head_of_line.map(millis),
                waited_ms: millis(*waited),
            },
            Event::CallAssigned {
                call, operator, why, ..
            } => Change::CallAssigned {
                call: call.0,
                operator: self.operator(*operator),
                why: self.why(why),
            },
            Event::CallReturned {
                call,
                operator,
                cause,
                rang,
                ..
            } => Change::CallReturned {
                call: call.0,
                operator: self.operator(*operator),
                cause: (*cause).into(),
                rang_ms: millis(*rang),
            },
            Event::CallConnected {
                call,
                operator,
                waited,
                rang,
                ..
            } => Change::CallConnected {
                call: call.0,
                operator: self.operator(*operator),
                waited_ms: millis(*waited),
                rang_ms: millis(*rang),
            },
            Event::CallHeld { call, held } => Change::CallHeld {
                call: call.0,
                held: *held,
            },
            Event::ThirdChanged { call, third } => Change::ThirdChanged {
                call: call.0,
                third: third.map(|third| self.third(third, numbers)),
            },
            Event::CallTransferred {
                call, operator, to, ..
            } => Change::CallTransferred {
                call: call.0,
                operator: self.operator(*operator),
                to: self.operator(*to),
            },
            Event::CallSentOutside {
                call,
                operator,
                number,
                ..
            } => Change::CallSentOutside {
                call: call.0,
                operator: self.operator(*operator),
                number: shown(number, numbers),
            },
            Event::OutsideAnswered { call, .. } => Change::OutsideAnswered { call: call.0 },
            Event::OutsideFailed {
                call, cause, rang, ..
            } => Change::OutsideFailed {
                call: call.0,
                cause: (*cause).into(),
                rang_ms: millis(*rang),
            },
            Event::CallLeaving { call, outcome, .. } => Change::CallLeaving {
                call: call.0,
                outcome: (*outcome).into(),
            },
            Event::CallEnded {
                call,
                operator,
                outcome,
                waited,
                talked,
                held,
                place_kept,
                ..
            } => Change::CallEnded {
                call: call.0,
                operator: operator.map(|operator| self.operator(operator)),
                outcome: (*outcome).into(),
                waited_ms: millis(*waited),
                talked_ms: millis(*talked),
                held_ms: millis(*held),
                place_kept: *place_kept,
            },
            Event::OperatorChanged {
                operator,
                state,
                after,
            } => Change::OperatorChanged {
                operator: self.operator(*operator),
                standing: self.standing(state),
                after_ms: millis(*after),
            },
            Event::PhoneChanged { operator, registered } => Change::PhoneChanged {
                operator: self.operator(*operator),
                registered: *registered,
            },
            Event::CapacityChanged {
                lines,
                before,
                next_change,
                next_lines,
            } => Change::CapacityChanged {
                lines: *lines,
                before: *before,
                next_change: next_change.map(Timestamp::as_millis),
                next_lines: *next_lines,
            },
            Event::FifoOvertaken { call, by } => Change::FifoOvertaken {
                call: call.0,
                by: by.0,
            },
            Event::Refused { operator, refusal } => Change::CommandRefused {
                operator: self.operator(*operator),
                code: refusal.name(),
            },
            Event::MediaSilent { leg } => Change::MediaSilent {
                call: leg.call.0,
                leg: leg.leg,
            },
            Event::Draining => Change::Draining,
            Event::Started => Change::Started,
        }
    }
}

/// A caller's number as this client may see it; nothing if it was withheld.
fn shown(caller: &CallerNumber, numbers: Numbers) -> Option<String> {
    match numbers {
        _ if caller.is_withheld() => None,
        Numbers::Clear => Some(caller.reveal().to_owned()),
        Numbers::Masked => Some(caller.to_string()),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&Thresholds> for MarkedFrom {
    fn from(thresholds: &Thresholds) -> Self {
        let waits = thresholds.oldest_wait;
        Self {
            answer_within_ms: millis(thresholds.answer_within),
            oldest_wait_ms: WaitMarks {
                watch: millis(waits.watch),
                alarm: millis(waits.alarm),
            },
            service_level: thresholds.service_level.into(),
            abandonment: thresholds.abandonment.into(),
        }
    }
}

impl From<config::Marks<f64>> for Marks {
    fn from(config::Marks { watch, alarm }: config::Marks<f64>) -> Self {
        Self { watch, alarm }
    }
}

impl Directory {
    /// Why a call waits.
    pub(crate) fn explanation(&self, why: &acd::Explanation) -> Explanation<'_> {
        Explanation {
            call: why.call.0,
            ticket: why.ticket,
            before: why.before,
            heads: why.heads.iter().map(|call| call.0).collect(),
            until: why.until.as_millis(),
            queue_length_ms: why.predicted.queue_length.map(millis),
            last_to_enter_service_ms: why.predicted.last_to_enter_service.map(millis),
            head_of_line_ms: why.predicted.head_of_line.map(millis),
            waits_for: self.waits_for(&why.waits_for),
        }
    }

    fn waits_for(&self, what: &acd::WaitsFor) -> WaitsFor<'_> {
        match *what {
            acd::WaitsFor::Line {
                in_force,
                in_use,
                next_change,
                next_lines,
            } => WaitsFor::Line {
                lines: in_force,
                lines_in_use: in_use,
                next_change: next_change.map(Timestamp::as_millis),
                next_lines,
            },
            acd::WaitsFor::Operator {
                may,
                busy,
                paused,
                relaxes,
            } => WaitsFor::Operator {
                may,
                busy,
                paused,
                relaxes: relaxes.map(Timestamp::as_millis),
            },
            acd::WaitsFor::Answer { operator, until } => WaitsFor::Answer {
                operator: self.operator(operator),
                until: until.as_millis(),
            },
            acd::WaitsFor::Outside { until } => WaitsFor::Outside {
                until: until.as_millis(),
            },
            acd::WaitsFor::Caller { operator, until } => WaitsFor::Caller {
                operator: self.operator(operator),
                until: until.as_millis(),
            },
        }
    }

    fn why(&self, why: &acd::Why) -> Why<'_> {
        Why {
            ticket: why.ticket,
            age_ms: millis(why.age),
            idle_ms: millis(why.idle),
            waiting: why.waiting,
            eligible: why.eligible,
            attempt: why.attempt,
            level: why.level,
            relaxed: why.relaxed,
            favourite: why.favourite,
            for_line_ms: millis(why.for_line),
            others: why.others.iter().map(|id| self.operator(*id)).collect(),
            passed_over: why.passed_over.map(|call| call.0),
        }
    }
}
