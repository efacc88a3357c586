//! How a leg sounded, told by the media plane when the leg has ended.

use std::borrow::Cow;
use std::time::Duration;

/// How a leg sounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// What was spoken there last, by its name in SDP.
    pub codec: Option<Cow<'static, str>>,
    /// Mean round-trip time to the phone, if its reports told.
    pub round_trip: Option<Duration>,
    /// What the phone sent.
    pub received: Option<Path>,
    /// What was sent to the phone, as it reports.
    pub sent: Option<Path>,
}

impl Quality {
    /// Whether anything is known of what was heard.
    pub fn is_known(&self) -> bool {
        self.received.is_some() || self.sent.is_some()
    }
}

/// One direction of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Packets sent this way, lost ones included.
    pub packets: u64,
    /// Packets lost.
    pub lost: u64,
    /// Mean interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Mean opinion score, 1 to 4.5, by the E-model (ITU-T G.107).
    pub mos: f64,
}
