//! The legs of one media thread, each in a slot that its sockets' events name.

use crate::leg::Leg;
use acd::LegId;
use std::collections::HashMap;

/// Legs by slot; slots are used again.
#[derive(Default)]
pub(crate) struct Legs {
    slots: Vec<Option<Leg>>,
    free: Vec<usize>,
    by_id: HashMap<LegId, usize>,
}

impl Legs {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The slot that the next [`Self::insert`] takes.
    pub(crate) fn next_slot(&self) -> usize {
        self.free.last().copied().unwrap_or(self.slots.len())
    }

    /// Keeps a leg in the [`Self::next_slot`]. There must be none of its name.
    pub(crate) fn insert(&mut self, leg: Leg) {
        let slot = self.next_slot();
        self.free.pop();
        self.by_id.insert(leg.id, slot);
        if slot == self.slots.len() {
            self.slots.push(Some(leg));
        } else {
            self.slots[slot] = Some(leg);
        }
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<Leg> {
        let leg = self.slots.get_mut(slot)?.take()?;
        self.by_id.remove(&leg.id);
        self.free.push(slot);
        Some(leg)
    }

    pub(crate) fn find(&self, id: LegId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&mut self, slot: usize) -> Option<&mut Leg> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Slots `first`, `first + step` and so on that hold a leg.
    pub(crate) fn every(&mut self, first: usize, step: usize) -> impl Iterator<Item = &mut Leg> {
        self.slots
            .iter_mut()
            .skip(first)
            .step_by(step)
            .filter_map(Option::as_mut)
    }
}
