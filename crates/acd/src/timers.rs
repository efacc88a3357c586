//! Deadlines, earliest first.
//!
//! Each owner has at most one deadline; setting it again moves it, clearing it removes it, so nothing stale stays
//! behind. An indexed four-ary heap: the logarithm of the number of deadlines for every change.

use crate::Timestamp;

/// Whose deadline it is. Of equal deadlines that of the older ticket is due first, and before them those that have
/// none, in the order listed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A queue's oldest call has waited long enough for operators without its skills.
    Queue(u32),
    /// A phone has rung long enough, or a wrap-up or rest is over.
    Operator(u32),
    /// A kept place lapses.
    Place(u32),
    /// A caller has waited long enough, or is to be told something.
    Call(u32),
}

/// A deadline, its owner's ticket (zero if it has none), and the owner.
type Entry = (Timestamp, u64, Timer);

#[derive(Default)]
pub(crate) struct Timers {
    heap: Vec<Entry>,
    /// Where in the heap each owner's deadline is, by kind and index.
    found: [Vec<u32>; 4],
}

const NOWHERE: u32 = u32::MAX;
const CHILDREN: usize = 4;

impl Timers {
    /// The earliest deadline and its owner.
    pub(crate) fn next(&self) -> Option<(Timestamp, Timer)> {
        self.heap.first().map(|(at, _, timer)| (*at, *timer))
    }

    /// The owners of all deadlines, in no meaningful order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Timer> {
        self.heap.iter().map(|(_, _, timer)| *timer)
    }

    /// Sets or moves the deadline of an owner without a ticket.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.set_for(timer, 0, at);
    }

    /// Sets or moves the deadline of an owner who has a ticket.
    pub(crate) fn set_for(&mut self, timer: Timer, ticket: u64, at: Timestamp) {
        let found = self.found(timer);
        let mut index = *found as usize;
        if index == NOWHERE as usize {
            index = self.heap.len();
            self.heap.push((at, ticket, timer));
        } else {
            self.heap[index] = (at, ticket, timer);
        }
        self.settle(index);
    }

    /// Removes the owner's deadline, if there is one.
    pub(crate) fn clear(&mut self, timer: Timer) {
        let found = self.found(timer);
        let index = *found as usize;
        if index == NOWHERE as usize {
            return;
        }
        *found = NOWHERE;
        self.heap.swap_remove(index);
        if index < self.heap.len() {
            self.settle(index);
        }
    }

    fn found(&mut self, timer: Timer) -> &mut u32 {
        let (kind, index) = match timer {
            Timer::Queue(n) => (0, n as usize),
            Timer::Operator(n) => (1, n as usize),
            Timer::Place(n) => (2, n as usize),
            Timer::Call(n) => (3, n as usize),
        };
        let kind = &mut self.found[kind];
        if kind.len() <= index {
            kind.resize(index + 1, NOWHERE);
        }
        &mut kind[index]
    }

    /// Moves the entry at `index` up or down to where it belongs.
    fn settle(&mut self, mut index: usize) {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / CHILDREN;
            if self.heap[parent] <= entry {
                break;
            }
            self.put(index, self.heap[parent]);
            index = parent;
        }
        loop {
            let children = index * CHILDREN + 1..(index * CHILDREN + 1 + CHILDREN).min(self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap[*child]) else {
                break;
            };
            if self.heap[least] >= entry {
                break;
            }
            self.put(index, self.heap[least]);
            index = least;
        }
        self.put(index, entry);
    }

    fn put(&mut self, index: usize, entry: Entry) {
        self.heap[index] = entry;
        *self.found(entry.2) = index as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(steps in prop::collection::vec((0u32..20, prop::option::of(0u64..50)), 1..300)) {
            let (mut timers, mut set) = (Timers::default(), BTreeSet::new());
            for (n, at) in steps {
                let timer = if n % 2 == 0 { Timer::Call(n) } else { Timer::Operator(n) };
                set.retain(|(_, t)| *t != timer);
                match at {
                    Some(secs) => {
                        set.insert((Timestamp::from_secs(secs), timer));
                        timers.set(timer, Timestamp::from_secs(secs));
                    }
                    None => timers.clear(timer),
                }
                prop_assert_eq!(timers.next(), set.first().copied());
                prop_assert_eq!(timers.iter().count(), set.len());
            }
        }
    }
}
