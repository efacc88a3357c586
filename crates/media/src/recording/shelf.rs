//! The recordings' folder: one folder for each day (UTC), one file for each recording, and what is too old goes.

use super::RecordingFormat;
use acd::CallId;
use jiff::Timestamp;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What every recording's name begins with; nothing else is ever removed.
const PREFIX: &str = "call-";

/// Recordings of one call that may begin in one second.
const SAME_NAME_MAX: u32 = 100;

/// Makes a folder for the engine's user only, and those above it.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes the file of a recording that begins now: `2026-11-25/call-123-20261125T101500Z.wav`.
pub(super) fn make_file(
    dir: &Path,
    call: CallId,
    format: RecordingFormat,
    now: Timestamp,
) -> io::Result<(PathBuf, File)> {
    let day = dir.join(now.strftime("%Y-%m-%d").to_string());
    make_dir(&day)?;
    let name = format!("{PREFIX}{}-{}", call.0, now.strftime("%Y%m%dT%H%M%SZ"));
    for n in 1..=SAME_NAME_MAX {
        let again = if n == 1 { String::new() } else { format!("-{n}") };
        let path = day.join(format!("{name}{again}{}", format.suffix()));
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Octets that are free for the engine on the disk of `dir`.
pub(super) fn free(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Removes recordings that were last written to longer than `retention` ago, and folders left empty. Gives how many.
pub(super) fn clear_out(dir: &Path, retention: Duration, now: SystemTime) -> io::Result<u64> {
    let mut removed = 0;
    for day in fs::read_dir(dir)? {
        let day = day?;
        // A link is not followed: it may lead anywhere.
        if !day.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(day.path())? {
            let file = file?;
            let name = file.file_name();
            let name = name.to_string_lossy();
            let is_sound = RecordingFormat::ALL
                .iter()
                .any(|format| name.ends_with(format.suffix()));
            let is_ours = file.file_type()?.is_file() && name.starts_with(PREFIX) && is_sound;
            let age = now
                .duration_since(file.metadata()?.modified()?)
                .unwrap_or_default();
            if is_ours && age > retention {
                fs::remove_file(file.path())?;
                removed += 1;
            }
        }
        // Fails when something is left in it.
        let _ = fs::remove_dir(day.path());
    }
    Ok(removed)
}
