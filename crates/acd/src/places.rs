//! Places kept for callers who were dropped.
//!
//! Owns what a redial needs to take up its ticket again. A place is found by trunk, queue and number; callers who
//! withheld the number have none. Two dropped calls of one number (a switchboard) keep two places, and the older is
//! taken up first. At most `places_max` are kept; one more is not.

use crate::{CallerNumber, QueueId, Timestamp, TrunkId};
use std::collections::BTreeMap;

/// Who a place is kept for, and which of that caller's it is: in this order, so that the oldest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) trunk: TrunkId,
    pub(crate) queue: QueueId,
    pub(crate) caller: CallerNumber,
    pub(crate) ticket: u64,
}

pub(crate) struct Places {
    /// When each ticket was drawn, and the slot of its timer.
    kept: BTreeMap<Place, (Timestamp, u32)>,
    /// The place of each timer slot.
    slots: Vec<Option<Place>>,
    vacant: Vec<u32>,
    places_max: usize,
}

impl Places {
    pub(crate) fn new(places_max: u32) -> Self {
        Self {
            kept: BTreeMap::new(),
            slots: Vec::new(),
            vacant: Vec::new(),
            places_max: places_max as usize,
        }
    }

    /// The timer slots in use.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        self.kept.values().map(|(_, slot)| *slot)
    }

    /// Keeps a place; gives the slot for its timer, or nothing if there are too many.
    pub(crate) fn keep(&mut self, place: Place, since: Timestamp) -> Option<u32> {
        if self.kept.len() >= self.places_max {
            return None;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.slots[slot as usize] = Some(place);
        self.kept.insert(place, (since, slot));
        Some(slot)
    }

    /// Takes up the oldest place of a caller: its ticket, when that was drawn, and the slot of its timer.
    pub(crate) fn take(
        &mut self,
        trunk: TrunkId,
        queue: QueueId,
        caller: CallerNumber,
    ) -> Option<(u64, Timestamp, u32)> {
        let key = |ticket| Place {
            trunk,
            queue,
            caller,
            ticket,
        };
        let (&place, &(since, slot)) = self.kept.range(key(0)..=key(u64::MAX)).next()?;
        self.drop_slot(slot);
        Some((place.ticket, since, slot))
    }

    /// Gives up the place of a timer slot.
    pub(crate) fn drop_slot(&mut self, slot: u32) {
        let place = self.slots[slot as usize].take().expect("a place kept");
        self.kept.remove(&place);
        self.vacant.push(slot);
    }
}
