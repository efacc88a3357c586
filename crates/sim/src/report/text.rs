//! Reports as tables for a terminal.

use super::{Formula, Hour, Report, Waits};
use std::fmt::Write;

/// A share as a percentage.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{:.1} %", 100.0 * value))
}

/// Seconds for people: `7.3 s`, `4:05` or `1:02:05`.
pub(super) fn clock(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let whole = value.round() as u64;
    match whole {
        _ if value < 60.0 => format!("{value:.1} s"),
        0..3_600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3_600, whole / 60 % 60, whole % 60),
    }
}

/// A mean count: whole if it is.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

pub(super) fn report(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, r: &Report) -> std::fmt::Result {
    let days = if r.days == 1 {
        "1 day".to_owned()
    } else {
        format!("{} days", r.days)
    };
    writeln!(
        out,
        "{}\n{days} from {}, seed {}\n",
        r.scenario, r.first_day, r.seed
    )?;
    let row = |out: &mut String, name: &str, value: String| writeln!(out, "  {name:<44}{value:>12}");
    row(out, "Calls offered", r.offered.to_string())?;
    row(out, "Persons who called", r.persons.to_string())?;
    for count in r.outcomes.iter().filter(|count| count.calls > 0) {
        row(
            out,
            &format!("  {}", count.outcome.replace('_', "-")),
            count.calls.to_string(),
        )?;
    }
    row(out, "Connect rate by attempt", percent(r.connect_rate))?;
    if let Some([low, high]) = r.connect_rate_95 {
        let (low, high) = (percent(Some(low)), percent(Some(high)));
        row(
            out,
            "  of a day, 95 % interval of the mean",
            format!("{low} – {high}"),
        )?;
    }
    row(out, "Connect rate by person", percent(r.connect_rate_by_person))?;
    row(
        out,
        "Attempts a person",
        r.attempts_per_person
            .map_or("–".to_owned(), |n| format!("{n:.2}")),
    )?;
    row(out, "Abandonment", percent(r.abandonment))?;
    row(
        out,
        "  without short-abandoned",
        percent(r.abandonment_without_short),
    )?;
    if r.places_resumed > 0 {
        row(
            out,
            "Places taken up again by a redial",
            r.places_resumed.to_string(),
        )?;
    }
    for (name, value) in call_backs(r) {
        row(out, name, value)?;
    }
    if r.forwarded > 0 {
        row(out, "Taken by another place", r.forwarded.to_string())?;
    }
    row(out, "Average speed of answer", clock(r.asa_s))?;
    row(out, "Average handle time", clock(r.aht_s))?;
    row(out, "  talk", clock(r.talk_s))?;
    row(out, "  wrap-up", clock(r.wrap_up_s))?;
    row(out, "Occupancy of operators", percent(r.occupancy))?;
    row(out, "Operators' time on pause", percent(r.paused))?;
    row(out, "Lines in use of those in force", percent(r.lines_used))?;
    row(out, "Most calls waiting", r.waiting_max.to_string())?;
    writeln!(out, "\nService level, T = {}", clock(Some(r.target_s)))?;
    for level in &r.service_level {
        writeln!(out, "  {:<50}{:>12}", level.words, percent(level.value))?;
    }
    writeln!(
        out,
        "\nWait            calls      mean       50 %       80 %       90 %       95 %       99 %    longest"
    )?;
    write_waits(out, "answered", &r.wait_answered)?;
    write_waits(out, "hung up", &r.wait_abandoned)?;
    write_announced(out, r)?;
    let per_day = if r.days > 1 { ", a day" } else { "" };
    writeln!(out, "\nBy hour{per_day}")?;
    writeln!(
        out,
        "  hour  offered    first  answered  hung up  connect   ≤ T  {:>7}  {:>9}  lines  operators  occupancy  most waiting",
        "ASA", "90 % wait"
    )?;
    r.hours.iter().try_for_each(|hour| write_hour(out, hour))?;
    writeln!(out, "  (≤ T: {})", Formula::OfOffered.words())?;
    let p = &r.proof;
    writeln!(
        out,
        "\n{} inputs, {} checks by the oracle, all held; {} crashes survived; digest {}",
        p.inputs, p.checks, p.crashes, p.digest
    )
}

/// What became of call-backs, if there were any.
pub(super) fn call_backs(r: &Report) -> Vec<(&'static str, String)> {
    let c = &r.call_backs;
    if c.promised == 0 {
        return Vec::new();
    }
    vec![
        ("Call-backs promised", c.promised.to_string()),
        ("  reached", c.reached.to_string()),
        ("  not reached", c.not_reached.to_string()),
        ("  the caller called again before", c.called_again.to_string()),
        ("  lapsed", c.lapsed.to_string()),
        ("  mean wait of those reached", clock(c.wait.mean)),
        ("  wait of nine in ten of them", clock(c.wait.p90)),
    ]
}

