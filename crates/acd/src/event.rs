//! What has become true, for those who watch: feed, metrics, records, logs.

use crate::{
    CallId, CallerNumber, FailCause, LegId, OperatorId, PauseReason, QueueId, Skills, Timestamp, TrunkId,
};
use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One change of the queue's state. Applied in order to a [`Snapshot`](crate::Snapshot) they give the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "fields whose name and type say all; the others are documented"
)]
pub enum Event {
    /// A caller arrived and was given a place. `ticket` orders all calls: lower is older.
    CallArrived {
        call: CallId,
        queue: QueueId,
        trunk: TrunkId,
        caller: CallerNumber,
        ticket: u64,
        /// When the ticket was drawn: now, or the first call's arrival for a resumed place.
        since: Timestamp,
        resumed: bool,
        /// What the operator must know besides the queue's own skills.
        skills: Skills,
    },
    /// The caller said by a key what the operator must know.
    CallChose { call: CallId, skills: Skills },
    /// The caller will be called back. `call` waits from now on with the ticket of `from`, without a leg.
    CallBackPromised {
        call: CallId,
        from: CallId,
        queue: QueueId,
        trunk: TrunkId,
        caller: CallerNumber,
        ticket: u64,
        since: Timestamp,
        skills: Skills,
    },
    /// The call holds a line from now on.
    CallAdmitted {
        call: CallId,
        queue: QueueId,
        waited: Duration,
    },
    /// The caller was told a position and perhaps a wait.
    PositionAnnounced {
        call: CallId,
        position: u32,
        wait: Option<Duration>,
    },
    /// The caller was connected: what had been told, once for each announcement, and what came of it.
    WaitJudged {
        call: CallId,
        queue: QueueId,
        /// The wait that was told, if one was.
        announced: Option<Duration>,
        /// What each predictor had said.
        waits: Waits,
        /// From the announcement to the connection.
        waited: Duration,
    },
    /// An operator was reserved for the call and the phone is dialled. Carries why.
    CallAssigned {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
        leg: LegId,
        why: Why,
    },
    /// The operator's phone did not take it; unless others ring for it still, the call stands where it stood.
    CallReturned {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
        cause: ReturnCause,
        rang: Duration,
    },
    /// The operator of a call-back picked up, and the caller's phone is dialled: once.
    CallerDialled {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
    },
    /// Caller and operator hear each other. `waited` is the wait for the first operator, of a call that was transferred too.
    CallConnected {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
        waited: Duration,
        rang: Duration,
    },
    /// One side of a connected call was put on hold or taken back.
    CallHeld { call: CallId, held: bool },
    /// The operator of a connected call has asked another or a number outside about it, and what became of that; none:
    /// they are alone again.
    ThirdChanged { call: CallId, third: Option<Third> },
    /// The operator gave the call to another one, whose phone rings for it from now on: the caller waits again, in the
    /// place of old. `CallConnected` follows, at once if the other had picked up before, or `CallReturned`.
    CallTransferred {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
        to: OperatorId,
    },
    /// The operator gave the call to a number outside, whose phone rings for it from now on: the caller waits again, in
    /// the place of old. `OutsideAnswered` follows, at once if the number was asked first and had picked up, or
    /// `OutsideFailed`, unless the caller hangs up.
    CallSentOutside {
        call: CallId,
        queue: QueueId,
        operator: OperatorId,
        number: CallerNumber,
        leg: LegId,
    },
    /// The call talks with the number outside; it holds no line any more.
    OutsideAnswered {
        call: CallId,
        queue: QueueId,
        number: CallerNumber,
        leg: LegId,
    },
    /// The phone outside did not take the call, which stands where it stood.
    OutsideFailed {
        call: CallId,
        queue: QueueId,
        cause: ReturnCause,
        rang: Duration,
    },
    /// The call leaves the queue, and hears a last word or an offer or is forwarded. A line it holds stays held until
    /// `CallEnded` or `CallForwarded`. Said again if the caller accepts the offer.
    CallLeaving {
        call: CallId,
        queue: QueueId,
        outcome: Outcome,
    },
    /// A call that left the queue talks with another place, an index into the forwards; it holds no line any more.
    CallForwarded {
        call: CallId,
        queue: QueueId,
        to: u32,
        leg: LegId,
    },
    /// The call is over and its line, if it held one, is free. Exactly one for each `CallArrived` and each
    /// `CallBackPromised`. A call-back is `answered`, `failed` (the caller was not reached), `timed_out` (its turn did
    /// not come in time) or `abandoned` (the caller called again and took the place up).
    CallEnded {
        call: CallId,
        queue: QueueId,
        operator: Option<OperatorId>,
        outcome: Outcome,
        /// Arrival to connection, or to when it left the queue if never connected.
        waited: Duration,
        /// Connection to end, if connected; the sum of all conversations, if transferred.
        talked: Duration,
        /// The part of `talked` on hold.
        held: Duration,
        /// Whether the place is kept for a redial.
        place_kept: bool,
    },
    /// An operator's state changed.
    OperatorChanged {
        operator: OperatorId,
        state: OperatorState,
        /// How long the state before had lasted.
        after: Duration,
    },
    /// An operator's phone came or went.
    PhoneChanged { operator: OperatorId, registered: bool },
    /// Lines in force changed, by the schedule or by hand.
    CapacityChanged {
        lines: u32,
        before: u32,
        next_change: Option<Timestamp>,
        next_lines: Option<u32>,
    },
    /// Somebody was served before an older eligible caller. Never happens; counted so that anybody can check.
    FifoOvertaken { call: CallId, by: CallId },
    /// A command of an operator was not carried out.
    Refused { operator: OperatorId, refusal: Refusal },
    /// No RTP came on a leg for the configured time.
    MediaSilent { leg: LegId },
    /// No new calls from now on.
    Draining,
    /// Calls are taken again.
    Started,
}

