//! What touches the network: SIP, trunks, RTP, HTTP.

use super::FeedSettings;
use super::names::{judge_secret, sip_uri, unique_name};
use super::section::Section;
use crate::banner::reachable;
use acd::TrunkId;
use media::{CodecFamily, Codecs, MediaConfig};
use sip::{
    Account, DigestAlgorithm, EarlyMedia, IpNet, Limits, Listen, Registration, SessionTimer, SipConfig,
    SrtpPolicy, Transport, Trunk, TrunkAuth, WayOut,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

pub(super) fn sip(mut section: Section<'_, '_, '_>) -> SipConfig {
    let default = SipConfig::default();
    let listen = section.parsed_list(
        "listen",
        "write it as \"udp:0.0.0.0:5060\" or \"tcp:[::]:5060\"",
        listen_of,
    );
    if listen.as_ref().is_some_and(Vec::is_empty) {
        section.findings().error(
            &section.at_key("listen"),
            "there is none: no phone could reach the engine",
            "add one, such as \"udp:0.0.0.0:5060\"",
        );
    }
    let address = "write an IP address that peers can reach, such as \"203.0.113.5\"";
    let external_v4 = section.parsed("external_v4", address, ip);
    let external_v6 = section.parsed("external_v6", address, ip);
    let hash = |text: &str| match text {
        "md5" => Ok(DigestAlgorithm::Md5),
        "sha-256" => Ok(DigestAlgorithm::Sha256),
        _ => Err("is no hash for passwords here"),
    };
    let digest = section.parsed_list("digest", "use \"md5\" or \"sha-256\"", hash);
    if digest.as_ref().is_some_and(Vec::is_empty) {
        section.findings().error(
            &section.at_key("digest"),
            "is empty",
            "name at least one: [\"md5\", \"sha-256\"]",
        );
    }
    let sip = SipConfig {
        listen: listen.map_or_else(default_listen, |all| all.into_iter().map(|l| l.value).collect()),
        external_v4: external_v4.map(|address| address.value),
        external_v6: external_v6.map(|address| address.value),
        realm: section.text("realm").map_or(default.realm, |text| text.value),
        early_media: match section.integer("early_media_status", 182..=183) {
            Some(182) => EarlyMedia::Queued,
            Some(_) => EarlyMedia::Progress,
            None => default.early_media,
        },
        session_timer: SessionTimer {
            interval: section
                .duration("session_interval", Duration::ZERO..=HOUR * 24)
                .unwrap_or(default.session_timer.interval),
            min: section
                .duration("session_interval_min", SECOND..=HOUR)
                .unwrap_or(default.session_timer.min),
        },
        registration: registration(&mut section, default.registration),
        digest: digest.map_or(default.digest, |all| {
            all.into_iter().map(|hash| hash.value).collect()
        }),
        nonce_lifetime: section
            .duration("nonce_lifetime", SECOND * 10..=HOUR * 24)
            .unwrap_or(default.nonce_lifetime),
        limits: limits(&mut section, default.limits),
        ..SipConfig::default()
    };
    if !sip.session_timer.interval.is_zero() && sip.session_timer.interval < sip.session_timer.min {
        section.findings().error(
            &section.at_key("session_interval"),
            "is shorter than `session_interval_min`",
            "make it at least as long, or \"0s\" for no session timers",
        );
    }
    section.finish();
    sip
}

/// An address of the family that is asked for.
fn ip<A: std::str::FromStr>(text: &str) -> Result<A, &'static str> {
    text.parse().map_err(|_| "is not an IP address of this family")
}

fn default_listen() -> Vec<Listen> {
    let addr = SocketAddr::from(([0, 0, 0, 0], 5_060));
    [Transport::Udp, Transport::Tcp]
        .map(|transport| Listen { transport, addr })
        .to_vec()
}

fn listen_of(text: &str) -> Result<Listen, &'static str> {
    let (transport, addr) = text.split_once(':').ok_or("is not a transport and an address")?;
    let transport = match transport {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return Err("begins with no transport that is spoken here"),
    };
    let addr = addr
        .parse()
        .map_err(|_| "does not go on with an IP address and a port")?;
    Ok(Listen { transport, addr })
}

