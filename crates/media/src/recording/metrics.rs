//! The `holdfast_recording_*` metrics.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Why a recording ended before its call, or never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Too little room is left on the disk.
    DiskFull,
    /// The file could not be made or written.
    File,
    /// It is as long as a WAV file can be.
    TooLong,
}

impl Failure {
    const ALL: [Failure; 3] = [Failure::DiskFull, Failure::File, Failure::TooLong];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Failure::DiskFull => "disk_full",
            Failure::File => "file",
            Failure::TooLong => "too_long",
        }
    }
}

pub(super) struct Metrics {
    pub(super) active: IntGauge,
    pub(super) begun: IntCounter,
    pub(super) octets: IntCounter,
    pub(super) dropped: IntCounter,
    pub(super) removed: IntCounter,
    /// 1 while nothing can be recorded.
    pub(super) disk_full: IntGauge,
    failed: IntCounterVec,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
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
        let opts = Opts::new(full("failed_total"), "Recordings that ended before their call");
        let failed = IntCounterVec::new(opts, &["reason"])?;
        registry.register(Box::new(failed.clone()))?;
        for failure in Failure::ALL {
            failed.with_label_values(&[failure.name()]);
        }
        Ok(Self {
            active: gauge("active", "Recordings under way")?,
            begun: counter("begun_total", "Recordings begun")?,
            octets: counter("octets_total", "Octets of sound written")?,
            dropped: counter(
                "dropped_total",
                "Packets missing in recordings: the writing thread was too slow",
            )?,
            removed: counter("removed_total", "Recordings removed when their time was over")?,
            disk_full: gauge("disk_full", "1 while the disk has too little room to record")?,
            failed,
        })
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.failed.with_label_values(&[failure.name()]).inc();
    }
}

fn full(name: &str) -> String {
    format!("holdfast_recording_{name}")
}
