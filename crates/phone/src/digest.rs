//! Digest as RFC 8760 has it: the stack answers one challenge, and spells SHA-256 in a way of its own.

use rsipstack::sip::{HasHeaders, Header, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

/// The hash a phone answers challenges with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// MD5: what old phones know.
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

impl Digest {
    /// The token on the wire, and the one the stack reads and writes.
    const fn tokens(self) -> (&'static str, &'static str) {
        match self {
            Digest::Md5 => ("MD5", "MD5"),
            Digest::Sha256 => ("SHA-256", "SHA256"),
        }
    }
}

/// Leaves of several challenges the one with the phone's hash, and translates its name for the stack and back.
pub(crate) struct Spelling(pub(crate) Digest);

impl Spelling {
    fn is_for_us(&self, challenge: &str) -> bool {
        let algorithm = challenge.split_once("algorithm=").map_or("MD5", |(_, rest)| rest);
        let algorithm = algorithm.split([',', ' ']).next().unwrap_or_default();
        algorithm.trim_matches('"') == self.0.tokens().0
    }
}

impl MessageInspector for Spelling {
    fn before_send(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        let (wire, stack) = self.0.tokens();
        for header in message.headers_mut().iter_mut() {
            if let Header::Authorization(value) = header {
                value.replace(value.value().replace(stack, wire));
            } else if let Header::ProxyAuthorization(value) = header {
                value.replace(value.value().replace(stack, wire));
            }
        }
        message
    }

    fn after_received(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        let (wire, stack) = self.0.tokens();
        message.headers_mut().retain(|header| match header {
            Header::WwwAuthenticate(value) => self.is_for_us(value.value()),
            Header::ProxyAuthenticate(value) => self.is_for_us(value.value()),
            _ => true,
        });
        for header in message.headers_mut().iter_mut() {
            if let Header::WwwAuthenticate(value) = header {
                value.replace(value.value().replace(wire, stack));
            } else if let Header::ProxyAuthenticate(value) = header {
                value.replace(value.value().replace(wire, stack));
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_chosen_by_its_algorithm() {
        let table = [
            ("Digest realm=\"r\", nonce=\"n\"", true, false),
            ("Digest realm=\"r\", algorithm=MD5, nonce=\"n\"", true, false),
            ("Digest algorithm=SHA-256, realm=\"r\"", false, true),
            ("Digest realm=\"r\",algorithm=\"SHA-256\"", false, true),
            ("Digest algorithm=SHA-512-256, realm=\"r\"", false, false),
        ];
        for (challenge, md5, sha256) in table {
            assert_eq!(Spelling(Digest::Md5).is_for_us(challenge), md5, "{challenge}");
            assert_eq!(
                Spelling(Digest::Sha256).is_for_us(challenge),
                sha256,
                "{challenge}"
            );
        }
    }
}
