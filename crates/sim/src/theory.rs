//! The Erlang formulas: what queueing theory says of a queue without faults, breaks or hours of the day.
//!
//! All assume Poisson arrivals, exponential service, a fixed number of operators, an unlimited number of lines and
//! first-come-first-served. Arrival and service are given as *offered load* `a` = arrival rate × mean service time,
//! in erlangs.
//!
//! - Erlang B and C: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in
//!   automatic telephone exchanges", 1917; B by its stable recursion in the number of servers.
//! - Erlang A: C. Palm, "Methods of judging the annoyance caused by congestion", Tele 4, 1953; here in the notation
//!   of A. Mandelbaum and S. Zeltyn, "Service engineering in action: the Palm/Erlang-A queue, with applications to
//!   call centers", 2007. See also O. Garnett, A. Mandelbaum and M. Reiman, "Designing a call center with impatient
//!   customers", MSOM 4(3), 2002.

/// Erlang B: the share of arrivals that find all `operators` busy when nobody may wait.
///
/// `load` in erlangs, not negative. By B(0) = 1, B(n) = a·B(n−1) / (n + a·B(n−1)), which never overflows.
pub fn erlang_b(load: f64, operators: u32) -> f64 {
    (1..=operators).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// Erlang C: the share of callers who have to wait in M/M/n, where nobody hangs up.
///
/// `None` unless `load` < `operators`: there is then no steady state, and the queue grows without end.
pub fn erlang_c(load: f64, operators: u32) -> Option<f64> {
    let n = f64::from(operators);
    if load.is_nan() || load >= n {
        return None;
    }
    let b = erlang_b(load, operators);
    Some(b / (1.0 - load / n * (1.0 - b)))
}

/// What Erlang C says of M/M/n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting {
    /// Probability of having to wait at all.
    pub wait_probability: f64,
    /// Mean wait of all callers, in units of the mean service time.
    pub mean_wait: f64,
    /// Rate at which the wait of those who wait decays, per mean service time.
    decay: f64,
}

impl Waiting {
    /// M/M/n with `load` erlangs; `None` unless `load` < `operators`.
    pub fn new(load: f64, operators: u32) -> Option<Self> {
        let wait_probability = erlang_c(load, operators)?;
        let decay = f64::from(operators) - load;
        Some(Self {
            wait_probability,
            mean_wait: wait_probability / decay,
            decay,
        })
    }

    /// Share of callers answered within `t` (in mean service times): the service level.
    pub fn within(&self, t: f64) -> f64 {
        1.0 - self.wait_probability * libm::exp(-self.decay * t)
    }

    /// The wait (in mean service times) that `share` of the callers do not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        (libm::log(self.wait_probability / (1.0 - share)) / self.decay).max(0.0)
    }
}

/// What Erlang A says of M/M/n+M, where callers' patience is exponential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impatient {
    /// Probability of not being answered at once.
    pub wait_probability: f64,
    /// Share of all callers who hang up before they are answered.
    pub abandon_probability: f64,
    /// Mean wait of all callers, those who hang up included, in units of the mean service time.
    pub mean_wait: f64,
}

impl Impatient {
    /// M/M/n+M with `load` erlangs and a mean patience of `patience` mean service times, both above zero.
    ///
    /// Any load has a steady state, since people do not wait for ever. Mandelbaum & Zeltyn, equations for
    /// P{W > 0}, P{Ab | W > 0} and E\[W\] = E\[patience\]·P{Ab}.
    pub fn new(load: f64, operators: u32, patience: f64) -> Self {
        let n = f64::from(operators);
        let busy = load / n;
        let b = erlang_b(load, operators);
        let a = palm_a(n * patience, load * patience);
        let wait_probability = a * b / (1.0 + (a - 1.0) * b);
        let abandon_if_waiting = 1.0 / (busy * a) + 1.0 - 1.0 / busy;
        let abandon_probability = wait_probability * abandon_if_waiting;
        Self {
            wait_probability,
            abandon_probability,
            mean_wait: abandon_probability * patience,
        }
    }
}

