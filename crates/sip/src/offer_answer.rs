//! Offer and answer (RFC 3264) for one audio stream in G.711, G.722 or Opus, with telephone-event.
//!
//! Pure: takes a peer's description and our address, gives ours and what was agreed. The first usable
//! `m=audio` line is taken, every other line is mirrored with port 0. Codecs are known by their static payload
//! types (RFC 3551): PCMU or PCMA under a dynamic number is not understood; Opus, which has none, by its name (RFC
//! 7587 §7). Of a caller's codecs the one is agreed that the house wants most; an operator's phone is offered the
//! caller's codec first, and if its answer names several, the caller's is used, so that two legs differ only when they
//! must. SRTP goes by `a=crypto` ([`crate::crypto`]), in RTP/SAVP or beside RTP/AVP (RFC 8643), as the leg's policy has
//! it. A browser's leg goes by ICE and DTLS instead ([`crate::webrtc`]), and by nothing else. On other legs there is no
//! rtcp-mux and no ICE: what the peer offers of these is left out of the answer, which declines it.

use crate::crypto::{self, Security};
use crate::sdp;
use crate::webrtc::{self, Browser, Part, Webrtc};
use media::{Codec, Codecs, Family, Remote, SrtpKeys, SrtpSuite};
use sdp_types::{Media, Session};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most `m=` lines of a description; a longer one is refused.
const MEDIA_LINES_MAX: usize = 16;
/// The payload type that we give telephone-event in our offers.
const DTMF_PT: u8 = 101;
/// RTP in the clear, or with keys beside it (RFC 8643); and SRTP alone (RFC 3711).
const AVP: &str = "RTP/AVP";
const SAVP: &str = "RTP/SAVP";
/// The same beside Opus, whose clock it shares (RFC 4733 §2.1).
const DTMF_WIDE_PT: u8 = 102;
/// What else Opus's listener may be sent: what helps against loss (RFC 7587 §7).
const OPUS_FMTP: &str = "useinbandfec=1";

/// Which way media flows, seen from whoever wrote the line (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// From the writer only: the writer holds the other.
    SendOnly,
    /// To the writer only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The answer to an offer with this direction (RFC 3264 §6.1).
    pub const fn mirrored(self) -> Self {
        match self {
            Direction::SendRecv => Direction::SendRecv,
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            Direction::Inactive => Direction::Inactive,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// Whether the writer sends.
    const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer wants to receive.
    const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }
}

/// Our side of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// The RTP address told to the peer; RTCP is on the next port.
    pub rtp: SocketAddr,
    /// `o=` session id, the same for all descriptions of a leg.
    pub session: u64,
    /// `o=` version, one more for each changed description.
    pub version: u64,
    /// Our keys and whether they must be used; none: RTP in the clear only.
    pub security: Option<Security>,
    /// Our side of ICE and DTLS, for a browser's leg. It has no other keys.
    pub webrtc: Option<Webrtc>,
    /// The codecs in use.
    pub codecs: Codecs,
}

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// What the media plane is told.
    pub remote: Remote,
    /// Whether the peer holds us: it does not want to hear us.
    pub held: bool,
    /// The keys of a peer that speaks SRTP.
    pub keys: Option<SrtpKeys>,
    /// Whether it was agreed on as RTP/SAVP; RTP/AVP otherwise.
    pub savp: bool,
    /// What a browser said, and how it is reached.
    pub browser: Option<(Browser, media::Webrtc)>,
}

impl Agreed {
    /// The same for a leg that an earlier run has served.
    pub(crate) fn resumed(self) -> Self {
        Self {
            keys: self.keys.map(SrtpKeys::resumed),
            browser: self.browser.map(|(browser, mut webrtc)| {
                if let Some(link) = &mut webrtc.link {
                    link.keys = link.keys.resumed();
                }
                (browser, webrtc)
            }),
            ..self
        }
    }
}

/// Why a description cannot be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incompatible {
    /// The description cannot be read: 400.
    #[error("the session description is malformed")]
    Malformed,
    /// No audio line with a codec of ours over RTP/AVP: 488.
    #[error(
        "no audio stream over RTP/AVP with a codec in use here (PCMA and PCMU, by payload types 8 and 0, always are)"
    )]
    Format,
    /// An audio line over a transport only that this leg does not take: 488.
    #[error("audio is offered over another transport than RTP/AVP, and RTP/SAVP where it is enabled")]
    Transport,
    /// SRTP without a key that can be used: 488.
    #[error("no crypto attribute of a known suite, without MKI and session parameters")]
    Keys,
    /// RTP in the clear where SRTP is required: 488.
    #[error("SRTP is required here: offer RTP/SAVP with a crypto attribute")]
    Unprotected,
    /// A browser's audio that cannot be connected: 488.
    #[error("over WebSocket audio is UDP/TLS/RTP/SAVPF with ICE, rtcp-mux, setup and a SHA-256 fingerprint")]
    Browser,
    /// The address is a name, a multicast group or of a family that this leg does not have: 488.
    #[error("the media address is not a unicast IP address of this leg's family")]
    Address,
}

