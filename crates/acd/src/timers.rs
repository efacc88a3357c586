//! Deadlines, earliest first.
//!
//! Each owner has at most one deadline; setting it again moves it, clearing it removes it, so nothing stale stays
//! behind. There is an indexed four-ary heap for each kind of owner, so that the few operators, whose deadlines are
//! near and change often, do not sift through those of all who wait.

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

/// Makes the owner of an index of one kind.
const KINDS: [fn(u32) -> Timer; 4] = [Timer::Queue, Timer::Operator, Timer::Place, Timer::Call];

impl Timer {
    /// The kind, as an index into [`KINDS`], and the owner's index.
    fn parts(self) -> (usize, u32) {
        match self {
            Timer::Queue(n) => (0, n),
            Timer::Operator(n) => (1, n),
            Timer::Place(n) => (2, n),
            Timer::Call(n) => (3, n),
        }
    }
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Timers {
    kinds: [Heap; KINDS.len()],
}

impl Timers {
    /// The earliest deadline and its owner.
    pub(crate) fn next(&self) -> Option<(Timestamp, Timer)> {
        let heads = KINDS
            .iter()
            .zip(&self.kinds)
            .filter_map(|(kind, heap)| Some((kind, heap.entries.first()?)));
        let (kind, (at, _, index)) = heads.min_by_key(|(_, (at, ticket, _))| (*at, *ticket))?;
        Some((*at, kind(*index)))
    }

    /// The owner of the earliest deadline, if that has come.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timer> {
        // Asked after each input, and nearly always in vain: then no heads need to be put in order.
        let has_come = |heap: &Heap| heap.entries.first().is_some_and(|(at, ..)| *at <= now);
        let next = self.kinds.iter().any(has_come).then(|| self.next());
        next.flatten().map(|(_, timer)| timer)
    }

    /// The owners of all deadlines, in no meaningful order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Timer> {
        KINDS
            .iter()
            .zip(&self.kinds)
            .flat_map(|(kind, heap)| heap.entries.iter().map(|(_, _, index)| kind(*index)))
    }

    /// Sets or moves the deadline of an owner without a ticket.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.set_for(timer, 0, at);
    }

    /// Sets or moves the deadline of an owner who has a ticket.
    pub(crate) fn set_for(&mut self, timer: Timer, ticket: u64, at: Timestamp) {
        let (kind, index) = timer.parts();
        self.kinds[kind].set((at, ticket, index));
    }

    /// Removes the owner's deadline, if there is one.
    pub(crate) fn clear(&mut self, timer: Timer) {
        let (kind, index) = timer.parts();
        self.kinds[kind].clear(index);
    }
}

/// A deadline, its owner's ticket (zero if it has none), and the owner's index.
type Entry = (Timestamp, u64, u32);

/// The deadlines of one kind of owner.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Heap {
    entries: Vec<Entry>,
    /// Where each owner's deadline is.
    found: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;
const CHILDREN: usize = 4;

impl Heap {
    fn set(&mut self, entry: Entry) {
        let owner = entry.2 as usize;
        if self.found.len() <= owner {
            self.found.resize(owner + 1, NOWHERE);
        }
        let mut index = self.found[owner] as usize;
        if index == NOWHERE as usize {
            index = self.entries.len();
            self.entries.push(entry);
        }
        self.entries[index] = entry;
        self.settle(index);
    }

    fn clear(&mut self, owner: u32) {
        let Some(found) = self.found.get_mut(owner as usize) else {
            return;
        };
        let index = std::mem::replace(found, NOWHERE) as usize;
        if index == NOWHERE as usize {
            return;
        }
        self.entries.swap_remove(index);
        if index < self.entries.len() {
            self.settle(index);
        }
    }

    /// Moves the entry at `index` up or down to where it belongs.
    fn settle(&mut self, mut index: usize) {
        let entry = self.entries[index];
        while index > 0 {
            let parent = (index - 1) / CHILDREN;
            if self.entries[parent] <= entry {
                break;
            }
            self.put(index, self.entries[parent]);
            index = parent;
        }
        loop {
            let children = index * CHILDREN + 1..(index * CHILDREN + 1 + CHILDREN).min(self.entries.len());
            let Some(least) = children.min_by_key(|child| self.entries[*child]) else {
                break;
            };
            if self.entries[least] >= entry {
                break;
            }
            self.put(index, self.entries[least]);
            index = least;
        }
        self.put(index, entry);
    }

    fn put(&mut self, index: usize, entry: Entry) {
        self.entries[index] = entry;
        self.found[entry.2 as usize] = index as u32;
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
                let now = Timestamp::from_secs(u64::from(n));
                let due = set.first().filter(|(at, _)| *at <= now);
                prop_assert_eq!(timers.due(now), due.map(|(_, timer)| *timer));
                prop_assert_eq!(timers.iter().count(), set.len());
            }
        }
    }
}
