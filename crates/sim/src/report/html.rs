//! A report as one HTML page: styles and plots are inside, nothing is fetched, light and dark follow the reader.

use super::plot::{self, Series, escape};
use super::text::{self, clock, number, percent, rows};
use super::{Formula, Hour, PredictorError, Report, Waits};

/// What the national standard asks for: 95 %.
const GOAL: f64 = 0.95;

pub(super) fn page(title: &str, reports: &[(String, Report)]) -> String {
    let Some((name, first)) = reports.first() else {
        return String::new();
    };
    let title = escape(title);
    let comparison = if reports.len() > 1 {
        comparison(reports)
    } else {
        String::new()
    };
    let of = if reports.len() > 1 {
        format!("In full: {}. ", escape(name))
    } else {
        String::new()
    };
    let days = if first.days == 1 {
        "1 day".to_owned()
    } else {
        format!("{} days", first.days)
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{}</style></head><body><main>\
         <h1>{title}</h1><p class=\"sub\">{of}{days} from {}, seed {}, simulated with the queue's own code</p>\
         {}{comparison}<div class=\"cards\">{}{}{}{}{}{}{}</div>{}</main></body></html>\n",
        include_str!("page.css"),
        first.first_day,
        first.seed,
        tiles(first),
        offered(first),
        usage(first),
        levels(first),
        waits_by_hour(first),
        outcomes_and_waits(first),
        announced(first),
        hours(first),
        footer(first),
    )
}

