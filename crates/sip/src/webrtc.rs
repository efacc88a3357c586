//! What descriptions of browsers say besides audio (JSEP, RFC 9429): ICE (RFC 8839), the certificate (RFC 8122), who
//! begins its handshake (RFC 4145, RFC 5763), and RTCP on the port of RTP (RFC 5761). Pure.
//!
//! We are ICE-lite and tell one candidate: the address that the leg's port is reached at. What candidates the browser
//! tells is of no interest, since its checks come from where it is. One audio stream needs no bundle, but who bundles it
//! alone is answered so.

use arrayvec::ArrayString;
use media::{DtlsRole, Fingerprint, IceCredentials};
use sdp_types::{Media, Session};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::net::SocketAddr;

/// The protocol of browsers' audio (RFC 5764 §9), and its older forms that mean the same here.
const PROTOS: [&str; 2] = ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"];
/// What a host candidate of the first component counts (RFC 8445 §5.1.2.1).
const PRIORITY: u32 = (126 << 24) | (65_535 << 8) | 255;
/// Of a browser's ICE name so much is remembered: enough to tell a new one. Theirs have 4 to 8 characters.
const NAME_MAX: usize = 32;
/// The longest stream name that is repeated to its writer. Theirs have one character.
const MID_MAX: usize = 16;

/// Our side of a browser's leg. The credentials stay the same until the browser restarts ICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webrtc {
    /// Our name and password.
    pub ice: IceCredentials,
    /// Our certificate.
    pub fingerprint: Fingerprint,
}

/// What a browser's description says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    /// Its name in ICE, or the beginning of it.
    name: ArrayString<NAME_MAX>,
    fingerprint: Fingerprint,
    /// Our part in the handshake.
    role: DtlsRole,
    /// The name of the stream (RFC 5888).
    mid: Option<ArrayString<MID_MAX>>,
    /// Whether it is bundled (RFC 9143).
    bundled: bool,
}

/// What a description of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Offer,
    Answer,
}

pub(crate) fn is_browsers(media: &Media) -> bool {
    PROTOS.contains(&media.proto.as_str())
}

impl Browser {
    /// Reads what a stream says. `None` if something is missing without which there is no connection.
    pub(crate) fn read(session: &Session, media: &Media) -> Option<Self> {
        let value = |name| value(session, media, name);
        if !media.attributes.iter().any(|a| a.attribute == "rtcp-mux") {
            return None;
        }
        let role = match value("setup")?.trim() {
            "actpass" | "active" => DtlsRole::Server,
            "passive" => DtlsRole::Client,
            _ => return None,
        };
        value("ice-pwd")?;
        let name: String = value("ice-ufrag")?.chars().take(NAME_MAX).collect();
        let own = |name| {
            media
                .attributes
                .iter()
                .find(|a| a.attribute == name)?
                .value
                .as_deref()
        };
        let mid = own("mid").and_then(|mid| ArrayString::from(mid).ok());
        let bundled = mid.is_some_and(|mid| {
            let group = session.attributes.iter().find(|a| a.attribute == "group");
            let words = group.and_then(|a| a.value.as_deref()).unwrap_or_default();
            let mut words = words.split_whitespace();
            words.next() == Some("BUNDLE") && words.any(|word| word == mid.as_str())
        });
        Some(Self {
            name: ArrayString::from(&name).ok()?,
            // Browsers name one, and SHA-256 is what they all use.
            fingerprint: fingerprints(session, media).find_map(Fingerprint::read)?,
            role,
            mid,
            bundled,
        })
    }

    /// Whether it begins ICE anew compared with what it said before (RFC 8839 §4.4.1.1.1).
    pub(crate) fn restarts(&self, before: &Self) -> bool {
        self.name != before.name
    }

    /// Whether it wants new keys compared with what it said before (RFC 8842 §3.1).
    pub(crate) fn wants_new_keys(&self, before: &Self) -> bool {
        (self.fingerprint, self.role) != (before.fingerprint, before.role)
    }

    /// What the media plane is told.
    pub(crate) fn agreed(&self, ours: &Webrtc) -> media::Webrtc {
        media::Webrtc {
            ice: ours.ice,
            fingerprint: self.fingerprint,
            role: self.role,
            link: None,
        }
    }
}

impl Webrtc {
    /// The protocol of our offers.
    pub(crate) const PROTO: &'static str = PROTOS[0];

    /// The session's lines. A repeated offer bundles what the browser bundled.
    pub(crate) fn write_session(&self, peer: Option<&Browser>, text: &mut String) {
        text.push_str("a=ice-lite\r\n");
        let mid = match peer {
            Some(peer) => peer.mid.filter(|_| peer.bundled),
            None => Some(first_mid()),
        };
        if let Some(mid) = mid {
            let _ = write!(text, "a=group:BUNDLE {mid}\r\n");
        }
    }

    /// The stream's lines.
    pub(crate) fn write_stream(
        &self,
        rtp: SocketAddr,
        part: Part,
        peer: Option<&Browser>,
        text: &mut String,
    ) {
        let setup = match (part, peer.map(|peer| peer.role)) {
            (Part::Answer, Some(DtlsRole::Client)) => "active",
            (Part::Answer, _) => "passive",
            (Part::Offer, _) => "actpass",
        };
        let mid = peer.map_or_else(|| Some(first_mid()), |peer| peer.mid);
        if let Some(mid) = mid {
            let _ = write!(text, "a=mid:{mid}\r\n");
        }
        let _ = write!(
            text,
            "a=rtcp-mux\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{}\r\na=setup:{setup}\r\n\
             a=candidate:1 1 udp {PRIORITY} {} {} typ host\r\na=end-of-candidates\r\n",
            self.ice.ufrag(),
            self.ice.reveal_pwd(),
            self.fingerprint,
            rtp.ip(),
            rtp.port()
        );
    }
}

fn first_mid() -> ArrayString<MID_MAX> {
    ArrayString::from("0").unwrap_or_default()
}

/// An attribute of the stream, or else of the session.
fn value<'a>(session: &'a Session, media: &'a Media, name: &str) -> Option<&'a str> {
    media
        .attributes
        .iter()
        .chain(&session.attributes)
        .find(|a| a.attribute == name)?
        .value
        .as_deref()
}

fn fingerprints<'a>(session: &'a Session, media: &'a Media) -> impl Iterator<Item = &'a str> {
    let all = media.attributes.iter().chain(&session.attributes);
    all.filter(|a| a.attribute == "fingerprint")
        .filter_map(|a| a.value.as_deref())
}
