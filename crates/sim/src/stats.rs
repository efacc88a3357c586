//! The little statistics a simulation needs: mean with a confidence interval, and percentiles.

/// A mean and how far the truth may be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Mean of the observations.
    pub mean: f64,
    /// Half the width of the confidence interval around it.
    pub half_width: f64,
}

impl Interval {
    /// Student's interval for the mean of independent `observations` at `confidence` (0.95 for 95 %).
    ///
    /// With fewer than two observations nothing is known of their spread and the half width is infinite.
    pub fn of(observations: &[f64], confidence: f64) -> Self {
        let n = observations.len() as f64;
        let mean = observations.iter().sum::<f64>() / n.max(1.0);
        if observations.len() < 2 {
            return Self {
                mean,
                half_width: f64::INFINITY,
            };
        }
        let squares = observations.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        let error = libm::sqrt(squares / (n - 1.0) / n);
        Self {
            mean,
            half_width: student_t(1.0 - (1.0 - confidence) / 2.0, n - 1.0) * error,
        }
    }

    /// Whether `value` lies inside.
    pub fn covers(&self, value: f64) -> bool {
        (value - self.mean).abs() <= self.half_width
    }
}

/// The value below which `share` (0–1) of the sorted observations lie, by the nearest-rank rule; `None` if empty.
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = libm::ceil(share * sorted.len() as f64) as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Quantile of Student's t distribution: the `t` with P(T ≤ t) = `p` for `freedom` degrees of freedom.
///
/// By bisection on the distribution function; good to six digits, which is more than a table prints.
pub fn student_t(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (-1e4, 1e4);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if student_t_below(middle, freedom) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// P(T ≤ t), by the incomplete beta function (Abramowitz & Stegun 26.7.1).
fn student_t_below(t: f64, freedom: f64) -> f64 {
    let tail = incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5) / 2.0;
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The regularised incomplete beta function I_x(a, b).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on one side of the mean; the symmetry I_x(a,b) = 1 − I_{1−x}(b,a) gives the other.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x),
    );
    front / a / beta_fraction(x, a, b)
}

/// The continued fraction 1 + d₁/(1 + d₂/(1 + …)) of Abramowitz & Stegun 26.5.8, from the far end inwards.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TERMS: u32 = 300;
    let mut value = 1.0;
    for k in (1..=TERMS).rev() {
        let m = f64::from(k / 2);
        let d = if k % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        value = 1.0 + d / value;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided 95 % and 99 % points as printed in every table of Student's distribution.
    #[test]
    fn student_t_is_that_of_the_tables() {
        for (p, freedom, printed) in [
            (0.975, 1.0, 12.706),
            (0.975, 4.0, 2.776),
            (0.975, 9.0, 2.262),
            (0.975, 19.0, 2.093),
            (0.995, 9.0, 3.250),
            (0.995, 29.0, 2.756),
            (0.9995, 19.0, 3.883),
            (0.975, 1e6, 1.960),
        ] {
            let t = student_t(p, freedom);
            assert!(
                (t - printed).abs() < 6e-4,
                "t({p}, {freedom}) = {t}, printed {printed}"
            );
        }
        assert!(student_t(0.5, 7.0).abs() < 1e-6);
    }

    #[test]
    fn intervals() {
        let i = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95);
        assert_eq!(i.mean, 3.0);
        assert!(
            (i.half_width - 2.776_445 * (2.5f64 / 5.0).sqrt()).abs() < 1e-5,
            "{i:?}"
        );
        assert!(i.covers(4.9) && !i.covers(5.0));
        assert_eq!(Interval::of(&[1.0], 0.95).half_width, f64::INFINITY);
    }

    #[test]
    fn percentiles_are_observations() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(percentile(&sorted, 0.5), Some(2.0));
        assert_eq!(percentile(&sorted, 0.51), Some(3.0));
        assert_eq!(percentile(&sorted, 0.0), Some(1.0));
        assert_eq!(percentile(&sorted, 1.0), Some(4.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
