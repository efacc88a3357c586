//! Scenario files: mistakes are found, all at once, each with its line and what to do.

use expect_test::{Expect, expect};
use sim::Scenario;
use sim::scenario::HOTLINE_DAY;

/// Replaces one text of the built-in scenario and tells the mistakes found.
fn check(from: &str, to: &str, expected: Expect) {
    assert!(
        HOTLINE_DAY.contains(from),
        "the scenario no longer contains {from:?}"
    );
    let text = HOTLINE_DAY.replacen(from, to, 1);
    let found = match Scenario::from_toml(&text) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn mistakes_have_lines_and_remedies() {
    check(
        "redial = ",
        "redail = ",
        expect![[
            r#"line 36, column 1: unknown key "redail"; remove it, or use one of: patience, balk, balk_after, talk, redial, redial_after, attempts_max, asks_back, away, calls_again, withheld, picks_up"#
        ]],
    );
    check(
        "redial = ",
        "patience_max = \"5m\"\nbalks = 1\nredial = ",
        expect![[r#"
            line 36, column 1: unknown key "patience_max"; remove it, or use one of: patience, balk, balk_after, talk, redial, redial_after, attempts_max, asks_back, away, calls_again, withheld, picks_up
            line 37, column 1: unknown key "balks"; remove it, or use one of: patience, balk, balk_after, talk, redial, redial_after, attempts_max, asks_back, away, calls_again, withheld, picks_up"#]],
    );
    check(
        "target = \"15s\"",
        "target = \"15 seconds\"",
        expect![[
            r#"line 14, column 11: "15 seconds" is not a duration; write one such as "250ms", "90s", "6m" or "1h 30m""#
        ]],
    );
    check(
        "target = \"15s\"",
        "target = 15",
        expect![[r#"line 14, column 10: expected a duration such as "90s" or "6m", found integer"#]],
    );
    check(
        "balk = 0.08",
        "balk = 8",
        expect!["line 33, column 8: 8 is not a share; write 0 to 1"],
    );
    check(
        "shape = \"lognormal\"",
        "shape = \"gamma\"",
        expect![[r#"line 32, column 23: unknown shape "gamma"; use constant, exponential or lognormal"#]],
    );
    check(
        "cv = 1.1",
        "cv = -1",
        expect!["line 32, column 57: cv is not within 0 to 10; correct it"],
    );
    check(
        "days = [\"mon\", ",
        "days = [\"monday\", ",
        expect![[
            r#"line 19, column 23: "monday" is not a day; use one of mon, tue, wed, thu, fri, sat, sun"#
        ]],
    );
    check(
        "from = \"08:00\"",
        "from = \"8 am\"",
        expect![[r#"line 19, column 66: "8 am" is not a time; write one such as "08:00""#]],
    );
    check(
        "workday = [",
        "workday = [ 3,",
        expect!["line 24, column 11: 25 numbers; write 24, the first for 00:00 to 01:00"],
    );
    check(
        "Asia/Shanghai",
        "Asia/Shanghia",
        expect![[
            r#"line 16, column 1: schedule.time_zone: unknown time zone "Asia/Shanghia"; use an IANA name such as "Asia/Shanghai""#
        ]],
    );
    check(
        "first_day = \"2026-11-23\"",
        "first_day = \"23.11.2026\"",
        expect![[r#"line 11, column 14: "23.11.2026" is not a date; write it as YYYY-MM-DD"#]],
    );
    check(
        "strategy = \"longest_idle\"",
        "strategy = \"fair\"",
        expect![[
            r#"line 63, column 13: unknown strategy "fair"; use longest_idle, round_robin, fewest_calls, least_occupied, linear or ring_all"#
        ]],
    );
    check(
        "days = 1\n",
        "days = 0\n",
        expect!["line 12, column 8: days is not within 1 to 36525; correct it"],
    );
    check(
        "ring_timeout = \"20s\"",
        "ring_timeout = \"0s\"",
        expect!["line 1, column 1: queues[0].ring_timeout: no phone could ring; use at least a second"],
    );
    check(
        "talk = {",
        "talk = \"never\"\nold_talk = {",
        expect![[r#"
            line 35, column 9: "talk" has to end; give a time
            line 36, column 1: unknown key "old_talk"; remove it, or use one of: patience, balk, balk_after, talk, redial, redial_after, attempts_max, asks_back, away, calls_again, withheld, picks_up"#]],
    );
    check(
        "[queue]",
        "[queue",
        expect!["line 53, column 7: expected a right bracket, found a newline"],
    );
    check(
        "[queue]",
        "[queues]",
        expect![[r#"
            line 1, column 1: "queue" is missing here; add it
            line 53, column 2: unknown key "queues"; remove it, or use one of: name, first_day, days, seed, target, lines, arrivals, callers, operators, queue, more_queues, forwards, skills, needs, teams, faults"#]],
    );
}

/// Names that nobody has given, and keys of queues beyond the first.
#[test]
fn names_are_resolved_or_refused_where_they_stand() {
    check(
        "greeting = true",
        "greeting = true\nskills = [\"english\"]",
        expect![[r#"line 65, column 12: no skill is called "english"; name one so"#]],
    );
    check(
        "greeting = true",
        "greeting = true\non_timed_out = \"city hall\"",
        expect![[r#"line 65, column 17: no other place is called "city hall"; name one so"#]],
    );
    check(
        "greeting = true",
        "greeting = true\n[queue.call_back]\nkey = \"12\"",
        expect![[r#"line 66, column 8: "12" is not one key; write one such as "1""#]],
    );
    check(
        "[faults]",
        "[[more_queues]]\nname = \"english\"\npriority = 3\n[faults]",
        expect![[
            r#"line 68, column 1: unknown key "priority"; remove it, or use one of: wait_max, short_abandon, ring_timeout, place_grace, announce_every, wrap_up, wrap_up_extension, head_start, relax_after, sticky, forward_timeout, strategy, wait_quantile, name, share, waiting_max, greeting, lines, lines_min, skills, call_back, on_saturated, on_closed, on_timed_out"#
        ]],
    );
    check(
        "[faults]",
        "[[teams]]\ncount = 3\nqueues = [\"english\"]\n[faults]",
        expect![[r#"line 68, column 12: no queue is called "english"; name one so, or use one of: hotline"#]],
    );
    check(
        "waiting_max = 60",
        "",
        expect![[r#"line 53, column 1: "waiting_max" is missing here; add it"#]],
    );
}

#[test]
fn a_fault_free_scenario_needs_no_faults_section() {
    let text: String = HOTLINE_DAY
        .split("[faults]")
        .next()
        .unwrap_or_default()
        .to_owned();
    let scenario = Scenario::from_toml(&text).expect("faults are optional");
    assert_eq!(scenario.faults, sim::scenario::Faults::NONE);
}
