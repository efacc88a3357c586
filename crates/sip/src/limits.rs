//! Token buckets: how many requests outside dialogs each source may send. The table of sources is bounded.

use dashmap::DashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// One bucket, which fills at a steady rate up to its size.
pub(crate) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(size: f64, now: Instant) -> Self {
        Self {
            tokens: size,
            filled: now,
        }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self, rate: f64, size: f64, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + since * rate).min(size);
        self.filled = now;
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    fn is_full(&self, rate: f64, size: f64, now: Instant) -> bool {
        self.tokens + now.saturating_duration_since(self.filled).as_secs_f64() * rate >= size
    }
}

/// A bucket for each source address; IPv6 sources share one by /64, which is what a single site gets.
pub(crate) struct Sources {
    rate: f64,
    size: f64,
    sources_max: usize,
    buckets: DashMap<IpAddr, Bucket>,
}

impl Sources {
    pub(crate) fn new(per_second: u32, burst: u32, sources_max: usize) -> Self {
        Self {
            rate: per_second.into(),
            size: burst.max(1).into(),
            sources_max,
            buckets: DashMap::new(),
        }
    }

    /// Whether `source` may send one more now. A source that finds the table full of busy ones may not.
    pub(crate) fn take(&self, source: IpAddr, now: Instant) -> bool {
        let source = site(source);
        if let Some(mut bucket) = self.buckets.get_mut(&source) {
            return bucket.take(self.rate, self.size, now);
        }
        if self.buckets.len() >= self.sources_max {
            return false;
        }
        let mut bucket = self
            .buckets
            .entry(source)
            .or_insert_with(|| Bucket::full(self.size, now));
        bucket.take(self.rate, self.size, now)
    }

    /// Forgets sources whose bucket is full again: they are as good as new. Run from time to time, not when a
    /// new source comes: then many sources could make each of their requests cost a walk over the table.
    pub(crate) fn sweep(&self, now: Instant) {
        self.buckets
            .retain(|_, bucket| !bucket.is_full(self.rate, self.size, now));
    }
}

fn site(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let sources = Sources::new(10, 3, 8);
        let start = Instant::now();
        let taken = (0..5).filter(|_| sources.take(ip("192.0.2.1"), start)).count();
        assert_eq!(taken, 3);
        let later = start + Duration::from_millis(200);
        let taken = (0..5).filter(|_| sources.take(ip("192.0.2.1"), later)).count();
        assert_eq!(taken, 2, "ten a second");
        assert!(sources.take(ip("192.0.2.2"), later), "another source has its own");
    }

    #[test]
    fn a_site_shares_its_bucket() {
        let sources = Sources::new(1, 1, 8);
        let now = Instant::now();
        assert!(sources.take(ip("2001:db8::1"), now));
        assert!(!sources.take(ip("2001:db8::2"), now));
        assert!(sources.take(ip("2001:db8:0:1::1"), now));
        assert!(sources.take(ip("10.0.0.1"), now));
        assert!(!sources.take(ip("::ffff:10.0.0.1"), now));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_quiet() {
        let sources = Sources::new(1, 1, 4);
        let start = Instant::now();
        let taken = (0..9)
            .filter(|i| sources.take(ip(&format!("192.0.2.{i}")), start))
            .count();
        assert_eq!((taken, sources.buckets.len()), (4, 4));
        let later = start + Duration::from_secs(2);
        assert!(!sources.take(ip("192.0.2.8"), later));
        sources.sweep(later);
        assert!(sources.take(ip("192.0.2.8"), later));
        assert_eq!(sources.buckets.len(), 1);
    }
}
