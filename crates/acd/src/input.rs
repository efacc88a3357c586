//! Everything the core can be told. An input is a fact that has happened outside: it is journaled, then handled.

use crate::{CallId, CallerNumber, LegId, OperatorId, QueueId, Skills, Timestamp, TrunkId};
use serde::{Deserialize, Serialize};

/// One fact from outside. The core accepts any input in any state: what no longer applies is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields whose name and type say all")]
pub enum Input {
    /// An INVITE passed trunk, digest and limit checks; its caller leg has a media port and awaits a decision.
    CallArrived {
        call: CallId,
        queue: QueueId,
        trunk: TrunkId,
        caller: CallerNumber,
        /// What the operator must know besides the queue's own skills.
        #[serde(default)]
        skills: Skills,
    },
    /// The caller's leg is over: CANCEL, BYE, or it failed.
    CallerGone { call: CallId, cause: GoneCause },
    /// The prompt asked for by the last [`Output::Play`](crate::Output::Play) of a call was heard to its end.
    PromptDone { call: CallId },
    /// The caller pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    Dtmf { call: CallId, digit: char },
    /// A phone that we dialled rings (180 or 183).
    LegRinging { leg: LegId },
    /// A phone that we dialled was picked up (2xx) and its media is agreed.
    LegAnswered { leg: LegId },
    /// A phone that we dialled did not take the call; the leg is over.
    LegFailed { leg: LegId, cause: FailCause },
    /// A leg that we dialled and that was answered is over: BYE or it failed.
    LegGone { leg: LegId },
    /// The far end put the leg on hold (`a=sendonly` or `a=inactive`), or took it back.
    LegHeld { leg: LegId, held: bool },
    /// No RTP arrived on a leg for the configured time. The leg still stands.
    MediaSilent { leg: LegId },
    /// The operator's phone registered, or refreshed after having been gone.
    PhoneRegistered { operator: OperatorId },
    /// The operator's phone unregistered, or its registration lapsed.
    PhoneUnregistered { operator: OperatorId },
    /// The operator began to work: from signed off to paused.
    SignOn { operator: OperatorId },
    /// The operator stopped working. A call in hand is finished first.
    SignOff { operator: OperatorId },
    /// The operator is ready for the next call; ends a pause or wrap-up.
    Ready { operator: OperatorId },
    /// The operator takes no calls until ready again. During a call it takes effect after wrap-up.
    Pause {
        operator: OperatorId,
        reason: PauseReason,
    },
    /// The operator asks for more wrap-up time: one more configured extension.
    ExtendWrapUp { operator: OperatorId },
    /// The operator hangs up from the console, as if by the phone; one that rings declines.
    HangUp { operator: OperatorId },
    /// The operator puts the caller on hold from the console, or takes the call back, whatever held it.
    Hold { operator: OperatorId, on: bool },
    /// The operator gives the call to another one, unasked.
    Transfer { operator: OperatorId, to: OperatorId },
    /// The operator gives the call to a number outside, unasked.
    TransferOutside {
        operator: OperatorId,
        number: CallerNumber,
    },
    /// The operator asks another one about the call, while the caller is on hold.
    Consult { operator: OperatorId, to: OperatorId },
    /// The operator asks a number outside about the call, while the caller is on hold.
    ConsultOutside {
        operator: OperatorId,
        number: CallerNumber,
    },
    /// The operator, the one who was asked and the caller are to talk together.
    Conference { operator: OperatorId },
    /// The operator leaves the call to the one who was asked, or still is to pick up.
    CompleteTransfer { operator: OperatorId },
    /// The operator goes on with the caller, without the one who was asked.
    CancelConsult { operator: OperatorId },
    /// A supervisor sets the lines in force until a moment; then the schedule counts again.
    SetLines { lines: u32, until: Timestamp },
    /// A supervisor takes back [`Input::SetLines`].
    FollowSchedule,
    /// The engine has started: calls are taken, whatever was said of stopping before.
    Started,
    /// The engine is stopping: refuse new calls, let those talking end.
    Drain,
    /// The time to drain is over: end everything.
    HangUpAll,
    /// Nothing happened but time; due when [`Acd::next_deadline`](crate::Acd::next_deadline) has come.
    Tick,
}

/// Why a caller's leg is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoneCause {
    /// The caller hung up (BYE, or CANCEL before the answer).
    HungUp,
    /// The leg failed: no ACK, transport gone, session timer ran out, media gone.
    Failed,
}

/// Why a phone that we dialled did not take a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailCause {
    /// 486 or 600.
    Busy,
    /// 603, or 480 after ringing: the operator pressed "reject".
    Declined,
    /// 408 or 487 without our CANCEL: nobody picked up.
    NoAnswer,
    /// No registered contact, 404, 410 or the transport failed.
    Unreachable,
    /// Anything else, with the final status.
    Other(u16),
}

/// Why an operator takes no calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Signed on and not yet ready.
    NotReady,
    /// Asked for by the operator; index into [`AcdConfig::pause_reasons`](crate::AcdConfig::pause_reasons).
    Chosen(u16),
    /// Did not answer the set number of calls in a row.
    NoAnswer,
    /// Declined a call.
    Declined,
    /// The phone is not registered or cannot be reached.
    PhoneGone,
    /// The phone was busy outside the queue.
    PhoneBusy,
}
