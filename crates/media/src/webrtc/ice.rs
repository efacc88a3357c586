//! ICE-lite (RFC 8445 §2.5, §7.3): answers a browser's checks and hears which way it has chosen. Pure.

use hmac::{Hmac, KeyInit, Mac};
use is::stun::StunMessage;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use std::fmt;
use std::net::SocketAddr;

/// Octets of the longest answer of ours.
pub(crate) const REPLY_MAX: usize = 128;

/// What the names and passwords are made of: RFC 8839 §5.4's characters, 64 of them so that each holds six bits.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Our name and password in ICE, of one leg. `Debug` does not show the password.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct IceCredentials {
    /// 48 bits; the RFC wants 24.
    ufrag: [u8; 8],
    /// 144 bits; the RFC wants 128.
    pwd: [u8; 24],
}

impl IceCredentials {
    /// New ones, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let (mut ufrag, mut pwd) = ([0; 8], [0; 24]);
        for text in [&mut ufrag[..], &mut pwd[..]] {
            getrandom::fill(text)?;
            for octet in text {
                *octet = ALPHABET[usize::from(*octet % 64)];
            }
        }
        Ok(Self { ufrag, pwd })
    }

    /// The name, for `a=ice-ufrag`.
    pub fn ufrag(&self) -> &str {
        text(&self.ufrag)
    }

    /// The password, for `a=ice-pwd`: to be told to the peer, never to be logged.
    pub fn reveal_pwd(&self) -> &str {
        text(&self.pwd)
    }
}

/// All of it is of the alphabet above.
fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap_or_default()
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({})", self.ufrag())
    }
}

impl From<IceCredentials> for (String, String) {
    fn from(credentials: IceCredentials) -> Self {
        (
            credentials.ufrag().to_owned(),
            credentials.reveal_pwd().to_owned(),
        )
    }
}

impl TryFrom<(String, String)> for IceCredentials {
    type Error = &'static str;

    fn try_from((ufrag, pwd): (String, String)) -> Result<Self, Self::Error> {
        let wrong = "ICE credentials of another length or alphabet";
        if !ufrag.bytes().chain(pwd.bytes()).all(|b| ALPHABET.contains(&b)) {
            return Err(wrong);
        }
        Ok(Self {
            ufrag: ufrag.as_bytes().try_into().map_err(|_| wrong)?,
            pwd: pwd.as_bytes().try_into().map_err(|_| wrong)?,
        })
    }
}

/// A check that was passed.
pub(crate) struct Passed {
    /// Octets of the answer.
    pub(crate) reply: usize,
    /// The browser has chosen to talk from where this came from (RFC 8445 §7.3.1.5).
    pub(crate) nominated: bool,
}

/// Answers a check that knows our password. `None` for anything else: it goes unanswered.
pub(crate) fn check(
    ours: &IceCredentials,
    packet: &[u8],
    from: SocketAddr,
    reply: &mut [u8; REPLY_MAX],
) -> Option<Passed> {
    let message = StunMessage::parse(packet).ok()?;
    if !message.is_binding_request() {
        return None;
    }
    let (to, _) = message.split_username()?;
    if to != ours.ufrag() || !message.verify(&ours.pwd, hmac_sha1) {
        return None;
    }
    let answer = StunMessage::binding_reply(message.trans_id(), from);
    Some(Passed {
        reply: answer.to_bytes(Some(&ours.pwd), reply, hmac_sha1).ok()?,
        nominated: message.use_candidate(),
    })
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    // HMAC takes keys of any length (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return [0; 20];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use is::stun::TransId;

    fn request(to: &str, pwd: &str, nominate: bool) -> Vec<u8> {
        let username = format!("{to}:peer");
        let request = StunMessage::binding_request(&username, TransId::new(), true, 7, 1, nominate);
        let mut packet = [0; 256];
        let length = request
            .to_bytes(Some(pwd.as_bytes()), &mut packet, hmac_sha1)
            .expect("it fits");
        packet[..length].to_vec()
    }

    #[test]
    fn who_knows_the_password_is_answered_with_the_own_address() {
        let ours = IceCredentials::random().expect("randomness");
        for from in ["192.0.2.1:4000", "[2001:db8::1]:4000"] {
            let from: SocketAddr = from.parse().expect("an address");
            for nominate in [false, true] {
                let packet = request(ours.ufrag(), ours.reveal_pwd(), nominate);
                let mut reply = [0; REPLY_MAX];
                let passed = check(&ours, &packet, from, &mut reply).expect("it knows the password");
                assert_eq!(passed.nominated, nominate);
                let reply = StunMessage::parse(&reply[..passed.reply]).expect("STUN");
                assert!(reply.is_successful_binding_response());
                assert!(reply.verify(ours.reveal_pwd().as_bytes(), hmac_sha1));
                assert_eq!(reply.mapped_address(), Some(from));
            }
        }
    }

    #[test]
    fn nobody_else_is_answered() {
        let (ours, other) = (IceCredentials::random(), IceCredentials::random());
        let (ours, other) = (ours.expect("randomness"), other.expect("randomness"));
        let from = ([192, 0, 2, 1], 4_000).into();
        let right = request(ours.ufrag(), ours.reveal_pwd(), true);
        let mut altered = right.clone();
        altered[40] ^= 1;
        for packet in [
            request(ours.ufrag(), other.reveal_pwd(), true),
            request(other.ufrag(), ours.reveal_pwd(), true),
            altered,
            right[..right.len() - 4].to_vec(),
            Vec::new(),
            vec![0; 20],
        ] {
            assert!(check(&ours, &packet, from, &mut [0; REPLY_MAX]).is_none());
        }
    }

    #[test]
    fn credentials_are_the_same_after_they_were_written_down() {
        let ours = IceCredentials::random().expect("randomness");
        let written: (String, String) = ours.into();
        assert_eq!(IceCredentials::try_from(written.clone()), Ok(ours));
        assert!(!format!("{ours:?}").contains(ours.reveal_pwd()));
        assert!(IceCredentials::try_from((written.0, "short".into())).is_err());
        assert!(IceCredentials::try_from((" ".repeat(8), " ".repeat(24))).is_err());
    }
}
