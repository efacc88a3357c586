//! `holdfast replay` and `holdfast audit`.

use super::{LogsError, Progress, exit, moment};
use acd::{CallId, Timestamp};
use clap::Args;
use jiff::tz::TimeZone;
use journal::{Segment, segments};
use replay::{Auditor, Findings, Found, Passed, Teller, Verdict, Walk};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The options of `holdfast replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayOptions {
    /// The journal's directory: `journal.dir` in the configuration.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Stop at this moment: 2026-11-23T09:00:00+08:00, or 2026-11-23T09:00 in the house's time zone.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Tell the story of one call, by the number that the log lines of the engine carry as `call`.
    #[arg(long, value_name = "CALL")]
    explain: Option<u64>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// The options of `holdfast audit`.
#[derive(Args, Clone, Debug)]
pub struct AuditOptions {
    /// The journal's directory: `journal.dir` in the configuration.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Judge from this moment on: 2026-11-23T09:00:00+08:00, or 2026-11-23T09:00 in the house's time zone.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Judge up to this moment.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Print one JSON document a line: each finding, then the verdict.
    #[arg(long)]
    json: bool,
}

/// Runs `holdfast replay`.
pub fn replay(options: &ReplayOptions) -> ExitCode {
    exit("replay", run_again(options))
}

/// Runs `holdfast audit`.
pub fn audit(options: &AuditOptions) -> ExitCode {
    exit("audit", judge(options))
}

/// The time zone of the house whose journal it is.
fn zone(dir: &Path) -> Result<TimeZone, LogsError> {
    let Some((_, last)) = segments(dir)?.pop() else {
        return Ok(TimeZone::UTC);
    };
    let segment = Segment::open(&last)?;
    Ok(TimeZone::get(&segment.head().config.schedule.time_zone).unwrap_or(TimeZone::UTC))
}

fn moment_in(dir: &Path, text: Option<&String>) -> Result<Option<Timestamp>, LogsError> {
    match text {
        Some(text) => moment(text, &zone(dir)?).map(Some),
        None => Ok(None),
    }
}

fn run_again(options: &ReplayOptions) -> Result<bool, LogsError> {
    let until = moment_in(&options.dir, options.until.as_ref())?;
    let walk = Walk::new(&options.dir, until)?;
    let mut progress = Progress::new("replayed", walk.bytes());
    let began = Instant::now();
    let Some(call) = options.explain else {
        let found = walk.go(&mut (), &mut |done| progress.reached(done))?;
        drop(progress);
        let took = began.elapsed().as_secs_f64();
        let text = if options.json {
            let rate = found.inputs as f64 / took.max(1e-9);
            serde_json::to_string_pretty(
                &json!({ "agrees": found.agree(), "seconds": took, "inputs_per_second": rate, "found": found }),
            )? + "\n"
        } else {
            in_words(&found, took)
        };
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(found.agree());
    };
    let mut teller = Teller::new(CallId(call));
    walk.go(&mut teller, &mut |done| progress.reached(done))?;
    drop(progress);
    let story = teller.story();
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&story)?)?;
    } else {
        for line in &story.lines {
            writeln!(out, "{}  {}", line.at, line.what)?;
        }
        match (story.lines.is_empty(), story.summary.is_empty()) {
            (true, _) => writeln!(out, "call {call} is not in this journal")?,
            (_, true) => writeln!(out, "call {call} still waits where the journal ends")?,
            _ => writeln!(out, "call {call}: {}", story.summary)?,
        }
    }
    Ok(!story.lines.is_empty())
}

fn in_words(found: &Findings, took: f64) -> String {
    let mut text = format!(
        "{} inputs of {} calls in {} runs replayed in {took:.2} s ({:.0} inputs/s)\n\
         {} batches of decisions and {} checkpoints compared with what was recorded\n",
        found.inputs,
        found.calls,
        found.runs,
        found.inputs as f64 / took.max(1e-9),
        found.batches_compared,
        found.checkpoints_compared
    );
    if found.batches_older > 0 {
        text += &format!(
            "{} batches were written by an older version, which hashed decisions otherwise: not compared\n",
            found.batches_older
        );
    }
    for gap in &found.gaps {
        text += &format!(
            "entries {} to {} could not be replayed: {}\n",
            gap.from, gap.to, gap.why
        );
    }
    for each in &found.named {
        text += &format!(
            "DIFFERENT at entry {}: {} recorded as {}, replayed as {}\n",
            each.index, each.what, each.recorded, each.replayed
        );
    }
    text + &match found.differences {
        0 if found.gaps.is_empty() && found.batches_older == 0 => {
            "all decisions are the ones that were recorded\n".to_owned()
        }
        0 => "what could be replayed gives the decisions that were recorded\n".to_owned(),
        n => format!(
            "{n} differences: this version decides otherwise than the one that was running, or the log was altered\n"
        ),
    }
}

fn judge(options: &AuditOptions) -> Result<bool, LogsError> {
    let from = moment_in(&options.dir, options.from.as_ref())?;
    let to = moment_in(&options.dir, options.to.as_ref())?;
    let walk = Walk::new(&options.dir, to)?;
    let mut progress = Progress::new("audited", walk.bytes());
    let mut out = io::stdout().lock();
    let mut failed = None;
    let json = options.json;
    let mut tell = |found: Found| {
        // The walk goes on; that nobody reads any more is said at its end.
        if failed.is_none()
            && let Err(error) = print(&mut out, &found, json)
        {
            failed = Some(error);
        }
    };
    let mut auditor = Auditor::new(from, to, &mut tell);
    let found = walk.go(&mut auditor, &mut |done| progress.reached(done))?;
    let verdict = auditor.verdict();
    drop(progress);
    if let Some(error) = failed {
        return Err(error);
    }
    let proven = verdict.violations == 0 && found.agree();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "found": "verdict", "proven": proven, "verdict": verdict, "replay": found })
        )?;
    } else {
        write!(out, "{}", in_the_end(&verdict, &found))?;
    }
    Ok(proven)
}

fn print(out: &mut impl Write, found: &Found, json: bool) -> Result<(), LogsError> {
    match found {
        _ if json => writeln!(out, "{}", serde_json::to_string(found)?)?,
        Found::Violation(violation) => writeln!(out, "{}  OVERTAKEN: {}", violation.at, violation.what)?,
        Found::Passed(passed) => writeln!(out, "{}", passed_words(passed))?,
    }
    Ok(())
}

fn passed_words(passed: &Passed) -> String {
    let reasons = passed.reasons.iter().map(|(reason, (count, by))| {
        let by: Vec<String> = by.iter().map(ToString::to_string).collect();
        let more = if *count as usize > by.len() { ", …" } else { "" };
        format!("{count} × by {}{more} ({reason})", by.join(", "))
    });
    format!(
        "{}  call {} (ticket {}, {}) was passed {}",
        passed.first,
        passed.call,
        passed.ticket,
        passed.queue,
        reasons.collect::<Vec<_>>().join("; ")
    )
}

fn in_the_end(verdict: &Verdict, found: &Findings) -> String {
    let mut text = format!(
        "{} lines and {} operators given out, compared with {} older calls that waited; {} calls passed for a reason; {} \
         calls went to the operator whom the caller knew, none of them out of turn\n",
        verdict.admissions, verdict.assignments, verdict.comparisons, verdict.passed, verdict.sticky
    );
    for gap in &found.gaps {
        text += &format!(
            "entries {} to {} could not be judged: {}\n",
            gap.from, gap.to, gap.why
        );
    }
    if found.differences > 0 {
        text += &format!(
            "{} differences between the log and its replay: see `holdfast replay`\n",
            found.differences
        );
    }
    text + match (verdict.violations, found.agree()) {
        (0, true) => "PROVEN: nobody was served before an older call that could have been\n",
        (0, false) => "NOT PROVEN: nothing was found, but part of the log could not be judged\n",
        _ => "REFUTED: the order was broken; see above\n",
    }
}
