//! Randomness from a seed: one independent stream for each purpose and each person.
//!
//! Owns how seeds become numbers. What always holds: the same seed, purpose and index give the same numbers on any
//! machine and in any version: ChaCha with eight rounds is fixed by its specification, and the transforms use only
//! IEEE 754 arithmetic and the `libm` crate, never the platform's mathematics.
//!
//! Streams are keyed by *who* draws, not by when. A caller's patience is the same whether 12 or 20 lines are in
//! force, so that two variants of a day differ by what was changed and not by luck ("common random numbers").

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is drawn for. The numbers are part of the format of a seed: do not reorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// When persons first call.
    Arrivals = 1,
    /// A person's patience, talk and redialling; the index is the person.
    Person = 2,
    /// An operator's habits on one day; the index is the operator and the day.
    Operator = 3,
    /// Delays and faults of phones and network.
    Network = 4,
    /// Moments at which the core is made to crash.
    Crash = 5,
    /// The settings of a storm.
    Storm = 6,
    /// Which queue a person calls and what they do about keys and call-backs; the index is the person.
    Choice = 7,
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Numbers an index must stay below, so that streams of different purposes never meet.
    pub const INDEX_MAX: u64 = 1 << 56;

    /// The stream of `purpose` and `index` (below [`Self::INDEX_MAX`]) under `seed`.
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        debug_assert!(index < Self::INDEX_MAX);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(((purpose as u64) << 56) | index);
        Self(rng)
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True with `probability`. Draws one number whatever the probability is.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Exponential with mean 1, by inversion.
    pub fn exponential(&mut self) -> f64 {
        -libm::log1p(-self.uniform())
    }

    /// Normal with mean 0 and variance 1, by Box and Muller's transform (its second number is not used).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(core::f64::consts::TAU * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_these_numbers_for_ever() {
        let mut stream = Stream::new(1, Purpose::Person, 7);
        let drawn: Vec<u64> = (0..3).map(|_| stream.uniform().to_bits()).collect();
        let exponential = stream.exponential().to_bits();
        let normal = stream.normal().to_bits();
        expect_test::expect![
            "[3fe70c695bff77ca, 3fe81141813098f0, 3fed818fbdde0af6] 3f99e3d25e353c02 bfe05a55bf14764c"
        ]
        .assert_eq(&format!("{drawn:x?} {exponential:x} {normal:x}"));
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).uniform().to_bits();
        let base = first(1, Purpose::Person, 1);
        assert_ne!(base, first(2, Purpose::Person, 1));
        assert_ne!(base, first(1, Purpose::Network, 1));
        assert_ne!(base, first(1, Purpose::Person, 2));
    }

    #[test]
    fn moments_are_right() {
        let mut stream = Stream::new(3, Purpose::Network, 0);
        let n = 200_000;
        let (mut e, mut z, mut z2) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            e += stream.exponential();
            let x = stream.normal();
            z += x;
            z2 += x * x;
        }
        let n = f64::from(n);
        assert!((e / n - 1.0).abs() < 0.01, "mean of exponential {}", e / n);
        assert!((z / n).abs() < 0.01, "mean of normal {}", z / n);
        assert!((z2 / n - 1.0).abs() < 0.02, "variance of normal {}", z2 / n);
    }
}
