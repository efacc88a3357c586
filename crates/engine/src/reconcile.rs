//! A second pair of eyes: compares the legs that the core believes in with those that signalling has.
//!
//! The two are told of each other's changes at once, so they differ only while a message is under way. A difference
//! seen at two looks in a row is a stuck call: it is reported, and put right with the input (or the hang-up) that
//! must have been lost.

use acd::{
    Asked, CallId, CallView, FailCause, GoneCause, Input, LegId, OperatorState, Role, Snapshot, Stage, Third,
};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// A leg on which core and signalling disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// The core counts on a caller whose leg is gone.
    CallerMissing(LegId),
    /// The core waits for a phone that does not ring.
    RingingMissing(LegId),
    /// The core believes in a conversation whose operator's leg is gone.
    TalkingMissing(LegId),
    /// A leg stands that the core knows nothing of.
    Unknown(LegId),
}

impl Stuck {
    pub(crate) fn leg(self) -> LegId {
        match self {
            Self::CallerMissing(leg)
            | Self::RingingMissing(leg)
            | Self::TalkingMissing(leg)
            | Self::Unknown(leg) => leg,
        }
    }

    /// What puts it right.
    pub(crate) fn repair(self) -> Repair {
        match self {
            Self::CallerMissing(leg) => Repair::Tell(Input::CallerGone {
                call: leg.call,
                cause: GoneCause::Failed,
            }),
            Self::RingingMissing(leg) => Repair::Tell(Input::LegFailed {
                leg,
                cause: FailCause::Unreachable,
            }),
            Self::TalkingMissing(leg) => Repair::Tell(Input::LegGone { leg }),
            Self::Unknown(leg) => Repair::HangUp(leg),
        }
    }
}

/// What puts a stuck leg right.
pub(crate) enum Repair {
    /// The core was never told.
    Tell(Input),
    /// Signalling was never told.
    HangUp(LegId),
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallerMissing(_) => "stuck call: the queue holds a caller whose leg is gone",
            Self::RingingMissing(_) => "stuck call: a phone is waited for on a leg that does not exist",
            Self::TalkingMissing(_) => "stuck call: somebody talks on a leg that does not exist",
            Self::Unknown(_) => "stuck leg: it belongs to no call of the queue",
        })
    }
}

/// Looks every so often, and remembers what it saw last time.
pub(crate) struct Reconciler {
    every: Duration,
    last: Instant,
    suspects: BTreeMap<LegId, Stuck>,
}

impl Reconciler {
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            last: Instant::now(),
            suspects: BTreeMap::new(),
        }
    }

    /// When it is time to look: what differs now and differed in the same way at the last look.
    pub(crate) fn look(
        &mut self,
        believed: impl FnOnce() -> Snapshot,
        standing: impl FnOnce() -> Vec<LegId>,
    ) -> Option<Vec<Stuck>> {
        if self.last.elapsed() < self.every {
            return None;
        }
        self.last = Instant::now();
        let now = differences(&believed(), &standing());
        let stuck = now
            .values()
            .filter(|s| self.suspects.get(&s.leg()) == Some(s))
            .copied()
            .collect();
        self.suspects = now;
        Some(stuck)
    }
}

/// What differs, by leg.
pub(crate) fn differences(believed: &Snapshot, standing: &[LegId]) -> BTreeMap<LegId, Stuck> {
    let mut missing = BTreeMap::new();
    for view in &believed.calls {
        if has_caller(view) {
            let leg = LegId::caller(view.call);
            missing.insert(leg, Stuck::CallerMissing(leg));
        }
        let outside = outside(&view.stage);
        missing.extend(outside.map(|stuck| (stuck.leg(), stuck)));
    }
    for view in &believed.operators {
        match view.state {
            OperatorState::Reserved { leg, .. } => drop(missing.insert(leg, Stuck::RingingMissing(leg))),
            OperatorState::Talking { leg } => drop(missing.insert(leg, Stuck::TalkingMissing(leg))),
            _ => {}
        }
    }
    for leg in standing {
        if missing.remove(leg).is_none() && !leaves(believed, leg.call) {
            missing.insert(*leg, Stuck::Unknown(*leg));
        }
    }
    missing
}

/// The phone outside that a call has, as it would be missed.
fn outside(stage: &Stage) -> Option<Stuck> {
    match *stage {
        Stage::Forwarded { leg, .. } | Stage::TalkingOutside { leg, .. } => Some(Stuck::TalkingMissing(leg)),
        Stage::RingingOutside { leg, .. } => Some(Stuck::RingingMissing(leg)),
        Stage::Talking {
            third:
                Some(Third {
                    who: Asked::Outside { leg, .. },
                    role,
                }),
            ..
        } => Some(match role {
            Role::Ringing => Stuck::RingingMissing(leg),
            Role::Consulted | Role::Joined => Stuck::TalkingMissing(leg),
        }),
        _ => None,
    }
}

