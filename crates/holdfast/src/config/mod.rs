//! The configuration: what the file means, and every mistake in it at once.
//!
//! Owns the names and ranges of all settings. A file is read whole: each wrong value is reported with its place and
//! remedy while the default stands in for it, so that one look finds everything; unknown keys are mistakes. The types
//! that come out are the ones the other crates are told, ready to start with.

mod cross;
mod finding;
mod house;
mod kept;
mod names;
mod network;
mod operators;
mod overflow;
mod queues;
mod recording;
mod schedule;
mod section;
#[cfg(test)]
mod tests;
mod thresholds;
mod transfer;
mod units;

pub use finding::{Finding, Severity};
pub use kept::{FormSettings, RecordsSettings};

use acd::{AcdConfig, TrunkId};
use engine::{ClockConfig, EngineConfig, RecordPolicy, Recorded};
use finding::{At, Findings};
use media::{Language, MediaConfig};
use names::Skills;
use section::Section;
use sip::SipConfig;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use telemetry::LogFormat;
use toml_span::Span;

/// Everything an engine is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hotline's name, for people.
    pub name: String,
    /// How log lines look.
    pub log: LogConfig,
    /// The queue's own configuration.
    pub core: AcdConfig,
    /// The names of skills, by bit.
    pub skills: Vec<String>,
    /// Languages of each queue's prompts, by queue.
    pub languages: Vec<Vec<Language>>,
    /// What is recorded of each queue.
    pub recorded: Vec<Recorded>,
    /// Files and folders of each queue's own hold music, by queue; none for the house's.
    pub music: Vec<Vec<PathBuf>>,
    /// The loop.
    pub engine: EngineConfig,
    /// The engine's clock.
    pub clock: ClockConfig,
    /// How long talking calls may go on after the engine was told to stop.
    pub drain_timeout: Duration,
    /// Where the journal lies and how it is kept.
    pub journal: JournalConfig,
    /// Where the records of calls lie, and for how long.
    pub records: RecordsSettings,
    /// What operators can choose from when they write down what a call was about.
    pub form: FormSettings,
    /// Signalling. Its first call id comes from the journal.
    pub sip: SipConfig,
    /// Audio.
    pub media: MediaConfig,
    /// The folder that holds `prompts/` and `music/`.
    pub audio_dir: PathBuf,
    /// The HTTP edge.
    pub feed: FeedSettings,
}

/// How log lines look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged, such as `info,sip=debug`.
    pub filter: String,
}

/// Where the journal lies and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Its directory.
    pub dir: PathBuf,
    /// Durability, segments and retention.
    pub options: journal::Options,
}

/// What the HTTP edge is told, its directory of names apart.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// Address and port of page, metrics and feed.
    pub listen: SocketAddr,
    /// Where the certificate is; none: everything goes in the clear.
    pub tls: Option<feed::TlsFiles>,
    /// How often each client gets a sign of life.
    pub heartbeat: Duration,
    /// Whether one may watch without signing in, with callers' numbers masked.
    pub open_wallboard: bool,
    /// What signs each supervisor in.
    pub supervisors: Vec<feed::Account>,
    /// What signs each operator in, by operator.
    pub operator_secrets: Vec<feed::Secret>,
    /// How long a session lasts that is not renewed.
    pub session_lifetime: Duration,
    /// Web origins that may open the feed besides the page's own.
    pub origins: Vec<String>,
    /// From when on figures are to be marked.
    pub thresholds: feed::Thresholds,
    /// Its limits.
    pub limits: feed::Limits,
}

/// What reading a configuration gave.
#[derive(Debug)]
pub struct Checked {
    /// The configuration, unless there were errors.
    pub config: Option<Config>,
    /// Errors and warnings in the order of the file.
    pub findings: Vec<Finding>,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub fn load(path: &Path) -> std::io::Result<Checked> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self::parse(&path.display().to_string(), &text))
    }

    /// Reads a configuration from `text`; `file` is what findings call it.
    pub fn parse(file: &str, text: &str) -> Checked {
        let findings = Findings::new(file, text);
        let config = match toml_span::parse(text) {
            Ok(value) => read(&findings, value),
            Err(error) => {
                not_toml(&findings, text, &error);
                None
            }
        };
        let config = config.filter(|_| !findings.any_errors());
        Checked {
            config,
            findings: findings.into_sorted(),
        }
    }
}

