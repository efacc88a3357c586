//! A queue in order of tickets.
//!
//! Owns the order of waiting: which call is the oldest, and how many stand before a given one. A call that comes
//! back takes its old ticket and so stands where it stood. Tickets are drawn one after the other, so the set is a
//! bitmap over a sliding window of tickets, with a Fenwick tree (Fenwick 1994) over its words for ranks: every
//! operation costs the logarithm of the window divided by 64, and nothing is allocated once the window has its size.
//! The oldest is found without the tree, since the words before it are known to be empty.
//!
//! Does not know what a call is: it maps tickets to slots.

/// Tickets in order, each with the slot of its call.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Fifo {
    /// The ticket of the first bit; a multiple of 64.
    base: u64,
    /// A bit for each ticket of the window that is in the set.
    words: Vec<u64>,
    /// Fenwick tree over the number of bits in each word; one longer than `words`.
    sums: Vec<u32>,
    /// The slot of each ticket of the window, valid where its bit is set.
    slots: Vec<u32>,
    len: u32,
    /// Words before this one are empty.
    #[serde(default)]
    empty: usize,
}

const BITS: u64 = u64::BITS as u64;

impl Fifo {
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The oldest ticket and its slot.
    pub(crate) fn first(&self) -> Option<(u64, u32)> {
        if self.len == 0 {
            return None;
        }
        let index = self.first_index();
        Some((self.base + index as u64, self.slots[index]))
    }

    /// How many tickets are older than `ticket`.
    pub(crate) fn older_than(&self, ticket: u64) -> u32 {
        let Some(index) = ticket.checked_sub(self.base) else {
            return 0;
        };
        if index >= self.window() {
            return self.len;
        }
        let word = (index / BITS) as usize;
        let below = (1u64 << (index % BITS)) - 1;
        self.sum_before(word) + (self.words[word] & below).count_ones()
    }

    /// Adds `ticket`, which must not be there.
    pub(crate) fn insert(&mut self, ticket: u64, slot: u32) {
        if ticket < self.base || ticket - self.base >= self.window() {
            self.move_window(ticket);
        }
        let index = (ticket - self.base) as usize;
        let (word, bit) = (index / BITS as usize, 1 << (index as u64 % BITS));
        assert!(
            self.words[word] & bit == 0,
            "ticket {ticket} is in the queue twice"
        );
        self.words[word] |= bit;
        self.slots[index] = slot;
        self.empty = if self.len == 0 { word } else { self.empty.min(word) };
        self.len += 1;
        let mut node = word + 1;
        while node < self.sums.len() {
            self.sums[node] += 1;
            node += lowest_bit(node);
        }
    }

    /// Takes `ticket` out, which must be there.
    pub(crate) fn remove(&mut self, ticket: u64) {
        assert!(
            ticket >= self.base && ticket - self.base < self.window(),
            "ticket {ticket} is not queued"
        );
        let index = ticket - self.base;
        let (word, bit) = ((index / BITS) as usize, 1 << (index % BITS));
        assert!(self.words[word] & bit != 0, "ticket {ticket} is not queued");
        self.words[word] &= !bit;
        self.len -= 1;
        if self.len > 0 {
            self.empty = self.first_word();
        }
        let mut node = word + 1;
        while node < self.sums.len() {
            self.sums[node] -= 1;
            node += lowest_bit(node);
        }
    }

    /// All tickets and slots, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.words.iter().enumerate().flat_map(move |(word, &bits)| {
            std::iter::successors((bits != 0).then_some(bits), |b| {
                Some(b & (b - 1)).filter(|b| *b != 0)
            })
            .map(move |b| {
                let index = word * BITS as usize + b.trailing_zeros() as usize;
                (self.base + index as u64, self.slots[index])
            })
        })
    }

    fn window(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Bits in the words before `word`.
    fn sum_before(&self, word: usize) -> u32 {
        let mut node = word;
        let mut sum = 0;
        while node > 0 {
            sum += self.sums[node];
            node -= lowest_bit(node);
        }
        sum
    }

    /// Index of the first bit; there must be one.
    fn first_index(&self) -> usize {
        let word = self.first_word();
        word * BITS as usize + self.words[word].trailing_zeros() as usize
    }

    /// The first word that has a bit; there must be one. Each word is passed once, but for tickets that come back.
    fn first_word(&self) -> usize {
        let mut words = self.words[self.empty..].iter();
        self.empty + words.position(|word| *word != 0).unwrap_or_default()
    }

    /// Index of the last bit, if there is one.
    fn last_index(&self) -> Option<usize> {
        let word = self.words.iter().rposition(|w| *w != 0)?;
        Some(word * BITS as usize + (BITS - 1 - u64::from(self.words[word].leading_zeros())) as usize)
    }

    /// Slides the window so that it covers all tickets and `ticket`; at least half of it stays free, so that
    /// this is rare.
    #[cold]
    fn move_window(&mut self, ticket: u64) {
        let oldest = self.first().map_or(ticket, |(first, _)| first.min(ticket));
        let newest = self
            .last_index()
            .map_or(ticket, |last| (self.base + last as u64).max(ticket));
        let base = oldest / BITS * BITS;
        let window = ((newest - base + 1) * 2)
            .next_power_of_two()
            .max(self.window())
            .max(4 * BITS) as usize;
        let used = self.last_index().map_or(0, |last| last / BITS as usize + 1);
        let from = self.first().map_or(0, |_| self.first_index() / BITS as usize);
        self.words.resize(window / BITS as usize, 0);
        self.slots.resize(window, 0);
        if used > 0 {
            let to = ((self.base + (from as u64) * BITS - base) / BITS) as usize;
            let scale = BITS as usize;
            self.words.copy_within(from..used, to);
            self.slots.copy_within(from * scale..used * scale, to * scale);
            let kept = to..to + (used - from);
            self.words[..kept.start].fill(0);
            self.words[kept.end..].fill(0);
        }
        self.base = base;
        self.empty = 0;
        self.count_again();
    }

    fn count_again(&mut self) {
        self.sums.clear();
        self.sums.push(0);
        self.sums.extend(self.words.iter().map(|w| w.count_ones()));
        for node in 1..self.sums.len() {
            let parent = node + lowest_bit(node);
            if parent < self.sums.len() {
                self.sums[parent] += self.sums[node];
            }
        }
    }
}

fn lowest_bit(node: usize) -> usize {
    node & node.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::Fifo;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against a map that is obviously right; tickets wander upwards with returns far back.
        #[test]
        fn behaves_as_a_sorted_map(steps in prop::collection::vec((any::<bool>(), 0u64..600, 0u64..90), 1..400)) {
            let (mut fifo, mut map, mut next) = (Fifo::default(), BTreeMap::new(), 10_000u64);
            for (n, (insert, back, forward)) in steps.into_iter().enumerate() {
                next += forward;
                let ticket = next - back;
                if insert && !map.contains_key(&ticket) {
                    map.insert(ticket, n as u32);
                    fifo.insert(ticket, n as u32);
                } else if let Some((&ticket, _)) = map.range(..=ticket).next_back() {
                    map.remove(&ticket);
                    fifo.remove(ticket);
                }
                prop_assert_eq!(fifo.len() as usize, map.len());
                prop_assert_eq!(fifo.first(), map.first_key_value().map(|(t, s)| (*t, *s)));
                prop_assert_eq!(fifo.older_than(ticket) as usize, map.range(..ticket).count());
                prop_assert!(fifo.iter().eq(map.iter().map(|(t, s)| (*t, *s))));
            }
        }
    }
}