impl Incompatible {
    /// The status of the refusal.
    pub const fn status(self) -> u16 {
        match self {
            Incompatible::Malformed => 400,
            _ => 488,
        }
    }

    /// The Warning code (RFC 3261 §20.43).
    pub const fn warning(self) -> u16 {
        match self {
            Incompatible::Malformed => 399,
            Incompatible::Format => 305,
            Incompatible::Transport
            | Incompatible::Keys
            | Incompatible::Unprotected
            | Incompatible::Browser => 302,
            Incompatible::Address => 301,
        }
    }
}

/// Reads a description.
pub fn parse(body: &[u8]) -> Result<Session, Incompatible> {
    let session = Session::parse(body).map_err(|_| Incompatible::Malformed)?;
    if session.medias.len() > MEDIA_LINES_MAX {
        Err(Incompatible::Malformed)
    } else {
        Ok(session)
    }
}

/// Whether an offer can be answered, as far as that shows without our address, and the family of the peer's, in which
/// our port must be opened.
pub fn check(offer: &Session, codecs: &Codecs, security: Option<&Security>) -> Result<Family, Incompatible> {
    let media = offer
        .medias
        .get(usable(offer, codecs, &|media| protection(media, security))?)
        .ok_or(Incompatible::Format)?;
    let ip = sdp::address(offer, media).ok_or(Incompatible::Address)?;
    Ok(if ip.is_ipv4() { Family::V4 } else { Family::V6 })
}

/// Answers `offer`: our description and what is agreed by it.
pub fn answer(offer: &Session, local: &Local) -> Result<(String, Agreed), Incompatible> {
    let index = usable(offer, &local.codecs, &|media| local.protection(offer, media))?;
    let media = offer.medias.get(index).ok_or(Incompatible::Format)?;
    let codec = sdp::codecs(media).filter(|codec| local.codecs.contains(*codec));
    let codec = codec.min_by_key(|codec| local.codecs.rank(*codec));
    let agreed = agree(offer, media, local, codec)?;
    let direction = sdp::direction(offer, media).mirrored();
    let browser = agreed.browser.map(|(browser, _)| browser);
    let mut text = head(local, browser.as_ref());
    for (i, line) in offer.medias.iter().enumerate() {
        if i == index {
            let said = Said::agreed(&agreed.remote);
            audio(&mut text, local, &media.proto, &said, direction);
            if let Some(ours) = &local.webrtc {
                ours.write_stream(local.rtp, Part::Answer, browser.as_ref(), &mut text);
            }
            if let (Some(ours), Some(line)) = (&local.security, Security::choose(media)) {
                ours.answer(&line, &mut text);
            }
        } else {
            let first = line.fmt.split_whitespace().next().unwrap_or("0");
            let _ = write!(text, "m={} 0 {} {first}\r\n", line.media, line.proto);
        }
    }
    Ok((text, agreed))
}

/// Our offer of all codecs in use, `first` before the others. A repeated offer names the numbers already in use.
pub fn offer(local: &Local, first: Codec, direction: Direction, agreed: Option<&Agreed>) -> String {
    let remote = agreed.map(|agreed| &agreed.remote);
    let known = |rate| remote.filter(|r| r.dtmf_rate == rate).and_then(|r| r.dtmf_pt);
    let opus_pt = remote
        .and_then(|r| r.opus_pt)
        .unwrap_or(Codec::Opus.payload_type());
    let codecs = local.codecs.led_by(first);
    let mut taken = vec![opus_pt];
    let mut events = vec![];
    for (rate, usual) in [(8_000, DTMF_PT), (48_000, DTMF_WIDE_PT)] {
        if codecs.iter().any(|codec| codec.clock_rate() == rate) {
            // A number that the peer chose may be the one that we use for something else.
            let pt = known(rate).or_else(|| (usual..128).chain(96..usual).find(|pt| !taken.contains(pt)));
            taken.extend(pt);
            events.extend(pt.map(|pt| (pt, rate)));
        }
    }
    let said = Said {
        codecs: codecs
            .into_iter()
            .map(|codec| (payload_type(codec, opus_pt), codec))
            .collect(),
        events,
        ptime_ms: remote.map_or(20, |r| r.ptime_ms),
    };
    let browser = agreed.and_then(|agreed| agreed.browser.as_ref().map(|(browser, _)| browser));
    let mut text = head(local, browser);
    if let Some(ours) = &local.webrtc {
        audio(&mut text, local, Webrtc::PROTO, &said, direction);
        ours.write_stream(local.rtp, Part::Offer, browser, &mut text);
        return text;
    }
    let ours = local
        .security
        .as_ref()
        .filter(|_| agreed.is_none_or(|a| a.keys.is_some()));
    let savp = agreed.map_or(ours.is_some_and(Security::is_required), |a| a.savp);
    let proto = if savp { SAVP } else { AVP };
    audio(&mut text, local, proto, &said, direction);
    if let Some(ours) = ours {
        ours.offer(suite_of(agreed), &mut text);
    }
    text
}

