//! Digest authentication (RFC 8760 on RFC 7616, RFC 3261 §22): MD5 and SHA-256, `qop=auth`. As a server, and as a client
//! that answers what a provider asks.
//!
//! A nonce carries its time of issue under a keyed hash, so an unanswered challenge costs no memory. Use of a
//! nonce is remembered only after a good response, to refuse a repeated nonce count. A phone of RFC 2069's time, which
//! answers without `qop`, has no count and may use a nonce once.

use crate::config::{Account, DigestAlgorithm};
use rsipstack::sip::typed::tokenizers::AuthTokenizer;
use rsipstack::transaction::random_text;
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Nonces in use that are remembered. Above it, the next response is called stale, which asks for a new one.
const NONCES_MAX: usize = 50_000;

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Good; the nonce count is used up.
    Good,
    /// No credentials for our realm, or unusable ones: challenge.
    Absent,
    /// The right password with an expired or repeated nonce: challenge with `stale=true`.
    Stale,
    /// Unknown user or wrong password: refuse.
    Bad,
}

/// Issues challenges and judges the answers.
pub(crate) struct Digest {
    realm: String,
    offered: Vec<DigestAlgorithm>,
    key: String,
    start: Instant,
    lifetime: Duration,
    used: Mutex<HashMap<String, Counts>>,
}

/// Nonce counts seen on one nonce: the highest, and which of the 64 up to it.
struct Counts {
    issued: u64,
    highest: u32,
    seen: u64,
}

/// The parameters of an Authorization header that matter here.
struct Credentials<'a> {
    user: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    /// `nc` and `cnonce` of an answer with `qop=auth`.
    qop: Option<(&'a str, &'a str)>,
    algorithm: DigestAlgorithm,
}

impl Digest {
    pub(crate) fn new(realm: &str, offered: &[DigestAlgorithm], lifetime: Duration) -> Self {
        Self {
            realm: realm.to_owned(),
            offered: offered.to_vec(),
            key: random_text(43),
            start: Instant::now(),
            lifetime,
            used: Mutex::default(),
        }
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate headers, in the order of preference (RFC 8760 §2.4).
    pub(crate) fn challenge(&self, stale: bool) -> Vec<String> {
        let nonce = self.nonce(self.now(), &random_text(8));
        let stale = if stale { ", stale=true" } else { "" };
        let realm = &self.realm;
        let value = |algorithm: &DigestAlgorithm| {
            let token = algorithm.token();
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={token}, qop=\"auth\"{stale}")
        };
        self.offered.iter().map(value).collect()
    }

