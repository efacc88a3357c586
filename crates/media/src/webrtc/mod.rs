//! Legs of browsers (WebRTC, RFC 8835): RTP and RTCP on one port, found by ICE and keyed by DTLS (RFC 5764).
//!
//! We are an ICE-lite agent (RFC 8445 §2.5): one address is told to the browser, which asks there whether it is heard,
//! and says from which of its own addresses it will talk. Nobody without our password, which is in the description that
//! we sent, can become the peer. Then the browser's DTLS handshake gives both sides their SRTP keys, and from there on a
//! packet takes the way of any other SRTP leg.
//!
//! **Always holds**
//! - Nothing is sent or taken in before a source is agreed on and keys are there.
//! - Handshakes are made on a thread of their own ([`dtls`]): what they cost delays nobody's packets. The media thread
//!   only carries their datagrams, and no more of them than a handshake needs.
//! - What is needed to go on after a restart is a [`Link`]: the browser's address and the keys.

pub(crate) mod dtls;
pub(crate) mod ice;
pub(crate) mod identity;
pub(crate) mod metrics;

use crate::SrtpKeys;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

pub use ice::IceCredentials;

/// What is agreed with a browser, beside the codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webrtc {
    /// Our name and password in ICE.
    pub ice: IceCredentials,
    /// The certificate that the browser must show.
    pub fingerprint: Fingerprint,
    /// Our part in the handshake.
    pub role: DtlsRole,
    /// What an earlier run of the engine had found out: then there is no handshake.
    pub link: Option<Link>,
}

/// Who begins the handshake (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DtlsRole {
    /// We do: we are `active`.
    Client,
    /// The browser does: we are `passive`.
    Server,
}

/// A certificate's SHA-256 (RFC 8122 §5).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads the value of an `a=fingerprint`. `None` for another hash, or what is malformed.
    pub fn read(value: &str) -> Option<Self> {
        let (hash, octets) = value.trim().split_once(' ')?;
        if !hash.eq_ignore_ascii_case("sha-256") {
            return None;
        }
        let mut read = [0; 32];
        let mut parts = octets.trim().split(':');
        for octet in &mut read {
            let hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            *octet = u8::from_str_radix(parts.next().filter(hex)?, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(read))
    }
}

impl fmt::Display for Fingerprint {
    /// As the value of an `a=fingerprint`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256")?;
        for (i, octet) in self.0.iter().enumerate() {
            f.write_char(if i == 0 { ' ' } else { ':' })?;
            write!(f, "{octet:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// How a browser is reached, and with which keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where its packets come from.
    pub source: SocketAddr,
    /// The keys that the handshake gave.
    pub keys: SrtpKeys,
}

/// What becomes of a browser's leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebrtcEvent {
    /// It can be heard, and hears us. Again when it has moved or has new keys.
    Connected(Link),
    /// It cannot be heard, or not any more. The last event of an agreement.
    Failed(WebrtcFailure),
}

/// Why a browser is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebrtcFailure {
    /// None of its checks came through in time.
    #[error(
        "no ICE check of the browser arrived: is the address told in `sip.external_v4` reachable from there?"
    )]
    Unreachable,
    /// The handshake was not finished in time, or broke off.
    #[error("the DTLS handshake with the browser failed")]
    Handshake,
    /// The certificate shown is not the one agreed.
    #[error("the browser's DTLS certificate is not the one in its description")]
    Certificate,
    /// It stopped asking whether we hear it (RFC 7675 §5.1).
    #[error("the browser is not heard any more")]
    Lost,
}

impl WebrtcFailure {
    pub(crate) const ALL: [WebrtcFailure; 4] = [
        WebrtcFailure::Unreachable,
        WebrtcFailure::Handshake,
        WebrtcFailure::Certificate,
        WebrtcFailure::Lost,
    ];

    /// As a metric's label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            WebrtcFailure::Unreachable => "ice_timeout",
            WebrtcFailure::Handshake => "handshake",
            WebrtcFailure::Certificate => "certificate",
            WebrtcFailure::Lost => "lost",
        }
    }
}

/// Receives what becomes of one leg, on a media thread: it must return at once and never block.
pub type WebrtcEvents = Arc<dyn Fn(WebrtcEvent) + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let mut octets = [0; 32];
        octets[0] = 0xab;
        octets[31] = 7;
        let written = Fingerprint(octets).to_string();
        assert!(written.starts_with("sha-256 AB:00:00:") && written.ends_with(":07"));
        assert_eq!(Fingerprint::read(&written), Some(Fingerprint(octets)));
        assert_eq!(
            Fingerprint::read(&written.to_lowercase().replace("sha-256", "SHA-256")),
            Some(Fingerprint(octets))
        );
        for bad in [
            "",
            "sha-256",
            "sha-1 AB:CD",
            &written[..written.len() - 3],
            &format!("{written}:00"),
            &written.replace("AB", "+B"),
            &written.replace("AB", "ABC"),
        ] {
            assert_eq!(Fingerprint::read(bad), None, "{bad}");
        }
    }
}
