//! Who may call, what they may dial, and which number they call from.

use crate::config::{IpNet, SipConfig, TrunkAuth};
use crate::core::Core;
use crate::digest::Verdict;
use crate::limits::Bucket;
use crate::message;
use crate::validate::Refusal;
use acd::{CallerNumber, QueueId, Skills, TrunkId};
use rsipstack::sip::{Header, Headers, Request, Scheme, Uri};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The trunks, made for looking up.
pub(crate) struct Trunks {
    by_address: Vec<(IpNet, TrunkId)>,
    has_digest: bool,
    buckets: Vec<Mutex<Bucket>>,
    rate: f64,
}

impl Trunks {
    pub(crate) fn new(config: &SipConfig) -> Self {
        let mut by_address = Vec::new();
        for (trunk, id) in config.trunks.iter().zip(0..) {
            if let TrunkAuth::ByAddress(nets) = &trunk.auth {
                by_address.extend(nets.iter().map(|&net| (net, TrunkId(id))));
            }
        }
        let rate = f64::from(config.limits.trunk_calls_per_second.max(1));
        let now = Instant::now();
        let bucket = |_: &_| Mutex::new(Bucket::full(rate, now));
        Self {
            by_address,
            has_digest: config
                .trunks
                .iter()
                .any(|t| matches!(t.auth, TrunkAuth::ByDigest { .. })),
            buckets: config.trunks.iter().map(bucket).collect(),
            rate,
        }
    }

    /// The trunk that this address belongs to; the first configured one counts.
    pub(crate) fn by_address(&self, ip: IpAddr) -> Option<TrunkId> {
        self.by_address
            .iter()
            .find(|(net, _)| net.contains(ip))
            .map(|&(_, trunk)| trunk)
    }

    /// Whether the trunk may bring one more call now.
    fn may_call(&self, trunk: TrunkId, now: Instant) -> bool {
        let bucket = usize::try_from(trunk.0).ok().and_then(|i| self.buckets.get(i));
        bucket.is_some_and(|b| {
            b.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(self.rate, self.rate, now)
        })
    }
}

impl Core {
    /// The trunk that an INVITE comes by, or why it may not come.
    pub(crate) fn admit(&self, request: &Request, by_address: Option<TrunkId>) -> Result<TrunkId, Refusal> {
        let trunk = match by_address {
            Some(trunk) => trunk,
            None if self.trunks.has_digest => self.trunk_by_digest(request)?,
            None => return Err(Refusal::new(403, "unknown_source")),
        };
        if self.trunks.may_call(trunk, Instant::now()) {
            Ok(trunk)
        } else {
            Err(Refusal::new(503, "rate_trunk").with("Retry-After", "1"))
        }
    }

    fn trunk_by_digest(&self, request: &Request) -> Result<TrunkId, Refusal> {
        let secret_of = |name: &str| {
            self.config.trunks.iter().find_map(|t| match &t.auth {
                TrunkAuth::ByDigest { user, secret } if user == name => Some(secret.as_str()),
                _ => None,
            })
        };
        let user = self.authenticate(request, secret_of)?;
        let named =
            |auth: &TrunkAuth| matches!(auth, TrunkAuth::ByDigest { user: name, .. } if *name == user);
        let found = self.config.trunks.iter().zip(0..).find(|(t, _)| named(&t.auth));
        found
            .map(|(_, id)| TrunkId(id))
            .ok_or(Refusal::new(403, "bad_credentials"))
    }

