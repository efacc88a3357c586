//! What is measured: the media plane, the bare relay, or a peer.

use crate::Options;
use crate::bare::Bare;
use crate::rtpengine::Rtpengine;
use acd::{CallId, LegId};
use benches::cost;
use media::{AfterPrompts, Codec, Family, Language, Library, Media, MediaConfig, Playlist, Port, Remote};
use prometheus::Registry;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Holdfast,
    Bare,
    Rtpengine,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Holdfast => "holdfast",
            Kind::Bare => "bare",
            Kind::Rtpengine => "rtpengine",
        }
    }
}

/// A leg of what is measured. The media plane closes it when it is dropped.
pub(crate) struct Leg {
    /// Where its phone sends to.
    pub(crate) address: SocketAddr,
    id: LegId,
    _port: Option<Port>,
}

impl Leg {
    /// A leg that is not the media plane's.
    fn elsewhere(address: SocketAddr, id: LegId) -> Self {
        Self {
            address,
            id,
            _port: None,
        }
    }
}

pub(crate) enum Subject {
    Plane {
        media: Media,
        registry: Registry,
        /// Where phones take RTCP in.
        rtcp: SocketAddr,
        dtmf_pt: Option<u8>,
    },
    Bare(Bare),
    Rtpengine(Rtpengine),
}

impl Subject {
    pub(crate) fn new(options: &Options, kind: Kind, rtcp: SocketAddr) -> Result<Self, Box<dyn Error>> {
        match kind {
            Kind::Bare => return Ok(Subject::Bare(Bare::default())),
            Kind::Rtpengine => return Ok(Subject::Rtpengine(Rtpengine::start()?)),
            Kind::Holdfast => {}
        }
        let (library, _) = Library::load(&options.audio, &Language::ALL)?;
        let config = MediaConfig {
            bind_v4: Some(Ipv4Addr::LOCALHOST),
            ports: 10_000..=60_000,
            threads: options.threads,
            gather: Duration::from_micros(options.gather),
            ..MediaConfig::default()
        };
        let registry = Registry::new();
        let media = Media::start(config, library, &registry, Arc::new(|_| ()))?;
        let dtmf_pt = (!options.no_events).then_some(101);
        Ok(Subject::Plane {
            media,
            registry,
            rtcp,
            dtmf_pt,
        })
    }

    /// Opens a leg for a phone. All legs of a call have its number.
    pub(crate) fn open(&mut self, call: u64, leg: u32, phone: SocketAddr) -> Result<Leg, Box<dyn Error>> {
        let id = LegId {
            leg,
            ..LegId::caller(CallId(call))
        };
        let (media, rtcp, dtmf_pt) = match self {
            Subject::Plane {
                media, rtcp, dtmf_pt, ..
            } => (media, *rtcp, *dtmf_pt),
            Subject::Bare(bare) => return Ok(Leg::elsewhere(bare.open(phone)?, id)),
            Subject::Rtpengine(peer) => return Ok(Leg::elsewhere(peer.open(call, leg, phone)?, id)),
        };
        let port = media.open(id, Family::V4).map_err(|e| e.to_string())?;
        port.set_remote(Remote {
            rtp: phone,
            rtcp,
            codec: Codec::Pcma,
            opus_pt: None,
            dtmf_pt,
            dtmf_rate: 8_000,
            send: true,
            receive: true,
            ptime_ms: 20,
        });
        Ok(Leg {
            address: port.local(),
            id,
            _port: Some(port),
        })
    }

    /// Lets two legs of a call hear each other. The others know who from the order in which they were opened.
    pub(crate) fn bridge(&self, a: &Leg, b: &Leg) {
        if let Subject::Plane { media, .. } = self {
            media.bridge(a.id, b.id);
        }
    }

    /// Lets a leg hear hold music.
    pub(crate) fn hold(&self, leg: &Leg) {
        if let Subject::Plane { media, .. } = self {
            let music = Playlist {
                prompts: vec![],
                then: AfterPrompts::HoldMusic,
            };
            media.play(leg.id, music);
        }
    }

    /// All legs are open: the bare relay begins.
    pub(crate) fn begin(&mut self, talking: usize) {
        if let Subject::Bare(bare) = self {
            bare.begin(talking * 2);
        }
    }

    /// Processor time of its threads so far.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        match self {
            Subject::Plane { .. } | Subject::Bare(_) => cost::of_threads("self", "media-"),
            Subject::Rtpengine(peer) => cost::of_threads(&peer.process().to_string(), ""),
        }
    }

    /// Port pairs that legs hold.
    pub(crate) fn pairs_in_use(&self) -> Option<f64> {
        let Subject::Plane { registry, .. } = self else {
            return None;
        };
        let families = registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == "holdfast_rtp_port_pairs_in_use")?;
        Some(family.get_metric().first()?.get_gauge().get_value())
    }
}
