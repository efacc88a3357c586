//! Which calls are recorded, where to, and for how long.

use super::section::Section;
use engine::{RecordPolicy, Recorded};
use media::{RecordingConfig, RecordingFormat};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

const FORMATS: [(&str, RecordingFormat); 2] =
    [("wav", RecordingFormat::Wav), ("opus", RecordingFormat::Opus)];

/// Octets left free on the disk if nothing is said.
const FREE_MIN: u64 = 1 << 30;

/// The folder, and its limits.
pub(super) fn recording(mut section: Section<'_, '_, '_>) -> RecordingConfig {
    let dir = section.text("dir");
    let recording = RecordingConfig {
        dir: dir.map_or_else(|| "recordings".into(), |text| PathBuf::from(text.value)),
        format: section.choice("format", &FORMATS).unwrap_or_default(),
        retention: section
            .duration("retention", Duration::ZERO..=DAY * 3_650)
            .unwrap_or(DAY * 90),
        free_min: section.size("free_min", 0).unwrap_or(FREE_MIN),
    };
    section.finish();
    recording
}

/// What of a queue is recorded. Callers are told unless it is said that they are not.
pub(super) fn recorded(section: &mut Section<'_, '_, '_>, greeting: bool) -> Recorded {
    let choices = [
        ("off", RecordPolicy::Off),
        ("all", RecordPolicy::All),
        ("on-demand", RecordPolicy::OnDemand),
    ];
    let which = section.choice("record", &choices).unwrap_or_default();
    let notice = section.boolean("record_notice").unwrap_or(true) && which != RecordPolicy::Off;
    if notice && !greeting {
        section.findings().error(
            &section.at_key("record"),
            "callers would not be told: that is done with the greeting, which is off",
            "set `greeting = true`, or `record_notice = false` if they are told in another way",
        );
    }
    Recorded { which, notice }
}
