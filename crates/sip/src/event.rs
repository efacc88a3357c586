//! What the SIP edge tells the engine.

use acd::{CallId, CallerNumber, FailCause, GoneCause, LegId, OperatorId, QueueId, Skills, TrunkId};
use std::sync::Arc;

/// One fact from the SIP edge. The facts of one leg come in the order in which they happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipEvent {
    /// An INVITE passed trunk, digest and limit checks; its leg has a media port and got 100.
    CallArrived {
        /// A new id.
        call: CallId,
        /// Where the dialled number leads.
        queue: QueueId,
        /// Where it came from.
        trunk: TrunkId,
        /// Who calls.
        caller: CallerNumber,
        /// What the operator must know besides the queue's own skills, by the number that was dialled.
        skills: Skills,
    },
    /// The caller's leg is over and it was not our doing. Nothing of this leg follows.
    CallerGone {
        /// The call.
        call: CallId,
        /// Hung up, or failed.
        cause: GoneCause,
    },
    /// A phone that we dialled rings (180, or 183). At most once a leg.
    Ringing {
        /// The phone's leg.
        leg: LegId,
    },
    /// A phone that we dialled was picked up and its media is agreed.
    Answered {
        /// The phone's leg.
        leg: LegId,
    },
    /// A phone that we dialled did not take the call. Nothing of this leg follows.
    Failed {
        /// The phone's leg.
        leg: LegId,
        /// Why.
        cause: FailCause,
    },
    /// An answered leg that we dialled, other than a caller's, is over and it was not our doing. Nothing of this leg follows.
    Gone {
        /// The phone's leg.
        leg: LegId,
    },
    /// The far end put the leg on hold, or took it back.
    Held {
        /// Which leg.
        leg: LegId,
        /// On hold from now on, or not.
        held: bool,
    },
    /// A key came in a SIP INFO (`application/dtmf-relay` or `application/dtmf`).
    Dtmf {
        /// Who pressed.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// An operator's phone registered after having had no contact.
    PhoneRegistered {
        /// Whose.
        operator: OperatorId,
    },
    /// An operator's phone has no contact any more.
    PhoneUnregistered {
        /// Whose.
        operator: OperatorId,
    },
}

/// The engine's answer to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It will be handled.
    Yes,
    /// There is no room. Only ever for [`SipEvent::CallArrived`]: its caller gets 503 with Retry-After.
    No,
}

/// Receives the events. Called on the runtime's threads: it must return at once and never block.
pub type SipEvents = Arc<dyn Fn(SipEvent) -> Accepted + Send + Sync>;
