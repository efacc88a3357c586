//! Lines: how many are in force, how many are held.
//!
//! Owns the count. Lines in use exceed lines in force only after capacity fell while calls were up; nobody is cut
//! off for it.

use crate::schedule::{LOOK_AHEAD_DAYS, Timetable};
use crate::{Event, Timestamp};
use std::time::Duration;

pub(crate) struct Lines {
    timetable: Timetable,
    pub(crate) in_force: u32,
    pub(crate) in_use: u32,
    pub(crate) next_change: Option<(Timestamp, u32)>,
}

impl Lines {
    pub(crate) fn new(timetable: Timetable) -> Self {
        Self {
            timetable,
            in_force: 0,
            in_use: 0,
            next_change: None,
        }
    }

    /// Whether one more call may be admitted.
    pub(crate) fn free(&self) -> bool {
        self.in_use < self.in_force
    }

    /// Whether nobody can be admitted between now and `until`.
    pub(crate) fn closed_until(&self, until: Timestamp) -> bool {
        self.in_force == 0 && self.next_change.is_none_or(|(at, _)| at > until)
    }

    /// Looks at the timetable; gives when to look again.
    pub(crate) fn look(&mut self, now: Timestamp, event: impl FnOnce(Event)) -> Timestamp {
        let before = (self.in_force, self.next_change);
        self.in_force = self.timetable.lines_at(now);
        self.next_change = self.timetable.next_change(now);
        if before != (self.in_force, self.next_change) {
            event(Event::CapacityChanged {
                lines: self.in_force,
                before: before.0,
                next_change: self.next_change.map(|c| c.0),
                next_lines: self.next_change.map(|c| c.1),
            });
        }
        let horizon = now + Duration::from_secs(u64::from(LOOK_AHEAD_DAYS) * 24 * 3600);
        self.next_change.map_or(horizon, |(at, _)| at)
    }
}
