//! Everything the core asks for. Outputs are carried out after the input that led to them is journaled.

use crate::{CallId, CallerNumber, Event, LegId, OperatorId, Outcome, TrunkId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One thing to be done outside, or one thing that has become true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "out", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "fields whose name and type say all; the others are documented"
)]
pub enum Output {
    /// Let the caller hear us without answering: 183 (or 182) with SDP. Never follows `Answer`.
    EarlyMedia { call: CallId },
    /// Answer the caller's INVITE: 200 with SDP. Sent once a call.
    Answer { call: CallId },
    /// Refuse a caller who was not answered: the SIP status follows from `outcome`. The leg is over.
    Refuse {
        call: CallId,
        outcome: Outcome,
        /// For the Retry-After header, when coming back later makes sense.
        retry_after: Option<Duration>,
    },
    /// Play to the caller, at once, in place of what plays. Hold music follows a prompt by itself.
    Play { call: CallId, audio: Audio },
    /// Ring an operator's phone for a call.
    Dial {
        leg: LegId,
        operator: OperatorId,
        caller: CallerNumber,
        waited: Duration,
    },
    /// Ring a phone outside: the caller's own for a call-back, another place's for a call that is forwarded, or one that an
    /// operator gave the call to or asked about it.
    DialOut {
        leg: LegId,
        to: Destination,
        caller: CallerNumber,
        trunk: TrunkId,
    },
    /// Let an operator hear that another phone is being rung: the caller's, or that of who is asked about the call.
    Ringback { leg: LegId },
    /// Connect the audio of the caller and this operator's leg, in place of what plays.
    Bridge { operator_leg: LegId },
    /// Connect the audio of an operator's leg and that of who was asked about the call, and of its caller too or not, in
    /// place of what plays to them.
    Confer {
        operator_leg: LegId,
        third_leg: LegId,
        caller: bool,
    },
    /// End a leg in whatever state it is: CANCEL, BYE or a refusal. No input will come of it.
    HangUp { leg: LegId, cause: HangUpCause },
    /// Something became true: for the feed, the metrics and the records.
    Event(Event),
}

/// Whom we dial outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// The caller, by the trunk of the first call.
    Caller,
    /// Another place: an index into [`AcdConfig::forwards`](crate::AcdConfig::forwards).
    Forward(u32),
    /// A number that an operator gave the call to, or asked about it.
    Number(CallerNumber),
}

/// What a caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audio {
    /// The queue's greeting, then hold music.
    Greeting,
    /// Hold music from where this caller left it.
    HoldMusic,
    /// Position in the queue and, if known, the wait to expect; then hold music.
    Position {
        /// 1 is next.
        position: u32,
        /// The announced quantile of the wait, if there is an estimate.
        wait: Option<Duration>,
        /// The key that asks for a call-back, if that is offered too.
        call_back: Option<char>,
    },
    /// "Press this key to be called back and keep your place", then hold music.
    CallBackOffer(char),
    /// That the caller cannot wait, and that this key asks to be called back; a `PromptDone` follows, no music.
    LastOffer(char),
    /// "You are back in your place", then hold music.
    Resumed,
    /// A last word by outcome ("all lines are busy", "we are closed"); a `PromptDone` follows, no music.
    Farewell(Outcome),
}

/// Why we end a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangUpCause {
    /// The other side hung up.
    PeerGone,
    /// Nobody answered this phone in time.
    RingTimeout,
    /// The call is being answered or ended elsewhere; this phone need not count a missed call.
    Elsewhere,
    /// The call ended by a rule of the queue.
    Ended,
    /// The engine stops.
    Shutdown,
}
