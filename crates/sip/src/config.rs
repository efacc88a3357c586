//! What the SIP edge is told once: where to listen, whom to trust, what callers may dial, and every limit.

use crate::SrtpPolicy;
use acd::{OperatorId, QueueId, Skills, TrunkId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Settings of the SIP edge.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// Sockets to open. Port 0 takes a free one; [`Sip::local_addrs`](crate::Sip::local_addrs) tells which.
    pub listen: Vec<Listen>,
    /// The IPv4 address told to peers in Contact, Via and SDP; by default the one the kernel would use.
    pub external_v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub external_v6: Option<Ipv6Addr>,
    /// The digest realm (RFC 3261 §22.1), shown by phones when they ask for a password.
    pub realm: String,
    /// Server and User-Agent header.
    pub user_agent: String,
    /// Where calls may come from; a [`TrunkId`] is an index into it.
    pub trunks: Vec<Trunk>,
    /// Which queue a dialled user part leads to. The key `*` stands for every other number.
    pub destinations: BTreeMap<String, QueueId>,
    /// What an operator must know for calls to a dialled user part, besides the queue's own skills.
    pub number_skills: BTreeMap<String, Skills>,
    /// How callers are called back, by the trunk that they came by. By the others nobody can be dialled.
    pub ways_out: BTreeMap<TrunkId, WayOut>,
    /// Other places that calls are forwarded to, as SIP URIs; [`acd::Destination::Forward`] is an index into it.
    pub forwards: Vec<String>,
    /// Operators' and supervisors' phones, which may register here.
    pub phones: Vec<Phone>,
    /// How a caller is told to wait while early media plays.
    pub early_media: EarlyMedia,
    /// Session timers (RFC 4028).
    pub session_timer: SessionTimer,
    /// Bounds on registrations.
    pub registration: Registration,
    /// The hashes that digest challenges offer, in this order (RFC 8760 §2.4). Many phones understand only the first
    /// challenge, or only MD5.
    pub digest: Vec<DigestAlgorithm>,
    /// How long a digest nonce is accepted; after that the phone is asked again with `stale=true`.
    pub nonce_lifetime: Duration,
    /// RFC 3261 T1, the estimate of the round trip that all retransmissions follow. 500 ms by the RFC.
    pub t1: Duration,
    /// The trunk that calls of browsers come by which nobody has signed in to ([`WebUser::Guest`](crate::WebUser)); by
    /// none, they are asked for a trunk's password.
    pub web_callers: Option<TrunkId>,
    /// Codecs that are offered and taken, the most wanted first.
    pub codecs: media::Codecs,
    /// Bounds on everything that peers can make grow.
    pub limits: Limits,
    /// The first [`CallId`](acd::CallId) given out; the following ones count up.
    pub first_call_id: u64,
}

impl Default for SipConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            external_v4: None,
            external_v6: None,
            realm: "holdfast".into(),
            user_agent: concat!("Holdfast/", env!("CARGO_PKG_VERSION")).into(),
            trunks: Vec::new(),
            destinations: BTreeMap::new(),
            number_skills: BTreeMap::new(),
            ways_out: BTreeMap::new(),
            forwards: Vec::new(),
            phones: Vec::new(),
            early_media: EarlyMedia::Progress,
            session_timer: SessionTimer::default(),
            registration: Registration::default(),
            digest: vec![DigestAlgorithm::Md5, DigestAlgorithm::Sha256],
            nonce_lifetime: Duration::from_secs(300),
            t1: Duration::from_millis(500),
            web_callers: None,
            codecs: media::Codecs::default(),
            limits: Limits::default(),
            first_call_id: 1,
        }
    }
}

/// A hash for digest authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// MD5 (RFC 3261 §22.4): what every phone knows.
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

impl DigestAlgorithm {
    /// The hash that a challenge or its answer names; MD5 where it names none. `None` for one that is not spoken here.
    pub(crate) fn named(token: Option<&str>) -> Option<Self> {
        match token {
            None => Some(DigestAlgorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case("MD5") => Some(DigestAlgorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(DigestAlgorithm::Sha256),
            Some(_) => None,
        }
    }

    /// The token on the wire.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            DigestAlgorithm::Md5 => "MD5",
            DigestAlgorithm::Sha256 => "SHA-256",
        }
    }
}

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// UDP or TCP.
    pub transport: Transport,
    /// Address and port to bind.
    pub addr: SocketAddr,
}

/// A transport of SIP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// WebSocket (RFC 7118), through the HTTP server: it cannot be listened on by itself.
    Ws,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Ws => "WS",
        })
    }
}

/// A way in for callers.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in logs and metrics.
    pub name: String,
    /// How its calls are known.
    pub auth: TrunkAuth,
    /// Whether P-Asserted-Identity (RFC 3325) is believed. Otherwise the caller's number is From's.
    pub trusted_identity: bool,
    /// Whether its callers speak SRTP.
    pub srtp: SrtpPolicy,
}

/// How a trunk's calls are known.
#[derive(Clone)]
pub enum TrunkAuth {
    /// By the source address of the INVITE.
    ByAddress(Vec<IpNet>),
    /// By digest: INVITE is challenged with 401.
    ByDigest {
        /// The user name.
        user: String,
        /// The password.
        secret: String,
    },
}

impl fmt::Debug for TrunkAuth {
    /// The secret stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrunkAuth::ByAddress(nets) => f.debug_tuple("ByAddress").field(nets).finish(),
            TrunkAuth::ByDigest { user, .. } => f.debug_struct("ByDigest").field("user", user).finish(),
        }
    }
}