/// Whom the operator of a call has asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Third {
    /// Who.
    pub who: Asked,
    /// How far that has come.
    pub role: Role,
}

/// Who can be asked about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "fields whose name and type say all")]
pub enum Asked {
    /// A second operator.
    Operator(OperatorId),
    /// A number outside.
    Outside { number: CallerNumber, leg: LegId },
}

/// What who was asked does in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The phone rings.
    Ringing,
    /// Talks with the operator, while the caller hears music.
    Consulted,
    /// Talks with both.
    Joined,
}

/// A caller's wait from now on, as each predictor sees it; none where it knows nothing yet, or sees no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// By the number of callers before, and how fast they are served or give up.
    pub queue_length: Option<Duration>,
    /// By the wait of the last caller who was connected.
    pub last_to_enter_service: Option<Duration>,
    /// By how long the oldest caller has waited so far.
    pub head_of_line: Option<Duration>,
}

/// Why this operator got this call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The call's place in the order of all calls.
    pub ticket: u64,
    /// How long the caller had waited.
    pub age: Duration,
    /// How long the operator had been idle.
    pub idle: Duration,
    /// Calls that were waiting for an operator, this one included.
    pub waiting: u32,
    /// Operators who were free and eligible, this one included.
    pub eligible: u32,
    /// Which phone rings for this call: 1 for the first.
    pub attempt: u32,
    /// How much the operator prefers this queue: 0 is best.
    pub level: u8,
    /// The call had waited so long that its skills were not asked for any more.
    pub relaxed: bool,
    /// The caller had talked with this operator of late.
    pub favourite: bool,
    /// How long this call had waited for its line.
    pub for_line: Duration,
    /// Who else was free and eligible, in the configuration's order; at most [`Why::OTHERS_MAX`].
    pub others: ArrayVec<OperatorId, { Why::OTHERS_MAX }>,
    /// The oldest waiting call that stood before this one; the operator may not take calls of its queue.
    pub passed_over: Option<CallId>,
}

impl Why {
    /// Most operators named.
    pub const OTHERS_MAX: usize = 8;
}

/// Why a call came back from an operator's phone, or from one outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnCause {
    /// Rang for the whole ring timeout: RONA.
    NoAnswer,
    /// The phone refused.
    Failed(FailCause),
    /// The phone unregistered while ringing.
    PhoneGone,
    /// The operator signed off or paused while ringing.
    OperatorLeft,
}

