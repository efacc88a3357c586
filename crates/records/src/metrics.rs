//! The `holdfast_records_*` metrics.

use prometheus::{IntCounter, IntGauge, Registry};

#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) rows: IntCounter,
    pub(crate) forms: IntCounter,
    pub(crate) lost: IntCounter,
    pub(crate) removed: IntCounter,
    pub(crate) pending: IntGauge,
    pub(crate) failing: IntGauge,
    pub(crate) incomplete: IntGauge,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| -> prometheus::Result<IntCounter> {
            let counter = IntCounter::new(full(name), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(full(name), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            rows: counter("rows_total", "Rows written to the records")?,
            forms: counter("forms_total", "Wrap-up forms saved")?,
            lost: counter(
                "lost_total",
                "Rows and batches of events that found no room; the next start fills them in from the journal, but for how legs sounded",
            )?,
            removed: counter("removed_total", "Calls removed because their time was over")?,
            pending: gauge("pending", "Rows that wait to be written")?,
            failing: gauge("failing", "1 while the records cannot be written")?,
            incomplete: gauge(
                "incomplete",
                "1 while the records lack something that the journal may have",
            )?,
        })
    }
}

fn full(name: &str) -> String {
    format!("holdfast_records_{name}")
}