/// How a trunk dials out.
#[derive(Clone, Debug)]
pub struct WayOut {
    /// The provider's SIP URI, without a user part: the number that is dialled takes that place.
    pub uri: String,
    /// The number that people see when we call them.
    pub from_user: String,
    /// Who we are when the provider asks for a password (RFC 3261 §22).
    pub account: Option<Account>,
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The digest user name.
    pub user: String,
    /// The password.
    pub secret: String,
}

impl fmt::Debug for Account {
    /// The secret stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish()
    }
}

/// Whose phone it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneOwner {
    /// An operator's: the queue has it rung, and is told whether it can be.
    Operator(OperatorId),
    /// A supervisor's: it is rung to listen to a call, and is nothing to the queue.
    Supervisor,
}

/// A phone that may register here.
#[derive(Clone)]
pub struct Phone {
    /// Whose phone it is.
    pub owner: PhoneOwner,
    /// The user part it registers as, which is its digest user name too.
    pub user: String,
    /// Its digest password.
    pub secret: String,
    /// A SIP URI that is always dialled in place of a registered contact.
    pub contact: Option<String>,
    /// Whether it speaks SRTP.
    pub srtp: SrtpPolicy,
}

impl fmt::Debug for Phone {
    /// The secret stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone")
            .field("owner", &self.owner)
            .field("user", &self.user)
            .field("contact", &self.contact)
            .field("srtp", &self.srtp)
            .finish()
    }
}

/// The provisional response that carries early media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyMedia {
    /// 183 Session Progress, which most networks cut through.
    Progress,
    /// 182 Queued.
    Queued,
}

/// Session timers (RFC 4028).
#[derive(Clone, Copy, Debug)]
pub struct SessionTimer {
    /// The interval we ask for. Zero switches session timers off.
    pub interval: Duration,
    /// The shortest interval we accept; shorter ones get 422. The RFC asks for at least 90 s.
    pub min: Duration,
}

impl Default for SessionTimer {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1_800),
            min: Duration::from_secs(90),
        }
    }
}

/// Bounds on registrations.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// The shortest lifetime accepted; shorter ones get 423.
    pub min: Duration,
    /// The longest lifetime granted.
    pub max: Duration,
    /// What is granted when the phone asks for nothing.
    pub default: Duration,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(30),
            max: Duration::from_secs(3_600),
            default: Duration::from_secs(300),
        }
    }
}

/// Bounds on everything that peers can make grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Legs alive at once; a caller above it gets 503.
    pub legs_max: usize,
    /// New calls a second from a trunk known by address; those above it get 503.
    pub trunk_calls_per_second: u32,
    /// Requests outside dialogs a second from any other source; those above it are dropped.
    pub requests_per_second: u32,
    /// How many of those may come at once, as when all phones of an office start up together.
    pub requests_burst: u32,
    /// Sources remembered for that.
    pub sources_max: usize,
    /// The longest SIP message, in bytes.
    pub message_bytes_max: usize,
    /// TCP connections open at once.
    pub connections_max: usize,
    /// WebSockets open at once.
    pub websockets_max: usize,
    /// How long a silent TCP connection is kept.
    pub connection_idle: Duration,
    /// Contacts kept for one phone.
    pub contacts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            legs_max: 20_000,
            trunk_calls_per_second: 2_000,
            requests_per_second: 50,
            requests_burst: 500,
            sources_max: 10_000,
            message_bytes_max: 16_384,
            connections_max: 2_000,
            websockets_max: 2_000,
            connection_idle: Duration::from_secs(900),
            contacts_max: 4,
        }
    }
}

/// A block of addresses, such as `192.0.2.0/24` or `2001:db8::/32`. A bare address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNet {
    addr: IpAddr,
    prefix: u8,
}

impl IpNet {
    /// Whether `ip` lies in the block. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.addr, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                same_prefix(net.to_bits().into(), ip.to_bits().into(), self.prefix, 32)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_prefix(net.to_bits(), ip.to_bits(), self.prefix, 128),
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, prefix: u8, width: u32) -> bool {
    let shift = width - u32::from(prefix);
    a.checked_shr(shift) == b.checked_shr(shift)
}

/// Why a text is not a block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a block of IP addresses; write it like 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7")]
pub struct IpNetError(String);

impl FromStr for IpNet {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || IpNetError(text.to_owned());
        let (addr, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| bad())?;
        let width = if addr.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |p| p.parse().map_err(|_| bad()))?;
        if prefix > width {
            Err(bad())
        } else {
            Ok(Self { addr, prefix })
        }
    }
}

impl From<IpAddr> for IpNet {
    fn from(addr: IpAddr) -> Self {
        Self {
            addr,
            prefix: if addr.is_ipv4() { 32 } else { 128 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_their_addresses_and_no_others() {
        for (net, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.255.255.255", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "::1", "10.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ] {
            let net: IpNet = net.parse().expect("a good block");
            assert!(
                net.contains(inside.parse().expect("an address")),
                "{net:?} {inside}"
            );
            assert!(
                !net.contains(outside.parse().expect("an address")),
                "{net:?} {outside}"
            );
        }
    }

    #[test]
    fn what_is_not_a_block_is_refused_with_a_remedy() {
        for text in [
            "",
            "192.0.2.0/33",
            "2001:db8::/129",
            "example.org",
            "192.0.2.0/",
            "192.0.2.0/-1",
            "1.2.3/8",
        ] {
            let error = text.parse::<IpNet>().expect_err(text);
            assert!(error.to_string().contains("192.0.2.0/24"), "{error}");
        }
    }
}
