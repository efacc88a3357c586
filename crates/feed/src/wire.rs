//! What goes out: every message's shape. Names stand in for the core's indexes, times are milliseconds since the
//! Unix epoch, durations are milliseconds and say so. `docs/feed.schema.json` describes the same.

use crate::command::Refusal;
use crate::config::Directory;
use acd::{CallView, CallerNumber, Event, FailCause, OperatorState, OperatorView, PauseReason, ReturnCause};
use acd::{OperatorId, QueueId, Snapshot, Stage, Timestamp, TrunkId};
use serde::Serialize;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The version of the protocol. It rises when a client that ignores unknown fields could no longer cope.
pub(crate) const PROTOCOL: u32 = 1;

/// A message to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Message<'a> {
    Hello(Hello<'a>),
    Snapshot(SnapshotMessage<'a>),
    Delta {
        seq: u64,
        at: u64,
        #[serde(flatten)]
        change: Change<'a>,
    },
    Heartbeat {
        seq: u64,
        time: u64,
    },
    Ok {
        id: &'a str,
    },
    Refused {
        id: Option<&'a str>,
        code: &'static str,
        message: String,
    },
}

impl Message<'_> {
    /// The JSON. Serialising these shapes has no way to fail; an empty object would stand for it.
    pub(crate) fn bytes(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into()).into()
    }

    pub(crate) fn refused<'a>(id: Option<&'a str>, refusal: &Refusal) -> Message<'a> {
        Message::Refused {
            id,
            code: refusal.code(),
            message: refusal.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Hello<'a> {
    pub(crate) protocol: u32,
    pub(crate) epoch: u64,
    pub(crate) server_time: u64,
    pub(crate) clock_rate: f64,
    pub(crate) heartbeat_s: f64,
    pub(crate) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<&'a str>,
    pub(crate) queues: &'a [String],
    pub(crate) pause_reasons: &'a [String],
}

#[derive(Serialize)]
pub(crate) struct SnapshotMessage<'a> {
    epoch: u64,
    seq: u64,
    at: u64,
    lines: u32,
    lines_in_use: u32,
    next_change: Option<u64>,
    next_lines: Option<u32>,
    draining: bool,
    calls: Vec<Call<'a>>,
    operators: Vec<Operator<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    call: u64,
    queue: &'a str,
    trunk: &'a str,
    caller: Option<String>,
    ticket: u64,
    since: u64,
    line: bool,
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
}

#[derive(Serialize)]
struct Operator<'a> {
    operator: &'a str,
    #[serde(flatten)]
    standing: Standing<'a>,
    since: u64,
    phone: bool,
    answered: u32,
}

/// An operator's state with what belongs to it.
#[derive(Serialize)]
pub(crate) struct Standing<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Change<'a> {
    CallArrived {
        call: u64,
        queue: &'a str,
        trunk: &'a str,
        caller: Option<String>,
        ticket: u64,
        since: u64,
        resumed: bool,
    },
    CallAdmitted {
        call: u64,
        waited_ms: u64,
    },
    PositionAnnounced {
        call: u64,
        position: u32,
        wait_ms: Option<u64>,
    },
    WaitJudged {
        call: u64,
        announced_ms: Option<u64>,
        queue_length_ms: Option<u64>,
        last_to_enter_service_ms: Option<u64>,
        head_of_line_ms: Option<u64>,
        waited_ms: u64,
    },
    CallAssigned {
        call: u64,
        operator: &'a str,
        why: Why,
    },
    CallReturned {
        call: u64,
        operator: &'a str,
        cause: &'static str,
        rang_ms: u64,
    },
    CallConnected {
        call: u64,
        operator: &'a str,
        waited_ms: u64,
        rang_ms: u64,
    },
    CallHeld {
        call: u64,
        held: bool,
    },
    CallLeaving {
        call: u64,
        outcome: &'static str,
    },
    CallEnded {
        call: u64,
        operator: Option<&'a str>,
        outcome: &'static str,
        waited_ms: u64,
        talked_ms: u64,
        held_ms: u64,
        place_kept: bool,
    },
    OperatorChanged {
        operator: &'a str,
        #[serde(flatten)]
        standing: Standing<'a>,
        after_ms: u64,
    },
    PhoneChanged {
        operator: &'a str,
        registered: bool,
    },
    CapacityChanged {
        lines: u32,
        before: u32,
        next_change: Option<u64>,
        next_lines: Option<u32>,
    },
    FifoOvertaken {
        call: u64,
        by: u64,
    },
    CommandRefused {
        operator: &'a str,
        code: &'static str,
    },
    MediaSilent {
        call: u64,
        leg: u32,
    },
    Draining,
}

/// Why this operator got this call.
#[derive(Serialize)]
pub(crate) struct Why {
    ticket: u64,
    age_ms: u64,
    idle_ms: u64,
    waiting: u32,
    eligible: u32,
    attempt: u32,
    level: u8,
    relaxed: bool,
    favourite: bool,
}

/// How callers' numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Clear,
    Masked,
}

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
            state: state.name(),
            reason,
            call: call.map(|call| call.0),
            until: until.map(Timestamp::as_millis),
        }
    }

    fn call(&self, view: &CallView, numbers: Numbers) -> Call<'_> {
        let (stage, operator, connected, held) = match view.stage {
            Stage::Queued => ("queued", None, None, None),
            Stage::Admitted => ("admitted", None, None, None),
            Stage::Ringing { operator } => ("ringing", Some(operator), None, None),
            Stage::Talking {
                operator,
                connected,
                held,
            } => ("talking", Some(operator), Some(connected), Some(held)),
            Stage::Leaving => ("leaving", None, None, None),
        };
        Call {
            call: view.call.0,
            queue: self.queue(view.queue),
            trunk: self.trunk(view.trunk),
            caller: shown(&view.caller, numbers),
            ticket: view.ticket,
            since: view.since.as_millis(),
            line: view.admitted.is_some(),
            stage,
            operator: operator.map(|operator| self.operator(operator)),
            connected: connected.map(Timestamp::as_millis),
            held,
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
            } => Change::CallArrived {
                call: call.0,
                queue: self.queue(*queue),
                trunk: self.trunk(*trunk),
                caller: shown(caller, numbers),
                ticket: *ticket,
                since: since.as_millis(),
                resumed: *resumed,
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
                why: why.into(),
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
                cause: cause_name(*cause),
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
            Event::CallLeaving { call, outcome, .. } => Change::CallLeaving {
                call: call.0,
                outcome: outcome.name(),
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
                outcome: outcome.name(),
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

const fn cause_name(cause: ReturnCause) -> &'static str {
    match cause {
        ReturnCause::NoAnswer => "no_answer",
        ReturnCause::PhoneGone => "phone_gone",
        ReturnCause::OperatorLeft => "operator_left",
        ReturnCause::Failed(FailCause::Busy) => "busy",
        ReturnCause::Failed(FailCause::Declined) => "declined",
        ReturnCause::Failed(FailCause::NoAnswer) => "phone_no_answer",
        ReturnCause::Failed(FailCause::Unreachable) => "unreachable",
        ReturnCause::Failed(FailCause::Other(_)) => "other",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&acd::Why> for Why {
    fn from(why: &acd::Why) -> Self {
        Self {
            ticket: why.ticket,
            age_ms: millis(why.age),
            idle_ms: millis(why.idle),
            waiting: why.waiting,
            eligible: why.eligible,
            attempt: why.attempt,
            level: why.level,
            relaxed: why.relaxed,
            favourite: why.favourite,
        }
    }
}