fn registration(section: &mut Section<'_, '_, '_>, default: Registration) -> Registration {
    let range = SECOND..=HOUR * 24;
    let registration = Registration {
        min: section
            .duration("registration_min", range.clone())
            .unwrap_or(default.min),
        max: section
            .duration("registration_max", range.clone())
            .unwrap_or(default.max),
        default: section
            .duration("registration_default", range)
            .unwrap_or(default.default),
    };
    let ordered = registration.min <= registration.default && registration.default <= registration.max;
    if !ordered {
        section.findings().error(
            &section.at_key("registration_default"),
            "does not lie between `registration_min` and `registration_max`",
            "make min ≤ default ≤ max",
        );
    }
    registration
}

fn limits(section: &mut Section<'_, '_, '_>, default: Limits) -> Limits {
    Limits {
        legs_max: section
            .integer("legs_max", 2..=1_000_000)
            .unwrap_or(default.legs_max),
        trunk_calls_per_second: section
            .integer("trunk_calls_per_second", 1..=100_000)
            .unwrap_or(default.trunk_calls_per_second),
        requests_per_second: section
            .integer("requests_per_second", 1..=100_000)
            .unwrap_or(default.requests_per_second),
        requests_burst: section
            .integer("requests_burst", 1..=100_000)
            .unwrap_or(default.requests_burst),
        connections_max: section
            .integer("connections_max", 1..=100_000)
            .unwrap_or(default.connections_max),
        websockets_max: section
            .integer("websockets_max", 1..=100_000)
            .unwrap_or(default.websockets_max),
        ..default
    }
}

/// The trunks, and which of them can dial.
#[derive(Default)]
pub(super) struct Trunks {
    pub(super) trunks: Vec<Trunk>,
    pub(super) ways_out: BTreeMap<TrunkId, WayOut>,
    /// By which browsers' calls come, if they may.
    pub(super) browsers: Option<TrunkId>,
}

/// Reads them. `number` is what people know the house by.
pub(super) fn trunks(root: &mut Section<'_, '_, '_>, number: Option<&str>) -> Trunks {
    let mut read = Trunks::default();
    let mut names = Vec::new();
    for mut section in root.sections("trunks") {
        section.require("name", "\"local\"");
        let name = section.text("name");
        if let Some(name) = &name {
            unique_name(&section, name, &names);
        }
        let name = name.map_or_else(|| format!("trunk{}", names.len()), |name| name.value);
        let auth = trunk_auth(&mut section, &name);
        let trusted_identity = section.boolean("trusted_identity").unwrap_or(false);
        let srtp = srtp_policy(&mut section, SrtpPolicy::Optional);
        let id = TrunkId(read.trunks.len() as u32);
        if let Some(way) = way_out(&mut section, &name, &auth, number) {
            read.ways_out.insert(id, way);
        }
        if section.boolean("browsers").unwrap_or(false) {
            match read.browsers {
                None => read.browsers = Some(id),
                Some(_) => section.findings().error(
                    &section.at_key("browsers"),
                    "is set on another trunk already",
                    "leave it on the one trunk that browsers' calls should count as",
                ),
            }
        }
        read.trunks.push(Trunk {
            name: name.clone(),
            auth,
            trusted_identity,
            srtp,
        });
        names.push(name);
        section.finish();
    }
    if read.trunks.is_empty() {
        root.findings().error(
            &root.at_key("trunks"),
            "there is none: nobody could call",
            "add a table `[[trunks]]` with `name` and `from`",
        );
    }
    read
}

/// How a trunk dials, if it does.
fn way_out(
    section: &mut Section<'_, '_, '_>,
    name: &str,
    auth: &TrunkAuth,
    number: Option<&str>,
) -> Option<WayOut> {
    if !section.has("dial") {
        without_dial(section);
    }
    let remedy = "write the provider's address alone, such as \"sip:192.0.2.1:5060\" or \"sip:sip.provider.example;transport=tcp\"";
    let uri = section.parsed("dial", remedy, |text| {
        let uri = sip_uri(text)?;
        match uri.contains('@') {
            true => Err("has a user part, where the number that is dialled belongs"),
            false => Ok(uri),
        }
    });
    let from_user = section.text("from_user").map(|user| user.value);
    let user = section.text("dial_user");
    let secret = section.text("dial_secret");
    if let Some(secret) = &secret {
        judge_secret(section, secret, name);
    }
    let account = match (user, secret, auth) {
        (Some(user), Some(secret), _) => Some((user.value, secret.value)),
        (Some(_), None, _) | (None, Some(_), _) => {
            section.findings().error(
                section.at(),
                "has only one of `dial_user` and `dial_secret`",
                "give both, or neither",
            );
            None
        }
        (None, None, TrunkAuth::ByDigest { user, secret }) => Some((user.clone(), secret.clone())),
        (None, None, TrunkAuth::ByAddress(_)) => None,
    };
    let known_by = || account.as_ref().map(|(user, _)| user.clone());
    let from_user = from_user.or_else(|| number.map(str::to_owned)).or_else(known_by);
    Some(WayOut {
        uri: uri?.value,
        from_user: from_user.unwrap_or_else(|| "hotline".to_owned()),
        account: account.map(|(user, secret)| Account { user, secret }),
    })
}

