//! Keys in SDP (SDES, RFC 4568): what `a=crypto` says, which of them is taken, and what ours say. Pure.
//!
//! A line is taken when its suite is one of ours and it asks for nothing else: a key with an MKI, several keys, or a
//! session parameter that changes how packets look is passed over, as RFC 4568 §5.1.2 wants of what is not supported.
//! A key's lifetime is not counted: the shortest that phones send, 2^20 packets, is five hours of talk.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use media::{MasterKey, SrtpKeys, SrtpSuite};
use sdp_types::Media;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Most `a=crypto` lines that are read of one stream.
const LINES_MAX: usize = 32;

/// What our offers name, in this order. The 32-bit tag is taken when it is offered, and not offered.
const OFFERED: [SrtpSuite; 3] = [
    SrtpSuite::AeadAes256Gcm,
    SrtpSuite::AeadAes128Gcm,
    SrtpSuite::AesCm128HmacSha1_80,
];

/// Whether a peer is to speak SRTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SrtpPolicy {
    /// Never: neither offered nor taken.
    #[default]
    Off,
    /// When the peer can. Our offers are RTP/AVP with keys beside it, which who cannot passes over (RFC 8643).
    Optional,
    /// Always: a peer that cannot is refused with 488. Our offers are RTP/SAVP.
    Required,
}

/// One leg's side: the policy, and a key of ours for each suite. The keys stay the same for the life of the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    policy: SrtpPolicy,
    keys: [MasterKey; SrtpSuite::ALL.len()],
}

/// A peer's line that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    tag: u32,
    pub(crate) suite: SrtpSuite,
    key: MasterKey,
}

impl Security {
    /// Fresh keys from the system's randomness. `None` under [`SrtpPolicy::Off`].
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new(policy: SrtpPolicy) -> Result<Option<Self>, getrandom::Error> {
        if policy == SrtpPolicy::Off {
            return Ok(None);
        }
        let [a, b, c, d] = SrtpSuite::ALL.map(MasterKey::random);
        Ok(Some(Self {
            policy,
            keys: [a?, b?, c?, d?],
        }))
    }

    pub(crate) fn is_required(&self) -> bool {
        self.policy == SrtpPolicy::Required
    }

    /// The peer's first line that can be taken: the lines come in the peer's order of preference.
    pub(crate) fn choose(media: &Media) -> Option<Line> {
        let lines = media.attributes.iter().filter(|a| a.attribute == "crypto");
        let values = lines.filter_map(|a| a.value.as_deref());
        values.take(LINES_MAX).find_map(Line::read)
    }

    /// The keys that a line of the peer's and ours of that suite make.
    pub(crate) fn keys(&self, line: &Line) -> SrtpKeys {
        SrtpKeys {
            suite: line.suite,
            local: self.key(line.suite),
            remote: line.key,
            resumed: false,
        }
    }

    /// Our answer to a line, under its tag (RFC 4568 §5.1.2).
    pub(crate) fn answer(&self, line: &Line, text: &mut String) {
        self.write(line.tag, line.suite, text);
    }

    /// Our offer: what was agreed before, or all that we offer.
    pub(crate) fn offer(&self, agreed: Option<SrtpSuite>, text: &mut String) {
        match agreed {
            Some(suite) => self.write(tag_of(suite), suite, text),
            None => {
                for suite in OFFERED {
                    self.write(tag_of(suite), suite, text);
                }
            }
        }
    }

    /// Whether an answer's line answers one of ours (RFC 4568 §5.1.3).
    pub(crate) fn answers(line: &Line) -> bool {
        line.tag == tag_of(line.suite)
    }

    fn key(&self, suite: SrtpSuite) -> MasterKey {
        let [a, b, c, d] = self.keys;
        let [of_a, of_b, of_c, _] = SrtpSuite::ALL;
        match suite {
            s if s == of_a => a,
            s if s == of_b => b,
            s if s == of_c => c,
            _ => d,
        }
    }

    fn write(&self, tag: u32, suite: SrtpSuite, text: &mut String) {
        let key = STANDARD.encode(self.key(suite).reveal(suite));
        let _ = write!(text, "a=crypto:{tag} {} inline:{key}\r\n", suite.name());
    }
}

