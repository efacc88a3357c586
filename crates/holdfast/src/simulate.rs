//! `holdfast simulate`: whole days of the queue in virtual time, from a seed.
//!
//! Owns the command's options, what is printed where, and the progress line. All figures come from [`sim`]; results
//! go to standard output or a file, everything else to standard error.

use clap::Args;
use sim::agreement::{self, Effort};
use sim::report::{self, Formula};
use sim::whatif::{self, Axis, Search};
use sim::{Report, Scenario, SimError};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The options of `holdfast simulate`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The scenario; without it, the built-in weekday of a mayor's hotline.
    #[arg(short, long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Where all randomness comes from: the same seed gives the same days on any machine.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many days in a row, weekends and holidays included.
    #[arg(short, long, value_name = "D", value_parser = clap::value_parser!(u32).range(1..=i64::from(sim::scenario::DAYS_MAX)))]
    days: Option<u32>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write one self-contained HTML page with plots to a file as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with variants: lines=16,18,20 or operators=… or handle-time=12m,15m or keep-place=on,off or
    /// call-backs=on,off. Given more than once, every combination is tried.
    #[arg(long, value_name = "WHAT=VALUES")]
    what_if: Vec<Axis>,
    /// Search the least number of lines in the busy hours for which this percentage of the calls in
    /// those hours is answered in time.
    #[arg(long, value_name = "PERCENT", conflicts_with = "what_if", value_parser = percentage)]
    lines_for: Option<f64>,
    /// Set the simulated queue beside the Erlang C and A formulas instead, with confidence intervals.
    #[arg(long, conflicts_with_all = ["scenario", "days", "what_if", "lines_for", "html", "json"])]
    against_theory: bool,
    /// Run this many random scenarios in which everything goes wrong, and see that no rule of the queue is broken.
    #[arg(long, value_name = "N", conflicts_with_all = ["scenario", "days", "what_if", "lines_for", "html", "json", "against_theory"])]
    storms: Option<u32>,
    /// The service level's formula for --lines-for: of-offered, without-short, without-early, early-as-met,
    /// of-answered or of-persons.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "of-offered",
        requires = "lines_for"
    )]
    formula: Formula,
}

fn percentage(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("not a percentage; write one such as 95".to_owned()),
    }
}