fn suite_of(agreed: Option<&Agreed>) -> Option<SrtpSuite> {
    agreed.and_then(|a| a.keys).map(|keys| keys.suite)
}

fn payload_type(codec: Codec, opus_pt: u8) -> u8 {
    if codec == Codec::Opus {
        opus_pt
    } else {
        codec.payload_type()
    }
}

/// What the peer's `answer` to our [`offer`] agrees on: `wanted`, if it is among several, or else the first.
pub fn accept(answer: &Session, local: &Local, wanted: Codec) -> Result<Agreed, Incompatible> {
    let media = answer.medias.first().ok_or(Incompatible::Format)?;
    if media.media != "audio" || media.port == 0 {
        return Err(Incompatible::Format);
    }
    let mut codecs = sdp::codecs(media).filter(|codec| local.codecs.contains(*codec));
    let codec = sdp::codecs(media)
        .find(|codec| *codec == wanted && local.codecs.contains(wanted))
        .or_else(|| codecs.next());
    let agreed = agree(answer, media, local, codec)?;
    if agreed.keys.is_some() && !Security::choose(media).is_some_and(|line| Security::answers(&line)) {
        return Err(Incompatible::Keys);
    }
    Ok(agreed)
}

/// How a stream is protected.
enum Protection {
    None,
    Sdes(crypto::Line),
    Webrtc(Browser),
}

impl Local {
    /// How the peer protects a stream, if that may be so.
    fn protection(&self, session: &Session, media: &Media) -> Result<Protection, Incompatible> {
        match &self.webrtc {
            None => protection(media, self.security.as_ref()),
            Some(_) if !webrtc::is_browsers(media) => Err(Incompatible::Browser),
            Some(_) => Browser::read(session, media)
                .map(Protection::Webrtc)
                .ok_or(Incompatible::Browser),
        }
    }
}

/// The index of the audio line to take: the first that is protected if keys may be used, or else the first in the clear.
fn usable(
    offer: &Session,
    codecs: &Codecs,
    protection: &dyn Fn(&Media) -> Result<Protection, Incompatible>,
) -> Result<usize, Incompatible> {
    let (mut why, mut in_the_clear) = (Incompatible::Format, None);
    for (i, media) in offer.medias.iter().enumerate() {
        let has_codec = || sdp::codecs(media).any(|codec| codecs.contains(codec));
        if media.media != "audio" || media.port == 0 {
            continue;
        }
        match protection(media) {
            Ok(Protection::Sdes(_) | Protection::Webrtc(_)) if has_codec() => return Ok(i),
            Ok(Protection::None) if has_codec() => in_the_clear = in_the_clear.or(Some(i)),
            Ok(_) => {}
            Err(reason) => why = reason,
        }
    }
    in_the_clear.ok_or(why)
}

/// The peer's key for a stream, or none for one in the clear.
fn protection(media: &Media, security: Option<&Security>) -> Result<Protection, Incompatible> {
    let line = security.and_then(|_| Security::choose(media));
    match (media.proto.as_str(), line) {
        (AVP | SAVP, Some(line)) => Ok(Protection::Sdes(line)),
        (AVP, None) if security.is_some_and(Security::is_required) => Err(Incompatible::Unprotected),
        (AVP, None) => Ok(Protection::None),
        (SAVP, None) if security.is_some() => Err(Incompatible::Keys),
        _ => Err(Incompatible::Transport),
    }
}