    /// Judges one Authorization header. `secret_of` gives the password of a user.
    pub(crate) fn judge<'s>(
        &self,
        method: &str,
        header: &str,
        secret_of: impl FnOnce(&str) -> Option<&'s str>,
    ) -> (Verdict, Option<String>) {
        let credentials = Credentials::parse(header, &self.realm);
        let Some(credentials) = credentials.filter(|given| self.offered.contains(&given.algorithm)) else {
            return (Verdict::Absent, None);
        };
        // An unknown user costs the same work as a wrong password, and gets the same answer.
        let secret = secret_of(credentials.user);
        let expected = credentials.expected(method, &self.realm, secret.unwrap_or_default());
        let right = bool::from(
            expected
                .as_bytes()
                .ct_eq(credentials.response.to_ascii_lowercase().as_bytes()),
        );
        if secret.is_none() || !right {
            return (Verdict::Bad, None);
        }
        let verdict = if self.fresh(&credentials) {
            Verdict::Good
        } else {
            Verdict::Stale
        };
        (verdict, Some(credentials.user.to_owned()))
    }

    /// Forgets nonces that have expired.
    pub(crate) fn sweep(&self) {
        let now = self.now();
        let lifetime = self.lifetime.as_secs();
        self.used()
            .retain(|_, counts| counts.issued.saturating_add(lifetime) >= now);
    }

    /// Whether the nonce is ours and young, and its count was not used before. Marks the count used.
    fn fresh(&self, credentials: &Credentials<'_>) -> bool {
        let nc = credentials
            .qop
            .map_or(Ok(1), |(nc, _)| u32::from_str_radix(nc, 16));
        let (Some(issued), Ok(nc)) = (self.issued(credentials.nonce), nc) else {
            return false;
        };
        if nc == 0 || self.now().saturating_sub(issued) > self.lifetime.as_secs() {
            return false;
        }
        let mut used = self.used();
        if used.len() >= NONCES_MAX && !used.contains_key(credentials.nonce) {
            return false;
        }
        let counts = used.entry(credentials.nonce.to_owned()).or_insert(Counts {
            issued,
            highest: 0,
            seen: 0,
        });
        counts.mark(nc)
    }

    /// Seconds since start: nonces do not outlive the process, nor follow the wall clock.
    fn now(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    fn nonce(&self, issued: u64, salt: &str) -> String {
        let mut nonce = format!("{issued:08x}{salt}");
        let mac = hex::<Sha256>(&[&self.key, &nonce]);
        nonce.push_str(mac.get(..24).unwrap_or_default());
        nonce
    }

    /// When a nonce of ours was issued; `None` if it is not ours.
    fn issued(&self, nonce: &str) -> Option<u64> {
        let issued = u64::from_str_radix(nonce.get(..8)?, 16).ok()?;
        let expected = self.nonce(issued, nonce.get(8..16)?);
        bool::from(expected.as_bytes().ct_eq(nonce.as_bytes())).then_some(issued)
    }

    fn used(&self) -> std::sync::MutexGuard<'_, HashMap<String, Counts>> {
        // The map is whole after every statement, so a panic elsewhere leaves it usable.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Whether `nc` is new. Counts may arrive out of order, but not 64 behind the highest.
    fn mark(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            self.seen = self.seen.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let bit = 1u64.checked_shl(self.highest - nc).unwrap_or(0);
        let new = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

impl<'a> Credentials<'a> {
    fn parse(header: &'a str, realm: &str) -> Option<Self> {
        let tokens = AuthTokenizer::parse(header).ok()?;
        let get = |name: &str| {
            tokens
                .params
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(name))
                .map(|&(_, v)| v)
        };
        let algorithm = DigestAlgorithm::named(get("algorithm"))?;
        let digest = tokens.scheme.eq_ignore_ascii_case("Digest");
        if !digest || get("realm")? != realm {
            return None;
        }
        let qop = match get("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some((get("nc")?, get("cnonce")?)),
            Some(_) => return None,
        };
        Some(Self {
            user: get("username")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?,
            qop,
            algorithm,
        })
    }

    fn expected(&self, method: &str, realm: &str, secret: &str) -> String {
        match self.algorithm {
            DigestAlgorithm::Md5 => self.expected_by::<md5::Md5>(method, realm, secret),
            DigestAlgorithm::Sha256 => self.expected_by::<Sha256>(method, realm, secret),
        }
    }

    fn expected_by<D: sha2::Digest>(&self, method: &str, realm: &str, secret: &str) -> String {
        let ha1 = hex::<D>(&[self.user, ":", realm, ":", secret]);
        let ha2 = hex::<D>(&[method, ":", self.uri]);
        match self.qop {
            Some((nc, cnonce)) => hex::<D>(&[&ha1, ":", self.nonce, ":", nc, ":", cnonce, ":auth:", &ha2]),
            None => hex::<D>(&[&ha1, ":", self.nonce, ":", &ha2]),
        }
    }
}

/// What a peer asks for when it wants a password of us.
struct Challenge<'a> {
    realm: &'a str,
    nonce: &'a str,
    opaque: Option<&'a str>,
    algorithm: DigestAlgorithm,
    /// Whether it knows `qop=auth`; RFC 2069's time did not.
    qop: bool,
}

/// The answer to the challenges of a 401 or 407, as the value of a header (RFC 7616 §3.4): to the first that we can
/// answer, since they come in the peer's order of preference (RFC 8760 §2.4).
pub(crate) fn answer<'c>(
    challenges: impl IntoIterator<Item = &'c str>,
    method: &str,
    uri: &str,
    account: &Account,
) -> Option<String> {
    let challenge = challenges.into_iter().find_map(Challenge::parse)?;
    Some(challenge.answer(method, uri, account, &random_text(16)))
}

