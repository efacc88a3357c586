//! `holdfast check`: names every mistake in a configuration.

use crate::config::{Config, Severity};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Reads the configuration at `path` and writes what was found to `out`, one line each, then a summary.
///
/// Exit code 0: nothing, or warnings alone. 1: errors. 2: the file cannot be read.
///
/// # Errors
/// When `out` cannot be written.
pub fn run(path: &Path, out: &mut impl Write) -> io::Result<ExitCode> {
    let checked = match Config::load(path) {
        Ok(checked) => checked,
        Err(error) => {
            writeln!(
                out,
                "{}: cannot be read: {error}; name the file with --config",
                path.display()
            )?;
            return Ok(ExitCode::from(2));
        }
    };
    for finding in &checked.findings {
        writeln!(out, "{finding}")?;
    }
    let count = |severity| {
        checked
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    writeln!(
        out,
        "{}: {}, {}",
        path.display(),
        plural(errors, "error"),
        plural(warnings, "warning")
    )?;
    Ok(ExitCode::from(u8::from(errors > 0)))
}
