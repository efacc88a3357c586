//! The `holdfast_rtp_*` metrics, and the plain counters that a media thread keeps between flushes.

use crate::one_way::Missing;
use crate::rtcp::Feedback;
use crate::session::Reported;
use crate::srtp::Refused;
use crate::webrtc::metrics::WebrtcMetrics;
use crate::{LegQuality, SrtpSuite};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::Collector,
};

/// Why a packet that arrived or was due did not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Reason {
    /// No RTP (or RTCP) of version 2, or cut short.
    Malformed,
    /// A payload type that was not agreed.
    PayloadType,
    /// From a source other than the leg's peer, or not yet believed to be it.
    Source,
    /// More packets a second than any agreed stream has.
    Rate,
    /// A sequence number that was there already.
    Duplicate,
    /// Too old to be of use.
    Late,
    /// A sequence number far off, which the next packet did not bear out.
    Sequence,
    /// The peer is not to send, or the other side not to hear (hold).
    Held,
    /// A key press for a peer that did not agree to `telephone-event`.
    NoDtmf,
    /// Comfort noise, which is a sign of life to us and not agreed with the other side.
    ComfortNoise,
    /// Sound that cannot be turned into the peer's codec.
    Codec,
    /// The system would not take it.
    SendFailed,
    /// SRTP that was not made with the peer's key, or changed on the way; or RTP in the clear in its place.
    NotAuthentic,
    /// SRTP that was there already.
    Replayed,
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed => Reason::Malformed,
            Refused::NotAuthentic => Reason::NotAuthentic,
            Refused::Replayed => Reason::Replayed,
        }
    }
}

impl Reason {
    const ALL: [(Reason, &'static str); 14] = [
        (Reason::Malformed, "malformed"),
        (Reason::PayloadType, "payload_type"),
        (Reason::Source, "source"),
        (Reason::Rate, "rate"),
        (Reason::Duplicate, "duplicate"),
        (Reason::Late, "late"),
        (Reason::Sequence, "sequence"),
        (Reason::Held, "held"),
        (Reason::NoDtmf, "no_dtmf"),
        (Reason::ComfortNoise, "comfort_noise"),
        (Reason::Codec, "codec"),
        (Reason::SendFailed, "send_failed"),
        (Reason::NotAuthentic, "not_authentic"),
        (Reason::Replayed, "replayed"),
    ];
}

/// What one thread counted since its last flush: plain numbers, since nobody else looks.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) packets_received: u64,
    pub(crate) octets_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) octets_sent: u64,
    pub(crate) unreachable: u64,
    pub(crate) late_ticks: u64,
    pub(crate) mixes_ran_out: u64,
    pub(crate) sources_signalled: u64,
    pub(crate) sources_learned: u64,
    pub(crate) sources_moved: u64,
    drops: [u64; Reason::ALL.len()],
}

impl Counts {
    pub(crate) fn dropped(&mut self, reason: Reason) {
        self.drops[reason as usize] += 1;
    }
}

