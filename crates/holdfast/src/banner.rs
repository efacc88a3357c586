//! What a person reads when the engine has started: where to dial, where to register, where to look.

use crate::Config;
use sip::Transport;
use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The addresses of a running engine, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// What a caller dials.
    pub dial: Vec<String>,
    /// Where an operator's phone registers.
    pub register: Vec<String>,
    /// The web page.
    pub page: String,
    /// The live feed.
    pub feed: String,
    /// The metrics.
    pub metrics: String,
}

impl Addresses {
    /// Where `config`'s engine is reached, given the sockets that were really opened.
    pub fn new(config: &Config, sip: &[(Transport, SocketAddr)], web: SocketAddr) -> Self {
        let mut register: Vec<String> = Vec::new();
        let mut hosts: Vec<String> = Vec::new();
        for (transport, addr) in sip {
            let host = host_of(config, *addr);
            match register.iter_mut().zip(&hosts).find(|(_, known)| **known == host) {
                Some((line, _)) => *line = line.replacen(')', &format!(", {transport})"), 1),
                None => {
                    register.push(format!("sip:{host} ({transport})"));
                    hosts.push(host);
                }
            }
        }
        let host = hosts.first().map_or("localhost", String::as_str);
        let users = config.sip.destinations.keys().filter(|user| *user != "*");
        let web = SocketAddr::new(reachable(web.ip()), web.port());
        let s = if config.feed.tls.is_some() { "s" } else { "" };
        Self {
            dial: users.map(|user| format!("sip:{user}@{host}")).collect(),
            register,
            page: format!("http{s}://{web}/"),
            feed: format!("ws{s}://{web}/feed"),
            metrics: format!("http{s}://{web}/metrics"),
        }
    }
}

/// The host part of a SIP URI; the usual port is left out.
fn host_of(config: &Config, addr: SocketAddr) -> String {
    let ip = match (addr.ip(), config.sip.external_v4, config.sip.external_v6) {
        (IpAddr::V4(_), Some(v4), _) => IpAddr::V4(v4),
        (IpAddr::V6(_), _, Some(v6)) => IpAddr::V6(v6),
        (ip, ..) => reachable(ip),
    };
    match (ip, addr.port()) {
        (IpAddr::V4(ip), 5_060) => ip.to_string(),
        (IpAddr::V6(ip), 5_060) => format!("[{ip}]"),
        (ip, port) => SocketAddr::new(ip, port).to_string(),
    }
}

/// An address others can use in place of "any": the one the kernel would speak from.
pub(crate) fn reachable(ip: IpAddr) -> IpAddr {
    if !ip.is_unspecified() {
        return ip;
    }
    // Connecting a UDP socket sends nothing; the addresses are documentation's own (RFC 5737, RFC 3849).
    let (any, far) = match ip {
        IpAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        IpAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let spoken = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    match (spoken, ip) {
        (Ok(addr), _) => addr.ip(),
        (Err(_), IpAddr::V4(_)) => IpAddr::from([127, 0, 0, 1]),
        (Err(_), IpAddr::V6(_)) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
    }
}

/// The banner as text, in colours if `colours`.
pub struct Banner<'a> {
    /// The hotline's name.
    pub name: &'a str,
    /// Where it is reached.
    pub addresses: &'a Addresses,
    /// Whether to use colours: only where a person looks at a terminal.
    pub colours: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (strong, faint, plain) = if self.colours {
            ("\x1b[1;36m", "\x1b[2m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        writeln!(f)?;
        writeln!(
            f,
            "  {strong}{}{plain}  {faint}Holdfast {}{plain}",
            self.name,
            env!("CARGO_PKG_VERSION")
        )?;
        let Addresses {
            dial,
            register,
            page,
            feed,
            metrics,
        } = self.addresses;
        let rows = [
            ("dial", dial.join("  ")),
            ("register", register.join("  ")),
            ("page", page.clone()),
            ("feed", feed.clone()),
            ("metrics", metrics.clone()),
        ];
        for (what, where_) in rows {
            writeln!(f, "  {faint}{what:<9}{plain} {where_}")?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn addresses() -> Addresses {
        Addresses {
            dial: vec!["sip:12345@192.0.2.1".into(), "sip:hotline@192.0.2.1".into()],
            register: vec!["sip:192.0.2.1 (UDP, TCP)".into()],
            page: "http://192.0.2.1:8080/".into(),
            feed: "ws://192.0.2.1:8080/feed".into(),
            metrics: "http://192.0.2.1:8080/metrics".into(),
        }
    }

    #[test]
    fn a_person_can_read_it() {
        let banner = Banner {
            name: "Mayor's hotline",
            addresses: &addresses(),
            colours: false,
        }
        .to_string();
        let banner = banner.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        // The margin is the banner's own, and would be lost in the expectation's.
        let banner = banner.replace("\n  ", "\n|");
        let expected = expect![[r#"

            |Mayor's hotline  Holdfast VERSION
            |dial      sip:12345@192.0.2.1  sip:hotline@192.0.2.1
            |register  sip:192.0.2.1 (UDP, TCP)
            |page      http://192.0.2.1:8080/
            |feed      ws://192.0.2.1:8080/feed
            |metrics   http://192.0.2.1:8080/metrics

        "#]];
        expected.assert_eq(&banner);
    }

    #[test]
    fn colours_only_when_asked_for() {
        let shown = |colours| {
            Banner {
                name: "x",
                addresses: &addresses(),
                colours,
            }
            .to_string()
        };
        assert!(shown(true).contains('\x1b'));
        assert!(!shown(false).contains('\x1b'));
    }

    #[test]
    fn any_address_is_told_as_one_that_works() {
        assert!(!reachable(IpAddr::from([0, 0, 0, 0])).is_unspecified());
        assert_eq!(
            reachable(IpAddr::from([127, 0, 0, 1])),
            IpAddr::from([127, 0, 0, 1])
        );
    }
}
