//! What callers and operators meet: the schedule of lines, queues, operators.

use super::finding::{At, Placed, one_of};
use super::section::Section;
use acd::schedule::{Schedule, Timetable, Window};
use acd::{AnswerWhen, OperatorConfig, OperatorId, QueueConfig, QueueId, Strategy};
use media::Language;
use sip::Phone;
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Most lines a schedule may put in force.
const LINES_MAX: u32 = 10_000;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn schedule(mut section: Section<'_, '_, '_>) -> Schedule {
    let zone = section.parsed(
        "time_zone",
        "use an IANA name such as \"Asia/Shanghai\"",
        |zone| {
            let alone = Schedule {
                time_zone: zone.to_owned(),
                ..empty_schedule()
            };
            Timetable::new(&alone)
                .map(|_| zone.to_owned())
                .map_err(|_| "is no time zone this program knows")
        },
    );
    section.require("lines_otherwise", "4");
    let lines_otherwise = section.integer("lines_otherwise", 0..=LINES_MAX).unwrap_or(4);
    let holidays = dates(&mut section, "holidays");
    let workdays = dates(&mut section, "workdays");
    for date in &workdays {
        if holidays.iter().any(|holiday| holiday.value == date.value) {
            section.findings().error(
                &date.at,
                format!("{} is among the holidays too", date.value),
                "remove it from one of the two lists",
            );
        }
    }
    let windows = section
        .sections("windows")
        .into_iter()
        .filter_map(window)
        .collect();
    section.finish();
    let plain = |dates: Vec<Placed<String>>| dates.into_iter().map(|date| date.value).collect();
    Schedule {
        time_zone: zone.map_or_else(|| empty_schedule().time_zone, |zone| zone.value),
        lines_otherwise,
        windows,
        holidays: plain(holidays),
        workdays: plain(workdays),
    }
}

fn empty_schedule() -> Schedule {
    Schedule {
        time_zone: "Asia/Shanghai".to_owned(),
        lines_otherwise: 0,
        windows: Vec::new(),
        holidays: Vec::new(),
        workdays: Vec::new(),
    }
}

fn dates(section: &mut Section<'_, '_, '_>, key: &'static str) -> Vec<Placed<String>> {
    let parse = |text: &str| {
        let alone = Schedule {
            holidays: vec![text.to_owned()],
            ..empty_schedule()
        };
        Timetable::new(&alone)
            .map(|_| text.to_owned())
            .map_err(|_| "is not a date")
    };
    section
        .parsed_list(key, "write it as \"YYYY-MM-DD\"", parse)
        .unwrap_or_default()
}

fn window(mut section: Section<'_, '_, '_>) -> Option<Window> {
    section.require("days", "[\"mon-fri\"]");
    section.require("from", "\"08:00\"");
    section.require("to", "\"18:00\"");
    section.require("lines", "12");
    let days = section.parsed_list(
        "days",
        "write days or stretches of days: \"mon\", \"sat-sun\"",
        days_of,
    );
    let time = "write hours and minutes: \"08:00\", up to \"24:00\"";
    let from = section.parsed("from", time, |text| {
        minute_of(text)
            .filter(|m| *m < 1_440)
            .ok_or("is not a time of day")
    });
    let to = section.parsed("to", time, |text| minute_of(text).ok_or("is not a time of day"));
    let lines = section.integer("lines", 0..=LINES_MAX);
    section.finish();
    let mut days: Vec<u8> = days?.into_iter().flat_map(|days| days.value).collect();
    days.sort_unstable();
    days.dedup();
    Some(Window {
        days,
        from_minute: from?.value,
        to_minute: to?.value,
        lines: lines?,
    })
}

/// `mon` or `mon-fri` as days of the week, Monday = 1.
fn days_of(text: &str) -> Result<Vec<u8>, &'static str> {
    let day = |name: &str| {
        let index = DAYS.iter().position(|day| *day == name.trim().to_lowercase());
        index
            .map(|index| index as u8 + 1)
            .ok_or("is not a day of the week")
    };
    match text.split_once('-') {
        None => Ok(vec![day(text)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            // A stretch may run over Sunday: "sat-mon".
            let length = (last + 7 - first) % 7;
            Ok((0..=length).map(|step| (first - 1 + step) % 7 + 1).collect())
        }
    }
}

/// `08:00` as minutes of the day; `24:00` is the day's end.
fn minute_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 1_440).then_some(minute)
}

/// The queues, and what other tables need of them.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) queues: Vec<QueueConfig>,
    pub(super) names: Vec<String>,
    pub(super) languages: Vec<Vec<Language>>,
    pub(super) destinations: BTreeMap<String, QueueId>,
}

