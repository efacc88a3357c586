//! Lines: how many are in force, who holds them, and who may have the next.
//!
//! Owns the counts, of the house and of each queue, and the order given by hand ("open 6 lines until 22:00"). Queues
//! share the house's lines; each may be held to lines of its own by the clock, and may have some guaranteed. Lines in
//! use exceed lines in force only after capacity fell while calls were up; nobody is cut off for it.

use crate::schedule::{LOOK_AHEAD_DAYS, Timetable};
use crate::{AcdConfig, ConfigError, Event, QueueId, Timestamp};
use std::time::Duration;

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Lines {
    #[serde(skip)]
    timetable: Timetable,
    /// Lines by hand in place of the timetable's, and until when.
    by_hand: Option<(u32, Timestamp)>,
    pub(crate) in_force: u32,
    pub(crate) in_use: u32,
    pub(crate) next_change: Option<(Timestamp, u32)>,
    shares: Vec<Share>,
    /// Whether any queue has lines guaranteed.
    guaranteed: bool,
}

/// One queue's part of the lines.
#[derive(serde::Serialize, serde::Deserialize)]
struct Share {
    /// None: as many as the house has.
    #[serde(skip)]
    timetable: Option<Timetable>,
    in_force: u32,
    in_use: u32,
    next_change: Option<(Timestamp, u32)>,
    /// Lines guaranteed.
    lines_min: u32,
}

impl Share {
    /// Lines kept free for this queue while others ask.
    fn held_back(&self) -> u32 {
        self.lines_min.min(self.in_force).saturating_sub(self.in_use)
    }
}

impl Lines {
    pub(crate) fn new(config: &AcdConfig) -> Result<Self, ConfigError> {
        let mut shares = Vec::with_capacity(config.queues.len());
        for queue in &config.queues {
            let timetable = queue.schedule.as_ref().map(Timetable::new).transpose()?;
            let (in_force, in_use, next_change) = (0, 0, None);
            shares.push(Share {
                timetable,
                in_force,
                in_use,
                next_change,
                lines_min: queue.lines_min,
            });
        }
        Ok(Self {
            timetable: Timetable::new(&config.schedule)?,
            by_hand: None,
            in_force: 0,
            in_use: 0,
            next_change: None,
            guaranteed: shares.iter().any(|share| share.lines_min > 0),
            shares,
        })
    }

    /// Takes over the calendar, which is configuration and no state, from lines that are new.
    pub(crate) fn follow(&mut self, fresh: Lines) {
        self.timetable = fresh.timetable;
        self.guaranteed = fresh.guaranteed;
        for (share, fresh) in self.shares.iter_mut().zip(fresh.shares) {
            share.timetable = fresh.timetable;
            share.lines_min = fresh.lines_min;
        }
    }

    /// Whether any line is free at all.
    pub(crate) fn any_free(&self) -> bool {
        self.in_use < self.in_force
    }

    /// Whether one more call of `queue` may be admitted.
    pub(crate) fn free_for(&self, queue: QueueId) -> bool {
        let share = &self.shares[queue.0 as usize];
        if !self.any_free() || share.in_use >= share.in_force {
            return false;
        }
        if !self.guaranteed || share.in_use < share.lines_min {
            return true;
        }
        let others = (0..).zip(&self.shares).filter(|(id, _)| *id != queue.0);
        let held_back: u32 = others.map(|(_, share)| share.held_back()).sum();
        self.in_use + held_back < self.in_force
    }

    pub(crate) fn take(&mut self, queue: QueueId) {
        self.in_use += 1;
        self.shares[queue.0 as usize].in_use += 1;
    }

    pub(crate) fn give_back(&mut self, queue: QueueId) {
        self.in_use -= 1;
        self.shares[queue.0 as usize].in_use -= 1;
    }

    /// Whether nobody of `queue` can be admitted between now and `until`: neither the house nor the queue opens.
    pub(crate) fn closed_until(&self, queue: QueueId, until: Timestamp) -> bool {
        let share = &self.shares[queue.0 as usize];
        [
            (self.in_force, self.next_change),
            (share.in_force, share.next_change),
        ]
        .iter()
        .any(|(lines, next)| *lines == 0 && next.is_none_or(|(at, _)| at > until))
    }

    /// Lines that will be in force at `at`, as far as is known now.
    pub(crate) fn at(&self, at: Timestamp) -> u32 {
        match self.by_hand {
            Some((lines, until)) if at < until => lines,
            _ => self.timetable.lines_at(at),
        }
    }

    /// Sets lines by hand until a moment, or goes back to the timetable.
    pub(crate) fn set_by_hand(&mut self, by_hand: Option<(u32, Timestamp)>) {
        self.by_hand = by_hand;
    }

    /// Looks at the timetables; gives when to look again.
    pub(crate) fn look(&mut self, now: Timestamp, event: impl FnOnce(Event)) -> Timestamp {
        let before = (self.in_force, self.next_change);
        self.by_hand = self.by_hand.filter(|(_, until)| *until > now);
        self.in_force = self.at(now);
        self.next_change = self.next_change_after(now);
        if before != (self.in_force, self.next_change) {
            event(Event::CapacityChanged {
                lines: self.in_force,
                before: before.0,
                next_change: self.next_change.map(|c| c.0),
                next_lines: self.next_change.map(|c| c.1),
            });
        }
        let mut again = now + Duration::from_secs(u64::from(LOOK_AHEAD_DAYS) * 24 * 3600);
        for share in &mut self.shares {
            share.in_force = share
                .timetable
                .as_ref()
                .map_or(u32::MAX, |timetable| timetable.lines_at(now));
            share.next_change = share
                .timetable
                .as_ref()
                .and_then(|timetable| timetable.next_change(now));
            again = again.min(share.next_change.map_or(again, |(at, _)| at));
        }
        again = again.min(self.by_hand.map_or(again, |(_, until)| until));
        again.min(self.next_change.map_or(again, |(at, _)| at))
    }

    fn next_change_after(&self, now: Timestamp) -> Option<(Timestamp, u32)> {
        let Some((lines, until)) = self.by_hand else {
            return self.timetable.next_change(now);
        };
        let after = self.timetable.lines_at(until);
        if after != lines {
            Some((until, after))
        } else {
            self.timetable.next_change(until)
        }
    }
}
