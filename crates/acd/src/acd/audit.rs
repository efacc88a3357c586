//! The auditor: everything that always holds between inputs, checked the slow and plain way.
//!
//! Owns no rule, only the proof that the rules' bookkeeping agrees. Called by tests and the simulator after every
//! input; costs time in proportion to all that is there.

use super::Acd;
use crate::calls::{Call, CallState, Talk, Third, Way, Who};
use crate::timers::Timer;
use crate::{CallId, LegId, OperatorId, OperatorState, QueueId, RING_ALL_MAX};
use std::collections::{BTreeMap, BTreeSet};

impl Acd {
    /// Checks what always holds between inputs.
    ///
    /// # Panics
    /// If anything does not hold: with what it was.
    pub fn audit(&self) {
        self.audit_lists();
        self.audit_operators();
        self.audit_asked();
        self.audit_deadlines();
        self.audit_nothing_idle();
    }

    /// Each call is on the list its state says, and on no other; lines in use are those that calls hold.
    fn audit_lists(&self) {
        let mut listed = BTreeSet::new();
        for (id, queue) in (0..).zip(&self.queues) {
            for (ticket, slot) in queue.listed() {
                let call = &self.calls[slot];
                assert_eq!((call.queue.0, call.ticket), (id, ticket), "call {}", call.id);
                assert!(call.is_listed(), "call {} as {:?} is listed", call.id, call.state);
                assert!(listed.insert(slot), "call {} is listed twice", call.id);
            }
            let mine = || {
                self.calls
                    .iter()
                    .map(|(_, call)| call)
                    .filter(|call| call.queue.0 == id)
            };
            let (call_backs, callers): (Vec<&Call>, Vec<&Call>) =
                mine().partition(|call| call.id.is_call_back());
            let waiting = callers.iter().filter(|call| call.waits()).count();
            assert_eq!(queue.waiting as usize, waiting, "waiting in queue {id}");
            assert_eq!(
                queue.call_backs as usize,
                call_backs.len(),
                "call-backs in queue {id}"
            );
        }
        for (slot, call) in self.calls.iter() {
            assert_eq!(
                call.is_listed(),
                listed.contains(&slot),
                "call {} as {:?}",
                call.id,
                call.state
            );
            let line = match call.state {
                CallState::Queued | CallState::TalkingOutside { .. } => call.admitted.is_none(),
                CallState::Leaving {
                    way: Way::Forwarded { .. },
                    ..
                } => call.admitted.is_none(),
                CallState::Leaving { .. } => true,
                _ => call.admitted.is_some(),
            };
            assert!(
                line,
                "call {} as {:?} since {:?}",
                call.id, call.state, call.admitted
            );
        }
        let untold = self.calls.iter().all(|(_, call)| call.told.is_none());
        assert!(
            !untold || self.announcements.len() == 0,
            "announcements outlive their callers"
        );
        let held = self
            .calls
            .iter()
            .filter(|(_, call)| call.admitted.is_some())
            .count();
        assert_eq!(self.lines.in_use as usize, held, "lines in use");
    }

    /// Operators and calls agree on who is with whom, so nobody is in two calls.
    fn audit_operators(&self) {
        let mut by_call = BTreeMap::new();
        let mut by_operator = BTreeMap::new();
        for (_, call) in self.calls.iter() {
            let with: Vec<(OperatorId, LegId, bool)> = match call.state {
                CallState::Ringing { first, .. } => self.audit_ringing(call, first),
                CallState::Talking(talk) | CallState::CallingBack(talk) => {
                    let first = (talk.operator, call.leg(talk.leg), true);
                    let second = talk.third.and_then(|third| match third.who {
                        Who::Operator(id) => Some((id, call.leg(third.leg), third.rang.is_some())),
                        Who::Outside => None,
                    });
                    [first].into_iter().chain(second).collect()
                }
                _ => continue,
            };
            for (operator, leg, talks) in with {
                let other = by_call.insert(operator, (leg, talks));
                assert_eq!(other, None, "operator {} is in two calls", operator.0);
            }
        }
        for view in self.operators.views() {
            let with: (LegId, bool) = match view.state {
                OperatorState::Reserved { leg, .. } => (leg, false),
                OperatorState::Talking { leg } => (leg, true),
                _ => continue,
            };
            by_operator.insert(view.operator, with);
        }
        assert_eq!(by_call, by_operator, "calls and operators disagree");
    }

