//! What is going to happen, in order of time.

use acd::{CallId, FailCause, GoneCause, LegId, OperatorId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that will happen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// Midnight.
    DayBegins { day: u32 },
    /// A person dials.
    Dials(Try),
    /// A caller hangs up, or is cut off.
    CallerLeaves { call: CallId, cause: Leaving },
    /// A prompt was heard to its end, if it still plays.
    PromptEnds { call: CallId, play: u32 },
    /// A caller presses a key, if still there.
    KeyPressed { call: CallId, key: char },
    /// A caller who was promised a call-back calls again, if it has not come.
    CallsAgain { call_back: CallId },
    /// One side has said all.
    TalkEnds { leg: LegId },
    /// More or fewer operators are due.
    RosterChanges,
    /// An operator sits down and is ready.
    Arrives { operator: OperatorId, shift: u32 },
    /// An operator has recorded the matter.
    WrapUpDone { operator: OperatorId, call: CallId },
    /// An operator needs more time to record the matter.
    WrapUpExtends { operator: OperatorId, call: CallId },
    /// An operator wants a break.
    BreakDue { operator: OperatorId, shift: u32 },
    /// An operator who is free now takes the break.
    BreakBegins { operator: OperatorId },
    /// An operator is ready again, unless something else came between.
    Returns { operator: OperatorId, change: u32 },
    /// A phone rings.
    PhoneRings { leg: LegId },
    /// A phone is picked up.
    PhoneAnswers { leg: LegId },
    /// A phone does not take the call.
    PhoneFails { leg: LegId, cause: Failing },
    /// A phone that was hung up on had been picked up at that very moment.
    AnswerCrosses { leg: LegId },
    /// The engine is to stop: no new calls.
    Drains,
    /// The engine stops, perhaps with all calls hung up before.
    Stops,
    /// The engine is there again.
    Starts,
    /// A supervisor sets the lines by hand.
    SupervisorActs,
    /// A phone's registration is lost.
    PhoneLost { operator: OperatorId },
    /// A phone registers again.
    PhoneBack { operator: OperatorId },
}

/// One attempt of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Try {
    /// The day the person first called.
    pub(super) day: u32,
    /// Which of that day's persons it is.
    pub(super) person: u32,
    /// Which attempt: 1 for the first.
    pub(super) attempt: u32,
    /// When the first was.
    pub(super) first: Timestamp,
}

/// Why a caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaving {
    /// Does not want to queue at all.
    Balks,
    /// Has waited long enough.
    HangsUp,
    /// The network lost the leg.
    CutOff,
}

impl From<Leaving> for GoneCause {
    fn from(leaving: Leaving) -> Self {
        match leaving {
            Leaving::Balks | Leaving::HangsUp => GoneCause::HungUp,
            Leaving::CutOff => GoneCause::Failed,
        }
    }
}

/// Why a phone does not take a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failing {
    Declined,
    Unreachable,
    Busy,
}

impl From<Failing> for FailCause {
    fn from(failing: Failing) -> Self {
        match failing {
            Failing::Declined => FailCause::Declined,
            Failing::Unreachable => FailCause::Unreachable,
            Failing::Busy => FailCause::Busy,
        }
    }
}

/// What is going to happen; of two things at one moment the one planned first comes first.
#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Happening)>>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Timestamp, happening: Happening) {
        self.heap.push(Reverse((at, self.planned, happening)));
        self.planned += 1;
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<Happening> {
        self.heap.pop().map(|Reverse((_, _, happening))| happening)
    }
}
