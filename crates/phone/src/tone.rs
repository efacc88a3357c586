//! Making a tone and finding it again.

use std::f64::consts::TAU;

/// Samples a second of G.711.
pub(crate) const SAMPLE_RATE: f64 = 8_000.0;

/// The peak of a tone: 12 dB under full scale, where both laws are fine-grained and nothing clips.
const PEAK: f64 = 8_000.0;

/// Samples of one measurement: 50 ms, so that tones 20 Hz apart are told from one another.
const WINDOW: usize = 400;

/// A sine that goes on without a click from one packet to the next.
#[derive(Default)]
pub(crate) struct Sine {
    phase: f64,
}

impl Sine {
    /// The next sample of a tone of `hz`; zero is silence.
    pub(crate) fn next(&mut self, hz: f64) -> i16 {
        if hz == 0.0 {
            self.phase = 0.0;
            return 0;
        }
        let value = PEAK * self.phase.sin();
        self.phase = (self.phase + TAU * hz / SAMPLE_RATE) % TAU;
        value as i16
    }
}

/// The share of the sound's power that lies at `hz`: 1 for that pure tone, near 0 for anything else or silence.
///
/// Goertzel's filter over windows of 50 ms, whose powers are added: a jump of phase between packets costs one
/// window, not the whole measurement.
pub(crate) fn share_at(samples: &[i16], hz: f64) -> f64 {
    let (at, total) = samples
        .chunks_exact(WINDOW)
        .map(|window| (power_at(window, hz), mean_square(window)))
        .fold((0.0, 0.0), |sum, window| (sum.0 + window.0, sum.1 + window.1));
    if total == 0.0 { 0.0 } else { at / total }
}

/// Mean square of the samples: the power of the sound.
pub(crate) fn mean_square(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64
}

/// Power of the component at `hz`, scaled so that it equals the mean square of a pure tone.
fn power_at(window: &[i16], hz: f64) -> f64 {
    let w = TAU * hz / SAMPLE_RATE;
    let coefficient = 2.0 * w.cos();
    let (s1, s2) = window.iter().fold((0.0, 0.0), |(s1, s2), &x| {
        (f64::from(x) + coefficient * s1 - s2, s1)
    });
    let magnitude_squared = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    2.0 * magnitude_squared / (window.len() as f64 * window.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, count: usize) -> Vec<i16> {
        let mut sine = Sine::default();
        (0..count).map(|_| sine.next(hz)).collect()
    }

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        let samples = tone(440.0, 8_000);
        assert!(share_at(&samples, 440.0) > 0.99);
        assert!(share_at(&samples, 660.0) < 0.01);
        assert!(share_at(&samples, 1_000.0) < 0.01);
    }

    #[test]
    fn two_tones_share_the_power() {
        let mixed: Vec<i16> = tone(440.0, 8_000)
            .iter()
            .zip(tone(1_000.0, 8_000))
            .map(|(a, b)| a / 2 + b / 2)
            .collect();
        assert!((share_at(&mixed, 440.0) - 0.5).abs() < 0.02);
        assert!((share_at(&mixed, 1_000.0) - 0.5).abs() < 0.02);
    }

    #[test]
    fn silence_has_no_tone() {
        assert_eq!(share_at(&[0; 800], 440.0), 0.0);
        assert_eq!(share_at(&[], 440.0), 0.0);
    }
}