/// The metrics of all threads.
pub(crate) struct Metrics {
    packets_received: IntCounter,
    packets_sent: IntCounter,
    octets_received: IntCounter,
    octets_sent: IntCounter,
    dropped: [IntCounter; Reason::ALL.len()],
    unreachable: IntCounter,
    late_ticks: IntCounter,
    mixes_ran_out: IntCounter,
    sources_signalled: IntCounter,
    sources_learned: IntCounter,
    sources_moved: IntCounter,
    /// Lost on the way to us, as we saw it.
    lost_received: IntCounter,
    /// Lost on the way from us, as peers report it.
    lost_sent: IntCounter,
    jitter: Histogram,
    round_trip: Histogram,
    /// Received, sent.
    mos: [Histogram; 2],
    loss: [Histogram; 2],
    pub(crate) timed_out: IntCounter,
    one_way: [IntCounter; Missing::ALL.len()],
    pub(crate) keys: IntCounter,
    pub(crate) threads: IntGauge,
    pub(crate) port_pairs: IntGauge,
    pub(crate) port_pairs_in_use: IntGauge,
    pub(crate) ports_exhausted: IntCounter,
    pub(crate) commands_refused: IntCounter,
    secured: [IntCounter; SrtpSuite::ALL.len()],
    pub(crate) webrtc: WebrtcMetrics,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let r = Registrar(registry);
        let packets = r.vec(
            "packets_total",
            "RTP packets taken in from or given to peers",
            "direction",
        )?;
        let octets = r.vec(
            "octets_total",
            "RTP payload octets of the packets counted",
            "direction",
        )?;
        let lost = r.vec(
            "lost_total",
            "RTP packets lost, to us as seen here, from us as peers report",
            "direction",
        )?;
        let latched = r.vec(
            "latched_total",
            "Sources taken for a leg: where SDP said, learned, or moved after a silence",
            "source",
        )?;
        let one_way = r.vec(
            "one_way_total",
            "Connected legs whose sound went one way only for 5 s: never received, or (as the peer's reports tell) sent in vain",
            "direction",
        )?;
        let secured = r.vec("srtp_legs_total", "Legs that came to speak SRTP", "suite")?;
        let mos = r.histograms(
            "mos",
            "Mean opinion score of ended legs, by the E-model (ITU-T G.107)",
            "direction",
            &[1.5, 2.0, 2.5, 3.0, 3.3, 3.6, 3.8, 4.0, 4.2, 4.3, 4.4, 4.5],
        )?;
        let loss = r.histograms(
            "loss_ratio",
            "Share of packets lost of ended legs, 0 to 1",
            "direction",
            &[0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
        )?;
        let both = |histogram: &HistogramVec| {
            ["received", "sent"].map(|direction| histogram.with_label_values(&[direction]))
        };
        let dropped = r.vec("dropped_total", "Packets that were not passed on", "reason")?;
        Ok(Self {
            packets_received: packets.with_label_values(&["received"]),
            packets_sent: packets.with_label_values(&["sent"]),
            octets_received: octets.with_label_values(&["received"]),
            octets_sent: octets.with_label_values(&["sent"]),
            dropped: Reason::ALL.map(|(_, name)| dropped.with_label_values(&[name])),
            unreachable: r.counter(
                "unreachable_total",
                "ICMP errors from peers that have no socket there",
            )?,
            late_ticks: r.counter(
                "late_ticks_total",
                "Ticks of 1 ms that a media thread was late by 20 or more",
            )?,
            mixes_ran_out: r.counter(
                "mix_gaps_total",
                "Times that a mix ran out of a party's sound: late packets, or the end of a talk spurt",
            )?,
            lost_received: lost.with_label_values(&["received"]),
            lost_sent: lost.with_label_values(&["sent"]),
            jitter: r.histogram(
                "jitter_seconds",
                "Interarrival jitter of received streams, at each RTCP report",
                &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2],
            )?,
            round_trip: r.histogram(
                "round_trip_seconds",
                "Round-trip time to peers, from their RTCP reports",
                &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0],
            )?,
            mos: both(&mos),
            loss: both(&loss),
            timed_out: r.counter(
                "streams_timed_out_total",
                "Streams that fell silent for the set time",
            )?,
            one_way: Missing::ALL.map(|missing| one_way.with_label_values(&[missing.direction()])),
            sources_signalled: latched.with_label_values(&["signalled"]),
            sources_learned: latched.with_label_values(&["learned"]),
            sources_moved: latched.with_label_values(&["moved"]),
            keys: r.counter("dtmf_keys_total", "Key presses received as telephone-event")?,
            threads: r.gauge(
                "threads",
                "Media threads that serve; one fewer than configured is an outage",
            )?,
            port_pairs: r.gauge("port_pairs", "Pairs of an RTP and an RTCP port configured")?,
            port_pairs_in_use: r.gauge("port_pairs_in_use", "Pairs held by legs")?,
            ports_exhausted: r.counter(
                "ports_exhausted_total",
                "Legs refused because no port pair was free",
            )?,
            commands_refused: r.counter(
                "commands_refused_total",
                "Commands refused by an overloaded thread",
            )?,
            secured: SrtpSuite::ALL.map(|suite| secured.with_label_values(&[suite.name()])),
            webrtc: WebrtcMetrics::register(registry)?,
        })
    }

    /// Counts how an ended leg sounded.
    pub(crate) fn judged(&self, quality: &LegQuality) {
        let paths = [quality.received, quality.sent];
        for ((path, mos), loss) in paths.iter().zip(&self.mos).zip(&self.loss) {
            if let Some(path) = path {
                mos.observe(path.mos());
                loss.observe(path.loss());
            }
        }
    }

    /// Counts a leg whose sound goes one way only.
    pub(crate) fn goes_one_way(&self, missing: Missing) {
        if let Some(counter) = self.one_way.get(missing as usize) {
            counter.inc();
        }
    }

    /// Counts a leg that came to speak SRTP.
    pub(crate) fn secured(&self, suite: SrtpSuite) {
        if let Some(counter) = SrtpSuite::ALL
            .iter()
            .position(|s| *s == suite)
            .and_then(|at| self.secured.get(at))
        {
            counter.inc();
        }
    }

    /// Counts what we reported of a peer's stream.
    pub(crate) fn reported(&self, reported: Reported) {
        self.lost_received.inc_by(u64::from(reported.lost));
        if let Some(jitter) = reported.jitter {
            self.jitter.observe(jitter);
        }
    }

    /// Counts what a peer reported of our stream.
    pub(crate) fn fed_back(&self, feedback: Feedback) {
        self.lost_sent.inc_by(u64::from(feedback.lost_since));
        if let Some(time) = feedback.round_trip {
            self.round_trip.observe(time.as_secs_f64());
        }
    }

    /// Adds what a thread counted, and clears it.
    pub(crate) fn flush(&self, counts: &mut Counts) {
        let Counts { drops, .. } = counts;
        for (counter, n) in self.dropped.iter().zip(drops) {
            add(counter, n);
        }
        add(&self.packets_received, &mut counts.packets_received);
        add(&self.packets_sent, &mut counts.packets_sent);
        add(&self.octets_received, &mut counts.octets_received);
        add(&self.octets_sent, &mut counts.octets_sent);
        add(&self.unreachable, &mut counts.unreachable);
        add(&self.late_ticks, &mut counts.late_ticks);
        add(&self.mixes_ran_out, &mut counts.mixes_ran_out);
        add(&self.sources_signalled, &mut counts.sources_signalled);
        add(&self.sources_learned, &mut counts.sources_learned);
        add(&self.sources_moved, &mut counts.sources_moved);
    }
}

