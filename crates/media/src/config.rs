//! What the media plane is told once, and what it is told about each peer.

use crate::Codec;
use crate::{LegQuality, RecordingConfig};
use acd::{CallId, LegId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the media plane.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Where IPv4 legs are bound; `0.0.0.0` for every interface, `None` for no IPv4.
    pub bind_v4: Option<Ipv4Addr>,
    /// Where IPv6 legs are bound; `None` for no IPv6.
    pub bind_v6: Option<Ipv6Addr>,
    /// Ports for RTP (even) and RTCP (the odd one after it). A leg takes one pair.
    pub ports: RangeInclusive<u16>,
    /// How long a released pair is left alone, so that a late packet finds nobody else's call.
    pub port_rest: Duration,
    /// Media threads; 0 for one a core. Both legs of a call live on one thread.
    pub threads: usize,
    /// A leg that should send and has not for this long is reported [`Silent`](MediaEvent::Silent).
    pub silence_timeout: Duration,
    /// A browser that is not heard within this long after the agreement is given up.
    pub webrtc_connect_timeout: Duration,
    /// Zero leaves it to each thread: packets go on at once while there are few, and are gathered for 50 to 200 µs
    /// from some 200 talking pairs on. Otherwise the thread wakes only this often, however few there are, which saves
    /// processor time and delays each packet by half of it on average. 1 ms is a good value.
    pub gather: Duration,
    /// Where calls are recorded; `None` for nowhere.
    pub recording: Option<RecordingConfig>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            bind_v4: Some(Ipv4Addr::UNSPECIFIED),
            bind_v6: None,
            ports: 16_384..=32_767,
            port_rest: Duration::from_secs(2),
            threads: 0,
            silence_timeout: Duration::from_secs(30),
            webrtc_connect_timeout: Duration::from_secs(10),
            gather: Duration::ZERO,
            recording: None,
        }
    }
}

/// An address family, chosen by where the peer's SDP points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// What signalling agreed with a peer (SDP offer and answer, RFC 3264), seen from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Where the SDP says RTP goes. The peer's true source replaces it, once (symmetric RTP, RFC 4961).
    pub rtp: SocketAddr,
    /// Where the SDP says RTCP goes (`a=rtcp`, RFC 3605, or the next port).
    pub rtcp: SocketAddr,
    /// The codec we send. Those with a static payload type are understood whenever they arrive.
    pub codec: Codec,
    /// Payload type of Opus, if agreed.
    pub opus_pt: Option<u8>,
    /// Payload type of `telephone-event` (RFC 4733), if agreed.
    pub dtmf_pt: Option<u8>,
    /// Ticks a second in which `telephone-event` tells how long a key was held: 8,000, or 48,000 beside Opus.
    pub dtmf_rate: u32,
    /// Whether the peer wants to hear us: not on `a=sendonly` or `a=inactive` of the peer's.
    pub send: bool,
    /// Whether the peer will send: not on `a=recvonly` or `a=inactive` of the peer's.
    pub receive: bool,
    /// Packet time the peer asked for, in milliseconds. 40 and 60 are honoured; anything else gets 20.
    pub ptime_ms: u8,
}

/// What the media plane reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// A playlist that ends in [`Nothing`](crate::AfterPrompts::Nothing) was heard to its end.
    PromptDone {
        /// Who heard it.
        leg: LegId,
    },
    /// The peer pressed a key (RFC 4733 `telephone-event`). Once for each press.
    Dtmf {
        /// Who pressed.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The leg's port was given back: nothing of it follows.
    Closed {
        /// Which.
        leg: LegId,
        /// How it sounded.
        quality: LegQuality,
    },
    /// A recording could not be begun, or ended before its time: the disk is full, or its file cannot be written.
    RecordingFailed {
        /// Of which call.
        call: CallId,
    },
    /// No RTP came for [`MediaConfig::silence_timeout`]. Once, and again only after packets came back.
    Silent {
        /// Who is silent.
        leg: LegId,
    },
}

/// Receives what the media plane reports, on a media thread: it must return at once and never block.
pub type MediaEvents = Arc<dyn Fn(MediaEvent) + Send + Sync>;