/// How a call ended: exactly one for every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Talked to an operator.
    Answered,
    /// Hung up while waiting.
    Abandoned,
    /// Hung up within the first seconds.
    ShortAbandoned,
    /// The queue was full.
    Saturated,
    /// Called outside opening hours.
    Closed,
    /// Waited for the longest time allowed.
    TimedOut,
    /// Left the queue to be called back.
    Callback,
    /// Refused by a rule: draining, or an unknown queue.
    Rejected,
    /// Something broke.
    Failed,
}

impl Outcome {
    /// All outcomes, in the order of the documentation.
    pub const ALL: [Outcome; 9] = [
        Outcome::Answered,
        Outcome::Abandoned,
        Outcome::ShortAbandoned,
        Outcome::Saturated,
        Outcome::Closed,
        Outcome::TimedOut,
        Outcome::Callback,
        Outcome::Rejected,
        Outcome::Failed,
    ];

    /// The word used in metrics, feed and records.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Abandoned => "abandoned",
            Outcome::ShortAbandoned => "short_abandoned",
            Outcome::Saturated => "saturated",
            Outcome::Closed => "closed",
            Outcome::TimedOut => "timed_out",
            Outcome::Callback => "callback",
            Outcome::Rejected => "rejected",
            Outcome::Failed => "failed",
        }
    }
}

/// Why a command of an operator was not carried out. Repeating a command that is already true is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such operator in the configuration.
    UnknownOperator,
    /// No such reason in the configuration, or not one an operator may choose.
    UnknownPauseReason,
    /// The operator must sign on first.
    SignedOff,
    /// The operator's phone is not registered.
    PhoneGone,
    /// There is no wrap-up to extend.
    NotInWrapUp,
    /// The wrap-up has been extended as far as it goes.
    WrapUpMax,
    /// The operator is in no call, or in one that another leads.
    NotTalking,
    /// The operator who was asked for is not available.
    NotAvailable,
    /// The operator has asked for somebody already.
    AskedAlready,
    /// The operator has asked for nobody.
    NobodyAsked,
    /// Whom the operator has asked for has not picked up yet.
    NotAnswered,
    /// The configuration does not allow this number to be dialled for a call.
    NumberNotAllowed,
}

impl Refusal {
    /// The word used in the feed.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::UnknownOperator => "unknown_operator",
            Refusal::UnknownPauseReason => "unknown_pause_reason",
            Refusal::SignedOff => "signed_off",
            Refusal::PhoneGone => "phone_gone",
            Refusal::NotInWrapUp => "not_in_wrap_up",
            Refusal::WrapUpMax => "wrap_up_max",
            Refusal::NotTalking => "not_talking",
            Refusal::NotAvailable => "not_available",
            Refusal::AskedAlready => "asked_already",
            Refusal::NobodyAsked => "nobody_asked",
            Refusal::NotAnswered => "not_answered",
            Refusal::NumberNotAllowed => "number_not_allowed",
        }
    }
}

/// What an operator is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields whose name and type say all")]
pub enum OperatorState {
    /// Not working.
    SignedOff,
    /// Working, taking no calls.
    Paused { reason: PauseReason },
    /// Ready, and the phone is there.
    Available,
    /// The phone rings, or is being dialled.
    Reserved { leg: LegId, until: Timestamp },
    /// On a call.
    Talking { leg: LegId },
    /// Recording the matter of the last call.
    WrapUp { call: CallId, until: Timestamp },
}

impl OperatorState {
    /// The words of [`Self::name`], in order.
    pub const NAMES: [&'static str; 6] = [
        "signed_off",
        "paused",
        "available",
        "reserved",
        "talking",
        "wrap_up",
    ];

    /// The word used in metrics and feed.
    pub const fn name(self) -> &'static str {
        match self {
            OperatorState::SignedOff => "signed_off",
            OperatorState::Paused { .. } => "paused",
            OperatorState::Available => "available",
            OperatorState::Reserved { .. } => "reserved",
            OperatorState::Talking { .. } => "talking",
            OperatorState::WrapUp { .. } => "wrap_up",
        }
    }
}
