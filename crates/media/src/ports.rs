//! The pool of RTP/RTCP port pairs. Owns which pairs are free; a [`Lease`] gives its pair back when dropped.
//!
//! Pairs go round: the one released longest ago is next, and none before it has rested. So a late packet of
//! one call does not meet the next call on the same port.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All pairs of the configured range.
pub(crate) struct PortPool {
    free: Mutex<VecDeque<Free>>,
    range: RangeInclusive<u16>,
    pairs: usize,
    rest: Duration,
}

struct Free {
    rtp: u16,
    released: Option<Instant>,
}

/// One pair, held by a leg until dropped.
pub(crate) struct Lease {
    pool: Arc<PortPool>,
    rtp: u16,
}

impl PortPool {
    pub(crate) fn new(ports: &RangeInclusive<u16>, rest: Duration) -> Self {
        let even = ports.start().checked_next_multiple_of(2).unwrap_or(u16::MAX);
        let free: VecDeque<Free> = (even..*ports.end())
            .step_by(2)
            .filter(|&rtp| rtp != 0)
            .map(|rtp| Free { rtp, released: None })
            .collect();
        Self {
            range: ports.clone(),
            pairs: free.len(),
            free: Mutex::new(free),
            rest,
        }
    }

    /// The number of pairs in the range.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }

    /// Pairs held by leases.
    pub(crate) fn in_use(&self) -> usize {
        self.pairs - self.lock().len()
    }

    /// A given pair, rested or not, that a leg had before a restart. One outside the range is lent too, since that
    /// leg's peer sends there; it just does not come into the pool afterwards. None if another leg has it.
    pub(crate) fn take_at(self: &Arc<Self>, rtp: u16) -> Option<Lease> {
        if rtp == 0 || !rtp.is_multiple_of(2) {
            return None;
        }
        let mut free = self.lock();
        match free.iter().position(|f| f.rtp == rtp) {
            Some(index) => drop(free.remove(index)),
            None if self.owns(rtp) => return None,
            None => {}
        }
        Some(Lease {
            pool: Arc::clone(self),
            rtp,
        })
    }

    fn owns(&self, rtp: u16) -> bool {
        self.range.contains(&rtp) && rtp < *self.range.end()
    }

    /// The pair that has rested longest, or none if it has not rested enough.
    pub(crate) fn take(self: &Arc<Self>, now: Instant) -> Option<Lease> {
        let mut free = self.lock();
        let rested = |f: &Free| f.released.is_none_or(|at| now.duration_since(at) >= self.rest);
        let next = free.pop_front_if(|f| rested(f))?;
        Some(Lease {
            pool: Arc::clone(self),
            rtp: next.rtp,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Free>> {
        // The queue is whole after every statement, so a panic elsewhere leaves it usable.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The even port; RTCP is the one after it.
    pub(crate) fn rtp(&self) -> u16 {
        self.rtp
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.pool.owns(self.rtp) {
            self.pool.lock().push_back(Free {
                rtp: self.rtp,
                released: Some(Instant::now()),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(ports: RangeInclusive<u16>, rest_ms: u64) -> Arc<PortPool> {
        Arc::new(PortPool::new(&ports, Duration::from_millis(rest_ms)))
    }

    #[test]
    fn pairs_are_even_then_odd_and_lie_in_the_range() {
        for (ports, expect) in [
            (10_000..=10_003, vec![10_000, 10_002]),
            (10_001..=10_004, vec![10_002]),
            (10_000..=10_000, vec![]),
            (0..=3, vec![2]),
            (65_533..=65_535, vec![65_534]),
        ] {
            let pool = pool(ports, 0);
            let leases: Vec<Lease> = std::iter::from_fn(|| pool.take(Instant::now())).collect();
            assert_eq!(leases.iter().map(Lease::rtp).collect::<Vec<_>>(), expect);
            assert_eq!((pool.pairs(), pool.in_use()), (expect.len(), expect.len()));
        }
    }

    #[test]
    fn a_pair_is_taken_back_once_and_the_next_leg_gets_another() {
        let pool = pool(10_000..=10_003, 0);
        let back = pool.take_at(10_000).expect("it is free");
        assert!(pool.take_at(10_000).is_none(), "another leg has it");
        let other = pool.take(Instant::now()).expect("the other");
        assert_eq!(other.rtp(), 10_002);
        assert!(pool.take(Instant::now()).is_none());
        drop(back);
        assert_eq!(pool.take(Instant::now()).expect("it came back").rtp(), 10_000);
    }

    #[test]
    fn a_pair_outside_the_range_is_lent_and_not_kept() {
        let pool = pool(10_000..=10_003, 0);
        let foreign = pool
            .take_at(20_000)
            .expect("a port from before the range was changed");
        assert_eq!(pool.in_use(), 0);
        drop(foreign);
        assert_eq!((pool.pairs(), pool.in_use()), (2, 0));
    }

    #[test]
    fn pairs_go_round_and_rest_before_they_are_used_again() {
        let pool = pool(10_000..=10_005, 1_000);
        let now = Instant::now();
        let first = pool.take(now).expect("a fresh pool has pairs");
        drop(first);
        let others = [pool.take(now), pool.take(now)].map(|l| l.expect("two pairs were never used").rtp());
        assert_eq!(others, [10_002, 10_004]);
        assert!(pool.take(Instant::now()).is_none(), "all pairs rest");
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(pool.take(later).expect("the first has rested").rtp(), 10_000);
    }
}
