//! Time inside a media thread: an argument, so that all that reckons with it can be tested without waiting.

use std::time::Duration;

/// Microseconds since the media thread began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// Time passed since `earlier`, or zero if that is later.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Whole ticks of 1 ms since the media thread began.
    pub(crate) fn ticks(self) -> u64 {
        self.0 / 1_000
    }

    /// This moment in samples at 8 kHz: the unit of RTP timestamps, which wrap likewise.
    pub(crate) fn samples(self) -> u32 {
        // Taken apart so that it does not overflow; the cast wraps as RTP timestamps do.
        (self.0 / 125) as u32
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, d: Duration) -> Moment {
        Moment(
            self.0
                .saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}
