//! `holdfast journal inspect` and `repair`.

use super::{LogsError, Progress, exit, size};
use acd::Timestamp;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use journal::{
    CheckpointReport, End, Holds, Inspection, RepairPlan, SegmentReport, inspect, plan_repair, segments,
};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `holdfast journal …`.
#[derive(Subcommand, Clone, Debug)]
pub enum JournalCommand {
    /// Show what a journal holds: segments, runs, checkpoints, and where it is damaged.
    ///
    /// Reads everything and changes nothing; the engine may be running. Exits with 0 if nothing is damaged, 1 if
    /// something is, 2 if the directory cannot be read.
    Inspect(InspectOptions),
    /// Cut what stands in the way of a start, after showing what would be lost.
    ///
    /// Without --cut it only shows. What is cut is put beside the journal in files that end in `.cut`. Exits with 0 if a
    /// start is possible now, 1 if a cut is needed and --cut was not given, 2 if it failed. The engine must not be running.
    Repair(RepairOptions),
}

/// The options of `holdfast journal inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectOptions {
    /// The journal's directory: `journal.dir` in the configuration.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The options of `holdfast journal repair`.
#[derive(Args, Clone, Debug)]
pub struct RepairOptions {
    /// The journal's directory: `journal.dir` in the configuration.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Do it.
    #[arg(long)]
    cut: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn journal(command: &JournalCommand) -> ExitCode {
    match command {
        JournalCommand::Inspect(options) => exit("journal inspect", show(options)),
        JournalCommand::Repair(options) => exit("journal repair", repair(options)),
    }
}

fn show(options: &InspectOptions) -> Result<bool, LogsError> {
    let bytes = segments(&options.dir)?
        .iter()
        .filter_map(|(_, path)| std::fs::metadata(path).ok())
        .map(|metadata| metadata.len())
        .sum();
    let mut progress = Progress::new("read", bytes);
    let found = inspect(&options.dir, &mut |done| progress.reached(done))?;
    drop(progress);
    let text = if options.json {
        serde_json::to_string_pretty(&as_json(&found))? + "\n"
    } else {
        as_text(&options.dir, &found)
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(!is_damaged(&found))
}

fn is_damaged(found: &Inspection) -> bool {
    let damaged = |end: &End| matches!(end, End::Damaged { .. } | End::Unreadable { .. });
    found.segments.iter().any(|segment| damaged(&segment.end))
        || found
            .checkpoints
            .iter()
            .any(|checkpoint| checkpoint.content.is_err())
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn when(at: Option<Timestamp>, zone: &TimeZone) -> String {
    let at = at.and_then(|at| i64::try_from(at.as_micros()).ok());
    let at = at.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    at.map_or_else(
        || "-".to_owned(),
        |at| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

fn as_text(dir: &Path, found: &Inspection) -> String {
    let head = found
        .segments
        .iter()
        .rev()
        .find_map(|segment| segment.head.as_ref());
    let zone = head.and_then(|(_, head)| TimeZone::get(&head.config.schedule.time_zone).ok());
    let zone = zone.unwrap_or(TimeZone::UTC);
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{:20} {:>4} {:>6} {:>10} {:>12} {:>10} {:>8}  {:19}  {:19}  end",
        "segment", "run", "format", "size", "from entry", "inputs", "calls", "first", "last"
    );
    let mut all = Holds::default();
    for segment in &found.segments {
        all.add(&segment.holds);
        let _ = writeln!(text, "{}", row(segment, &zone));
    }
    for checkpoint in &found.checkpoints {
        let _ = writeln!(text, "{}", checkpoint_line(checkpoint, &zone));
    }
    let _ = writeln!(
        text,
        "{}: {} segments, {} checkpoints, {} entries, {} inputs, {} notes, {} calls",
        dir.display(),
        found.segments.len(),
        found.checkpoints.len(),
        all.entries,
        all.inputs,
        all.notes,
        all.calls
    );
    if is_damaged(found) {
        let _ = writeln!(
            text,
            "something is damaged. If the engine refuses to start, see what a cut would cost:\n  holdfast journal repair {}",
            dir.display()
        );
    }
    text
}

fn row(segment: &SegmentReport, zone: &TimeZone) -> String {
    let (run, format, first) = match &segment.head {
        Some((version, head)) => {
            let run = if head.continues {
                format!("{}+", head.epoch)
            } else {
                head.epoch.to_string()
            };
            (run, version.to_string(), head.first_index.to_string())
        }
        None => ("?".into(), "?".into(), "?".into()),
    };
    let holds = &segment.holds;
    format!(
        "{:20} {run:>4} {format:>6} {:>10} {first:>12} {:>10} {:>8}  {:19}  {:19}  {}",
        name(&segment.path),
        size(segment.bytes),
        holds.inputs,
        holds.calls,
        when(holds.first_at, zone),
        when(holds.last_at, zone),
        end_words(&segment.end)
    )
}

fn end_words(end: &End) -> String {
    match end {
        End::Whole => "whole".to_owned(),
        End::Torn { offset } => format!("torn at byte {offset}: a start cuts it; nobody was told of it"),
        End::Damaged { offset, what } => format!("DAMAGED at byte {offset}: {what}"),
        End::Unreadable { what } => format!("UNREADABLE: {what}"),
    }
}

fn checkpoint_line(report: &CheckpointReport, zone: &TimeZone) -> String {
    match &report.content {
        Ok(checkpoint) => format!(
            "{:25} {}  before entry {}, {}, {} notes, state {:.16}…",
            name(&report.path),
            size(report.bytes),
            checkpoint.index,
            when(Some(checkpoint.at), zone),
            checkpoint.notes.len(),
            checkpoint.hash.to_string()
        ),
        Err(why) => format!("{:25} {}  DAMAGED: {why}", name(&report.path), size(report.bytes)),
    }
}

fn holds_json(holds: &Holds) -> Value {
    json!({
        "entries": holds.entries, "inputs": holds.inputs, "notes": holds.notes, "calls": holds.calls,
        "first_us": holds.first_at.map(Timestamp::as_micros), "last_us": holds.last_at.map(Timestamp::as_micros),
        "last_index": holds.last_index,
    })
}

fn as_json(found: &Inspection) -> Value {
    let segments: Vec<Value> = found.segments.iter().map(segment_json).collect();
    let checkpoints: Vec<Value> = found.checkpoints.iter().map(checkpoint_json).collect();
    json!({ "segments": segments, "checkpoints": checkpoints, "damaged": is_damaged(found) })
}

fn segment_json(segment: &SegmentReport) -> Value {
    let (end, offset, what) = match &segment.end {
        End::Whole => ("whole", None, None),
        End::Torn { offset } => ("torn", Some(*offset), None),
        End::Damaged { offset, what } => ("damaged", Some(*offset), Some(what)),
        End::Unreadable { what } => ("unreadable", None, Some(what)),
    };
    let head = segment.head.as_ref().map(|(format, head)| {
        json!({ "format": format, "run": head.epoch, "continues": head.continues, "first_index": head.first_index })
    });
    json!({
        "file": name(&segment.path), "bytes": segment.bytes, "head": head, "holds": holds_json(&segment.holds),
        "end": end, "offset": offset, "what": what,
    })
}

fn checkpoint_json(report: &CheckpointReport) -> Value {
    let mut value = json!({ "file": name(&report.path), "bytes": report.bytes });
    match &report.content {
        Ok(checkpoint) => {
            value["index"] = checkpoint.index.into();
            value["at_us"] = checkpoint.at.as_micros().into();
            value["notes"] = checkpoint.notes.len().into();
            value["state_sha256"] = checkpoint.hash.to_string().into();
        }
        Err(why) => value["damaged"] = why.as_str().into(),
    }
    value
}

fn repair(options: &RepairOptions) -> Result<bool, LogsError> {
    let plan = plan_repair(&options.dir)?;
    if options.cut {
        plan.carry_out(&options.dir)?;
    }
    let text = if options.json {
        serde_json::to_string_pretty(&plan_json(&plan, options.cut))? + "\n"
    } else {
        plan_text(&plan, options)
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(plan.is_needless() || options.cut)
}

fn plan_text(plan: &RepairPlan, options: &RepairOptions) -> String {
    if plan.is_needless() {
        return "nothing stands in the way of a start\n".to_owned();
    }
    let mut text = String::new();
    for cut in &plan.cuts {
        let from = cut
            .offset
            .map_or("all of it".to_owned(), |offset| format!("from byte {offset} on"));
        let _ = writeln!(
            text,
            "{}: {from}, {}: {}",
            name(&cut.path),
            size(cut.bytes),
            cut.why
        );
    }
    let lost = &plan.lost;
    let zone = TimeZone::UTC;
    let _ = writeln!(
        text,
        "lost with it, as far as it still reads: {} inputs, {} notes, {} arrivals of calls, from {} to {} UTC",
        lost.inputs,
        lost.notes,
        lost.calls,
        when(lost.first_at, &zone),
        when(lost.last_at, &zone)
    );
    let _ = if options.cut {
        writeln!(
            text,
            "cut. What was cut off is in files beside it that end in .cut; a start is possible now"
        )
    } else {
        writeln!(
            text,
            "nothing was changed. A backup of the file loses nothing; otherwise cut it:\n  holdfast journal repair --cut {}",
            options.dir.display()
        )
    };
    text
}

fn plan_json(plan: &RepairPlan, cut: bool) -> Value {
    let cuts: Vec<Value> = plan
        .cuts
        .iter()
        .map(|cut| json!({ "file": name(&cut.path), "offset": cut.offset, "bytes": cut.bytes, "why": cut.why }))
        .collect();
    json!({ "needed": !plan.is_needless(), "cut": cut && !plan.is_needless(), "cuts": cuts, "lost": holds_json(&plan.lost) })
}
