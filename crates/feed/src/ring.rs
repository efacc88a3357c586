//! The last deltas, serialised once. It is what a client resumes from and every client's outgoing queue at once:
//! a client that falls out of it is behind, and gets a snapshot.

use std::collections::VecDeque;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// One event as it goes out, for those who may see numbers and for those who may not. The bytes are shared.
#[derive(Clone, Debug)]
pub(crate) struct Delta {
    pub(crate) clear: Utf8Bytes,
    pub(crate) masked: Utf8Bytes,
}

/// Why the deltas a client needs are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// They were pushed out by newer ones.
    Slow,
    /// The engine was faster than the feed and some never arrived.
    Gap,
}

/// Deltas with consecutive numbers.
#[derive(Debug)]
pub(crate) struct Ring {
    /// The number of the first delta held; of the next to come, if none is.
    first: u64,
    deltas: VecDeque<Delta>,
    kept: usize,
    /// Numbers below this one are missing because of a gap.
    gap_before: u64,
}

impl Ring {
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            first: 0,
            deltas: VecDeque::new(),
            kept,
            gap_before: 0,
        }
    }

    /// The number after the last one held.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.deltas.len() as u64
    }

    /// Whether a client that has everything up to `after` can go on from here.
    pub(crate) fn covers(&self, after: u64) -> bool {
        !self.deltas.is_empty() && after.saturating_add(1) >= self.first && after < self.next()
    }

    /// Adds the delta numbered `seq`. One that does not follow the last makes the ring start anew.
    pub(crate) fn push(&mut self, seq: u64, delta: Delta) {
        if self.deltas.is_empty() {
            self.first = seq;
        } else if seq != self.next() {
            self.deltas.clear();
            self.first = seq;
            self.gap_before = seq;
        }
        if self.deltas.len() == self.kept {
            self.deltas.pop_front();
            self.first += 1;
        }
        self.deltas.push_back(delta);
    }

    /// At most `max` deltas from the number `from` on, in order.
    ///
    /// # Errors
    /// The delta numbered `from` has left the ring, or never came.
    pub(crate) fn read(&self, from: u64, max: usize) -> Result<impl Iterator<Item = &Delta>, Behind> {
        if from < self.first && !self.deltas.is_empty() {
            return Err(if from < self.gap_before {
                Behind::Gap
            } else {
                Behind::Slow
            });
        }
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        Ok(self.deltas.iter().skip(skip).take(max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(kept: usize, seqs: impl IntoIterator<Item = u64>) -> Ring {
        let mut ring = Ring::new(kept);
        for seq in seqs {
            let text = Utf8Bytes::from(seq.to_string());
            ring.push(
                seq,
                Delta {
                    clear: text.clone(),
                    masked: text,
                },
            );
        }
        ring
    }

    fn read(ring: &Ring, from: u64, max: usize) -> Result<String, Behind> {
        let deltas = ring.read(from, max)?;
        Ok(deltas
            .map(|delta| delta.clear.as_str())
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn holds_the_last_ones() {
        let ring = ring(4, 1..=10);
        assert_eq!(read(&ring, 7, 9), Ok("7 8 9 10".into()));
        assert_eq!(read(&ring, 9, 1), Ok("9".into()));
        assert_eq!(read(&ring, 11, 9), Ok(String::new()), "nothing new yet");
        assert_eq!(read(&ring, 6, 9), Err(Behind::Slow));
    }

    #[test]
    fn covers_what_can_be_resumed() {
        let ring = ring(4, 1..=10);
        let covered: Vec<u64> = (0..14).filter(|after| ring.covers(*after)).collect();
        assert_eq!(covered, [6, 7, 8, 9, 10], "an unknown future is not covered");
        assert!(!Ring::new(4).covers(0), "an empty ring knows nothing");
        assert!(!ring.covers(u64::MAX));
    }

    #[test]
    fn a_gap_starts_anew() {
        let ring = ring(8, [1, 2, 3, 7, 8]);
        assert_eq!(read(&ring, 7, 9), Ok("7 8".into()));
        assert_eq!(
            read(&ring, 2, 9),
            Err(Behind::Gap),
            "held before the gap, but what follows is lost"
        );
        assert_eq!(read(&ring, 4, 9), Err(Behind::Gap));
    }

    #[test]
    fn starts_anywhere() {
        let ring = ring(8, [100, 101]);
        assert_eq!(read(&ring, 100, 9), Ok("100 101".into()));
        assert_eq!(read(&ring, 99, 9), Err(Behind::Slow));
        assert!(ring.covers(99));
    }
}