/// Settings of dialling mean nothing to a trunk that does not.
fn without_dial(section: &Section<'_, '_, '_>) {
    for key in ["from_user", "dial_user", "dial_secret"] {
        if section.has(key) {
            section.findings().warn(
                &section.at_key(key),
                "has no effect: this trunk does not dial",
                "add `dial` with the provider's address, or remove it",
            );
        }
    }
}

/// Whether a trunk or phone speaks SRTP.
pub(super) fn srtp_policy(section: &mut Section<'_, '_, '_>, default: SrtpPolicy) -> SrtpPolicy {
    let choices = [
        ("off", SrtpPolicy::Off),
        ("optional", SrtpPolicy::Optional),
        ("required", SrtpPolicy::Required),
    ];
    section.choice("srtp", &choices).unwrap_or(default)
}

fn trunk_auth(section: &mut Section<'_, '_, '_>, name: &str) -> TrunkAuth {
    let by_digest = section.has("user") || section.has("secret");
    if by_digest {
        section.require("user", "\"trunk\"");
        section.require("secret", "\"a long random text\"");
    } else {
        section.require("from", "[\"127.0.0.0/8\"]");
    }
    if by_digest && section.has("from") {
        section.findings().error(
            section.at(),
            "is known both by address and by digest",
            "give either `from`, or `user` and `secret`",
        );
    }
    let remedy = "write it like \"192.0.2.7\", \"192.0.2.0/24\", \"2001:db8::/32\" or \"this-machine\"";
    let nets = section.parsed_list("from", remedy, nets_of);
    let user = section.text("user");
    let secret = section.text("secret");
    if let Some(secret) = &secret {
        judge_secret(section, secret, name);
    }
    for net in nets.iter().flatten() {
        // TEST-NET addresses (RFC 5737) are nobody's: a block that holds two of them far apart is open to the world.
        let strangers = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([203, 0, 113, 1])];
        if strangers
            .into_iter()
            .all(|address| net.value.iter().any(|net| net.contains(address)))
        {
            section.findings().warn(
                &net.at,
                "lets the whole Internet call",
                "name the provider's addresses alone",
            );
        }
    }
    match (nets, user, secret) {
        (_, Some(user), Some(secret)) => TrunkAuth::ByDigest {
            user: user.value,
            secret: secret.value,
        },
        (nets, ..) => TrunkAuth::ByAddress(nets.into_iter().flatten().flat_map(|net| net.value).collect()),
    }
}

/// A block of addresses, or those of this machine: loopback, and what it speaks from.
fn nets_of(text: &str) -> Result<Vec<IpNet>, &'static str> {
    let blocks: Vec<String> = match text {
        "this-machine" => {
            let own = ["0.0.0.0", "::"]
                .iter()
                .filter_map(|any| any.parse().ok())
                .map(reachable);
            ["127.0.0.0/8".to_owned(), "::1".to_owned()]
                .into_iter()
                .chain(own.map(|ip| ip.to_string()))
                .collect()
        }
        block => vec![block.to_owned()],
    };
    let parsed = blocks.iter().map(|block| block.parse::<IpNet>());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|_| "is neither an IP address nor a block of them")
}

/// The settings of `[media]`.
pub(super) struct MediaSettings {
    pub(super) media: MediaConfig,
    pub(super) audio_dir: PathBuf,
    pub(super) codecs: Codecs,
}

