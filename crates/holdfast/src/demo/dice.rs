//! Chance from a seed.

use std::time::Duration;

/// Random numbers of one person (SplitMix64): fast, small, and the same for the same seed everywhere.
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of the person `index` in a demonstration with `seed`.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let mut dice = Self(seed ^ index.wrapping_mul(0xD129_42F0_26A1_77C5));
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Above 0, at most 1.
    fn share(&mut self) -> f64 {
        ((self.roll() >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    /// True in that share of cases.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.share() <= share
    }

    /// Seconds with an exponential distribution around `mean`.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -self.share().ln() * mean
    }

    /// A mobile number nobody has: the block 138 0000 is kept for examples here.
    pub(super) fn number(&mut self) -> String {
        format!("1380000{:04}", self.roll() % 10_000)
    }
}

/// Waits, or returns false at once when it is time to go.
pub(super) async fn wait(time: Duration, closing: &tokio_util::sync::CancellationToken) -> bool {
    closing
        .run_until_cancelled(tokio::time::sleep(time))
        .await
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_mean_is_the_one_asked_for() {
        let mut dice = Dice::new(1, 1);
        let mean = (0..50_000).map(|_| dice.exponential(180.0)).sum::<f64>() / 50_000.0;
        assert!((mean - 180.0).abs() < 4.0, "{mean}");
        let hits = (0..50_000).filter(|_| dice.chance(0.1)).count();
        assert!((4_700..5_300).contains(&hits), "{hits}");
    }

    #[test]
    fn people_differ_and_the_same_person_does_not() {
        let first = |seed, index| Dice::new(seed, index).roll();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }
}
