//! The `holdfast_rtp_webrtc_*` metrics.

use super::WebrtcFailure;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters of browsers' legs, of all threads.
#[derive(Clone)]
pub(crate) struct WebrtcMetrics {
    /// Browsers' legs that stand.
    pub(crate) legs: IntGauge,
    /// From the agreement to the keys.
    pub(crate) connect: Histogram,
    failed: [IntCounter; WebrtcFailure::ALL.len()],
    /// Handshakes under way, those just finished included.
    pub(crate) handshakes: IntGauge,
    /// Datagrams of handshakes that found no room.
    pub(crate) refused: IntCounter,
}

impl WebrtcMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let name = |name: &str| format!("holdfast_rtp_webrtc_{name}");
        let failed = IntCounterVec::new(
            Opts::new(
                name("failed_total"),
                "Browsers' legs that were not heard, or not any more, by reason",
            ),
            &["reason"],
        )?;
        let metrics = Self {
            legs: IntGauge::new(name("legs"), "Legs of browsers that stand")?,
            connect: Histogram::with_opts(
                HistogramOpts::new(
                    name("connect_seconds"),
                    "From the agreement with a browser until it is heard",
                )
                .buckets(vec![0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            )?,
            failed: WebrtcFailure::ALL.map(|why| failed.with_label_values(&[why.name()])),
            handshakes: IntGauge::new(
                name("handshakes"),
                "DTLS handshakes under way, or finished a few seconds ago",
            )?,
            refused: IntCounter::new(
                name("handshakes_refused_total"),
                "Datagrams of DTLS handshakes dropped because too many are under way",
            )?,
        };
        registry.register(Box::new(metrics.legs.clone()))?;
        registry.register(Box::new(metrics.connect.clone()))?;
        registry.register(Box::new(failed))?;
        registry.register(Box::new(metrics.handshakes.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn failed(&self, why: WebrtcFailure) {
        for (counter, of) in self.failed.iter().zip(WebrtcFailure::ALL) {
            if of == why {
                counter.inc();
            }
        }
    }
}
