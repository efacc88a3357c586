//! Distributions of durations, named by the figures people know: a mean and a coefficient of variation.

use crate::rng::Stream;
use std::time::Duration;

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Memoryless: the model of the Erlang formulas.
    Exponential {
        /// Mean.
        mean: Duration,
    },
    /// What talk and patience look like in real centres (Brown et al. 2005).
    LogNormal {
        /// Mean.
        mean: Duration,
        /// Standard deviation divided by the mean.
        cv: f64,
    },
    /// Does not end by itself: a caller who never gives up.
    Never,
}

/// The longest duration that is drawn: 365 days, in seconds. Longer ones would only overflow clocks.
pub const DURATION_MAX_S: f64 = 365.0 * 86_400.0;

impl Distribution {
    /// Draws a duration, to the microsecond; `None` for [`Self::Never`].
    pub fn draw(&self, stream: &mut Stream) -> Option<Duration> {
        let seconds = match *self {
            Self::Constant(d) => return Some(d),
            Self::Exponential { mean } => mean.as_secs_f64() * stream.exponential(),
            Self::LogNormal { mean, cv } => {
                let variance = libm::log1p(cv * cv);
                mean.as_secs_f64() * libm::exp(libm::sqrt(variance) * stream.normal() - variance / 2.0)
            }
            Self::Never => return None,
        };
        Some(from_seconds(seconds))
    }

    /// The mean; `None` for [`Self::Never`].
    pub fn mean(&self) -> Option<Duration> {
        match *self {
            Self::Constant(mean) | Self::Exponential { mean } | Self::LogNormal { mean, .. } => Some(mean),
            Self::Never => None,
        }
    }

    /// The same shape with this mean.
    pub fn with_mean(&self, mean: Duration) -> Self {
        match *self {
            Self::Constant(_) | Self::Never => Self::Constant(mean),
            Self::Exponential { .. } => Self::Exponential { mean },
            Self::LogNormal { cv, .. } => Self::LogNormal { mean, cv },
        }
    }
}

/// Seconds as a duration in whole microseconds, between 0 and [`DURATION_MAX_S`].
pub fn from_seconds(seconds: f64) -> Duration {
    Duration::from_micros((seconds.clamp(0.0, DURATION_MAX_S) * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    fn moments(distribution: Distribution) -> (f64, f64) {
        let mut stream = Stream::new(5, Purpose::Network, 1);
        let n = 200_000;
        let drawn: Vec<f64> = (0..n)
            .map(|_| distribution.draw(&mut stream).unwrap_or_default().as_secs_f64())
            .collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n - 1);
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn mean_and_variation_are_those_asked_for() {
        let mean = Duration::from_secs(300);
        for (distribution, cv) in [
            (Distribution::Exponential { mean }, 1.0),
            (Distribution::LogNormal { mean, cv: 0.8 }, 0.8),
            (Distribution::Constant(mean), 0.0),
        ] {
            let (m, c) = moments(distribution);
            assert!((m / 300.0 - 1.0).abs() < 0.01, "{distribution:?}: mean {m}");
            assert!((c - cv).abs() < 0.03, "{distribution:?}: cv {c}");
        }
    }

    #[test]
    fn never_is_never() {
        let mut stream = Stream::new(5, Purpose::Network, 1);
        assert_eq!(Distribution::Never.draw(&mut stream), None);
    }
}
