//! The engine's time: the wall clock, made to rise, and for tests and time-lapses made to start or run differently.

use acd::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// When the wall clock was set back, the engine's clock runs this much slower until the two meet.
const SLEW: f64 = 0.9;

/// What kind of clock an engine has. The default follows the wall clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockConfig {
    /// Begin at this moment instead of now.
    pub start: Option<Timestamp>,
    /// Seconds of the engine's time that pass in one real second, above 0.
    pub rate: f64,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            start: None,
            rate: 1.0,
        }
    }
}

/// A clock that never goes back. It adopts a wall clock set forward; after one set back it goes on, a little slower,
/// until the wall clock has caught up. Cheap to clone: all clones tell the same time.
#[derive(Clone)]
pub struct Clock {
    state: Arc<Mutex<State>>,
    rate: f64,
}

struct State {
    now: Timestamp,
    /// The monotonic moment at which `now` was told.
    read: Instant,
    /// A clock that was given its start or its rate leaves the wall clock alone.
    follows_wall: bool,
}

impl Clock {
    /// A clock that starts now.
    pub fn start(config: ClockConfig) -> Self {
        Self::start_after(config, None)
    }

    /// A clock that starts now, or at `last`, where one before it ended, if that is later.
    pub fn start_after(config: ClockConfig, last: Option<Timestamp>) -> Self {
        let follows_wall = config.start.is_none() && config.rate == 1.0;
        let now = config.start.unwrap_or_else(wall).max(last.unwrap_or_default());
        Self {
            state: Arc::new(Mutex::new(State {
                now,
                read: Instant::now(),
                follows_wall,
            })),
            rate: config.rate,
        }
    }

    /// The time. Never earlier than what was told before.
    pub fn now(&self) -> Timestamp {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let read = Instant::now();
        let passed = read - state.read;
        let wall = state.follows_wall.then(wall);
        state.read = read;
        state.now = advance(state.now, passed.mul_f64(self.rate), wall);
        state.now
    }

    /// How long to wait in real time until the clock says `deadline`; zero if it has.
    pub fn until(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.now()).div_f64(self.rate)
    }

    /// Seconds of this clock in one real second.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// The next time after `last`, when `passed` has gone by on a clock that cannot be set and `wall` is what the wall
/// clock says, if that counts.
fn advance(last: Timestamp, passed: Duration, wall: Option<Timestamp>) -> Timestamp {
    match wall {
        None => last + passed,
        Some(wall) if wall >= last + passed => wall,
        // Behind us: because it was set back, or by the few microseconds between two readings.
        Some(wall) => wall.max(last + passed.mul_f64(SLEW)),
    }
}

fn wall() -> Timestamp {
    // A wall clock before 1970 is a broken one; the epoch is as good a time as any.
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn time_follows_the_wall_clock_forward_and_never_back() {
        let table = [
            ("in step", SECOND, Some(NOON + SECOND), NOON + SECOND),
            ("set forward by an hour", SECOND, Some(NOON + HOUR), NOON + HOUR),
            (
                "set back by an hour",
                SECOND,
                Some(NOON - HOUR),
                NOON + SECOND.mul_f64(0.9),
            ),
            (
                "meets again",
                SECOND,
                Some(NOON + SECOND.mul_f64(0.95)),
                NOON + SECOND.mul_f64(0.95),
            ),
            (
                "nothing passed, set back",
                Duration::ZERO,
                Some(NOON - SECOND),
                NOON,
            ),
            ("no wall clock", SECOND, None, NOON + SECOND),
        ];
        for (what, passed, wall, expected) in table {
            assert_eq!(advance(NOON, passed, wall), expected, "{what}");
        }
    }

    #[test]
    fn after_a_step_back_the_clocks_meet() {
        let mut now = NOON + SECOND * 60;
        for passed in 1..=600 {
            let wall = NOON + SECOND * passed;
            let next = advance(now, SECOND, Some(wall));
            assert!(next > now && next >= wall);
            now = next;
        }
        assert_eq!(now, NOON + SECOND * 600);
    }

    #[test]
    fn a_given_start_and_rate_are_kept() {
        let clock = Clock::start(ClockConfig {
            start: Some(NOON),
            rate: 1_000.0,
        });
        let first = clock.now();
        assert!(first >= NOON);
        assert!(clock.now() >= first);
        assert!(clock.until(first + SECOND * 1_000) <= SECOND);
        assert_eq!(clock.until(NOON), Duration::ZERO);
    }
}