/// Why a simulation gave no result.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A file could not be read or written.
    #[error("{path}: {error}", path = path.display())]
    #[expect(missing_docs, reason = "fields are the parts of the message")]
    File { path: PathBuf, error: io::Error },
    /// The scenario has mistakes.
    #[error("{}", mistakes.iter().map(|mistake| format!("{name}: {mistake}")).collect::<Vec<_>>().join("\n"))]
    #[expect(missing_docs, reason = "fields are the parts of the message")]
    Scenario {
        name: String,
        mistakes: Vec<sim::Mistake>,
    },
    /// The what-if is too wide.
    #[error("--what-if: {0}")]
    WhatIf(#[from] whatif::WhatIfError),
    /// The run ended early.
    #[error(transparent)]
    Run(#[from] SimError),
    /// The report could not be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(io::Error),
}

/// Runs the command: 0 if all went well, 1 if the queue broke a rule, 2 if the options or files are wrong.
pub fn run(options: &Options) -> ExitCode {
    let error = match simulate(options) {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever reads has seen enough, as with `head`.
        Err(SimulateError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(error) => error,
    };
    // Nobody is left to tell when standard error is gone.
    drop(writeln!(io::stderr(), "holdfast simulate: {error}"));
    match error {
        SimulateError::Run(SimError::Violation { .. }) => ExitCode::from(1),
        _ => ExitCode::from(2),
    }
}

fn simulate(options: &Options) -> Result<(), SimulateError> {
    if options.against_theory {
        return against_theory(options.seed);
    }
    if let Some(count) = options.storms {
        return storms(options.seed.unwrap_or(0), count);
    }
    let mut scenario = load(options.scenario.as_deref())?;
    scenario.seed = options.seed.unwrap_or(scenario.seed);
    scenario.days = options.days.unwrap_or(scenario.days);
    if let Some(goal) = options.lines_for {
        return search(options, &scenario, goal);
    }
    let variants = whatif::variants(&scenario, &options.what_if)?;
    let mut progress = Progress::new(variants.len() as u32 * scenario.days);
    let mut reports = Vec::with_capacity(variants.len());
    for (name, scenario) in variants {
        let run = sim::run(&scenario, &mut |_| progress.step(&name))?;
        reports.push((name, Report::new(&scenario, &run)));
    }
    progress.done();
    write_html(options, &scenario.name, &reports)?;
    match reports.as_slice() {
        [(_, report)] if options.json => print(&(report.to_json()? + "\n")),
        [(_, report)] => print(&report.to_text()),
        several if options.json => print(&json(several)?),
        several => print(&format!(
            "{}\n\n{}",
            heading(&scenario),
            report::side_by_side(several)
        )),
    }
}

/// Prints the table; it is for people to judge, so that a figure outside its interval is marked and no error.
fn against_theory(seed: Option<u64>) -> Result<(), SimulateError> {
    let effort = Effort {
        seed: seed.unwrap_or(Effort::default().seed),
        ..Effort::default()
    };
    let mut progress = Progress::new(0);
    let (table, _) = agreement::table(&effort, &mut |index| {
        progress.step(&format!("setting {}", index + 1))
    })?;
    progress.done();
    print(&table)
}

/// Runs random scenarios; the first broken rule ends it.
fn storms(first: u64, count: u32) -> Result<(), SimulateError> {
    let mut progress = Progress::new(0);
    let (mut calls, mut inputs, mut checks, mut crashes) = (0, 0, 0, 0);
    for seed in (first..).take(count as usize) {
        progress.step(&format!("storm {seed}"));
        let run = sim::run(&sim::storm::scenario(seed), &mut |_| {})?;
        calls += run.calls.len();
        inputs += run.inputs;
        checks += run.checks;
        crashes += run.crashes;
    }
    progress.done();
    print(&format!(
        "{count} storms from seed {first}: {calls} calls, {inputs} inputs, {checks} checks by the oracle, {crashes} \
         crashes; no rule was broken\n"
    ))
}

/// Searches how many lines are enough.
fn search(options: &Options, scenario: &Scenario, goal: f64) -> Result<(), SimulateError> {
    let mut progress = Progress::new(0);
    let found = whatif::least_lines(scenario, options.formula, goal, &mut |lines| {
        progress.step(&format!("{lines} lines"));
    })?;
    progress.done();
    let named: Vec<(String, Report)> = found
        .tried
        .iter()
        .map(|tried| (format!("{} lines", tried.lines), tried.report.clone()))
        .collect();
    write_html(options, &scenario.name, &named)?;
    if options.json {
        return print(&(serde_json::to_string_pretty(&found)? + "\n"));
    }
    let heading = heading(scenario);
    print(&format!(
        "{heading}\n\n{}\n\n{}",
        answer(scenario, &found),
        report::side_by_side(&named)
    ))
}

fn heading(scenario: &Scenario) -> String {
    let days = if scenario.days == 1 {
        "1 day".to_owned()
    } else {
        format!("{} days", scenario.days)
    };
    format!(
        "{}\n{days} from {}, seed {}",
        scenario.name, scenario.first_day, scenario.seed
    )
}

fn answer(scenario: &Scenario, found: &Search) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let words = found.formula.words();
    let mut text = format!(
        "Asked for: {} in the busy hours by \"{words}\", T = {} s\n",
        percent(found.goal),
        scenario.target.as_secs()
    );
    for tried in &found.tried {
        let level = tried.level.map_or("nobody called".to_owned(), percent);
        text += &format!("  {:>4} lines  {level:>8}\n", tried.lines);
    }
    let staffed = if scenario.operators.roster.is_none() {
        ", each with an operator,"
    } else {
        ""
    };
    text + &match found.lines {
        Some(lines) => format!("{lines} lines{staffed} in the busy hours are enough."),
        None => format!(
            "No number of lines up to {} is enough: something else is missing (operators, a quicker pick-up).",
            whatif::SEARCH_MAX
        ),
    }
}

fn load(path: Option<&Path>) -> Result<Scenario, SimulateError> {
    let (name, text) = match path {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| SimulateError::File {
                path: path.to_owned(),
                error,
            })?;
            (path.display().to_string(), text)
        }
        None => (
            "the built-in scenario".to_owned(),
            sim::scenario::HOTLINE_DAY.to_owned(),
        ),
    };
    Scenario::from_toml(&text).map_err(|mistakes| SimulateError::Scenario { name, mistakes })
}