impl<'a> Challenge<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let tokens = AuthTokenizer::parse(header).ok()?;
        let get = |name: &str| {
            let mut params = tokens.params.iter();
            params
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|&(_, value)| value)
        };
        if !tokens.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let qop = match get("qop") {
            None => false,
            Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return None,
        };
        Some(Self {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm: DigestAlgorithm::named(get("algorithm"))?,
            qop,
        })
    }

    fn answer(&self, method: &str, uri: &str, account: &Account, cnonce: &str) -> String {
        let Self { realm, nonce, .. } = self;
        let Account { user, secret } = account;
        let credentials = Credentials {
            user,
            nonce,
            uri,
            response: "",
            qop: self.qop.then_some(("00000001", cnonce)),
            algorithm: self.algorithm,
        };
        let response = credentials.expected(method, realm, secret);
        let token = self.algorithm.token();
        let mut value = format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={token}"
        );
        if self.qop {
            let _ = write!(value, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = self.opaque {
            let _ = write!(value, ", opaque=\"{opaque}\"");
        }
        value
    }
}

fn hex<D: sha2::Digest>(parts: &[&str]) -> String {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REALM: &str = "holdfast";

    fn digest(lifetime: u64) -> Digest {
        let offered = [DigestAlgorithm::Md5, DigestAlgorithm::Sha256];
        Digest::new(REALM, &offered, Duration::from_secs(lifetime))
    }

    fn nonce_of(challenge: &str) -> String {
        challenge
            .split("nonce=\"")
            .nth(1)
            .and_then(|r| r.split('"').next())
            .expect("a nonce")
            .to_owned()
    }

    fn header(nonce: &str, algorithm: &str, secret: &str, nc: &str) -> String {
        let credentials = Credentials {
            user: "101",
            nonce,
            uri: "sip:pbx",
            response: "",
            qop: (!nc.is_empty()).then_some((nc, "c0")),
            algorithm: if algorithm == "MD5" {
                DigestAlgorithm::Md5
            } else {
                DigestAlgorithm::Sha256
            },
        };
        let response = credentials.expected("REGISTER", REALM, secret);
        let qop = if nc.is_empty() {
            String::new()
        } else {
            format!(", qop=auth, nc={nc}, cnonce=\"c0\"")
        };
        format!(
            "Digest username=\"101\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:pbx\", \
             response=\"{response}\", algorithm={algorithm}{qop}"
        )
    }

    fn judge(digest: &Digest, header: &str) -> Verdict {
        digest
            .judge("REGISTER", header, |user| (user == "101").then_some("s3cret"))
            .0
    }

    #[test]
    fn responses_match_the_example_of_rfc_7616() {
        // RFC 7616 §3.9.1.
        for (algorithm, response) in [
            (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                DigestAlgorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let credentials = Credentials {
                user: "Mufasa",
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                uri: "/dir/index.html",
                response: "",
                qop: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
                algorithm,
            };
            assert_eq!(
                credentials.expected("GET", "http-auth@example.org", "Circle of Life"),
                response
            );
        }
    }

    #[test]
    fn challenges_are_answered_as_we_would_judge() {
        let account = Account {
            user: "101".into(),
            secret: "s3cret".into(),
        };
        let digest = digest(300);
        let ours = digest.challenge(false);
        let answered =
            answer(ours.iter().map(String::as_str), "INVITE", "sip:1@h", &account).expect("an answer");
        assert!(
            answered.contains("algorithm=MD5, qop=auth"),
            "the first that is offered: {answered}"
        );
        let secret_of = |user: &str| (user == "101").then_some("s3cret");
        assert_eq!(digest.judge("INVITE", &answered, secret_of).0, Verdict::Good);
        for (challenges, holds) in [
            (
                vec!["Digest realm=\"r\", nonce=\"n\", opaque=\"o\", qop=\"auth-int,auth\""],
                Some("qop=auth, nc=00000001"),
            ),
            (
                vec!["Digest realm=\"r\", nonce=\"n\", opaque=\"o\""],
                Some("algorithm=MD5, opaque=\"o\""),
            ),
            (
                vec![
                    "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"",
                    "Digest realm=\"r\", nonce=\"n\", algorithm=sha-256",
                ],
                Some("algorithm=SHA-256"),
            ),
            (vec!["Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""], None),
            (vec!["Digest realm=\"r\""], None),
            (vec!["Basic realm=\"r\""], None),
            (vec!["Digest realm=\"r"], None),
            (vec![], None),
        ] {
            let value = answer(challenges.iter().copied(), "INVITE", "sip:1@h", &account);
            match holds {
                Some(part) => assert!(
                    value.as_ref().is_some_and(|v| v.contains(part)),
                    "{challenges:?}: {value:?}"
                ),
                None => assert_eq!(value, None, "{challenges:?}"),
            }
        }
    }

    #[test]
    fn credentials_are_judged() {
        let digest = digest(300);
        let nonce = nonce_of(&digest.challenge(false)[0]);
        for (header, verdict) in [
            (header(&nonce, "MD5", "s3cret", "00000001"), Verdict::Good),
            (header(&nonce, "SHA-256", "s3cret", "00000003"), Verdict::Good),
            (header(&nonce, "SHA-256", "s3cret", "00000003"), Verdict::Stale),
            (header(&nonce, "SHA-256", "s3cret", "00000002"), Verdict::Good),
            (header(&nonce, "MD5", "wrong", "00000004"), Verdict::Bad),
            (header(&nonce, "MD5", "s3cret", "00000000"), Verdict::Stale),
            (
                header(
                    "00000000abcdefghdeadbeefdeadbeefdeadbeef",
                    "MD5",
                    "s3cret",
                    "00000001",
                ),
                Verdict::Stale,
            ),
            (
                header(&nonce, "MD5", "s3cret", "00000005").replace("\"101\"", "\"102\""),
                Verdict::Bad,
            ),
            (
                header(&nonce, "MD5", "s3cret", "00000006").replace("qop=auth", "qop=auth-int"),
                Verdict::Absent,
            ),
            (
                header(&nonce, "MD5", "s3cret", "00000007").replace("\"holdfast\"", "\"other\""),
                Verdict::Absent,
            ),
            ("Basic Zm9vOmJhcg==".into(), Verdict::Absent),
            ("Digest".into(), Verdict::Absent),
            ("Digest username=\"101".into(), Verdict::Absent),
        ] {
            assert_eq!(judge(&digest, &header), verdict, "{header}");
        }
    }

    #[test]
    fn without_qop_a_nonce_is_good_once() {
        let digest = digest(300);
        let nonce = nonce_of(&digest.challenge(false)[0]);
        let header = header(&nonce, "MD5", "s3cret", "");
        assert_eq!(
            [judge(&digest, &header), judge(&digest, &header)],
            [Verdict::Good, Verdict::Stale]
        );
    }

    #[test]
    fn only_what_was_offered_counts() {
        let digest = Digest::new(REALM, &[DigestAlgorithm::Sha256], Duration::from_secs(300));
        let [challenge] = digest.challenge(false).try_into().expect("one challenge");
        let nonce = nonce_of(&challenge);
        assert_eq!(
            judge(&digest, &header(&nonce, "MD5", "s3cret", "00000001")),
            Verdict::Absent
        );
        assert_eq!(
            judge(&digest, &header(&nonce, "SHA-256", "s3cret", "00000001")),
            Verdict::Good
        );
    }

    #[test]
    fn an_old_nonce_is_stale_and_forgotten() {
        let digest = digest(10);
        let young = digest.nonce(digest.now(), "saltsalt");
        assert_eq!(
            judge(&digest, &header(&young, "MD5", "s3cret", "00000001")),
            Verdict::Good
        );
        assert_eq!(digest.used().len(), 1);
        // Issued eleven seconds ago, seen by a digest that has run for longer.
        let later = Digest {
            start: Instant::now() - Duration::from_secs(11),
            ..digest
        };
        assert_eq!(
            judge(&later, &header(&young, "MD5", "s3cret", "00000002")),
            Verdict::Stale
        );
        later.sweep();
        assert_eq!(later.used().len(), 0);
    }

    #[test]
    fn counts_far_behind_are_repeated_ones() {
        let mut counts = Counts {
            issued: 0,
            highest: 0,
            seen: 0,
        };
        assert!(counts.mark(100));
        assert!(counts.mark(37) && !counts.mark(37));
        assert!(!counts.mark(36), "64 behind");
        assert!(counts.mark(u32::MAX) && !counts.mark(100));
    }
}
