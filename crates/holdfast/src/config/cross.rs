//! Mistakes that only show when the parts of a configuration are seen together.

use super::Config;
use super::finding::Findings;
use sip::{Transport, TrunkAuth};
use std::net::SocketAddr;

pub(super) fn check(config: &Config, findings: &Findings<'_>) {
    if findings.any_errors() {
        // Defaults stand in for what was wrong; what follows from them would only mislead.
        folders(config, findings);
        return;
    }
    sockets(config, findings);
    users(config, findings);
    folders(config, findings);
    sizes(config, findings);
    dialling(config, findings);
    if let Err(error) = config.core.validate() {
        let text = error.to_string();
        let (key, rest) = text.split_once(": ").unwrap_or(("", &text));
        let (what, remedy) = rest
            .split_once("; ")
            .unwrap_or((rest, "see the comments in config/holdfast.toml"));
        findings.error(&findings.at(key), what, remedy);
    }
}

/// No two parts may want one port.
fn sockets(config: &Config, findings: &Findings<'_>) {
    for (index, listen) in config.sip.listen.iter().enumerate() {
        let at = findings.at(&format!("sip.listen[{index}]"));
        let same =
            |other: &&sip::Listen| other.transport == listen.transport && clash(other.addr, listen.addr);
        if config.sip.listen.iter().take(index).any(|other| same(&other)) {
            findings.error(
                &at,
                "is a port that another item of the list takes",
                "remove one of the two",
            );
        }
        if listen.transport == Transport::Udp && config.media.ports.contains(&listen.addr.port()) {
            let ports = format!("{}-{}", config.media.ports.start(), config.media.ports.end());
            findings.error(
                &at,
                format!("port {} lies among the RTP ports {ports}", listen.addr.port()),
                "move one of them: SIP is usually at 5060",
            );
        }
        if listen.transport == Transport::Tcp && clash(config.feed.listen, listen.addr) {
            findings.error(
                &findings.at("feed.listen"),
                "is a port that SIP takes",
                "give the web page its own port",
            );
        }
    }
}

/// A digest user name must tell who it is.
fn users(config: &Config, findings: &Findings<'_>) {
    let mut taken: Vec<&str> = config
        .sip
        .phones
        .iter()
        .map(|phone| phone.user.as_str())
        .collect();
    for (index, trunk) in config.sip.trunks.iter().enumerate() {
        let TrunkAuth::ByDigest { user, .. } = &trunk.auth else {
            continue;
        };
        if taken.contains(&user.as_str()) {
            findings.error(
                &findings.at(&format!("trunks[{index}].user")),
                format!("\"{user}\" is the name of an operator, a supervisor or another trunk already"),
                "give every operator, supervisor and trunk a user name of its own",
            );
        }
        taken.push(user);
    }
}

/// Whoever shall be dialled outside must be within reach.
fn dialling(config: &Config, findings: &Findings<'_>) {
    let ways = &config.sip.ways_out;
    for (index, queue) in config.core.queues.iter().enumerate() {
        if queue.call_back.is_some() && ways.is_empty() {
            findings.error(
                &findings.at(&format!("queues[{index}].call_back")),
                "nobody could be called back: no trunk can dial",
                "add `dial`, the provider's address, to the trunk that callers come by",
            );
        }
    }
    let outside = !ways.is_empty() || !config.sip.forwards.is_empty();
    if outside && !config.sip.listen.iter().any(|at| at.transport == Transport::Udp) {
        findings.error(
            &findings.at("sip.listen"),
            "has no UDP socket, from which phones outside are dialled",
            "add one, such as \"udp:0.0.0.0:5060\"",
        );
    }
}

/// Whether two sockets of one transport cannot both be opened.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_address = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_address && a.is_ipv4() == b.is_ipv4()
}

/// Prompts must be there to be played, and the journal must have a place.
fn folders(config: &Config, findings: &Findings<'_>) {
    let audio = &config.audio_dir;
    let at = findings.at("media.audio_dir");
    if !audio.is_dir() {
        findings.error(
            &at,
            format!("there is no folder {}", audio.display()),
            "name the one that holds prompts/ and music/; a relative path begins where the program is started",
        );
    } else {
        let mut languages: Vec<_> = config.languages.iter().flatten().collect();
        languages.sort();
        languages.dedup();
        let prompts = languages
            .into_iter()
            .map(|language| audio.join("prompts").join(language.code()));
        for folder in prompts
            .chain([audio.join("music")])
            .filter(|folder| !folder.is_dir())
        {
            findings.warn(
                &at,
                format!("there is no folder {}", folder.display()),
                "restore it; until then callers hear something in its place, or nothing",
            );
        }
    }
    for (queue, music) in config.music.iter().enumerate() {
        for missing in music.iter().filter(|path| !path.exists()) {
            findings.warn(
                &findings.at(&format!("queues[{queue}].music")),
                format!("there is no file or folder {}", missing.display()),
                "name sound files, or folders of them; until then this queue's callers hear its other music, or a tone",
            );
        }
    }
    let dir = &config.journal.dir;
    if dir.exists() && !dir.is_dir() {
        findings.error(
            &findings.at("journal.dir"),
            format!("{} is a file", dir.display()),
            "name a directory; it is made if it is not there",
        );
    }
}

/// Limits that contradict each other.
fn sizes(config: &Config, findings: &Findings<'_>) {
    let ports = &config.media.ports;
    let [first, last] = [*ports.start(), *ports.end()].map(usize::from);
    let pairs = last.div_ceil(2) - first.div_ceil(2);
    let calls = config.core.calls_max as usize;
    let operators = config.core.operators.len();
    if pairs < calls + operators {
        findings.warn(
            &findings.at("media.ports"),
            format!("{pairs} pairs of ports are fewer than {calls} calls and {operators} operators may need"),
            "widen the range or lower `engine.calls_max`",
        );
    }
    let legs = config.sip.limits.legs_max;
    if legs < calls + operators {
        findings.warn(
            &findings.at("sip.legs_max"),
            format!("{legs} legs are fewer than {calls} calls and {operators} operators may need"),
            "raise it or lower `engine.calls_max`",
        );
    }
    for (index, queue) in config.core.queues.iter().enumerate() {
        if queue.waiting_max > config.core.calls_max {
            findings.warn(
                &findings.at(&format!("queues[{index}].waiting_max")),
                format!("{} is more than `engine.calls_max` lets in", queue.waiting_max),
                "raise `engine.calls_max` or lower it",
            );
        }
    }
}
