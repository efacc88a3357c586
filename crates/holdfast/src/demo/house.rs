//! The demonstration's own configuration, written as a person would write it and read by the same code.

use super::{DemoError, Options};
use crate::Config;
use crate::config::Severity;
use std::io;
use std::path::PathBuf;

/// The password of all simulated operators and of the supervisor. They are reached on loopback alone, for as long as the
/// demonstration runs.
pub(super) const SECRET: &str = "demonstration";

/// The name of a simulated operator.
pub(super) fn operator_name(index: u32) -> String {
    (1001 + index).to_string()
}

/// A folder for journal and records, removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("holdfast-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The configuration for `options`.
///
/// # Errors
/// When a value is out of its range, with what is wrong and what to do.
pub(super) fn config(options: &Options, folder: &Folder) -> Result<Config, DemoError> {
    let checked = Config::parse("demonstration", &text(options, folder));
    checked.config.ok_or_else(|| {
        let errors = checked
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        DemoError::Options(errors.join("; "))
    })
}

fn text(options: &Options, folder: &Folder) -> String {
    let Options {
        start,
        speed,
        lines,
        lines_otherwise,
        sip,
        web,
        audio,
        ..
    } = options;
    let bind = if sip.is_ipv4() { "bind_v4" } else { "bind_v6" };
    let mut text = format!(
        r#"
name = "Demonstration"
[engine]
clock_start = "{start}"
clock_rate = {speed:?}
drain_timeout = "1s"
[journal]
dir = {:?}
durability = "never"
[schedule]
time_zone = "Asia/Shanghai"
lines_otherwise = {lines_otherwise}
windows = [{{ days = ["mon-fri"], from = "08:00", to = "18:00", lines = {lines} }}]
[sip]
listen = ["udp:{sip}", "tcp:{sip}"]
[media]
{bind} = "{}"
ports = "20000-29999"
audio_dir = {audio:?}
[feed]
listen = "{web}"
[[supervisors]]
name = "supervisor"
console_secret = "{SECRET}"
[[trunks]]
name = "loopback"
from = ["127.0.0.0/8", "::1"]
browsers = true
[[queues]]
name = "hotline"
dial = ["hotline", "12345"]
# Callers hear music and the operator's voice; their phones know the two apart only if the answer is the operator's.
answer = "operator"
wrap_up = "30s"
[form]
outcomes = ["resolved", "assigned", "to be called"]
categories = ["noise", "water and power", "roads and traffic", "refuse", "other"]
"#,
        folder.journal(),
        sip.ip(),
    );
    for index in 0..options.operators {
        let name = operator_name(index);
        text.push_str(&format!(
            "[[operators]]\nname = \"{name}\"\nsecret = \"{SECRET}\"\nauto_ready = true\n"
        ));
    }
    text
}