fn agree(
    session: &Session,
    media: &Media,
    local: &Local,
    codec: Option<Codec>,
) -> Result<Agreed, Incompatible> {
    let codec = codec.ok_or(Incompatible::Format)?;
    let protection = local.protection(session, media)?;
    let direction = sdp::direction(session, media);
    let (rtp, nowhere) = match &protection {
        // Where a browser is, its checks will show.
        Protection::Webrtc(_) => (anywhere(local.rtp), false),
        _ => {
            let ip = sdp::address(session, media).ok_or(Incompatible::Address)?;
            if ip.is_multicast() || ip.is_ipv4() != local.rtp.is_ipv4() {
                return Err(Incompatible::Address);
            }
            // RFC 2543's way to hold, which phones still use (RFC 3264 §8.4).
            (SocketAddr::new(ip, media.port), ip.is_unspecified())
        }
    };
    let ip = rtp.ip();
    // Beside Opus many phones tell keys in the old clock all the same.
    let event = sdp::telephone_event(media, codec.clock_rate())
        .map(|pt| (pt, codec.clock_rate()))
        .or_else(|| Some((sdp::telephone_event(media, 8_000)?, 8_000)));
    let remote = Remote {
        rtp,
        rtcp: sdp::rtcp(media, ip)
            .filter(|a| a.is_ipv4() == ip.is_ipv4())
            .unwrap_or_else(|| next_port(rtp)),
        codec,
        opus_pt: sdp::opus(media).filter(|_| local.codecs.contains(Codec::Opus)),
        dtmf_pt: event.map(|(pt, _)| pt),
        dtmf_rate: event.map_or(codec.clock_rate(), |(_, rate)| rate),
        send: direction.receives() && !nowhere,
        receive: direction.sends(),
        ptime_ms: sdp::ptime(media),
    };
    Ok(Agreed {
        remote,
        held: !remote.send,
        keys: match (&local.security, &protection) {
            (Some(ours), Protection::Sdes(line)) => Some(ours.keys(line)),
            _ => None,
        },
        savp: media.proto == SAVP,
        browser: match (&local.webrtc, protection) {
            (Some(ours), Protection::Webrtc(browser)) => Some((browser, browser.agreed(ours))),
            _ => None,
        },
    })
}

/// An address of the family of ours that is nobody's.
fn anywhere(ours: SocketAddr) -> SocketAddr {
    let port = 9;
    match ours {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
    }
}

fn next_port(rtp: SocketAddr) -> SocketAddr {
    SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1))
}

/// `v=` to `t=`, and what else is said once.
fn head(local: &Local, peer: Option<&Browser>) -> String {
    let mut text = String::with_capacity(320);
    let (ip, family) = (local.rtp.ip(), addr_type(local.rtp.ip()));
    let _ = write!(
        text,
        "v=0\r\no=- {} {} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n",
        local.session, local.version
    );
    if let Some(ours) = &local.webrtc {
        ours.write_session(peer, &mut text);
    }
    text
}

fn addr_type(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "IP4" } else { "IP6" }
}

/// What an audio line says.
struct Said {
    codecs: Vec<(u8, Codec)>,
    /// telephone-event, by the rate of its clock.
    events: Vec<(u8, u32)>,
    ptime_ms: u8,
}

impl Said {
    /// One codec: what was agreed.
    fn agreed(remote: &Remote) -> Self {
        let opus_pt = remote.opus_pt.unwrap_or(Codec::Opus.payload_type());
        Self {
            codecs: vec![(payload_type(remote.codec, opus_pt), remote.codec)],
            events: remote
                .dtmf_pt
                .map(|pt| (pt, remote.dtmf_rate))
                .into_iter()
                .collect(),
            ptime_ms: remote.ptime_ms,
        }
    }
}

fn audio(text: &mut String, local: &Local, proto: &str, said: &Said, direction: Direction) {
    let _ = write!(text, "m=audio {} {proto}", local.rtp.port());
    for pt in said
        .codecs
        .iter()
        .map(|(pt, _)| pt)
        .chain(said.events.iter().map(|(pt, _)| pt))
    {
        let _ = write!(text, " {pt}");
    }
    text.push_str("\r\n");
    for &(pt, codec) in &said.codecs {
        let name = match codec {
            Codec::Pcmu => "PCMU/8000",
            Codec::Pcma => "PCMA/8000",
            // Not its sampling rate: RFC 3551 §4.5.2.
            Codec::G722 => "G722/8000",
            Codec::Opus => sdp::OPUS,
        };
        let _ = write!(text, "a=rtpmap:{pt} {name}\r\n");
        if codec == Codec::Opus {
            let _ = write!(text, "a=fmtp:{pt} {OPUS_FMTP}\r\n");
        }
    }
    for (pt, rate) in &said.events {
        let _ = write!(
            text,
            "a=rtpmap:{pt} telephone-event/{rate}\r\na=fmtp:{pt} 0-15\r\n"
        );
    }
    let _ = write!(text, "a=ptime:{}\r\na={}\r\n", said.ptime_ms, direction.name());
}