    /// The numbers that stand beside the calls are those that were asked, each on the last leg of its call.
    fn audit_asked(&self) {
        let asked = self.calls.iter().filter_map(|(_, call)| match call.state {
            CallState::Talking(Talk {
                third:
                    Some(Third {
                        who: Who::Outside,
                        leg,
                        ..
                    }),
                ..
            }) => {
                assert_eq!(leg, call.legs, "a number is asked about call {}", call.id);
                Some(call.id)
            }
            _ => None,
        });
        let asked: BTreeSet<CallId> = asked.collect();
        assert!(asked.iter().eq(self.calls.asked.keys()), "asked: {asked:?}");
    }

    /// Whose phones ring for a call, each on a leg of its own.
    fn audit_ringing(&self, call: &Call, first: OperatorId) -> Vec<(OperatorId, LegId, bool)> {
        let ringing = self.operators.ringing(first).take(RING_ALL_MAX + 1);
        let legs: Vec<_> = ringing
            .map(|id| match self.operators[id].state {
                OperatorState::Reserved { leg, .. } => (id, leg, false),
                other => panic!("operator {} rings for call {} as {other:?}", id.0, call.id),
            })
            .collect();
        assert!(
            legs.len() <= RING_ALL_MAX,
            "{} phones ring for call {}",
            legs.len(),
            call.id
        );
        legs
    }

    /// Every wait has a deadline, and every deadline belongs to a wait: none leaks.
    fn audit_deadlines(&self) {
        let mut expected = vec![];
        for (slot, call) in self.calls.iter() {
            let ends_by_itself = match call.state {
                CallState::Talking(talk) => !talk.third.is_some_and(Third::rings_outside),
                CallState::Ringing { .. } | CallState::TalkingOutside { .. } => true,
                CallState::Leaving { way, .. } => matches!(way, Way::Forwarded { .. }),
                _ => false,
            };
            if !ends_by_itself {
                expected.push(Timer::Call(slot));
            }
        }
        for view in self.operators.views() {
            if matches!(
                view.state,
                OperatorState::Reserved { .. } | OperatorState::WrapUp { .. }
            ) {
                expected.push(Timer::Operator(view.operator.0));
            }
        }
        // A place of a call-back lives as long as that.
        let redials = self.places.iter().filter(|(_, place)| place.promise.is_none());
        expected.extend(redials.map(|(slot, _)| Timer::Place(slot)));
        let promised: Vec<u32> = self.calls.iter().filter_map(|(_, call)| call.place).collect();
        for (slot, place) in self.places.iter().filter(|(_, place)| place.promise.is_some()) {
            assert!(
                promised.contains(&slot),
                "the place of call-back {:?} outlives it",
                place.promise
            );
        }
        expected.sort_unstable();
        let optional = |timer: &Timer| match *timer {
            Timer::Queue(_) => true,
            Timer::Operator(n) => matches!(self.operators[OperatorId(n)].state, OperatorState::Paused { .. }),
            _ => false,
        };
        let mut pending: Vec<Timer> = self.timers.iter().filter(|timer| !optional(timer)).collect();
        pending.sort_unstable();
        assert_eq!(pending, expected, "deadlines");
    }

    /// No line is free while somebody may have it, and no operator while a call that he may take waits.
    fn audit_nothing_idle(&self) {
        for (id, queue) in (0..).map(QueueId).zip(&self.queues) {
            let missed = self.lines.free_for(id) && queue.queued_heads(!self.draining).next().is_some();
            assert!(!missed, "somebody waits in queue {} while a line is free", id.0);
        }
        for view in self
            .operators
            .views()
            .filter(|view| view.state == OperatorState::Available)
        {
            assert!(
                view.phone,
                "operator {} is available without a phone",
                view.operator.0
            );
            let missed = self.oldest_for(view.operator);
            assert_eq!(
                missed, None,
                "operator {} is free and could take a call",
                view.operator.0
            );
        }
    }

    fn oldest_for(&self, operator: OperatorId) -> Option<CallId> {
        let heads = self
            .queues
            .iter()
            .flat_map(|queue| queue.admitted_heads(!self.draining));
        let mine = heads.filter(|(_, slot)| self.operators.level(operator, self.wanted(*slot)).is_some());
        let oldest = mine.map(|(_, slot)| (self.standing(slot), slot)).min()?;
        Some(self.calls[oldest.1].id)
    }
}