fn write_html(options: &Options, title: &str, reports: &[(String, Report)]) -> Result<(), SimulateError> {
    let Some(path) = &options.html else { return Ok(()) };
    fs::write(path, report::to_html(title, reports)).map_err(|error| SimulateError::File {
        path: path.clone(),
        error,
    })?;
    drop(writeln!(io::stderr(), "wrote {}", path.display()));
    Ok(())
}

fn json(reports: &[(String, Report)]) -> Result<String, SimulateError> {
    let variants: Vec<_> = reports
        .iter()
        .map(|(name, report)| serde_json::json!({ "variant": name, "report": report }))
        .collect();
    Ok(serde_json::to_string_pretty(&variants)? + "\n")
}

fn print(text: &str) -> Result<(), SimulateError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(SimulateError::Output)
}

/// A line on standard error that tells how far a long run is: rewritten in place on a terminal, now and then a new
/// one elsewhere. Short runs show nothing.
struct Progress {
    /// Steps in all; 0 if nobody knows.
    steps: u32,
    done: u32,
    terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    const FIRST_AFTER: Duration = Duration::from_millis(400);
    const TERMINAL_EVERY: Duration = Duration::from_millis(100);
    const LOG_EVERY: Duration = Duration::from_secs(10);

    fn new(steps: u32) -> Self {
        let terminal = io::stderr().is_terminal();
        let first = if terminal {
            Self::FIRST_AFTER
        } else {
            Self::LOG_EVERY
        };
        Self {
            steps,
            done: 0,
            terminal,
            next: Instant::now() + first,
            shown: false,
        }
    }

    /// One more day of `what` begins.
    fn step(&mut self, what: &str) {
        self.done += 1;
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.shown = true;
        let of = if self.steps > 0 {
            format!("day {} of {}", self.done, self.steps)
        } else {
            String::new()
        };
        if self.terminal {
            self.next = now + Self::TERMINAL_EVERY;
            drop(write!(io::stderr(), "\r\x1b[2Ksimulating {what} {of}"));
        } else {
            self.next = now + Self::LOG_EVERY;
            drop(writeln!(io::stderr(), "simulating {what} {of}"));
        }
    }

    /// Leaves the terminal clean.
    fn done(&self) {
        if self.shown && self.terminal {
            drop(write!(io::stderr(), "\r\x1b[2K"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn parse(text: &str) -> Result<Options, String> {
        let parsed = Command::try_parse_from(std::iter::once("simulate").chain(text.split_whitespace()));
        parsed
            .map(|command| command.options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_that_are_right() {
        let options = parse("--days 7 --seed 3 --what-if lines=16,18 --what-if operators=12").unwrap();
        assert_eq!((options.days, options.seed), (Some(7), Some(3)));
        assert_eq!(
            options.what_if,
            [Axis::Lines(vec![16, 18]), Axis::Operators(vec![12])]
        );
        assert_eq!(parse("--lines-for 95%").unwrap().lines_for, Some(0.95));
        assert_eq!(
            parse("--lines-for 90 --formula of-answered").unwrap().formula,
            Formula::OfAnswered
        );
    }

    #[test]
    fn options_that_are_wrong_say_so() {
        for (text, says) in [
            ("--days 0", "0 is not in 1..=36525"),
            ("--what-if lines=0", "such as 16"),
            (
                "--what-if horses=1",
                "use lines, operators, handle-time, keep-place or call-backs",
            ),
            ("--what-if lines", "lines=16,18,20"),
            ("--lines-for 0", "such as 95"),
            ("--lines-for 95 --formula best", "use of-offered"),
            ("--lines-for 95 --what-if lines=3", "cannot be used with"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
