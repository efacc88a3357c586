//! The shipped configuration is without mistakes, and a file full of them has each one named.

mod transfer;

use super::*;
use expect_test::{Expect, expect};
use std::net::IpAddr;

const SHIPPED: &str = include_str!("../../../../config/holdfast.toml");

/// The shipped file as a test can read it from the crate's directory.
fn shipped() -> String {
    SHIPPED.replace("audio_dir = \"config\"", "audio_dir = \"../../config\"")
}

fn findings(text: &str) -> Vec<Finding> {
    let checked = Config::parse("test.toml", text);
    let errors = checked
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    assert_eq!(
        checked.config.is_none(),
        errors,
        "a configuration comes out exactly when there is no error"
    );
    checked.findings
}

fn check(text: &str, expected: Expect) {
    let lines: Vec<String> = findings(text)
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect();
    expected.assert_eq(&lines.concat());
}

/// The shipped file with one piece of it replaced. Where in the file is left out: that moves with every comment.
fn with(from: &str, to: &str, expected: Expect) {
    let text = shipped();
    assert_eq!(
        text.matches(from).count(),
        1,
        "the shipped file holds {from:?} once"
    );
    // The warnings about the example's secrets are not what is asked here.
    let text = text.replace("change-me-", "long-and-random-").replace(from, to);
    let lines: Vec<String> = findings(&text)
        .into_iter()
        .map(
            |Finding {
                 severity,
                 key,
                 what,
                 remedy,
                 ..
             }| format!("{severity:?} {key}: {what}; {remedy}\n"),
        )
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn the_shipped_configuration_warns_of_its_secrets_alone() {
    let checked = Config::parse("holdfast.toml", &shipped());
    assert!(checked.config.is_some(), "{:?}", checked.findings);
    assert_eq!(checked.findings.len(), 4);
    for (index, finding) in checked.findings.iter().enumerate() {
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.key, format!("operators[{index}].secret"));
    }
}

#[test]
fn what_the_shipped_configuration_shows_as_defaults_is_the_default() {
    let mut text = String::new();
    let mut comments_are_settings = true;
    for line in shipped().lines() {
        // Examples of further tables are no defaults, nor are settings that have none.
        let example = [
            "# [[",
            "# name =",
            "# from =",
            "# user =",
            "# secret =",
            "# trusted_identity",
            "# external_",
            "# console_secret",
            "# [feed.tls]",
            "# certificate =",
            "# key =",
            "# clock_start",
            "# sync_interval",
            "# music =",
            "# To let",
            "# A provider",
        ];
        let tables = ["# A provider", "# [queues.", "# [[queues.", "# [transfer]"];
        comments_are_settings &= !tables.iter().any(|table| line.starts_with(table));
        if line.starts_with("# ──") {
            comments_are_settings = true;
        }
        let setting = line.strip_prefix("# ").filter(|rest| {
            let key = rest.split(" = ").next().unwrap_or_default();
            rest.contains(" = ")
                && key
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        });
        match setting {
            Some(setting) if comments_are_settings && !example.iter().any(|e| line.starts_with(e)) => {
                text += setting;
            }
            _ => text += line,
        }
        text += "\n";
    }
    assert_ne!(text, shipped());
    let parse = |text: &str| {
        format!(
            "{:?}",
            Config::parse("holdfast.toml", text).config.expect("no error")
        )
    };
    assert_eq!(parse(&text), parse(&shipped()));
}

