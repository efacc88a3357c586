//! Places kept for callers who were dropped.
//!
//! Owns what a redial needs to take up its ticket again. A place is found by trunk, queue and number; callers who
//! withheld the number have none. Two dropped calls of one number (a switchboard) keep two places, and the older is
//! taken up first. A call-back that was promised has a place too, so that a caller who cannot await it finds it. At most `places_max` are kept; one more is not. The index is only asked for one caller at a time.

use crate::{CallId, CallerNumber, QueueId, Timestamp, TrunkId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// Who a place is kept for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Owner {
    pub(crate) trunk: TrunkId,
    pub(crate) queue: QueueId,
    pub(crate) caller: CallerNumber,
}

/// A place kept.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    pub(crate) owner: Owner,
    pub(crate) ticket: u64,
    /// When the ticket was drawn.
    pub(crate) since: Timestamp,
    /// The call-back that holds this place; none if it is kept for a redial alone.
    pub(crate) promise: Option<CallId>,
    /// The next younger place of the same caller.
    next: Option<u32>,
}

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Places {
    /// The oldest place of each caller.
    #[serde(skip)]
    oldest: HashMap<Owner, u32, BuildHasherDefault<DefaultHasher>>,
    slots: Vec<Option<Place>>,
    vacant: Vec<u32>,
    places_max: usize,
}

impl Places {
    pub(crate) fn new(places_max: u32) -> Self {
        let (oldest, slots, vacant) = Default::default();
        Self {
            oldest,
            slots,
            vacant,
            places_max: places_max as usize,
        }
    }

    /// The places kept, and their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Place)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, place)| Some((slot, place.as_ref()?)))
    }

    /// Whether one more place can be kept.
    pub(crate) fn any_vacant(&self) -> bool {
        self.slots.len() - self.vacant.len() < self.places_max
    }

    /// Keeps a place; gives its slot, or nothing if there are too many.
    pub(crate) fn keep(
        &mut self,
        owner: Owner,
        (ticket, since): (u64, Timestamp),
        promise: Option<CallId>,
    ) -> Option<u32> {
        if !self.any_vacant() {
            return None;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        let mut older = None;
        let mut next = self.oldest.get(&owner).copied();
        while let Some(other) = next
            && self.place(other).ticket < ticket
        {
            older = next;
            next = self.place(other).next;
        }
        self.slots[slot as usize] = Some(Place {
            owner,
            ticket,
            since,
            promise,
            next,
        });
        self.link(owner, older, Some(slot));
        Some(slot)
    }

    /// Takes up the oldest place of a caller, and gives its slot.
    pub(crate) fn take(&mut self, owner: Owner) -> Option<(Place, u32)> {
        let slot = *self.oldest.get(&owner)?;
        Some((self.give_up(slot), slot))
    }

    /// Gives up the place in a slot.
    pub(crate) fn give_up(&mut self, slot: u32) -> Place {
        let place = *self.place(slot);
        let mut older = None;
        let mut at = self.oldest.get(&place.owner).copied();
        while at.is_some() && at != Some(slot) {
            older = at;
            at = at.and_then(|other| self.place(other).next);
        }
        self.link(place.owner, older, place.next);
        self.slots[slot as usize] = None;
        self.vacant.push(slot);
        place
    }

    /// Finds each caller's oldest place again, which is not written down with the rest: no other leads to it.
    pub(crate) fn index_again(&mut self) {
        let mut led_to = vec![false; self.slots.len()];
        for place in self.slots.iter().flatten() {
            if let Some(next) = place.next.and_then(|next| led_to.get_mut(next as usize)) {
                *next = true;
            }
        }
        self.oldest = (0..)
            .zip(&self.slots)
            .zip(led_to)
            .filter_map(|((slot, place), led_to)| Some((place.as_ref().filter(|_| !led_to)?.owner, slot)))
            .collect();
    }

    fn place(&self, slot: u32) -> &Place {
        self.slots[slot as usize].as_ref().expect("a place kept")
    }

    /// Makes `next` the one after `older`, or the oldest if there is no older one.
    fn link(&mut self, owner: Owner, older: Option<u32>, next: Option<u32>) {
        match (older, next) {
            (Some(older), _) => self.slots[older as usize].as_mut().expect("a place kept").next = next,
            (None, Some(next)) => drop(self.oldest.insert(owner, next)),
            (None, None) => drop(self.oldest.remove(&owner)),
        }
    }
}
