//! The engine's own settings: log, loop, clock, journal.

use super::section::Section;
use super::{JournalConfig, LogConfig};
use acd::Timestamp;
use engine::{ClockConfig, EngineConfig};
use journal::{Durability, Options};
use std::path::PathBuf;
use std::time::Duration;
use telemetry::{LogFormat, check_filter};

const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn log(mut section: Section<'_, '_, '_>) -> LogConfig {
    let formats = [("compact", LogFormat::Compact), ("json", LogFormat::Json)];
    let levels = "write a level, or levels by crate: \"info\", \"info,sip=debug\"";
    let filter = section.parsed("filter", levels, |filter| {
        check_filter(filter)
            .map(|()| filter.to_owned())
            .map_err(|_| "is not a filter of log lines")
    });
    let log = LogConfig {
        format: section.choice("format", &formats).unwrap_or_default(),
        filter: filter.map_or_else(|| "info".to_owned(), |filter| filter.value),
    };
    section.finish();
    log
}

pub(super) struct Engine {
    pub(super) engine: EngineConfig,
    pub(super) clock: ClockConfig,
    pub(super) drain_timeout: Duration,
    pub(super) calls_max: u32,
}

pub(super) fn engine(mut section: Section<'_, '_, '_>) -> Engine {
    let default = EngineConfig::default();
    let start = section.parsed(
        "clock_start",
        "write a moment with its offset from UTC, such as \"2026-11-23T09:00:00+08:00\"",
        moment,
    );
    let rate = section.positive("clock_rate", 100_000.0);
    if start.is_some() || rate.is_some_and(|rate| rate != 1.0) {
        let key = if start.is_some() {
            "clock_start"
        } else {
            "clock_rate"
        };
        section.findings().warn(
            &section.at_key(key),
            "the engine's clock is not the real one",
            "remove it, unless this is a test or a demonstration",
        );
    }
    let engine = Engine {
        engine: EngineConfig {
            inbox_max: section
                .integer("inbox_max", 16..=1_000_000)
                .unwrap_or(default.inbox_max),
            reconcile_every: section
                .duration("reconcile_every", SECOND..=HOUR)
                .unwrap_or(default.reconcile_every),
        },
        clock: ClockConfig {
            start: start.map(|start| start.value),
            rate: rate.unwrap_or(1.0),
        },
        drain_timeout: section
            .duration("drain_timeout", Duration::ZERO..=HOUR * 24)
            .unwrap_or(Duration::from_secs(120)),
        calls_max: section.integer("calls_max", 1..=100_000).unwrap_or(2_000),
    };
    section.finish();
    engine
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let parsed: jiff::Timestamp = text.parse().map_err(|_| "is not a moment")?;
    u64::try_from(parsed.as_microsecond())
        .map(Timestamp::from_micros)
        .map_err(|_| "is before 1970")
}

pub(super) fn journal(mut section: Section<'_, '_, '_>) -> JournalConfig {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        EveryBatch,
        Interval,
        Never,
    }
    let words = [
        ("every_batch", Word::EveryBatch),
        ("interval", Word::Interval),
        ("never", Word::Never),
    ];
    let default = Options::default();
    let word = section.choice("durability", &words).unwrap_or(Word::EveryBatch);
    let has_interval = section.has("sync_interval");
    let interval = section
        .duration(
            "sync_interval",
            Duration::from_millis(1)..=Duration::from_secs(60),
        )
        .unwrap_or(Duration::from_millis(200));
    if has_interval && word != Word::Interval {
        section.findings().warn(
            &section.at_key("sync_interval"),
            "has no effect with this `durability`",
            "remove it, or write `durability = \"interval\"`",
        );
    }
    let options = Options {
        durability: match word {
            Word::EveryBatch => Durability::EveryBatch,
            Word::Interval => Durability::Interval(interval),
            Word::Never => Durability::Never,
        },
        segment_bytes_max: section
            .size("segment_size", 64 << 10)
            .unwrap_or(default.segment_bytes_max),
        segments_max: section
            .integer("segments_max", 2..=1_000_000)
            .unwrap_or(default.segments_max),
        bytes_max: section.size("size_max", 1 << 20).unwrap_or(default.bytes_max),
        age_max: section
            .duration("age_max", HOUR..=HOUR * 24 * 3_660)
            .unwrap_or(default.age_max),
        free_min: section.size("free_min", 0).unwrap_or(default.free_min),
        checkpoint_every: section
            .duration("checkpoint_every", SECOND..=HOUR)
            .unwrap_or(default.checkpoint_every),
        ..default
    };
    if options.bytes_max < 2 * options.segment_bytes_max {
        section.findings().error(
            &section.at_key("size_max"),
            "is less than two segments",
            "make it at least twice `segment_size`",
        );
    }
    let dir = section
        .text("dir")
        .map_or_else(|| "var/journal".into(), |text| PathBuf::from(text.value));
    section.finish();
    JournalConfig { dir, options }
}