#[test]
fn the_shipped_schedule_is_the_hotlines() {
    let config = Config::parse("holdfast.toml", &shipped())
        .config
        .expect("no error");
    let timetable = acd::schedule::Timetable::new(&config.core.schedule).expect("a good schedule");
    let table = [
        ("2026-11-23T07:59:59+08:00", 4),
        ("2026-11-23T08:00:00+08:00", 12),
        ("2026-11-23T17:59:59+08:00", 12),
        ("2026-11-23T18:00:00+08:00", 4),
        ("2026-11-28T12:00:00+08:00", 4),  // a Saturday
        ("2026-10-10T12:00:00+08:00", 12), // a Saturday worked
        ("2026-10-01T12:00:00+08:00", 4),  // a holiday on a Thursday
    ];
    for (moment, lines) in table {
        let at: jiff::Timestamp = moment.parse().expect("a moment");
        let at = acd::Timestamp::from_micros(at.as_microsecond() as u64);
        assert_eq!(timetable.lines_at(at), lines, "{moment}");
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = r#"
name = 5
colour = "red"
pause_reasons = ["meal", "meal", ""]
skills = ["english"]

[schedule]
time_zone = "Asia/Peking"
holidays = ["2026-02-30", "2026-10-01"]
workdays = ["2026-10-01"]

[[schedule.windows]]
days = ["mon-fri", "someday"]
from = "8:00"
to = "25:00"
lines = -1

[[schedule.window]]
days = ["sat"]

[[queues]]
name = "hotline"
dial = ["hotline", "sip:x@y"]
answr = "arrival"
strategy = "longest-idle"
ring_timeout = "20"
wait_max = "2w"
languages = ["zh", "fr"]

[[queues]]
name = "hotline"
dial = ["hotline"]
announce_every = "1s"
skills = ["englsh", "juggling"]
wait_quantile = 100
schedule = { lines_otherwise = 2, opens = "08:00" }

[[operators]]
name = "1001"
secret = "1001"
queues = ["hotlien"]

[[operators]]
name = "1001"
contact = "1001@phone"
console_secret = "$argon2id$v=19$m=19456"

[[trunks]]
name = "provider"
from = ["0.0.0.0/0", "example.org"]
user = "me"

[sip]
listen = ["udp:0.0.0.0:5060", "tls:0.0.0.0:5061", "udp:localhost:5060"]
early_media_status = 180
session_interval = "30s"

[media]
audio_dir = "nowhere"
ports = "20001-20002"

[feed]
listen = "8080"
origins = ["console.example"]
tls = { certificate = "nowhere.pem" }

[journal]
durability = "always"
segment_size = "64"
sync_interval = "1s"

[engine]
calls_max = 0
clock_rate = 0
clock_start = "tomorrow"

[log]
format = "pretty"
filter = "sip=loud"

[records]
retention = "10"
call_back_within = "10m"
keep = true

[form]
outcomes = ["done", "", "done"]
categories = "noise"

[thresholds]
answer_within = "0s"
oldest_wait = { watch = "2m", alarm = "1m" }
service_level = { watch = 80 }
abandonment = { watched = 0.1 }
"#;
    check(
        text,
        expect![[r#"
            test.toml:2:8: error: name: is a number; write a text in quotes
            test.toml:3:1: error: colour: there is no such key; remove it; what can stand here is `name`, `log`, `engine`, `journal`, `records`, `form`, `skills`, `schedule`, `queues`, `pause_reasons`, `operators`, `supervisors`, `trunks`, `sip`, `media`, `recording`, `feed` and `thresholds`
            test.toml:4:27: error: pause_reasons[1]: "meal" is the name of pause_reasons[0] already; give each its own name
            test.toml:4:34: error: pause_reasons[2]: is empty; give it a name
            test.toml:7:1: error: schedule.lines_otherwise: is missing; add `lines_otherwise = 4`
            test.toml:8:14: error: schedule.time_zone: "Asia/Peking" is no time zone this program knows; use an IANA name such as "Asia/Shanghai"
            test.toml:9:14: error: schedule.holidays[0]: "2026-02-30" is not a date; write it as "YYYY-MM-DD"
            test.toml:10:14: error: schedule.workdays[0]: 2026-10-01 is among the holidays too; remove it from one of the two lists
            test.toml:13:21: error: schedule.windows[0].days[1]: "someday" is not a day of the week; write days or stretches of days: "mon", "sat-sun"
            test.toml:14:9: error: schedule.windows[0].from: "8:00" is not a time of day; write hours and minutes: "08:00", up to "24:00"
            test.toml:15:7: error: schedule.windows[0].to: "25:00" is not a time of day; write hours and minutes: "08:00", up to "24:00"
            test.toml:16:9: error: schedule.windows[0].lines: -1 is out of range; use a number from 0 to 10000
            test.toml:18:12: error: schedule.window: there is no such key; did you mean `windows`?
            test.toml:23:21: error: queues[0].dial[1]: "sip:x@y" cannot be dialled; write the part before the @ alone, such as "hotline", or "*" for every other number
            test.toml:24:1: error: queues[0].answr: there is no such key; did you mean `answer`?
            test.toml:25:13: error: queues[0].strategy: "longest-idle" is none of the choices; did you mean `longest_idle`?
            test.toml:26:17: error: queues[0].ring_timeout: "20" is not a length of time; write it with its unit: "250ms", "90s", "5m", "1h30m"
            test.toml:27:13: error: queues[0].wait_max: "2w" is not a length of time; write it with its unit: "250ms", "90s", "5m", "1h30m"
            test.toml:28:21: error: queues[0].languages[1]: "fr" is not a language with prompts; use "zh" or "en"
            test.toml:31:9: error: queues[1].name: "hotline" is the name of queues[0] already; give each its own name
            test.toml:32:10: error: queues[1].dial[0]: "hotline" leads to the queue hotline already; let each number lead to one queue
            test.toml:33:19: error: queues[1].announce_every: is too short to be heard out; use at least "5s", or "0s" for never
            test.toml:34:12: error: queues[1].skills[0]: there is no skill "englsh"; did you mean `english`?
            test.toml:34:22: error: queues[1].skills[1]: there is no skill "juggling"; the only one is `english`
            test.toml:35:17: error: queues[1].wait_quantile: 100 is out of range; use a number from 0 to 99
            test.toml:36:35: error: queues[1].schedule.opens: there is no such key; remove it; what can stand here is `time_zone`, `lines_otherwise`, `holidays`, `workdays` and `windows`
            test.toml:40:11: warning: operators[0].secret: is easily guessed; use a long random text, as `openssl rand -base64 18` prints
            test.toml:41:12: error: operators[0].queues[0]: there is no queue "hotlien"; did you mean `hotline`?
            test.toml:43:1: error: operators[1].secret: is missing; add `secret = "a long random text"`
            test.toml:44:9: error: operators[1].name: "1001" is the name of operators[0] already; give each its own name
            test.toml:45:12: error: operators[1].contact: "1001@phone" is not a SIP URI; write it as "sip:1001@192.0.2.5:5060"
            test.toml:46:19: error: operators[1].console_secret: begins like a hash of Argon2 but cannot be read as one; make one with `holdfast hash-secret`, and copy all of it
            test.toml:48:1: error: trunks[0].secret: is missing; add `secret = "a long random text"`
            test.toml:48:1: error: trunks[0]: is known both by address and by digest; give either `from`, or `user` and `secret`
            test.toml:50:10: warning: trunks[0].from[0]: lets the whole Internet call; name the provider's addresses alone
            test.toml:50:23: error: trunks[0].from[1]: "example.org" is neither an IP address nor a block of them; write it like "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" or "this-machine"
            test.toml:54:32: error: sip.listen[1]: "tls:0.0.0.0:5061" begins with no transport that is spoken here; write it as "udp:0.0.0.0:5060" or "tcp:[::]:5060"
            test.toml:54:52: error: sip.listen[2]: "udp:localhost:5060" does not go on with an IP address and a port; write it as "udp:0.0.0.0:5060" or "tcp:[::]:5060"
            test.toml:55:22: error: sip.early_media_status: 180 is out of range; use a number from 182 to 183
            test.toml:56:21: error: sip.session_interval: is shorter than `session_interval_min`; make it at least as long, or "0s" for no session timers
            test.toml:59:14: error: media.audio_dir: there is no folder nowhere; name the one that holds prompts/ and music/; a relative path begins where the program is started
            test.toml:60:10: error: media.ports: "20001-20002" holds no pair of an even port and the odd one after it; write the first and the last: "16384-32767"
            test.toml:63:11: error: feed.listen: "8080" is not an IP address and a port; write it as "0.0.0.0:8080" or "[::]:8080"
            test.toml:64:13: error: feed.origins[0]: "console.example" is not a web origin; write it as "https://console.example"
            test.toml:65:7: error: feed.tls.key: is missing; add `key = "key.pem"`
            test.toml:68:15: error: journal.durability: "always" is none of the choices; use `every_batch`, `interval` or `never`
            test.toml:69:17: error: journal.segment_size: "64" is not a size; write it with its unit: "64MiB", "10GB"
            test.toml:70:18: warning: journal.sync_interval: has no effect with this `durability`; remove it, or write `durability = "interval"`
            test.toml:73:13: error: engine.calls_max: 0 is out of range; use a number from 1 to 100000
            test.toml:74:14: error: engine.clock_rate: 0 is out of range; use a number above 0 and up to 100000
            test.toml:75:16: error: engine.clock_start: "tomorrow" is not a moment; write a moment with its offset from UTC, such as "2026-11-23T09:00:00+08:00"
            test.toml:78:11: error: log.format: "pretty" is none of the choices; use `compact` or `json`
            test.toml:79:11: error: log.filter: "sip=loud" is not a filter of log lines; write a level, or levels by crate: "info", "info,sip=debug"
            test.toml:82:14: error: records.retention: "10" is not a length of time; write it with its unit: "250ms", "90s", "5m", "1h30m"
            test.toml:83:21: error: records.call_back_within: "10m" is out of range; use 1h to 31d
            test.toml:84:1: error: records.keep: there is no such key; remove it; what can stand here is `path`, `retention` and `call_back_within`
            test.toml:87:21: error: form.outcomes[1]: "" is empty; write a word or two, 60 characters at most
            test.toml:87:26: error: form.outcomes[2]: "done" is there twice; keep one of the two
            test.toml:88:15: error: form.categories: is a text; write a list of texts, such as ["one", "two"]
            test.toml:91:18: error: thresholds.answer_within: "0s" is out of range; use 1s to 1d
            test.toml:92:15: error: thresholds.oldest_wait: would alarm before it is to be watched; make `alarm` at least as large as `watch`
            test.toml:93:27: error: thresholds.service_level.watch: 80 is out of range; use a number above 0 and up to 1
            test.toml:94:17: error: thresholds.abandonment.watched: there is no such key; did you mean `watch`?
        "#]],
    );
}

#[test]
fn who_is_recorded_is_told_or_it_is_said_that_not() {
    with(
        "# greeting = true ",
        "record = \"all\"\ngreeting = false ",
        expect![[r#"
            Error queues[0].record: callers would not be told: that is done with the greeting, which is off; set `greeting = true`, or `record_notice = false` if they are told in another way
        "#]],
    );
    with(
        "# greeting = true ",
        "record = \"some\" ",
        expect![[r#"
            Error queues[0].record: "some" is none of the choices; use `off`, `all` or `on-demand`
        "#]],
    );
}

#[test]
fn srtp_is_off_optional_or_required() {
    with(
        "[[trunks]]\nname = \"local\"",
        "[[trunks]]\nname = \"local\"\nsrtp = \"always\"",
        expect![[r#"
            Error trunks[0].srtp: "always" is none of the choices; use `off`, `optional` or `required`
        "#]],
    );
}

#[test]
fn what_only_shows_in_the_whole_is_found_too() {
    with(
        "ports = \"16384-32767\"",
        "ports = \"5000-6000\"",
        expect![[r#"
            Error sip.listen[0]: port 5060 lies among the RTP ports 5000-6000; move one of them: SIP is usually at 5060
            Warning media.ports: 500 pairs of ports are fewer than 2000 calls and 4 operators may need; widen the range or lower `engine.calls_max`
        "#]],
    );
    with(
        "\"tcp:0.0.0.0:5060\"",
        "\"udp:127.0.0.1:5060\"",
        expect![[r#"
            Error sip.listen[1]: is a port that another item of the list takes; remove one of the two
        "#]],
    );
    with(
        "listen = \"0.0.0.0:8080\"",
        "listen = \"127.0.0.1:5060\"",
        expect![[r#"
            Error feed.listen: is a port that SIP takes; give the web page its own port
        "#]],
    );
    with(
        "[log]",
        "[log]\nfiltre = \"info\"",
        expect![[r#"
            Error log.filtre: there is no such key; did you mean `filter`?
        "#]],
    );
    with(
        "name = \"hotline\"",
        "name = \"hotline\"\nwaiting_max = 5000",
        expect![[r#"
            Warning queues[0].waiting_max: 5000 is more than `engine.calls_max` lets in; raise `engine.calls_max` or lower it
        "#]],
    );
    with(
        "[engine]",
        "[engine]\nclock_rate = 60",
        expect![[r#"
            Warning engine.clock_rate: the engine's clock is not the real one; remove it, unless this is a test or a demonstration
        "#]],
    );
    with(
        "[sip]",
        "[[trunks]]\nname = \"visitors\"\nuser = \"1001\"\nsecret = \"long-and-random\"\n[sip]",
        expect![[r#"
            Error trunks[1].user: "1001" is the name of an operator, a supervisor or another trunk already; give every operator, supervisor and trunk a user name of its own
        "#]],
    );
}

#[test]
fn phones_of_supervisors_are_nobody_elses() {
    let text = shipped().replace(
        "# [[supervisors]]\n# name = \"9001\"",
        "[[supervisors]]\nname = \"chief\"\nconsole_secret = \"lighthouse\"\n[[supervisors]]\nname = \"9001\"\nsecret = \"long-and-random\"\nsrtp = \"required\"",
    );
    let config = Config::parse("t", &text).config.expect("a good configuration");
    let phone = config.sip.phones.last().expect("the supervisor's");
    assert_eq!(
        (phone.owner, phone.user.as_str()),
        (sip::PhoneOwner::Supervisor, "9001")
    );
    assert_eq!(phone.srtp, sip::SrtpPolicy::Required);
    assert_eq!(config.sip.phones.len(), config.core.operators.len() + 1);
    let supervisors = config.feed.supervisors.iter();
    let names: Vec<_> = supervisors.map(|supervisor| supervisor.name.as_str()).collect();
    assert_eq!(
        names,
        ["chief", "9001"],
        "who has no secret for a phone has no phone"
    );
    with(
        "[sip]",
        "[[supervisors]]\nname = \"1001\"\n[sip]",
        expect![[r#"
            Error supervisors[0].secret: is missing; add `secret = "a long random text"`
            Error supervisors[0].name: "1001" is the name of operators[0] already; give each its own name
        "#]],
    );
    with(
        "open_wallboard = true",
        "supervisor_secret = \"lighthouse\"",
        expect![[r#"
            Error feed.supervisor_secret: there is no such key any more; each supervisor has a name and a secret now: add a table `[[supervisors]]` with `name` and `console_secret`, which may be this very one
        "#]],
    );
}

#[test]
fn phones_outside_are_read_with_their_ways() {
    let text = shipped()
        .replace("# skills = []\n\n\n", "skills = [\"english\"]\n")
        .replace(
            "name = \"hotline\"",
            "name = \"hotline\"\non_saturated = \"call_back\"\non_closed = \"sip:desk@192.0.2.9\"\n\
             on_timed_out = \"sip:desk@192.0.2.9\"\nforward_timeout = \"20s\"\ncall_back = { key = \"*\", within = \"2h\" }\n\
             choices = [{ key = \"2\", skills = [\"english\"] }]\n\
             numbers = [{ dial = [\"hotline-en\"], skills = [\"english\"] }]",
        )
        .replace(
            "name = \"local\"",
            "name = \"local\"\ndial = \"sip:192.0.2.1;transport=tcp\"\ndial_user = \"me\"\ndial_secret = \"long-and-random\"",
        );
    let checked = Config::parse("test.toml", &text);
    let config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings));
    let queue = &config.core.queues[0];
    let call_back = queue.call_back.expect("call-backs");
    assert_eq!(
        (call_back.key, call_back.within, call_back.promises_max),
        ('*', Duration::from_secs(7_200), 100)
    );
    assert_eq!(
        [queue.on_saturated, queue.on_closed, queue.on_timed_out],
        [
            acd::Overflow::OfferCallBack,
            acd::Overflow::Forward(0),
            acd::Overflow::Forward(0)
        ]
    );
    assert_eq!(queue.forward_timeout, Duration::from_secs(20));
    assert_eq!(
        queue.choices,
        [acd::Choice {
            key: '2',
            skills: acd::Skills(1)
        }]
    );
    assert_eq!(config.core.forwards, ["sip:desk@192.0.2.9"]);
    assert_eq!(config.sip.forwards, config.core.forwards);
    assert_eq!(config.core.dialable, [true]);
    let way = &config.sip.ways_out[&TrunkId(0)];
    assert_eq!(
        (way.uri.as_str(), way.from_user.as_str()),
        ("sip:192.0.2.1;transport=tcp", "hotline")
    );
    assert_eq!(
        way.account.as_ref().map(|account| account.user.as_str()),
        Some("me")
    );
    assert_eq!(config.sip.destinations["hotline-en"], acd::QueueId(0));
    assert_eq!(config.sip.number_skills["hotline-en"], acd::Skills(1));
}

#[test]
fn wrong_ways_out_and_keys_are_named() {
    with(
        "name = \"hotline\"",
        "name = \"hotline\"\ncall_back = {}",
        expect![[r#"
            Error queues[0].call_back: nobody could be called back: no trunk can dial; add `dial`, the provider's address, to the trunk that callers come by
        "#]],
    );
    with(
        "name = \"hotline\"",
        "name = \"hotline\"\non_closed = \"call_back\"\non_timed_out = \"tel:110\"\non_saturated = \"forward\"",
        expect![[r#"
            Error queues[0].on_closed: offers a call-back, and the queue has none; add a table [queues.call_back]
            Error queues[0].on_timed_out: "tel:110" is neither an action nor a SIP URI; use "farewell", "call_back" or an address such as "sip:desk@192.0.2.9"
            Error queues[0].on_saturated: "forward" is neither an action nor a SIP URI; use "farewell", "call_back" or an address such as "sip:desk@192.0.2.9"
        "#]],
    );
    with(
        "name = \"hotline\"",
        "name = \"hotline\"\ncall_back = { key = \"12\", offer = \"1m\", within = \"5s\" }\n\
         choices = [{ key = \"1\", skills = [\"english\"] }, { key = \"1\" }, { key = \"A\", skills = [] }]\n\
         numbers = [{ dial = [\"12345\"], skills = [] }, {}]",
        expect![[r##"
            Error queues[0].call_back.key: "12" is not a key of a phone; use one of "0" to "9", "*" or "#"
            Error queues[0].call_back.offer: there is no such key; remove it; what can stand here is `key`, `offer_after`, `promises_max`, `within` and `ring_timeout`
            Error queues[0].call_back.within: "5s" is out of range; use 1m to 7d
            Error queues[0].choices[0].skills[0]: there is no skill "english"; name all skills in `skills` at the head of the file
            Error queues[0].choices[1].skills: is missing; add `skills = ["english"]`
            Error queues[0].choices[1].key: "1" has a meaning already, by queues[0].choices[0].key; give each its own key
            Error queues[0].choices[2].key: "A" is not a key of a phone; use one of "0" to "9", "*" or "#"
            Error queues[0].numbers[0].dial[0]: "12345" leads to the queue this one already; let each number lead to one queue
            Error queues[0].numbers[1].dial: is missing; add `dial = ["hotline-en"]`
            Error queues[0].numbers[1].skills: is missing; add `skills = ["english"]`
        "##]],
    );
    with(
        "name = \"local\"",
        "name = \"local\"\ndial = \"sip:me@192.0.2.1\"\ndial_user = \"me\"",
        expect![[r#"
            Error trunks[0]: has only one of `dial_user` and `dial_secret`; give both, or neither
            Error trunks[0].dial: "sip:me@192.0.2.1" has a user part, where the number that is dialled belongs; write the provider's address alone, such as "sip:192.0.2.1:5060" or "sip:sip.provider.example;transport=tcp"
        "#]],
    );
    with(
        "name = \"local\"",
        "name = \"other\"\nfrom = [\"10.0.0.1\"]\nbrowsers = true\n[[trunks]]\nname = \"local\"\nbrowsers = true",
        expect![[r#"
            Error trunks[1].browsers: is set on another trunk already; leave it on the one trunk that browsers' calls should count as
        "#]],
    );
    with(
        "name = \"local\"",
        "name = \"local\"\ndial = \"192.0.2.1\"",
        expect![[r#"
            Error trunks[0].dial: "192.0.2.1" is not a SIP URI; write the provider's address alone, such as "sip:192.0.2.1:5060" or "sip:sip.provider.example;transport=tcp"
        "#]],
    );
    with(
        "name = \"local\"",
        "name = \"local\"\nfrom_user = \"12345\"",
        expect![[r#"
            Warning trunks[0].from_user: has no effect: this trunk does not dial; add `dial` with the provider's address, or remove it
        "#]],
    );
    let text = shipped().replace("\"udp:0.0.0.0:5060\", ", "");
    let text = text.replace(
        "name = \"hotline\"",
        "name = \"hotline\"\non_closed = \"sip:desk@192.0.2.9\"",
    );
    let told = findings(&text);
    let told = told.iter().find(|finding| finding.key == "sip.listen");
    assert!(told.is_some_and(|finding| finding.what.contains("no UDP socket")));
}

#[test]
fn text_that_is_not_toml_is_told_where() {
    check(
        "name = hotline\n",
        expect![[r#"
        test.toml:1:8: error: TOML: invalid TOML value, did you mean to use a quoted string?; put texts in quotes, and separate the items of lists by commas
    "#]],
    );
    check(
        "[sip]\nrealm = \"x\"\nrealm = \"y\"\n",
        expect![[r#"
        test.toml:3:1: error: TOML: duplicate key: `realm`; keep one of the two
    "#]],
    );
    check(
        "name = \"hot\nline\"",
        expect![[r#"
        test.toml:1:12: error: TOML: invalid character in string: `\n`; see https://toml.io for how to write it
    "#]],
    );
    check(
        "[sip\n",
        expect![[r#"
        test.toml:1:5: error: TOML: expected a right bracket, found a newline; see https://toml.io for how to write it
    "#]],
    );
}

#[test]
fn an_empty_file_says_what_is_needed() {
    check(
        "",
        expect![[r#"
        test.toml:1:1: error: schedule.lines_otherwise: is missing; add `lines_otherwise = 4`
        test.toml:1:1: error: queues: there is none; add a table `[[queues]]`
        test.toml:1:1: error: trunks: there is none: nobody could call; add a table `[[trunks]]` with `name` and `from`
        test.toml:1:1: error: media.audio_dir: there is no folder config; name the one that holds prompts/ and music/; a relative path begins where the program is started
        test.toml:1:1: warning: operators: there is none: nobody will answer; add a table `[[operators]]` for each
    "#]],
    );
}

#[test]
fn whoever_dials_what_the_banner_says_is_let_in() {
    let config = Config::parse("holdfast.toml", &shipped())
        .config
        .expect("no error");
    let any = [IpAddr::from([0, 0, 0, 0]), IpAddr::from([0; 16])];
    let sip::TrunkAuth::ByAddress(nets) = &config.sip.trunks[0].auth else {
        panic!("known by digest")
    };
    for address in any.map(crate::banner::reachable) {
        assert!(nets.iter().any(|net| net.contains(address)), "{address}");
    }
    assert!(
        !nets
            .iter()
            .any(|net| net.contains(IpAddr::from([203, 0, 113, 1])))
    );
}
