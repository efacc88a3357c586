//! Counters of the SIP edge. Labels come out of fixed sets; peers cannot make any grow.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use rsipstack::sip::Method;

/// All metrics of the SIP edge.
pub(crate) struct Metrics {
    requests: IntCounterVec,
    requests_sent: IntCounterVec,
    responses: IntCounterVec,
    responses_sent: IntCounterVec,
    rejected: IntCounterVec,
    pub(crate) retransmissions: IntCounter,
    pub(crate) registrations: IntGauge,
    pub(crate) legs: IntGauge,
    pub(crate) dialogs: IntGauge,
    pub(crate) transactions: IntGauge,
    pub(crate) connections: IntGauge,
    pub(crate) websockets: IntGauge,
    pub(crate) panics: IntCounter,
    pub(crate) lapsed: IntCounter,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let vec = |name: &str, help: &str, label: &str| -> prometheus::Result<IntCounterVec> {
            let metric = IntCounterVec::new(Opts::new(format!("holdfast_sip_{name}"), help), &[label])?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let counter = |name: &str, help: &str| -> prometheus::Result<IntCounter> {
            let metric = IntCounter::new(format!("holdfast_sip_{name}"), help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let metric = IntGauge::new(format!("holdfast_sip_{name}"), help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        Ok(Self {
            requests: vec("requests_total", "SIP requests received, by method.", "method")?,
            requests_sent: vec(
                "requests_sent_total",
                "SIP requests sent with repeats, by method.",
                "method",
            )?,
            responses: vec("responses_total", "SIP responses received, by class.", "class")?,
            responses_sent: vec(
                "responses_sent_total",
                "SIP responses sent with repeats, by class.",
                "class",
            )?,
            rejected: vec(
                "rejected_total",
                "SIP messages refused or dropped, by reason.",
                "reason",
            )?,
            retransmissions: counter(
                "retransmissions_total",
                "SIP requests received again, whose first copy had arrived.",
            )?,
            registrations: gauge("registrations", "Contacts of operators' phones registered now.")?,
            legs: gauge("legs", "Legs that the engine knows of.")?,
            dialogs: gauge("dialogs", "Dialogs alive, those being ended included.")?,
            transactions: gauge(
                "transactions",
                "Transactions that are running or remembered for repeats, looked at once a second.",
            )?,
            connections: gauge("connections", "SIP connections over TCP open now.")?,
            websockets: gauge("websockets", "SIP connections over WebSocket open now.")?,
            panics: counter(
                "panics_total",
                "Legs and messages ended by a fault in the program.",
            )?,
            lapsed: counter(
                "sessions_lapsed_total",
                "Sessions ended because the peer refreshed no more.",
            )?,
        })
    }

    pub(crate) fn request(&self, method: &Method) {
        self.requests.with_label_values(&[method_label(method)]).inc();
    }

    pub(crate) fn request_sent(&self, method: &Method) {
        self.requests_sent
            .with_label_values(&[method_label(method)])
            .inc();
    }

    pub(crate) fn response(&self, code: u16) {
        self.responses.with_label_values(&[class(code)]).inc();
    }

    pub(crate) fn response_sent(&self, code: u16) {
        self.responses_sent.with_label_values(&[class(code)]).inc();
    }

    pub(crate) fn rejected(&self, reason: &str) {
        self.rejected.with_label_values(&[reason]).inc();
    }
}

fn class(code: u16) -> &'static str {
    match code {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500..600 => "5xx",
        600..700 => "6xx",
        _ => "other",
    }
}

fn method_label(method: &Method) -> &'static str {
    match method {
        Method::Invite => "INVITE",
        Method::Ack => "ACK",
        Method::Bye => "BYE",
        Method::Cancel => "CANCEL",
        Method::Options => "OPTIONS",
        Method::Register => "REGISTER",
        Method::Update => "UPDATE",
        Method::PRack => "PRACK",
        Method::Info => "INFO",
        _ => "other",
    }
}
