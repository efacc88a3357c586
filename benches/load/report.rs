//! What a run came to.

use std::fmt;
use std::time::Duration;

/// One caller of the measured span.
pub(crate) struct Sample {
    pub(crate) completed: bool,
    pub(crate) ended_in_time: bool,
    /// Caller's INVITE sent to operator's INVITE received.
    pub(crate) to_ring: Option<Duration>,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    seconds: f64,
    offered: u64,
    completed: u64,
    completed_in_span: u64,
    cpu_seconds: Option<f64>,
    to_ring: Vec<Duration>,
    inversions: u64,
    double_offers: u64,
    second_answers: u64,
    retransmissions: u64,
    cancelled: u64,
    refusals: Vec<u16>,
}

impl Report {
    pub(crate) fn new(seconds: f64, samples: impl Iterator<Item = Sample>, cpu_seconds: Option<f64>) -> Self {
        let mut report = Report {
            seconds,
            cpu_seconds,
            ..Report::default()
        };
        for sample in samples {
            report.offered += 1;
            report.completed += u64::from(sample.completed);
            report.completed_in_span += u64::from(sample.completed && sample.ended_in_time);
            report.to_ring.extend(sample.to_ring);
        }
        report.to_ring.sort_unstable();
        report
    }

    pub(crate) fn with_order(self, inversions: u64, double_offers: u64, second_answers: u64) -> Self {
        Self {
            inversions,
            double_offers,
            second_answers,
            ..self
        }
    }

    pub(crate) fn with_trouble(self, retransmissions: u64, cancelled: u64, refusals: Vec<u16>) -> Self {
        Self {
            retransmissions,
            cancelled,
            refusals,
            ..self
        }
    }

    /// Every call completed, in order, and nobody was offered or answered twice.
    pub(crate) fn is_clean(&self) -> bool {
        self.completed == self.offered && self.inversions + self.double_offers + self.second_answers == 0
    }

    /// The time to ring that `share` of the calls stayed within, by the nearest-rank method.
    fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.to_ring.len() as f64).ceil() as usize;
        self.to_ring
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            seconds,
            offered,
            completed,
            ..
        } = self;
        writeln!(
            f,
            "offered               {offered} calls in {seconds:.0} s ({:.1}/s)",
            *offered as f64 / seconds
        )?;
        writeln!(
            f,
            "completed             {completed} ({:.1}/s)",
            self.completed_in_span as f64 / seconds
        )?;
        writeln!(f, "failed                {}", offered - completed)?;
        if let Some(cpu) = self.cpu_seconds {
            let per_call = cpu * 1_000.0 / (*offered).max(1) as f64;
            writeln!(
                f,
                "engine CPU            {:.1} % of a core, {per_call:.3} ms a call",
                cpu * 100.0 / seconds
            )?;
        }
        let (p50, p99) = (millis(self.quantile(0.5)), millis(self.quantile(0.99)));
        let worst = millis(self.quantile(1.0));
        writeln!(
            f,
            "INVITE to ring        p50 {p50:.2} ms, p99 {p99:.2} ms, worst {worst:.2} ms"
        )?;
        writeln!(f, "FIFO inversions       {}", self.inversions)?;
        writeln!(f, "double offers         {}", self.double_offers)?;
        writeln!(f, "answered twice        {}", self.second_answers)?;
        writeln!(f, "phones called off     {}", self.cancelled)?;
        write!(f, "retransmissions by us {}", self.retransmissions)?;
        for chunk in self.refusals.chunk_by(|a, b| a == b) {
            write!(f, "\nrefused with {}      {}", chunk[0], chunk.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(completed: bool, millis: u64) -> Sample {
        Sample {
            completed,
            ended_in_time: true,
            to_ring: Some(Duration::from_millis(millis)),
        }
    }

    #[test]
    fn quantiles_are_taken_by_nearest_rank() {
        let report = Report::new(1.0, (1..=100).map(|ms| sample(true, ms)), None);
        assert_eq!(report.quantile(0.5), Duration::from_millis(50));
        assert_eq!(report.quantile(0.99), Duration::from_millis(99));
        assert_eq!(Report::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn a_run_is_clean_only_if_nothing_went_wrong() {
        let run = |completed| Report::new(1.0, std::iter::once(sample(completed, 1)), None);
        assert!(run(true).is_clean());
        assert!(!run(false).is_clean());
        assert!(!run(true).with_order(1, 0, 0).is_clean());
        assert!(!run(true).with_order(0, 1, 0).is_clean());
        assert!(!run(true).with_order(0, 0, 1).is_clean());
    }
}