pub(super) fn queues(root: &mut Section<'_, '_, '_>) -> Queues {
    let mut read = Queues::default();
    for section in root.sections("queues") {
        queue(section, &mut read);
    }
    if read.queues.is_empty() {
        root.findings().error(
            &root.at_key("queues"),
            "there is none",
            "add a table `[[queues]]`",
        );
    }
    read
}

fn queue(mut section: Section<'_, '_, '_>, read: &mut Queues) {
    let id = QueueId(read.queues.len() as u32);
    section.require("name", "\"hotline\"");
    let name = section.text("name");
    if let Some(name) = &name {
        unique_name(&section, name, &read.names);
    }
    section.require("dial", "[\"hotline\"]");
    let dial = section.texts("dial");
    if dial.as_ref().is_some_and(Vec::is_empty) {
        section.findings().error(
            &section.at_key("dial"),
            "nobody can dial this queue",
            "add a number",
        );
    }
    for number in dial.into_iter().flatten() {
        destination(&section, number, id, read);
    }
    let language = |text: &str| Language::from_code(text).ok_or("is not a language with prompts");
    let languages = section.parsed_list("languages", "use \"zh\" or \"en\"", language);
    let languages: Vec<Language> = languages.map_or_else(
        || Language::ALL.to_vec(),
        |all| all.into_iter().map(|l| l.value).collect(),
    );
    if languages.is_empty() {
        section.findings().error(
            &section.at_key("languages"),
            "there is none",
            "name at least one: [\"zh\"], [\"en\"] or both in the order to be heard",
        );
    }
    let name = name.map_or_else(|| format!("queue{}", id.0), |name| name.value);
    read.names.push(name.clone());
    read.languages.push(languages);
    read.queues.push(queue_settings(name, &mut section));
    section.finish();
}

fn queue_settings(name: String, section: &mut Section<'_, '_, '_>) -> QueueConfig {
    let answers = [
        ("arrival", AnswerWhen::Arrival),
        ("admission", AnswerWhen::Admission),
        ("operator", AnswerWhen::Operator),
    ];
    let strategies = [
        ("longest_idle", Strategy::LongestIdle),
        ("round_robin", Strategy::RoundRobin),
        ("fewest_calls", Strategy::FewestCalls),
        ("linear", Strategy::Linear),
    ];
    let zero = Duration::ZERO;
    let seconds = Duration::from_secs;
    let announce_every = section
        .duration("announce_every", zero..=HOUR)
        .unwrap_or(seconds(60));
    if !announce_every.is_zero() && announce_every < seconds(5) {
        section.findings().error(
            &section.at_key("announce_every"),
            "is too short to be heard out",
            "use at least \"5s\", or \"0s\" for never",
        );
    }
    QueueConfig {
        name,
        answer: section.choice("answer", &answers).unwrap_or(AnswerWhen::Arrival),
        waiting_max: section.integer("waiting_max", 0..=100_000).unwrap_or(200),
        wait_max: section
            .duration("wait_max", SECOND..=DAY)
            .unwrap_or(seconds(1_800)),
        short_abandon: section
            .duration("short_abandon", zero..=HOUR)
            .unwrap_or(seconds(5)),
        ring_timeout: section
            .duration("ring_timeout", SECOND..=seconds(180))
            .unwrap_or(seconds(20)),
        place_grace: section
            .duration("place_grace", zero..=HOUR)
            .unwrap_or(seconds(120)),
        announce_every,
        wrap_up: section.duration("wrap_up", zero..=DAY).unwrap_or(seconds(60)),
        wrap_up_extension: section
            .duration("wrap_up_extension", SECOND..=DAY)
            .unwrap_or(seconds(60)),
        strategy: section
            .choice("strategy", &strategies)
            .unwrap_or(Strategy::LongestIdle),
        greeting: section.boolean("greeting").unwrap_or(true),
        ..QueueConfig::default()
    }
}

fn destination(section: &Section<'_, '_, '_>, number: Placed<String>, id: QueueId, read: &mut Queues) {
    if number.value.is_empty() || number.value.contains([' ', '@', ':']) {
        section.findings().error(
            &number.at,
            format!("\"{}\" cannot be dialled", number.value),
            "write the part before the @ alone, such as \"hotline\", or \"*\" for every other number",
        );
    } else if let Some(taken) = read.destinations.insert(number.value.clone(), id) {
        let whose = read
            .names
            .get(taken.0 as usize)
            .cloned()
            .unwrap_or_else(|| "this one".to_owned());
        section.findings().error(
            &number.at,
            format!("\"{}\" leads to the queue {whose} already", number.value),
            "let each number lead to one queue",
        );
    }
}