fn write_announced(out: &mut String, r: &Report) -> std::fmt::Result {
    let a = &r.announced;
    if a.told == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "\nAnnounced waits, of callers who were connected: {} told, {} waited no longer (aim {})",
        a.told,
        percent(a.kept),
        percent(Some(a.aimed))
    )?;
    writeln!(
        out,
        "  predictor                judged   mean error   mean magnitude"
    )?;
    a.predictors.iter().try_for_each(|p| {
        let signed = p.bias_s.map_or("–".to_owned(), |bias| format!("{bias:+.1} s"));
        writeln!(
            out,
            "  {:<22}{:>9}{:>13}{:>17}",
            p.predictor,
            p.judged,
            signed,
            clock(p.error_s)
        )
    })
}

fn write_waits(out: &mut String, name: &str, waits: &Waits) -> std::fmt::Result {
    let Waits {
        calls,
        mean,
        p50,
        p80,
        p90,
        p95,
        p99,
        max,
    } = *waits;
    write!(out, "  {name:<10}{calls:>9}{:>10}", clock(mean))?;
    [p50, p80, p90, p95, p99, max]
        .into_iter()
        .try_for_each(|value| write!(out, "{:>11}", clock(value)))?;
    writeln!(out)
}

fn write_hour(out: &mut String, hour: &Hour) -> std::fmt::Result {
    let h = hour;
    writeln!(
        out,
        "  {:02}    {:>7}  {:>7}  {:>8}  {:>7}  {:>7}  {:>6}  {:>5}  {:>9}  {:>5.1}  {:>9.1}  {:>9}  {:>12}",
        h.hour,
        number(h.offered),
        number(h.first_attempts),
        number(h.answered),
        number(h.abandoned),
        percent(h.connect_rate).replace(' ', ""),
        percent(h.within_target).replace(' ', ""),
        clock(h.asa_s),
        clock(h.wait_p90_s),
        h.lines_in_use,
        h.operators,
        percent(h.occupancy),
        h.waiting_max,
    )
}

/// A row of the comparison: its name and how it is read off a report.
pub(super) type Row = (String, fn(&Report) -> String);

/// The rows of the comparison.
pub(super) fn rows() -> Vec<Row> {
    let level = |formula: Formula, read: fn(&Report) -> String| (format!("≤ T: {}", formula.words()), read);
    vec![
        ("Calls offered".to_owned(), |r| r.offered.to_string()),
        ("Persons who called".to_owned(), |r| r.persons.to_string()),
        ("Calls answered".to_owned(), |r| r.answered.to_string()),
        ("Connect rate by attempt".to_owned(), |r| percent(r.connect_rate)),
        ("Connect rate by person".to_owned(), |r| {
            percent(r.connect_rate_by_person)
        }),
        ("Attempts a person".to_owned(), |r| {
            r.attempts_per_person
                .map_or("–".to_owned(), |n| format!("{n:.2}"))
        }),
        ("Call-backs promised".to_owned(), |r| {
            r.call_backs.promised.to_string()
        }),
        ("Call-backs reached".to_owned(), |r| {
            r.call_backs.reached.to_string()
        }),
        ("Call-backs not reached".to_owned(), |r| {
            r.call_backs.not_reached.to_string()
        }),
        ("Abandonment".to_owned(), |r| percent(r.abandonment)),
        ("Average speed of answer".to_owned(), |r| clock(r.asa_s)),
        ("Wait of nine in ten answered".to_owned(), |r| {
            clock(r.wait_answered.p90)
        }),
        level(Formula::OfOffered, |r| percent(r.level(Formula::OfOffered))),
        level(Formula::WithoutShort, |r| percent(r.level(Formula::WithoutShort))),
        level(Formula::WithoutEarly, |r| percent(r.level(Formula::WithoutEarly))),
        level(Formula::EarlyAsMet, |r| percent(r.level(Formula::EarlyAsMet))),
        level(Formula::OfAnswered, |r| percent(r.level(Formula::OfAnswered))),
        level(Formula::OfPersons, |r| percent(r.level(Formula::OfPersons))),
        ("Average handle time".to_owned(), |r| clock(r.aht_s)),
        ("Occupancy of operators".to_owned(), |r| percent(r.occupancy)),
        ("Lines in use of those in force".to_owned(), |r| {
            percent(r.lines_used)
        }),
        ("Most calls waiting".to_owned(), |r| r.waiting_max.to_string()),
    ]
}

pub(super) fn side_by_side(reports: &[(String, Report)]) -> String {
    let rows = rows();
    let name_width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        + 2;
    let width = reports
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(10)
        + 2;
    let mut out = " ".repeat(name_width);
    reports
        .iter()
        .for_each(|(name, _)| out.push_str(&format!("{name:>width$}")));
    out.push('\n');
    for (name, read) in rows {
        out.push_str(&format!("{name:<name_width$}"));
        reports
            .iter()
            .for_each(|(_, report)| out.push_str(&format!("{:>width$}", read(report))));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people() {
        assert_eq!(clock(Some(7.25)), "7.2 s");
        assert_eq!(clock(Some(245.0)), "4:05");
        assert_eq!(clock(Some(3_725.0)), "1:02:05");
        assert_eq!(clock(None), "–");
        assert_eq!(percent(Some(0.2604)), "26.0 %");
        assert_eq!(percent(None), "–");
        assert_eq!(
            (number(12.0), number(12.25)),
            ("12".to_owned(), "12.2".to_owned())
        );
    }
}
