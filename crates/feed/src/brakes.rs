//! The brakes on guessing: wrong secrets are counted by address.

use crate::config::Limits;
use dashmap::DashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Addresses whose wrong secrets are remembered; beyond that only the delay of each answer brakes.
const ADDRESSES_MAX: usize = 4096;

/// How long wrong secrets are remembered.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Attempts by address.
pub(crate) struct Brakes {
    attempts: DashMap<IpAddr, Attempts>,
    wrong_max: u32,
}

struct Attempts {
    since: Instant,
    /// Wrong ones, and those under way.
    count: u32,
}

impl Attempts {
    fn are_over(&self) -> bool {
        self.since.elapsed() >= WINDOW
    }
}

impl Brakes {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            attempts: DashMap::new(),
            wrong_max: limits.wrong_secrets_per_minute,
        }
    }

    /// Counts an attempt from `from`, as a wrong one until it turns out right. False: there were too many.
    pub(crate) fn attempt(&self, from: IpAddr) -> bool {
        let from = network_of(from);
        if self.attempts.len() >= ADDRESSES_MAX {
            self.attempts.retain(|_, attempts| !attempts.are_over());
            if self.attempts.len() >= ADDRESSES_MAX && !self.attempts.contains_key(&from) {
                return true;
            }
        }
        let fresh = || Attempts {
            since: Instant::now(),
            count: 0,
        };
        let mut attempts = self.attempts.entry(from).or_insert_with(fresh);
        if attempts.are_over() {
            *attempts = fresh();
        }
        let may = attempts.count < self.wrong_max;
        if may {
            attempts.count += 1;
        }
        may
    }

    /// The attempt was right, or was not looked at.
    pub(crate) fn forgive(&self, from: IpAddr) {
        if let Some(mut attempts) = self.attempts.get_mut(&network_of(from)) {
            attempts.count = attempts.count.saturating_sub(1);
        }
    }
}

/// What counts as one address: a single IPv6 host has a whole /64 to guess from.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn too_many_from_one_address_wait_out_the_minute() {
        let brakes = Brakes::new(&Limits {
            wrong_secrets_per_minute: 3,
            ..Limits::default()
        });
        let attempts: Vec<bool> = (0..5).map(|_| brakes.attempt(HERE)).collect();
        assert_eq!(attempts, [true, true, true, false, false]);
        assert!(
            brakes.attempt(IpAddr::from([192, 0, 2, 1])),
            "others are not braked"
        );
        tokio::time::advance(WINDOW).await;
        assert!(brakes.attempt(HERE));
    }

    #[test]
    fn right_ones_do_not_count() {
        let brakes = Brakes::new(&Limits {
            wrong_secrets_per_minute: 1,
            ..Limits::default()
        });
        for _ in 0..5 {
            assert!(brakes.attempt(HERE));
            brakes.forgive(HERE);
        }
        assert!(brakes.attempt(HERE));
        assert!(!brakes.attempt(HERE));
    }

    #[test]
    fn memory_is_bounded() {
        let brakes = Brakes::new(&Limits::default());
        for n in 0..2 * ADDRESSES_MAX as u32 {
            brakes.attempt(IpAddr::from(n.to_be_bytes()));
        }
        assert!(brakes.attempts.len() <= ADDRESSES_MAX);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let parse = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:2"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.7"), parse("192.0.2.7"));
    }
}
