//! What goes out: every message's shape. Names stand in for the core's indexes, times are milliseconds since the
//! Unix epoch, durations are milliseconds and say so. `docs/feed.schema.json` describes the same.

mod mapping;
mod past;
#[cfg(test)]
mod types;
mod words;

pub(crate) use past::{DayMessage, HistoryMessage, MissedMessage};
pub(crate) use words::{Outcome, ReturnCause, Role, RoleName, Stage, State};

use crate::command::Refusal;
use crate::monitoring::MonitoredMessage;
use crate::orders::OrderedMessage;
use crate::quality::QualityMessage;
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The version of the protocol. It rises when a client that ignores unknown fields could no longer cope.
pub(crate) const PROTOCOL: u32 = 1;

/// A message to a client.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
    Quality(QualityMessage),
    Monitored(MonitoredMessage<'a>),
    Missed(MissedMessage),
    Ordered(OrderedMessage<'a>),
    Ok(Done<'a>),
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

/// A command was carried out.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Done<'a> {
    pub(crate) id: &'a str,
    /// The answer to `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) explanation: Option<Explanation<'a>>,
    /// The answer to `history`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) history: Option<HistoryMessage>,
    /// The answer to `day`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) day: Option<DayMessage>,
    /// The answer to `renew`: real seconds until the session is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) expires_in_s: Option<f64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Hello<'a> {
    pub(crate) protocol: u32,
    pub(crate) epoch: u64,
    pub(crate) server_time: u64,
    pub(crate) clock_rate: f64,
    pub(crate) heartbeat_s: f64,
    pub(crate) role: RoleName,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) supervisor: Option<&'a str>,
    /// Real seconds until the session is over unless it is renewed; left out for who is not signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) expires_in_s: Option<f64>,
    pub(crate) queues: &'a [String],
    pub(crate) pause_reasons: &'a [String],
    /// For a supervisor: the phones to listen at.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub(crate) phones: &'a [String],
    /// For who has signed in: the queues whose calls are recorded when somebody asks for it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub(crate) on_demand: &'a [String],
    /// For who has signed in: the numbers outside that calls may be given to; a star at the end stands for any digits.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub(crate) transfer_numbers: &'a [String],
    /// From when on figures are to be marked.
    pub(crate) thresholds: MarkedFrom,
    /// For who has signed in: what a form about a call can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub(crate) form: Option<FormChoices<'a>>,
}

/// From when on figures are to be marked.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct MarkedFrom {
    answer_within_ms: u64,
    oldest_wait_ms: WaitMarks,
    service_level: Marks,
    abandonment: Marks,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct WaitMarks {
    watch: u64,
    alarm: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct Marks {
    watch: f64,
    alarm: f64,
}

/// What a form about a call can say.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct FormChoices<'a> {
    pub(crate) outcomes: &'a [String],
    pub(crate) categories: &'a [String],
    /// Characters at most.
    pub(crate) text_max: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
struct Call<'a> {
    call: u64,
    queue: &'a str,
    trunk: &'a str,
    caller: Option<String>,
    ticket: u64,
    since: u64,
    line: bool,
    stage: Stage,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<&str>>"))]
    needs: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    call_back: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    forward: Option<&'a str>,
    /// The number outside that an operator gave it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    outside: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    connected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    held: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    third: Option<Third<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    transferred_by: Option<&'a str>,
}

/// Whom the operator of a call has asked about it: another one, or a number outside.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Third<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    number: Option<String>,
    role: Role,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Standing<'a> {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    call: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    until: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<&str>>"))]
        needs: Vec<&'a str>,
    },
    CallChose {
        call: u64,
        needs: Vec<&'a str>,
    },
    CallBackPromised {
        call: u64,
        from: u64,
        queue: &'a str,
        trunk: &'a str,
        caller: Option<String>,
        ticket: u64,
        since: u64,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<&str>>"))]
        needs: Vec<&'a str>,
    },
    CallerDialled {
        call: u64,
        operator: &'a str,
    },
    CallForwarded {
        call: u64,
        forward: &'a str,
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
        why: Why<'a>,
    },
    CallReturned {
        call: u64,
        operator: &'a str,
        cause: ReturnCause,
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
    ThirdChanged {
        call: u64,
        third: Option<Third<'a>>,
    },
    CallTransferred {
        call: u64,
        operator: &'a str,
        to: &'a str,
    },
    CallSentOutside {
        call: u64,
        operator: &'a str,
        number: Option<String>,
    },
    OutsideAnswered {
        call: u64,
    },
    OutsideFailed {
        call: u64,
        cause: ReturnCause,
        rang_ms: u64,
    },
    CallLeaving {
        call: u64,
        outcome: Outcome,
    },
    CallEnded {
        call: u64,
        operator: Option<&'a str>,
        outcome: Outcome,
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
    Started,
}

/// Why this operator got this call.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Why<'a> {
    ticket: u64,
    age_ms: u64,
    idle_ms: u64,
    waiting: u32,
    eligible: u32,
    attempt: u32,
    level: u8,
    relaxed: bool,
    favourite: bool,
    for_line_ms: u64,
    others: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    passed_over: Option<u64>,
}

/// Why a call still waits.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Explanation<'a> {
    call: u64,
    ticket: u64,
    before: u32,
    heads: Vec<u64>,
    until: u64,
    queue_length_ms: Option<u64>,
    last_to_enter_service_ms: Option<u64>,
    head_of_line_ms: Option<u64>,
    waits_for: WaitsFor<'a>,
}

/// What a call waits for.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "for", rename_all = "snake_case")]
enum WaitsFor<'a> {
    Line {
        lines: u32,
        lines_in_use: u32,
        next_change: Option<u64>,
        next_lines: Option<u32>,
    },
    Operator {
        may: u32,
        busy: u32,
        paused: u32,
        relaxes: Option<u64>,
    },
    Answer {
        operator: &'a str,
        until: u64,
    },
    Caller {
        operator: &'a str,
        until: u64,
    },
    Outside {
        until: u64,
    },
}

/// How callers' numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Clear,
    Masked,
}