fn read(findings: &Findings<'_>, value: toml_span::Value<'_>) -> Option<Config> {
    let mut root = Section::root(findings, value);
    let name = root
        .text("name")
        .map_or_else(|| "Hotline".to_owned(), |text| text.value);
    let log = house::log(root.section("log"));
    let house::Engine {
        engine,
        clock,
        drain_timeout,
        calls_max,
    } = house::engine(root.section("engine"));
    let journal = house::journal(root.section("journal"));
    let records = kept::records(root.section("records"), &journal.dir);
    let form = kept::form(root.section("form"));

    let skills = Skills::read(&mut root);
    let schedule = schedule::schedule(root.section("schedule"));
    let queues = queues::queues(&mut root, &skills);
    let pause_reasons = operators::pause_reasons(&mut root);
    let mut operators = operators::operators(&mut root, &queues.names, &skills);
    let supervisors = operators::supervisors(&mut root, &mut operators.phones);
    let trunks = network::trunks(&mut root, queues.first_number.as_deref());

    let transfer = transfer::transfer(&mut root, &trunks);

    let mut sip = network::sip(root.section("sip"));
    let trunk_ids = (0..trunks.trunks.len() as u32).map(TrunkId);
    let dialable = trunk_ids.map(|id| trunks.ways_out.contains_key(&id)).collect();
    sip.trunks = trunks.trunks;
    sip.web_callers = trunks.browsers;
    sip.ways_out = trunks.ways_out;
    sip.destinations = queues.destinations;
    sip.number_skills = queues.number_skills;
    sip.forwards.clone_from(&queues.forwards);
    sip.phones = operators.phones;
    let network::MediaSettings {
        mut media,
        audio_dir,
        codecs,
    } = network::media(root.section("media"));
    sip.codecs = codecs;
    let recording = recording::recording(root.section("recording"));
    let any = queues.recorded.iter().any(|r| r.which != RecordPolicy::Off);
    media.recording = any.then_some(recording);
    let mut feed = network::feed(root.section("feed"));
    feed.operator_secrets = operators.secrets;
    feed.supervisors = supervisors;
    feed.thresholds = thresholds::thresholds(root.section("thresholds"));
    root.finish();

    let core = AcdConfig {
        schedule,
        queues: queues.queues,
        operators: operators.operators,
        pause_reasons,
        calls_max,
        dialable,
        forwards: queues.forwards,
        transfer,
    };
    let config = Config {
        name,
        log,
        core,
        skills: skills.names().to_vec(),
        languages: queues.languages,
        recorded: queues.recorded,
        music: queues.music,
        engine,
        clock,
        drain_timeout,
        journal,
        records,
        form,
        sip,
        media,
        audio_dir,
        feed,
    };
    cross::check(&config, findings);
    Some(config)
}

/// Says where the text stops being TOML. Only the first such place can be known.
fn not_toml(findings: &Findings<'_>, text: &str, error: &toml_span::Error) {
    use toml_span::ErrorKind;
    let remedy = match &error.kind {
        ErrorKind::DuplicateKey { .. } | ErrorKind::DuplicateTable { .. } => "keep one of the two".to_owned(),
        ErrorKind::UnquotedString | ErrorKind::Unexpected(_) => {
            "put texts in quotes, and separate the items of lists by commas".to_owned()
        }
        ErrorKind::UnterminatedString => "close the text with a quote on the same line".to_owned(),
        _ => "see https://toml.io for how to write it".to_owned(),
    };
    // An error at the very end is told at the last character, where an editor can go.
    let start = error.span.start.min(text.trim_end().len());
    let at = At {
        key: "TOML".to_owned(),
        span: Span::new(start, start),
    };
    findings.error(&at, error.to_string(), remedy);
}