/// Each suite has a tag of its own, whichever of them an offer names.
fn tag_of(suite: SrtpSuite) -> u32 {
    match suite {
        SrtpSuite::AeadAes256Gcm => 1,
        SrtpSuite::AeadAes128Gcm => 2,
        SrtpSuite::AesCm128HmacSha1_80 => 3,
        SrtpSuite::AesCm128HmacSha1_32 => 4,
    }
}

impl Line {
    /// Reads the value of an `a=crypto` (RFC 4568 §9.1). `None` for what is malformed or cannot be taken.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9)?;
        if !tag.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let tag = tag.parse().ok()?;
        let suite = SrtpSuite::of_name(words.next()?)?;
        let (method, info) = words.next()?.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || info.contains(';') || !words.all(may_be_passed_over) {
            return None;
        }
        let mut parts = info.split('|');
        let key = parts.next()?;
        // Behind the key come a lifetime, an MKI with its length after a colon, or both.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        // Some phones leave the padding away.
        let octets = STANDARD
            .decode(key)
            .or_else(|_| STANDARD_NO_PAD.decode(key))
            .ok()?;
        let key = MasterKey::new(suite, &octets)?;
        Some(Self { tag, suite, key })
    }
}

/// Session parameters that change nothing for us: a hint at the replay window, no key derivation, and those whose
/// leading `-` says that they may be ignored (RFC 4568 §6.3).
fn may_be_passed_over(parameter: &str) -> bool {
    parameter.starts_with("WSH=") || parameter.starts_with('-') || parameter == "KDR=0"
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    const LONG: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWI=";

    #[test]
    fn lines_are_taken_or_passed_over() {
        for (value, expect) in [
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
                Some((1, SrtpSuite::AesCm128HmacSha1_80)),
            ),
            (
                format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^20"),
                Some((2, SrtpSuite::AesCm128HmacSha1_32)),
            ),
            (
                format!("3 AES_CM_128_HMAC_SHA1_80 INLINE:{KEY}|2147483648"),
                Some((3, SrtpSuite::AesCm128HmacSha1_80)),
            ),
            (
                format!("4 AEAD_AES_256_GCM inline:{LONG}"),
                Some((4, SrtpSuite::AeadAes256Gcm)),
            ),
            (
                format!("4 AEAD_AES_256_GCM inline:{}", LONG.trim_end_matches('=')),
                Some((4, SrtpSuite::AeadAes256Gcm)),
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH=128 -X=1"),
                Some((1, SrtpSuite::AesCm128HmacSha1_80)),
            ),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:1"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"), None),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
                None,
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
                None,
            ),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &KEY[4..]), None),
            (format!("1 AEAD_AES_128_GCM inline:{KEY}"), None),
            (format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("9999999999 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), None),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:".into(), None),
            ("1 AES_CM_128_HMAC_SHA1_80".into(), None),
            (String::new(), None),
        ] {
            let got = Line::read(&value).map(|line| (line.tag, line.suite));
            assert_eq!(got, expect, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let ours = Security::new(SrtpPolicy::Optional)
            .expect("randomness")
            .expect("keys");
        let mut text = String::new();
        ours.offer(None, &mut text);
        let lines: Vec<Line> = text
            .lines()
            .filter_map(|line| Line::read(line.strip_prefix("a=crypto:")?))
            .collect();
        assert_eq!(lines.iter().map(|l| l.suite).collect::<Vec<_>>(), OFFERED);
        for line in lines {
            assert!(Security::answers(&line));
            assert_eq!(ours.keys(&line).local, ours.keys(&line).remote);
        }
        assert!(Security::new(SrtpPolicy::Off).expect("randomness").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(value in "[0-9 ]{0,4}(AES_CM_128_HMAC_SHA1_(80|32)|AEAD_AES_(128|256)_GCM)? ?(inline:)?.{0,80}") {
            let _ = Line::read(&value);
        }

        #[test]
        fn a_key_of_the_right_length_is_taken_and_comes_back(octets in proptest::collection::vec(0u8.., 0..50)) {
            for suite in SrtpSuite::ALL {
                let value = format!("7 {} inline:{}", suite.name(), STANDARD.encode(&octets));
                let line = Line::read(&value);
                assert_eq!(line.is_some(), octets.len() == suite.master_len());
                assert!(line.is_none_or(|line| line.key.reveal(suite) == octets));
            }
        }
    }
}
