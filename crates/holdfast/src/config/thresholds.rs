//! From when on consoles mark the queue's figures.

use super::section::Section;
use feed::{Marks, Thresholds};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Which way a figure gets worse.
#[derive(Clone, Copy, PartialEq)]
enum Worse {
    Above,
    Below,
}

/// Reads `[thresholds]`.
pub(super) fn thresholds(mut section: Section<'_, '_, '_>) -> Thresholds {
    let default = Thresholds::default();
    let thresholds = Thresholds {
        answer_within: section
            .duration("answer_within", Duration::from_secs(1)..=DAY)
            .unwrap_or(default.answer_within),
        oldest_wait: waits(section.section("oldest_wait"), default.oldest_wait),
        service_level: shares(
            section.section("service_level"),
            default.service_level,
            Worse::Below,
        ),
        abandonment: shares(section.section("abandonment"), default.abandonment, Worse::Above),
    };
    section.finish();
    thresholds
}

fn waits(mut section: Section<'_, '_, '_>, default: Marks<Duration>) -> Marks<Duration> {
    let range = Duration::ZERO..=DAY;
    let marks = Marks {
        watch: section.duration("watch", range.clone()).unwrap_or(default.watch),
        alarm: section.duration("alarm", range).unwrap_or(default.alarm),
    };
    in_order(&section, &marks, Worse::Above);
    section.finish();
    marks
}

fn shares(mut section: Section<'_, '_, '_>, default: Marks<f64>, worse: Worse) -> Marks<f64> {
    let marks = Marks {
        watch: section.positive("watch", 1.0).unwrap_or(default.watch),
        alarm: section.positive("alarm", 1.0).unwrap_or(default.alarm),
    };
    in_order(&section, &marks, worse);
    section.finish();
    marks
}

/// What alarms is worse than what is to be watched.
fn in_order<T: PartialOrd>(section: &Section<'_, '_, '_>, marks: &Marks<T>, worse: Worse) {
    let (wrong, remedy) = match worse {
        Worse::Above => (
            marks.alarm < marks.watch,
            "make `alarm` at least as large as `watch`",
        ),
        Worse::Below => (
            marks.alarm > marks.watch,
            "make `alarm` at most as large as `watch`",
        ),
    };
    if wrong {
        let what = "would alarm before it is to be watched";
        section.findings().error(section.at(), what, remedy);
    }
}