/// A call-back has a leg of its caller from when that is dialled, also while it waits for another operator.
pub(crate) fn has_caller(view: &CallView) -> bool {
    let waits = matches!(
        view.stage,
        Stage::Queued | Stage::Admitted | Stage::Ringing { .. }
    );
    !(view.call.is_call_back() && waits && view.transferred_by.is_none())
}

/// Another place's phone may ring for a call that leaves; the core has a deadline for it.
fn leaves(believed: &Snapshot, call: CallId) -> bool {
    let mut views = believed.calls.iter();
    views.any(|view| view.call == call && view.stage == Stage::Leaving)
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::{CallerNumber, OperatorId, OperatorView, QueueId, Skills, Timestamp, TrunkId};

    fn leg(call: u64, leg: u32) -> LegId {
        LegId {
            call: CallId(call),
            leg,
        }
    }

    /// Calls 1 and 2 are up; operator 0 talks to 1, operator 1's phone rings for 2, operator 2 is free.
    fn believed() -> Snapshot {
        let at = Timestamp::from_secs(0);
        let call = |n| CallView {
            call: CallId(n),
            queue: QueueId(0),
            trunk: TrunkId(0),
            caller: CallerNumber::withheld(),
            ticket: n,
            since: at,
            skills: Skills::default(),
            admitted: Some(at),
            transferred_by: None,
            stage: Stage::Admitted,
        };
        let operator = |n, state| OperatorView {
            operator: OperatorId(n),
            state,
            since: at,
            phone: true,
            answered: 0,
        };
        Snapshot {
            at,
            lines: 4,
            lines_in_use: 2,
            next_change: None,
            next_lines: None,
            draining: false,
            calls: vec![call(1), call(2)],
            operators: vec![
                operator(0, OperatorState::Talking { leg: leg(1, 1) }),
                operator(
                    1,
                    OperatorState::Reserved {
                        leg: leg(2, 1),
                        until: at,
                    },
                ),
                operator(2, OperatorState::Available),
            ],
        }
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let all = [leg(1, 0), leg(1, 1), leg(2, 0), leg(2, 1)];
        let without = |gone: LegId| all.into_iter().filter(|l| *l != gone).collect::<Vec<_>>();
        let table = [
            (all.to_vec(), None),
            (without(leg(1, 0)), Some(Stuck::CallerMissing(leg(1, 0)))),
            (without(leg(1, 1)), Some(Stuck::TalkingMissing(leg(1, 1)))),
            (without(leg(2, 1)), Some(Stuck::RingingMissing(leg(2, 1)))),
            ([&all[..], &[leg(9, 2)]].concat(), Some(Stuck::Unknown(leg(9, 2)))),
        ];
        for (standing, expected) in table {
            let found: Vec<Stuck> = differences(&believed(), &standing).into_values().collect();
            assert_eq!(found, Vec::from_iter(expected));
        }
    }

    #[test]
    fn a_phone_outside_is_missed_too() {
        let (outside, number) = (leg(2, 2), CallerNumber::new("13900000001"));
        let ringing = Stage::RingingOutside { number, leg: outside };
        let talking = Stage::TalkingOutside { number, leg: outside };
        let asked = |role| Stage::Talking {
            operator: OperatorId(0),
            connected: Timestamp::from_secs(0),
            held: true,
            third: Some(Third {
                who: Asked::Outside { number, leg: outside },
                role,
            }),
        };
        for (stage, missing) in [
            (ringing, Stuck::RingingMissing(outside)),
            (talking, Stuck::TalkingMissing(outside)),
            (asked(Role::Ringing), Stuck::RingingMissing(outside)),
            (asked(Role::Consulted), Stuck::TalkingMissing(outside)),
            (asked(Role::Joined), Stuck::TalkingMissing(outside)),
        ] {
            let mut believed = believed();
            believed.calls[1].stage = stage;
            let standing = [leg(1, 0), leg(1, 1), leg(2, 0), leg(2, 1)];
            let found: Vec<Stuck> = differences(&believed, &standing).into_values().collect();
            assert_eq!(found, [missing]);
            let whole = [&standing[..], &[outside]].concat();
            assert!(differences(&believed, &whole).is_empty());
        }
    }

    #[test]
    fn only_what_lasts_is_stuck() {
        let mut reconciler = Reconciler::new(Duration::ZERO);
        let whole = || vec![leg(1, 0), leg(1, 1), leg(2, 0), leg(2, 1)];
        let torn = || vec![leg(1, 0), leg(1, 1), leg(2, 0)];
        let mut look = |legs: Vec<LegId>| reconciler.look(believed, || legs);
        assert_eq!(look(torn()), Some(vec![]));
        assert_eq!(look(whole()), Some(vec![]));
        assert_eq!(look(torn()), Some(vec![]));
        assert_eq!(look(torn()), Some(vec![Stuck::RingingMissing(leg(2, 1))]));
    }

    #[test]
    fn nothing_is_looked_at_before_its_time() {
        let mut reconciler = Reconciler::new(Duration::from_secs(3_600));
        assert_eq!(reconciler.look(|| panic!("looked"), Vec::new), None);
    }
}
