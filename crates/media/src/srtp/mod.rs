//! SRTP (RFC 3711) with keys that signalling exchanged (SDES, RFC 4568): one leg's contexts, both ways.
//!
//! The primitives are RustCrypto's; what is here is what RFC 3711 and RFC 7714 put around them. A context belongs
//! to its leg and dies with it. Nothing allocates once it stands.
//!
//! **Always holds**
//! - What is not authentic, or was there already, changes nothing: neither a stream's place nor what is believed
//!   about a source.
//! - A sender never uses one index twice, whatever it is asked: with the same key that would give both packets away.
//! - Keys are shown by [`MasterKey::reveal`] alone; no `Debug` and no log line has them.
//!
//! **After a restart** of the engine a leg goes on under its old keys. Our stream must then take a new SSRC, so that
//! no index is used again and the peer counts from zero with us; how often the peer's sequence numbers had come round
//! is found out from its first packet ([`SrtpKeys::resumed`]). So keys are all that has to be written down.

mod cipher;
mod receive;
mod send;
mod window;

pub(crate) use receive::Receiver;
pub(crate) use send::Sender;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Octets of the longest key and salt: AEAD_AES_256_GCM's.
const MASTER_MAX: usize = 32 + 12;

/// Octets that protection adds to a packet at most: a tag, and RTCP's index.
pub(crate) const OVERHEAD_MAX: usize = 16 + 4;

/// Octets of an RTCP header and its SSRC, which stay readable.
const RTCP_CLEAR: usize = 8;

/// How RTP is encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SrtpSuite {
    /// AES with 256 bits in Galois/counter mode (RFC 7714).
    AeadAes256Gcm,
    /// AES with 128 bits in Galois/counter mode (RFC 7714).
    AeadAes128Gcm,
    /// AES with 128 bits in counter mode, authenticated with 80 bits (RFC 3711, RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// The same with 32 bits for RTP, and still 80 for RTCP (RFC 4568 §6.2.2).
    AesCm128HmacSha1_32,
}

impl SrtpSuite {
    /// All of them, the strongest first.
    pub const ALL: [SrtpSuite; 4] = [
        SrtpSuite::AeadAes256Gcm,
        SrtpSuite::AeadAes128Gcm,
        SrtpSuite::AesCm128HmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32,
    ];