fn add(counter: &IntCounter, n: &mut u64) {
    if *n > 0 {
        counter.inc_by(std::mem::take(n));
    }
}

struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> prometheus::Result<C> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::with_opts(Opts::new(full(name), help))?)
    }

    fn vec(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(full(name), help), &[label])?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        label: &str,
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let opts = HistogramOpts::new(full(name), help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(opts, &[label])?)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::with_opts(Opts::new(full(name), help))?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
        self.add(Histogram::with_opts(
            HistogramOpts::new(full(name), help).buckets(buckets.to_vec()),
        )?)
    }
}

fn full(name: &str) -> String {
    format!("holdfast_rtp_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_drop_is_counted_under_its_own_name() {
        for (i, (reason, name)) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
            let registry = Registry::new();
            let metrics = Metrics::register(&registry).expect("a fresh registry takes the metrics");
            let mut counts = Counts::default();
            counts.dropped(reason);
            metrics.flush(&mut counts);
            metrics.flush(&mut counts);
            let text = prometheus::TextEncoder::new()
                .encode_to_string(&registry.gather())
                .expect("metrics are text");
            assert!(
                text.contains(&format!("holdfast_rtp_dropped_total{{reason=\"{name}\"}} 1\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_second_media_plane_on_one_registry_is_refused() {
        let registry = Registry::new();
        assert!(Metrics::register(&registry).is_ok());
        assert!(Metrics::register(&registry).is_err());
    }
}