pub(super) fn media(mut section: Section<'_, '_, '_>) -> MediaSettings {
    let default = MediaConfig::default();
    let bind = "write an IP address of this machine, such as \"0.0.0.0\"";
    let bind_v4 = section.parsed("bind_v4", bind, ip).map(|address| address.value);
    let bind_v6 = section.parsed("bind_v6", bind, ip).map(|address| address.value);
    let ports = section.parsed("ports", "write the first and the last: \"16384-32767\"", ports_of);
    let media = MediaConfig {
        bind_v4: bind_v4.or(if bind_v6.is_some() { None } else { default.bind_v4 }),
        bind_v6,
        ports: ports.map_or(default.ports, |ports| ports.value),
        port_rest: section
            .duration("port_rest", Duration::ZERO..=SECOND * 60)
            .unwrap_or(default.port_rest),
        threads: section.integer("threads", 0..=64).unwrap_or(default.threads),
        silence_timeout: section
            .duration("silence_timeout", SECOND..=HOUR)
            .unwrap_or(default.silence_timeout),
        webrtc_connect_timeout: section
            .duration("webrtc_connect_timeout", SECOND..=SECOND * 60)
            .unwrap_or(default.webrtc_connect_timeout),
        gather: section
            .duration("gather", Duration::ZERO..=Duration::from_millis(10))
            .unwrap_or(default.gather),
        recording: None,
    };
    let audio = section
        .text("audio_dir")
        .map_or_else(|| "config".into(), |text| PathBuf::from(text.value));
    let family = |text: &str| CodecFamily::from_name(text).ok_or("is not a codec of ours");
    let codecs = section.parsed_list("codecs", "use \"g711\", \"g722\" or \"opus\"", family);
    let codecs = codecs.map_or_else(Codecs::default, |all| {
        Codecs::new(&all.into_iter().map(|family| family.value).collect::<Vec<_>>())
    });
    section.finish();
    MediaSettings {
        media,
        audio_dir: audio,
        codecs,
    }
}

fn ports_of(text: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let (first, last) = text.split_once('-').ok_or("is not a range of ports")?;
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| "is not a range of ports");
    let (first, last) = (port(first)?, port(last)?);
    if first < 1_024 {
        return Err("begins below 1024, where the system's own ports are");
    }
    // A pair is an even port and the odd one after it.
    if first.next_multiple_of(2) >= last {
        return Err("holds no pair of an even port and the odd one after it");
    }
    Ok(first..=last)
}

pub(super) fn feed(mut section: Section<'_, '_, '_>) -> FeedSettings {
    let default = feed::Limits::default();
    let listen = section.parsed(
        "listen",
        "write it as \"0.0.0.0:8080\" or \"[::]:8080\"",
        |text| text.parse().map_err(|_| "is not an IP address and a port"),
    );
    section.gone(
        "supervisor_secret",
        "each supervisor has a name and a secret now: add a table `[[supervisors]]` with `name` and `console_secret`, which \
         may be this very one",
    );
    let origins = section.parsed_list("origins", "write it as \"https://console.example\"", |text| {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains('/') => Ok(text.to_owned()),
            _ => Err("is not a web origin"),
        }
    });
    let tls = tls(section.section("tls"));
    let settings = FeedSettings {
        tls,
        listen: listen.map_or(SocketAddr::from(([0, 0, 0, 0], 8_080)), |listen| listen.value),
        heartbeat: section
            .duration("heartbeat", SECOND..=SECOND * 60)
            .unwrap_or(SECOND * 15),
        open_wallboard: section.boolean("open_wallboard").unwrap_or(true),
        supervisors: Vec::new(),
        operator_secrets: Vec::new(),
        session_lifetime: section
            .duration("session_lifetime", SECOND * 60..=SECOND * 86_400)
            .unwrap_or(SECOND * 1_800),
        origins: origins.into_iter().flatten().map(|origin| origin.value).collect(),
        thresholds: feed::Thresholds::default(),
        limits: feed::Limits {
            clients_max: section
                .integer("clients_max", 1..=100_000)
                .unwrap_or(default.clients_max),
            connections_max: section
                .integer("connections_max", 1..=100_000)
                .unwrap_or(default.connections_max),
            ..default
        },
    };
    section.finish();
    settings
}

/// The certificate of the page and the feed, if there is one; what cannot be used is a mistake now rather than at a start.
fn tls(mut section: Section<'_, '_, '_>) -> Option<feed::TlsFiles> {
    let given = ["certificate", "key"].iter().any(|key| section.has(key));
    if given {
        section.require("certificate", "\"certificate.pem\"");
        section.require("key", "\"key.pem\"");
    }
    let [certificate, key] = [section.text("certificate"), section.text("key")];
    let files = certificate.zip(key).map(|(certificate, key)| feed::TlsFiles {
        certificate: certificate.value.into(),
        key: key.value.into(),
    });
    if let Some(Err(error)) = files.as_ref().map(feed::TlsFiles::check) {
        let at = section.at_key(error.setting());
        section.findings().error(&at, error.to_string(), error.remedy());
    }
    section.finish();
    files
}