fn card(class: &str, title: &str, body: &str) -> String {
    format!(r#"<section class="card {class}"><h2>{title}</h2>{body}</section>"#)
}

fn tiles(r: &Report) -> String {
    let level = format!("answered within {} of all offered", clock(Some(r.target_s)));
    let tiles = [
        (r.offered.to_string(), "calls offered".to_owned()),
        (r.persons.to_string(), "persons who called".to_owned()),
        (r.answered.to_string(), "answered".to_owned()),
        (percent(r.connect_rate), "connect rate by attempt".to_owned()),
        (
            percent(r.connect_rate_by_person),
            "connect rate by person".to_owned(),
        ),
        (percent(r.level(Formula::OfOffered)), level),
        (clock(r.asa_s), "average speed of answer".to_owned()),
        (percent(r.abandonment), "abandonment".to_owned()),
        (percent(r.occupancy), "occupancy of operators".to_owned()),
    ];
    let tile = |(figure, name)| format!(r#"<div class="tile"><b>{figure}</b><span>{name}</span></div>"#);
    format!(r#"<div class="tiles">{}</div>"#, tiles.map(tile).concat())
}

fn by_hour(r: &Report, read: impl Fn(&Hour) -> f64) -> Vec<f64> {
    r.hours.iter().map(read).collect()
}

fn offered(r: &Report) -> String {
    let series = [
        Series {
            name: "answered",
            colour: "--c3",
            values: by_hour(r, |h| h.answered),
        },
        Series {
            name: "hung up while waiting",
            colour: "--c2",
            values: by_hour(r, |h| h.abandoned),
        },
        Series {
            name: "turned away, timed out or failed",
            colour: "--c4",
            values: by_hour(r, |h| (h.offered - h.answered - h.abandoned).max(0.0)),
        },
    ];
    let per_day = if r.days > 1 { ", mean of a day" } else { "" };
    let plot = plot::stacked_bars("Calls by hour of arrival", &series) + &plot::legend(&series);
    card("", &format!("Calls offered by hour{per_day}"), &plot)
}

fn usage(r: &Report) -> String {
    let quarters = |read: fn(&super::Quarter) -> f64| r.quarters.iter().map(read).collect::<Vec<f64>>();
    let series = [
        Series {
            name: "lines in force",
            colour: "--c4",
            values: quarters(|q| q.lines),
        },
        Series {
            name: "lines in use",
            colour: "--c1",
            values: quarters(|q| q.lines_in_use),
        },
        Series {
            name: "calls waiting",
            colour: "--c2",
            values: quarters(|q| q.waiting),
        },
        Series {
            name: "operators at a call or its wrap-up",
            colour: "--c3",
            values: quarters(|q| q.busy),
        },
    ];
    let plot = plot::lines(
        "Lines, waiting calls and operators over the day",
        "",
        &series,
        true,
    );
    card(
        "",
        "Lines, waiting calls and operators",
        &(plot + &plot::legend(&series)),
    )
}

fn levels(r: &Report) -> String {
    let bars: Vec<(String, Option<f64>)> = r
        .service_level
        .iter()
        .map(|level| (level.words.to_owned(), level.value))
        .collect();
    let note = format!(
        r#"<p class="note">T = {}. The same day under six formulas in common use; the dashed line is the 95 % that GB/T 33358-2016 asks of the connect rate.</p>"#,
        clock(Some(r.target_s))
    );
    card(
        "",
        "Service level",
        &(plot::shares("Service level under six formulas", &bars, Some(GOAL)) + &note),
    )
}

fn waits_by_hour(r: &Report) -> String {
    let minutes = |value: Option<f64>| value.unwrap_or(0.0) / 60.0;
    let series = [
        Series {
            name: "average speed of answer",
            colour: "--c1",
            values: by_hour(r, |h| minutes(h.asa_s)),
        },
        Series {
            name: "wait that nine in ten answered callers did not exceed",
            colour: "--c2",
            values: by_hour(r, |h| minutes(h.wait_p90_s)),
        },
    ];
    let plot = plot::lines("Wait by hour, in minutes", " min", &series, false);
    card(
        "",
        "Wait of answered callers by hour of arrival",
        &(plot + &plot::legend(&series)),
    )
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &[String]| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<{tag}>{cell}</{tag}>"))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let head: Vec<String> = head.iter().map(|text| (*text).to_owned()).collect();
    let body: String = rows.iter().map(|row| cells("td", row)).collect();
    let head = if head.is_empty() {
        String::new()
    } else {
        cells("th", &head)
    };
    format!(r#"<div class="scroll"><table>{head}{body}</table></div>"#)
}

fn outcomes_and_waits(r: &Report) -> String {
    let whole = r.offered as f64;
    let present = r.outcomes.iter().filter(|count| count.calls > 0);
    let outcomes: Vec<Vec<String>> = present
        .map(|count| {
            let share = super::share(count.calls as f64, whole);
            vec![
                count.outcome.replace('_', "-"),
                count.calls.to_string(),
                percent(share),
            ]
        })
        .collect();
    let waits = |name: &str, w: &Waits| {
        let figures = [w.mean, w.p50, w.p80, w.p90, w.p95, w.p99, w.max];
        [name.to_owned(), w.calls.to_string()]
            .into_iter()
            .chain(figures.map(clock))
            .collect::<Vec<String>>()
    };
    let wait_rows = [
        waits("answered", &r.wait_answered),
        waits("hung up", &r.wait_abandoned),
    ];
    let figures = [
        vec!["average handle time".to_owned(), clock(r.aht_s)],
        vec!["talk".to_owned(), clock(r.talk_s)],
        vec!["wrap-up".to_owned(), clock(r.wrap_up_s)],
        vec!["operators' time on pause".to_owned(), percent(r.paused)],
        vec!["lines in use of those in force".to_owned(), percent(r.lines_used)],
        vec!["most calls waiting".to_owned(), r.waiting_max.to_string()],
        vec![
            "attempts a person".to_owned(),
            r.attempts_per_person
                .map_or("–".to_owned(), |n| format!("{n:.2}")),
        ],
        vec![
            "places taken up by a redial".to_owned(),
            r.places_resumed.to_string(),
        ],
        vec!["taken by another place".to_owned(), r.forwarded.to_string()],
    ];
    let outcomes = card("", "Outcomes", &table(&["outcome", "calls", "share"], &outcomes));
    let figures = card("", "Operators and lines", &table(&[], &figures));
    let head = [
        "wait", "calls", "mean", "50 %", "80 %", "90 %", "95 %", "99 %", "longest",
    ];
    outcomes + &figures + &call_backs(r) + &card("wide", "Waits", &table(&head, &wait_rows))
}

fn call_backs(r: &Report) -> String {
    let row = |(name, value): (&str, String)| vec![name.trim().to_owned(), value];
    let rows: Vec<Vec<String>> = text::call_backs(r).into_iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let note = r#"<p class="note">A call-back is no call offered: it counts in the connect rate by person, and in no rate by attempt, wait or service level.</p>"#;
    card("", "Call-backs", &(table(&[], &rows) + note))
}

/// How far the callers could rely on the waits they were told.
fn announced(r: &Report) -> String {
    let a = &r.announced;
    if a.told == 0 {
        return String::new();
    }
    let row = |p: &PredictorError| {
        let bias = p.bias_s.map_or("–".to_owned(), |bias| format!("{bias:+.1} s"));
        vec![
            p.predictor.to_owned(),
            p.judged.to_string(),
            bias,
            clock(p.error_s),
        ]
    };
    let rows: Vec<Vec<String>> = a.predictors.iter().map(row).collect();
    let note = format!(
        r#"<p class="note">{} announcements were judged when their caller was connected: {} waited no longer than they were told, {} is the aim. A mean error below zero promised too much.</p>"#,
        a.told,
        percent(a.kept),
        percent(Some(a.aimed))
    );
    let table = table(&["predictor", "judged", "mean error", "mean magnitude"], &rows);
    card("wide", "Announced waits", &(table + &note))
}

fn hours(r: &Report) -> String {
    let row = |h: &Hour| {
        vec![
            format!("{:02}:00", h.hour),
            number(h.offered),
            number(h.first_attempts),
            number(h.answered),
            number(h.abandoned),
            percent(h.connect_rate),
            percent(h.within_target),
            clock(h.asa_s),
            clock(h.wait_p90_s),
            format!("{:.1}", h.lines_in_use),
            format!("{:.1}", h.operators),
            percent(h.occupancy),
            h.waiting_max.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = r.hours.iter().map(row).collect();
    let head = [
        "hour",
        "offered",
        "first",
        "answered",
        "hung up",
        "connect",
        "≤ T",
        "ASA",
        "90 % wait",
        "lines",
        "operators",
        "occupancy",
        "most waiting",
    ];
    card("wide", "By hour", &table(&head, &rows))
}

fn comparison(reports: &[(String, Report)]) -> String {
    let bars = |read: fn(&Report) -> Option<f64>| {
        let bars: Vec<(String, Option<f64>)> =
            reports.iter().map(|(name, r)| (name.clone(), read(r))).collect();
        plot::shares("One bar for each variant", &bars, Some(GOAL))
    };
    let names: Vec<&str> = std::iter::once("")
        .chain(reports.iter().map(|(name, _)| name.as_str()))
        .collect();
    let names: Vec<String> = names.into_iter().map(escape).collect();
    let head: Vec<&str> = names.iter().map(String::as_str).collect();
    let body: Vec<Vec<String>> = rows()
        .into_iter()
        .map(|(name, read)| {
            std::iter::once(name)
                .chain(reports.iter().map(|(_, r)| read(r)))
                .collect()
        })
        .collect();
    format!(
        r#"<div class="cards" style="margin-bottom:16px">{}{}{}</div>"#,
        card("", "Connect rate by attempt", &bars(|r| r.connect_rate)),
        card(
            "",
            "Answered within T, of all offered",
            &bars(|r| r.level(Formula::OfOffered))
        ),
        card("wide", "Side by side", &table(&head, &body)),
    )
}

fn footer(r: &Report) -> String {
    let p = &r.proof;
    format!(
        "<footer>{} inputs through the queue core; the oracle made {} checks (order of service, capacity, one operator \
         and one outcome a call, every wait ends) and all held; {} crashes survived. The same scenario and seed give \
         this page again on any machine: digest <code>{}</code>.</footer>",
        p.inputs, p.checks, p.crashes, p.digest
    )
}