/// Palm's function A(x, y) = 1 + Σ_{j≥1} y^j / ((x+1)(x+2)…(x+j)), for x > 0 and y ≥ 0.
///
/// All terms are positive, so that summing loses nothing; they fall once j > y − x.
fn palm_a(x: f64, y: f64) -> f64 {
    let (mut sum, mut term, mut j) = (1.0, 1.0, 1.0);
    loop {
        term *= y / (x + j);
        sum += term;
        if term < sum * 1e-17 {
            return sum;
        }
        j += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, printed: f64, unit: f64) {
        assert!(
            (got - printed).abs() <= unit / 2.0 + 1e-12,
            "got {got}, printed {printed}"
        );
    }

    /// Loads at which the loss is 1 %, as printed in the standard tables of Erlang B.
    #[test]
    fn erlang_b_is_that_of_the_tables() {
        for (servers, load) in [
            (1, 0.0101),
            (2, 0.153),
            (5, 1.361),
            (10, 4.461),
            (20, 12.03),
            (50, 37.90),
            (100, 84.06),
        ] {
            close(erlang_b(load, servers), 0.01, 0.0002);
        }
        assert_eq!(erlang_b(3.0, 0), 1.0);
        assert_eq!(erlang_b(0.0, 4), 0.0);
    }

    /// The recursion against the definition (a^n/n!) / Σ a^k/k!.
    #[test]
    fn erlang_b_is_its_definition() {
        for operators in 1..=30u32 {
            let load = 0.8 * f64::from(operators);
            let (mut term, mut sum) = (1.0, 1.0);
            for k in 1..=operators {
                term *= load / f64::from(k);
                sum += term;
            }
            assert!((erlang_b(load, operators) - term / sum).abs() < 1e-12);
        }
    }

    #[test]
    fn one_operator_is_the_textbook_queue() {
        // M/M/1: P(wait) = ρ, E[wait] = ρ/(1−ρ) service times.
        let w = Waiting::new(0.75, 1).unwrap();
        assert!((w.wait_probability - 0.75).abs() < 1e-12);
        assert!((w.mean_wait - 3.0).abs() < 1e-12);
        assert!((w.within(w.quantile(0.9)) - 0.9).abs() < 1e-12);
    }

    /// Garnett, Mandelbaum and Reiman, table 1: 50 operators, 48 calls a minute of one minute each; in the second
    /// column patience is two minutes. The two models side by side are the reason for Erlang A.
    #[test]
    fn garnett_mandelbaum_reiman_table_1() {
        let c = Waiting::new(48.0, 50).unwrap();
        close(60.0 * c.mean_wait, 20.8, 0.1);
        close(60.0 * c.quantile(0.9), 58.1, 0.1);
        close(48.0 * c.mean_wait, 17.0, 1.0);
        let a = Impatient::new(48.0, 50, 2.0);
        close(100.0 * a.abandon_probability, 3.1, 0.1);
        close(60.0 * a.mean_wait, 3.7, 0.1);
        close(48.0 * a.mean_wait, 3.0, 1.0);
        close(100.0 * 48.0 / 50.0 * (1.0 - a.abandon_probability), 93.0, 1.0);
    }

    #[test]
    fn no_steady_state_without_spare_operators() {
        assert_eq!(erlang_c(5.0, 5), None);
        assert_eq!(Waiting::new(6.0, 5), None);
        assert_eq!(erlang_c(f64::NAN, 5), None);
    }

    #[test]
    fn patience_without_end_is_erlang_c_and_none_at_all_is_erlang_b() {
        let (load, operators) = (8.0, 10);
        let patient = Impatient::new(load, operators, 1e5);
        let c = Waiting::new(load, operators).unwrap();
        assert!((patient.wait_probability - c.wait_probability).abs() < 1e-3);
        assert!((patient.mean_wait - c.mean_wait).abs() < 1e-3);
        let hasty = Impatient::new(load, operators, 1e-7);
        assert!((hasty.abandon_probability - erlang_b(load, operators)).abs() < 1e-4);
    }

    /// What leaves must have come: load·(1 − P(abandon)) = mean number of busy operators ≤ operators.
    #[test]
    fn overload_is_bounded_by_the_operators() {
        let a = Impatient::new(20.0, 10, 0.5);
        let busy = 20.0 * (1.0 - a.abandon_probability);
        assert!(busy < 10.0 && busy > 9.9, "{busy}");
    }
}
