//! The queues: what is dialled, who is served when, what callers hear.

use super::finding::Placed;
use super::names::{Skills, unique_name};
use super::overflow;
use super::recording::recorded;
use super::schedule::schedule;
use super::section::Section;
use acd::schedule::LINES_MAX;
use acd::{AnswerWhen, Predictor, QueueConfig, QueueId, Strategy};
use engine::Recorded;
use media::Language;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The queues, and what other tables need of them.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) queues: Vec<QueueConfig>,
    pub(super) names: Vec<String>,
    pub(super) languages: Vec<Vec<Language>>,
    pub(super) recorded: Vec<Recorded>,
    pub(super) music: Vec<Vec<PathBuf>>,
    pub(super) destinations: BTreeMap<String, QueueId>,
    /// What an operator must know for some of them, besides the queue's own skills.
    pub(super) number_skills: BTreeMap<String, acd::Skills>,
    /// The first number of the file: what people know the house by.
    pub(super) first_number: Option<String>,
    /// Addresses that calls are forwarded to.
    pub(super) forwards: Vec<String>,
}

pub(super) fn queues(root: &mut Section<'_, '_, '_>, skills: &Skills) -> Queues {
    let mut read = Queues::default();
    for section in root.sections("queues") {
        queue(section, skills, &mut read);
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

fn queue(mut section: Section<'_, '_, '_>, skills: &Skills, read: &mut Queues) {
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
    for numbers in section.sections("numbers") {
        numbers_with_skills(numbers, skills, id, read);
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
    let settings = queue_settings(name, &mut section, skills);
    read.recorded.push(recorded(&mut section, settings.greeting));
    let settings = overflow::read(&mut section, settings, skills, &mut read.forwards);
    read.queues.push(settings);
    let music = section.texts("music").into_iter().flatten();
    read.music.push(music.map(|path| path.value.into()).collect());
    section.finish();
}

fn queue_settings(name: String, section: &mut Section<'_, '_, '_>, skills: &Skills) -> QueueConfig {
    let answers = [
        ("arrival", AnswerWhen::Arrival),
        ("admission", AnswerWhen::Admission),
        ("operator", AnswerWhen::Operator),
    ];
    let strategies = [
        ("longest_idle", Strategy::LongestIdle),
        ("round_robin", Strategy::RoundRobin),
        ("fewest_calls", Strategy::FewestCalls),
        ("least_occupied", Strategy::LeastOccupied),
        ("linear", Strategy::Linear),
        ("ring_all", Strategy::RingAll),
    ];
    let predictors = [
        ("queue_length", Predictor::QueueLength),
        ("last_to_enter_service", Predictor::LastToEnterService),
        ("head_of_line", Predictor::HeadOfLine),
    ];
    let default = QueueConfig::default();
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
        waiting_max: section
            .integer("waiting_max", 0..=100_000)
            .unwrap_or(default.waiting_max),
        wait_max: section
            .duration("wait_max", SECOND..=DAY)
            .unwrap_or(default.wait_max),
        short_abandon: section
            .duration("short_abandon", zero..=HOUR)
            .unwrap_or(default.short_abandon),
        ring_timeout: section
            .duration("ring_timeout", SECOND..=seconds(180))
            .unwrap_or(default.ring_timeout),
        place_grace: section
            .duration("place_grace", zero..=HOUR)
            .unwrap_or(default.place_grace),
        announce_every,
        wrap_up: section.duration("wrap_up", zero..=DAY).unwrap_or(default.wrap_up),
        wrap_up_extension: section
            .duration("wrap_up_extension", SECOND..=DAY)
            .unwrap_or(default.wrap_up_extension),
        strategy: section
            .choice("strategy", &strategies)
            .unwrap_or(Strategy::LongestIdle),
        greeting: section.boolean("greeting").unwrap_or(true),
        schedule: section
            .has("schedule")
            .then(|| schedule(section.section("schedule"))),
        lines_min: section
            .integer("lines_min", 0..=LINES_MAX)
            .unwrap_or(default.lines_min),
        head_start: section
            .duration("head_start", zero..=HOUR)
            .unwrap_or(default.head_start),
        skills: skills.named(section, "skills"),
        relax_after: section
            .duration("relax_after", zero..=DAY)
            .unwrap_or(default.relax_after),
        predictor: section
            .choice("predictor", &predictors)
            .unwrap_or(default.predictor),
        wait_quantile: section
            .integer("wait_quantile", 0..=99)
            .unwrap_or(default.wait_quantile),
        sticky: section.duration("sticky", zero..=DAY).unwrap_or(default.sticky),
        ..default
    }
}

/// Numbers that lead to the queue and say something of who dials them.
fn numbers_with_skills(mut section: Section<'_, '_, '_>, skills: &Skills, id: QueueId, read: &mut Queues) {
    section.require("dial", "[\"hotline-en\"]");
    section.require("skills", "[\"english\"]");
    let dial = section.texts("dial");
    let needed = skills.named(&mut section, "skills");
    for number in dial.into_iter().flatten() {
        read.number_skills.insert(number.value.clone(), needed);
        destination(&section, number, id, read);
    }
    section.finish();
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
    } else if read.first_number.is_none() && number.value != "*" {
        read.first_number = Some(number.value);
    }
}