    /// The name in SDP (IANA's SDP security descriptions registry).
    pub const fn name(self) -> &'static str {
        match self {
            SrtpSuite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            SrtpSuite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            SrtpSuite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            SrtpSuite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of a name, if it is one of ours.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Octets of master key and salt, one after the other.
    pub const fn master_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    pub(crate) const fn key_len(self) -> usize {
        match self {
            SrtpSuite::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    pub(crate) const fn salt_len(self) -> usize {
        match self {
            SrtpSuite::AeadAes256Gcm | SrtpSuite::AeadAes128Gcm => 12,
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => 14,
        }
    }

    const fn is_aead(self) -> bool {
        matches!(self, SrtpSuite::AeadAes256Gcm | SrtpSuite::AeadAes128Gcm)
    }

    const fn rtp_tag_len(self) -> usize {
        match self {
            SrtpSuite::AeadAes256Gcm | SrtpSuite::AeadAes128Gcm => 16,
            SrtpSuite::AesCm128HmacSha1_80 => 10,
            SrtpSuite::AesCm128HmacSha1_32 => 4,
        }
    }

    const fn rtcp_tag_len(self) -> usize {
        match self {
            SrtpSuite::AeadAes256Gcm | SrtpSuite::AeadAes128Gcm => 16,
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => 10,
        }
    }
}

/// A master key and its salt, of one direction. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct MasterKey {
    octets: [u8; MASTER_MAX],
}

/// As a leg is written down, to be taken up again after a restart.
impl From<MasterKey> for Vec<u8> {
    fn from(key: MasterKey) -> Self {
        key.octets.to_vec()
    }
}

impl TryFrom<Vec<u8>> for MasterKey {
    type Error = &'static str;

    fn try_from(octets: Vec<u8>) -> Result<Self, Self::Error> {
        let octets = octets.try_into().map_err(|_| "a master key of another length")?;
        Ok(Self { octets })
    }
}

impl MasterKey {
    /// From key and salt, one after the other. `None` unless they have the suite's length.
    pub fn new(suite: SrtpSuite, key_and_salt: &[u8]) -> Option<Self> {
        let mut octets = [0; MASTER_MAX];
        let place = octets.get_mut(..suite.master_len())?;
        if place.len() != key_and_salt.len() {
            return None;
        }
        place.copy_from_slice(key_and_salt);
        Some(Self { octets })
    }

    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random(suite: SrtpSuite) -> Result<Self, getrandom::Error> {
        let mut octets = [0; MASTER_MAX];
        getrandom::fill(&mut octets[..suite.master_len()])?;
        Ok(Self { octets })
    }

    /// Key and salt, to be told to the peer or to be kept for a restart: never to be logged.
    pub fn reveal(&self, suite: SrtpSuite) -> &[u8] {
        &self.octets[..suite.master_len()]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// What is agreed for a leg that speaks SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrtpKeys {
    /// How.
    pub suite: SrtpSuite,
    /// What we send is protected with this key.
    pub local: MasterKey,
    /// What the peer sends is protected with this key.
    pub remote: MasterKey,
    /// The peer has used its key for a while already, perhaps for longer than we know.
    pub resumed: bool,
}

impl SrtpKeys {
    /// The same keys for a leg that an earlier run of the engine has served.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self {
            resumed: true,
            ..self
        }
    }
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too short, or no RTP at all.
    Malformed,
    /// Not made with the peer's key, or changed on the way.
    NotAuthentic,
    /// Was there already, or is too old to tell.
    Replayed,
}

/// One leg's contexts.
pub(crate) struct Srtp {
    keys: SrtpKeys,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
}

impl Srtp {
    pub(crate) fn new(keys: SrtpKeys) -> Self {
        Self {
            keys,
            sender: Sender::new(keys.suite, &keys.local),
            receiver: Receiver::new(keys.suite, &keys.remote, keys.resumed),
        }
    }

    /// Takes in a new agreement. A key that stays keeps its context, so that no index is used twice; one that is new
    /// begins a new one (RFC 4568 §7.1.4).
    pub(crate) fn rekey(&mut self, keys: SrtpKeys) {
        let SrtpKeys {
            suite, local, remote, ..
        } = self.keys;
        if (suite, local) != (keys.suite, keys.local) {
            self.sender = Sender::new(keys.suite, &keys.local);
        }
        if (suite, remote) != (keys.suite, keys.remote) {
            self.receiver.rekey(keys.suite, &keys.remote);
        }
        self.keys = keys;
    }

    pub(crate) fn keys(&self) -> SrtpKeys {
        self.keys
    }

    pub(crate) fn suite(&self) -> SrtpSuite {
        self.keys.suite
    }
}

/// Octets of an RTP header with its contributing sources and extension (RFC 3550 §5.1), its sequence number and
/// SSRC. `None` when the packet ends before.
fn rtp_header(packet: &[u8]) -> Option<(usize, u16, u32)> {
    let &[first, _, s0, s1, _, _, _, _, a, b, c, d] = packet.first_chunk()?;
    let fixed = 12 + 4 * usize::from(first & 0x0f);
    let length = if first & 0x10 != 0 {
        let &[_, _, high, low] = packet.get(fixed..)?.first_chunk()?;
        fixed + 4 + 4 * usize::from(u16::from_be_bytes([high, low]))
    } else {
        fixed
    };
    let fits = first >> 6 == 2 && length <= packet.len();
    fits.then_some((
        length,
        u16::from_be_bytes([s0, s1]),
        u32::from_be_bytes([a, b, c, d]),
    ))
}

/// The SSRC of an RTCP packet.
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let &[first, _, _, _, a, b, c, d] = packet.first_chunk()?;
    (first >> 6 == 2).then_some(u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests;
