//! Choosing one of the operators who may take a call.
//!
//! Owns the choice and nothing else: who may take the call was decided before, and equals go in the configuration's
//! order.

use crate::operators::{Operator, Operators};
use crate::{OperatorId, Strategy, Timestamp};

/// Chooses among `eligible`, who come in the configuration's order. `last` is whom this queue chose last.
pub(crate) fn choose(
    strategy: Strategy,
    operators: &Operators,
    mut eligible: impl Iterator<Item = OperatorId>,
    last: Option<OperatorId>,
    now: Timestamp,
) -> Option<OperatorId> {
    match strategy {
        Strategy::LongestIdle => eligible.min_by_key(|id| operators[*id].idle_since),
        Strategy::FewestCalls => {
            eligible.min_by_key(|id| (operators[*id].answered, operators[*id].idle_since))
        }
        Strategy::LeastOccupied => eligible.min_by_key(|id| Occupancy::of(&operators[*id], now)),
        Strategy::Linear => eligible.next(),
        Strategy::RoundRobin => eligible.min_by_key(|id| (Some(*id) <= last, *id)),
    }
}

/// The share of the time since sign-on spent on calls and wrap-up, compared exactly.
struct Occupancy {
    worked: u128,
    signed_on: u128,
}

impl Occupancy {
    fn of(operator: &Operator, now: Timestamp) -> Self {
        let signed_on = now.since(operator.signed_on).as_micros().max(1);
        Self {
            worked: operator.worked.as_micros(),
            signed_on,
        }
    }
}

impl Ord for Occupancy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.worked * other.signed_on).cmp(&(other.worked * self.signed_on))
    }
}

impl PartialOrd for Occupancy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Occupancy {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Occupancy {}