    /// The user whose credentials a request carries, or the challenge or refusal that it gets.
    pub(crate) fn authenticate<'s>(
        &self,
        request: &Request,
        secret_of: impl Fn(&str) -> Option<&'s str>,
    ) -> Result<String, Refusal> {
        let challenge = |stale, reason| {
            let challenges = self.digest.challenge(stale).into_iter();
            challenges.fold(Refusal::new(401, reason), |refusal, value| {
                refusal.with("WWW-Authenticate", value)
            })
        };
        let method = request.method.to_string();
        for header in request.headers.iter() {
            // A caller may answer us as it would a proxy: we stand in for one.
            let (Header::Authorization(_) | Header::ProxyAuthorization(_)) = header else {
                continue;
            };
            match self.digest.judge(&method, header.value(), &secret_of) {
                (Verdict::Good, Some(user)) => return Ok(user),
                (Verdict::Stale, _) => return Err(challenge(true, "stale_nonce")),
                (Verdict::Bad, _) => return Err(Refusal::new(403, "bad_credentials")),
                (Verdict::Absent | Verdict::Good, _) => {}
            }
        }
        Err(challenge(false, "challenged"))
    }

    /// The queue that the dialled number leads to, and what an operator must know for it.
    pub(crate) fn destination(&self, uri: &Uri) -> Result<(QueueId, Skills), Refusal> {
        let dialled = match &uri.scheme {
            Some(Scheme::Sip) => uri.user().unwrap_or_default().to_owned(),
            // The library reads a telephone number as the host of the URI.
            _ => uri.host_with_port.host.to_string(),
        };
        let table = &self.config.destinations;
        let found = [dialled.as_str(), "*"]
            .into_iter()
            .find_map(|number| Some((number, *table.get(number)?)));
        let (number, queue) = found.ok_or(Refusal::new(404, "unknown_number"))?;
        let skills = self.config.number_skills.get(number).copied();
        Ok((queue, skills.unwrap_or_default()))
    }
}

/// The number that a call comes from. `trusted`: P-Asserted-Identity counts (RFC 3325).
pub(crate) fn caller_number(headers: &Headers, trusted: bool) -> CallerNumber {
    let from = message::header(headers, "From").unwrap_or_default();
    let asserted = message::list(headers, "P-Asserted-Identity")
        .next()
        .filter(|_| trusted);
    let private = message::list(headers, "Privacy")
        .flat_map(|v| v.split(';'))
        .any(|p| {
            let p = p.trim();
            ["id", "user", "header"]
                .iter()
                .any(|word| p.eq_ignore_ascii_case(word))
        });
    let Some(uri) = message::uri(asserted.unwrap_or(from)) else {
        return CallerNumber::withheld();
    };
    let user = match &uri.scheme {
        Some(Scheme::Other(_)) => uri.host_with_port.host.to_string(),
        _ => uri.user().unwrap_or_default().to_owned(),
    };
    // RFC 3261 §8.1.1.3 and RFC 3323 §4.1.1.3: how a caller without a name is written.
    let anonymous =
        user.eq_ignore_ascii_case("anonymous") || uri.host_with_port.host.to_string().ends_with(".invalid");
    if private || anonymous || user.is_empty() {
        CallerNumber::withheld()
    } else {
        CallerNumber::new(&user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(lines: &[(&str, &str)], trusted: bool) -> String {
        let headers: Vec<Header> = lines
            .iter()
            .map(|(n, v)| rsipstack::sip::headers::make_header(n, (*v).to_owned()))
            .collect();
        caller_number(&headers.into(), trusted).reveal().to_owned()
    }

    #[test]
    fn the_number_is_who_the_network_says_or_the_caller() {
        let from = ("From", "\"X\" <sip:13800138000@a.example>;tag=1");
        let asserted = (
            "P-Asserted-Identity",
            "\"Y\" <sip:+8613900139000@carrier.example>, <tel:+86139>",
        );
        for (lines, trusted, expect) in [
            (vec![from], false, "13800138000"),
            (vec![from, asserted], true, "+8613900139000"),
            (vec![from, asserted], false, "13800138000"),
            (
                vec![from, ("P-Asserted-Identity", "<tel:+8613900139000;cpc=ordinary>")],
                true,
                "+8613900139000",
            ),
            (vec![from, ("Privacy", "id")], false, ""),
            (vec![from, asserted, ("Privacy", "critical; ID")], true, ""),
            (vec![from, ("Privacy", "none")], false, "13800138000"),
            (
                vec![("From", "Anonymous <sip:anonymous@anonymous.invalid>;tag=1")],
                false,
                "",
            ),
            (vec![("From", "<sip:Anonymous@a.example>;tag=1")], false, ""),
            (vec![("From", "<sip:a.example>;tag=1")], false, ""),
            (vec![("From", "nonsense")], false, ""),
        ] {
            assert_eq!(number(&lines, trusted), expect, "{lines:?} trusted {trusted}");
        }
    }
}
