//! Where a stream stands: its newest index, and which of those just before were used (RFC 3711 §3.3.1, §3.3.2).

/// Indices remembered behind the newest one. RFC 3711 §3.3.2 wants 64 at least.
const WIDTH: u64 = 128;

/// The indices of one stream that were used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    newest: u64,
    /// Bit n is set when index `newest - n` was used.
    used: u128,
}

impl Window {
    /// The window of a stream whose first index was just used.
    pub(super) fn beginning_at(index: u64) -> Self {
        Self {
            newest: index,
            used: 1,
        }
    }

    /// Whether an index was not used yet, as far as is remembered.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WIDTH && self.used & (1 << behind) == 0,
        }
    }

    /// Remembers that an index was used.
    pub(super) fn mark(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            Some(ahead) => {
                self.used = if ahead < WIDTH { self.used << ahead } else { 0 } | 1;
                self.newest = index;
            }
            None => {
                let behind = self.newest - index;
                if behind < WIDTH {
                    self.used |= 1 << behind;
                }
            }
        }
    }

    /// The 48-bit index of a sequence number: the nearest to the newest (RFC 3711 §3.3.1, appendix A). `None` when
    /// that would lie before the beginning, or past the last.
    pub(super) fn index_of(&self, sequence: u16) -> Option<u64> {
        let roc = self.newest >> 16;
        let newest = self.newest as u16;
        let ahead = i32::from(sequence) - i32::from(newest);
        let roc = if newest < 0x8000 && ahead > 0x8000 {
            roc.checked_sub(1)?
        } else if newest >= 0x8000 && ahead < -0x8000 {
            roc + 1
        } else {
            roc
        };
        (roc <= u64::from(u32::MAX)).then_some((roc << 16) | u64::from(sequence))
    }

    /// How often the sequence numbers came round.
    pub(super) fn rollovers(&self) -> u32 {
        (self.newest >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_get_the_nearest_index() {
        let roc = 5 << 16;
        for (newest, sequence, expect) in [
            (roc + 10, 11, Some(roc + 11)),
            (roc + 10, 9, Some(roc + 9)),
            (roc + 0xffff, 0, Some(roc + 0x1_0000)),
            (roc + 2, 0xffff, Some(roc - 1)),
            (roc + 0x7fff, 0xffff, Some(roc + 0xffff)),
            (roc + 0x8000, 0, Some(roc)),
            (roc + 0x8001, 0, Some(roc + 0x1_0000)),
            (3, 0xfff0, None),
            (0xffff_ffff_ffff, 0, None),
        ] {
            let window = Window::beginning_at(newest);
            assert_eq!(window.index_of(sequence), expect, "{newest:x} {sequence:x}");
        }
    }

    #[test]
    fn an_index_is_fresh_once() {
        let mut window = Window::beginning_at(1_000);
        for index in [1_000, 1_002, 1_001, 990, 1_400, 1_300, 1_273] {
            if index != 1_000 {
                assert!(window.is_fresh(index), "{index}");
                window.mark(index);
            }
            assert!(!window.is_fresh(index), "{index} again");
        }
        assert!(!window.is_fresh(1_272), "too old to tell");
        assert!(window.is_fresh(1_274));
    }
}