/// Reports a name that was used before, or that cannot be one.
pub(super) fn unique_name(section: &Section<'_, '_, '_>, name: &Placed<String>, taken: &[String]) {
    if name.value.is_empty() {
        section.findings().error(&name.at, "is empty", "give it a name");
    } else if let Some(index) = taken.iter().position(|other| *other == name.value) {
        let list = name.at.key.split('[').next().unwrap_or_default();
        section.findings().error(
            &name.at,
            format!("\"{}\" is the name of {list}[{index}] already", name.value),
            "give each its own name",
        );
    }
}

pub(super) fn pause_reasons(root: &mut Section<'_, '_, '_>) -> Vec<String> {
    let default = ["break", "meal", "meeting", "training"];
    let Some(reasons) = root.texts("pause_reasons") else {
        return default.map(str::to_owned).to_vec();
    };
    let mut names: Vec<String> = Vec::new();
    for reason in reasons {
        unique_name(root, &reason, &names);
        names.push(reason.value);
    }
    names
}

/// The operators and their phones.
#[derive(Default)]
pub(super) struct Operators {
    pub(super) operators: Vec<OperatorConfig>,
    pub(super) phones: Vec<Phone>,
}

pub(super) fn operators(root: &mut Section<'_, '_, '_>, queues: &[String]) -> Operators {
    let mut read = Operators::default();
    let mut names = Vec::new();
    for mut section in root.sections("operators") {
        let id = OperatorId(read.operators.len() as u32);
        section.require("name", "\"1001\"");
        let name = section.text("name");
        if let Some(name) = &name {
            unique_name(&section, name, &names);
        }
        let name = name.map_or_else(|| format!("operator{}", id.0), |name| name.value);
        section.require("secret", "\"a long random text\"");
        let secret = section.text("secret");
        if let Some(secret) = &secret {
            judge_secret(&section, secret, &name);
        }
        let contact = "write a SIP URI, such as \"sip:1001@192.0.2.5:5060\"";
        let contact = section.parsed("contact", contact, |uri| {
            let fits = uri.len() > 4 && uri.starts_with("sip:") && !uri.contains(' ');
            if fits {
                Ok(uri.to_owned())
            } else {
                Err("is not a SIP URI")
            }
        });
        read.operators.push(OperatorConfig {
            name: name.clone(),
            queues: served(&mut section, queues),
            auto_ready: section.boolean("auto_ready").unwrap_or(false),
            no_answer_max: section.integer("no_answer_max", 0..=100).unwrap_or(2),
            ..OperatorConfig::default()
        });
        read.phones.push(Phone {
            operator: id,
            user: name.clone(),
            secret: secret.map_or_else(String::new, |secret| secret.value),
            contact: contact.map(|contact| contact.value),
        });
        names.push(name);
        section.finish();
    }
    if read.operators.is_empty() {
        root.findings().warn(
            &root.at_key("operators"),
            "there is none: nobody will answer",
            "add a table `[[operators]]` for each",
        );
    }
    read
}

fn served(section: &mut Section<'_, '_, '_>, queues: &[String]) -> Vec<u32> {
    let mut served = Vec::new();
    for name in section.texts("queues").unwrap_or_default() {
        match queues.iter().position(|queue| *queue == name.value) {
            Some(index) => served.push(index as u32),
            None => section.findings().error(
                &name.at,
                format!("there is no queue \"{}\"", name.value),
                one_of(&name.value, queues.iter().map(String::as_str)),
            ),
        }
    }
    served
}

/// Complains about a secret that anybody could guess.
pub(super) fn judge_secret(section: &Section<'_, '_, '_>, secret: &Placed<String>, name: &str) {
    const LENGTH_MIN: usize = 8;
    let Placed { value, at } = secret;
    let complain = |at: &At, what: &str| {
        section.findings().warn(
            at,
            what,
            "use a long random text, as `openssl rand -base64 18` prints",
        );
    };
    if value.is_empty() {
        section
            .findings()
            .error(at, "is empty", "give a long random text");
    } else if value.starts_with("change-me") {
        complain(at, "is the one everybody can read in the example");
    } else if value.len() < LENGTH_MIN || value == name {
        complain(at, "is easily guessed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_days() {
        assert_eq!(days_of("mon-fri"), Ok(vec![1, 2, 3, 4, 5]));
        assert_eq!(days_of("Sun"), Ok(vec![7]));
        assert_eq!(days_of("sat-mon"), Ok(vec![6, 7, 1]));
        assert_eq!(days_of("mon-mon"), Ok(vec![1]));
        for wrong in ["", "monday", "mon-", "mon-fri-sun"] {
            assert!(days_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_of_day() {
        assert_eq!(minute_of("08:00"), Some(480));
        assert_eq!(minute_of("24:00"), Some(1_440));
        for wrong in ["8:00", "24:01", "12:60", "noon", "", "-1:00", "+8:00"] {
            assert_eq!(minute_of(wrong), None, "{wrong}");
        }
    }
}
