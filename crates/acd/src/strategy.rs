//! Choosing among the operators who may take a call.
//!
//! Owns the choice and nothing else: who may take the call was decided before, and equals go in the configuration's
//! order.

use crate::operators::{Chosen, Operator, Operators};
use crate::{OperatorId, Strategy, Timestamp};

/// Chooses one of `eligible`, who come in the configuration's order, or several with [`Strategy::RingAll`]. `last` is
/// whom this queue chose last.
pub(crate) fn choose(
    strategy: Strategy,
    operators: &Operators,
    mut eligible: impl Iterator<Item = OperatorId>,
    last: Option<OperatorId>,
    now: Timestamp,
) -> Chosen {
    let one = match strategy {
        Strategy::LongestIdle => eligible.min_by_key(|id| operators[*id].idle_since),
        Strategy::FewestCalls => {
            eligible.min_by_key(|id| (operators[*id].answered, operators[*id].idle_since))
        }
        Strategy::LeastOccupied => eligible.min_by_key(|id| Occupancy::of(&operators[*id], now)),
        Strategy::Linear => eligible.next(),
        Strategy::RoundRobin => eligible.min_by_key(|id| (Some(*id) <= last, *id)),
        Strategy::RingAll => return longest_idle(operators, eligible),
    };
    one.into_iter().collect()
}

/// Those who have been idle longest, longest first, as many as may ring at a time.
fn longest_idle(operators: &Operators, eligible: impl Iterator<Item = OperatorId>) -> Chosen {
    let mut chosen = Chosen::new();
    for id in eligible {
        let idle_since = operators[id].idle_since;
        let at = chosen.partition_point(|other| operators[*other].idle_since <= idle_since);
        if at == chosen.capacity() {
            continue;
        }
        if chosen.is_full() {
            chosen.pop();
        }
        chosen.insert(at, id);
    }
    chosen
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
