//! Events at a steady rate.

use crate::house::{START, arrived};
use feed::Hub;
use std::thread;
use std::time::{Duration, Instant};

/// Which events there are, and when each is due. They are numbered from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    begin: Instant,
    rate: u32,
    warm_up: u64,
    /// The number of the last.
    pub(crate) last: u64,
}

impl Plan {
    /// `rate` events a second, from now on, for `warm_up` and then `seconds` seconds.
    pub(crate) fn new(rate: u32, warm_up: u32, seconds: u32) -> Self {
        let events = |seconds: u32| u64::from(rate) * u64::from(seconds);
        Self {
            begin: Instant::now(),
            rate,
            warm_up: events(warm_up),
            last: events(warm_up) + events(seconds),
        }
    }

    /// When an event is due.
    pub(crate) fn due(&self, number: u64) -> Instant {
        self.begin + Duration::from_secs_f64(number as f64 / f64::from(self.rate))
    }

    /// Whether an event is measured.
    pub(crate) fn counts(&self, number: u64) -> bool {
        number > self.warm_up
    }
}

/// Publishes all events, each when it is due or at once if that is over. Returns how late the latest was.
pub(crate) fn publish(plan: Plan, hub: &Hub) -> Duration {
    let mut late = Duration::ZERO;
    for number in 1..=plan.last {
        let due = plan.due(number);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        late = late.max(due.elapsed());
        hub.publish(number, START, &[arrived(number)]);
    }
    late
}
