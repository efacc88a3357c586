//! The calendar: what is in force, and when it changes.

use crate::script::hotline;
use acd::schedule::{Schedule, Timetable, Window};
use acd::{Acd, AcdConfig, Timestamp};
use expect_test::{Expect, expect};
use jiff::{Timestamp as Moment, tz::TimeZone};
use std::fmt::Write;

/// Prints the first `count` changes after a moment.
fn changes(schedule: &Schedule, from: &str, count: usize, expect: Expect) {
    let zone = TimeZone::get(&schedule.time_zone).expect("a known zone");
    let timetable = Timetable::new(schedule).expect("a good schedule");
    let from: Moment = from.parse().expect("a moment");
    let mut at = Timestamp::from_micros(from.as_microsecond() as u64);
    let mut told = format!("{} lines", timetable.lines_at(at));
    for _ in 0..count {
        let Some((next, lines)) = timetable.next_change(at) else {
            told += "\nfor ever";
            break;
        };
        let moment = Moment::from_microsecond(next.as_micros() as i64).expect("a moment");
        write!(
            told,
            "\n{}: {lines}",
            moment.to_zoned_datetime(zone.clone()).strftime("%a %F %R %Z")
        )
        .expect("a string");
        at = next;
    }
    expect.assert_eq(&told);
}

fn window(days: &[u8], from: (u16, u16), to: (u16, u16), lines: u32) -> Window {
    let minute = |(hour, minute)| hour * 60 + minute;
    Window {
        days: days.to_vec(),
        from_minute: minute(from),
        to_minute: minute(to),
        lines,
    }
}

fn schedule(time_zone: &str, lines_otherwise: u32, windows: Vec<Window>) -> Schedule {
    let (holidays, workdays) = Default::default();
    Schedule {
        time_zone: time_zone.into(),
        lines_otherwise,
        windows,
        holidays,
        workdays,
    }
}

#[test]
fn the_hotline_s_week_with_a_make_up_saturday() {
    changes(
        &hotline().schedule,
        "2026-11-26T00:00:00Z",
        8,
        expect![[r#"
        12 lines
        Thu 2026-11-26 18:00 CST: 4
        Fri 2026-11-27 08:00 CST: 12
        Fri 2026-11-27 18:00 CST: 4
        Sat 2026-11-28 08:00 CST: 12
        Sat 2026-11-28 18:00 CST: 4
        Mon 2026-11-30 08:00 CST: 12
        Mon 2026-11-30 18:00 CST: 4
        Tue 2026-12-01 08:00 CST: 12"#]],
    );
}

#[test]
fn a_holiday_is_otherwise_all_day() {
    changes(
        &hotline().schedule,
        "2026-12-29T23:00:00Z",
        4,
        expect![[r#"
        4 lines
        Wed 2026-12-30 08:00 CST: 12
        Wed 2026-12-30 18:00 CST: 4
        Fri 2027-01-01 08:00 CST: 12
        Fri 2027-01-01 18:00 CST: 4"#]],
    );
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_begins() {
    let night = schedule("UTC", 1, vec![window(&[5], (22, 0), (6, 0), 3)]);
    changes(
        &night,
        "2026-11-26T00:00:00Z",
        4,
        expect![[r#"
        1 lines
        Fri 2026-11-27 22:00 UTC: 3
        Sat 2026-11-28 06:00 UTC: 1
        Fri 2026-12-04 22:00 UTC: 3
        Sat 2026-12-05 06:00 UTC: 1"#]],
    );
}

#[test]
fn a_holiday_cuts_a_window_over_midnight() {
    let mut night = schedule("UTC", 1, vec![window(&[4, 5], (22, 0), (6, 0), 3)]);
    night.holidays = vec!["2026-11-27".into()];
    changes(
        &night,
        "2026-11-26T00:00:00Z",
        4,
        expect![[r#"
        1 lines
        Thu 2026-11-26 22:00 UTC: 3
        Fri 2026-11-27 00:00 UTC: 1
        Thu 2026-12-03 22:00 UTC: 3
        Fri 2026-12-04 06:00 UTC: 1"#]],
    );
}

#[test]
fn the_first_window_that_covers_counts() {
    let lunch = vec![
        window(&[1], (12, 0), (13, 0), 2),
        window(&[1], (8, 0), (18, 0), 12),
    ];
    changes(
        &schedule("UTC", 4, lunch),
        "2026-11-23T00:00:00Z",
        5,
        expect![[r#"
        4 lines
        Mon 2026-11-23 08:00 UTC: 12
        Mon 2026-11-23 12:00 UTC: 2
        Mon 2026-11-23 13:00 UTC: 12
        Mon 2026-11-23 18:00 UTC: 4
        Mon 2026-11-30 08:00 UTC: 12"#]],
    );
}

#[test]
fn adjoining_windows_with_equal_lines_are_no_change() {
    let halves = vec![
        window(&[1], (8, 0), (12, 0), 5),
        window(&[1], (12, 0), (18, 0), 5),
    ];
    changes(
        &schedule("UTC", 1, halves),
        "2026-11-23T00:00:00Z",
        2,
        expect![[r#"
        1 lines
        Mon 2026-11-23 08:00 UTC: 5
        Mon 2026-11-23 18:00 UTC: 1"#]],
    );
}

#[test]
fn to_the_end_of_the_day() {
    let late = vec![window(&[1, 2], (20, 0), (24, 0), 5)];
    changes(
        &schedule("UTC", 1, late),
        "2026-11-23T00:00:00Z",
        4,
        expect![[r#"
        1 lines
        Mon 2026-11-23 20:00 UTC: 5
        Tue 2026-11-24 00:00 UTC: 1
        Tue 2026-11-24 20:00 UTC: 5
        Wed 2026-11-25 00:00 UTC: 1"#]],
    );
}

#[test]
fn lines_that_never_change() {
    changes(
        &schedule("Europe/Berlin", 7, vec![]),
        "2026-11-23T00:00:00Z",
        1,
        expect![[r#"
        7 lines
        for ever"#]],
    );
}

/// Clocks go forward on 29 March 2026 from 02:00 to 03:00: a window from 02:30 begins when the clock jumps over it.
#[test]
fn an_edge_that_the_clock_jumps_over() {
    let spring = vec![window(&[7], (2, 30), (4, 0), 9)];
    changes(
        &schedule("Europe/Berlin", 1, spring),
        "2026-03-28T12:00:00Z",
        2,
        expect![[r#"
        1 lines
        Sun 2026-03-29 03:00 CEST: 9
        Sun 2026-03-29 04:00 CEST: 1"#]],
    );
}

/// Clocks go back on 25 October 2026 from 03:00 to 02:00: what is written as 02:30 to 03:00 comes twice.
#[test]
fn an_edge_that_the_clock_shows_twice() {
    let autumn = vec![window(&[7], (2, 30), (3, 0), 9)];
    changes(
        &schedule("Europe/Berlin", 1, autumn),
        "2026-10-24T12:00:00Z",
        5,
        expect![[r#"
        1 lines
        Sun 2026-10-25 02:30 CEST: 9
        Sun 2026-10-25 02:00 CET: 1
        Sun 2026-10-25 02:30 CET: 9
        Sun 2026-10-25 03:00 CET: 1
        Sun 2026-11-01 02:30 CET: 9"#]],
    );
}

#[test]
fn mistakes_are_named() {
    let mistakes: [fn(&mut AcdConfig); 12] = [
        |c| c.schedule.time_zone = "Asia/Shangai".into(),
        |c| c.schedule.holidays = vec!["2026-02-30".into()],
        |c| c.schedule.workdays = vec!["2026-12-31".into()],
        |c| c.schedule.windows[0].days = vec![],
        |c| c.schedule.windows[0].days = vec![0],
        |c| c.schedule.windows[0].from_minute = 1440,
        |c| c.schedule.windows[0].to_minute = 0,
        |c| c.queues.clear(),
        |c| c.operators[2].queues = vec![0, 4],
        |c| c.queues[0].wait_max = std::time::Duration::ZERO,
        |c| c.queues[0].ring_timeout = std::time::Duration::ZERO,
        |c| c.calls_max = 0,
    ];
    let mut told = String::new();
    for mistake in mistakes {
        let mut config = hotline();
        mistake(&mut config);
        match Acd::new(config) {
            Ok(_) => told += "no mistake found\n",
            Err(error) => writeln!(told, "{error}").expect("a string"),
        }
    }
    expect![[r#"
        schedule.time_zone: unknown time zone "Asia/Shangai"; use an IANA name such as "Asia/Shanghai"
        schedule.holidays[0]: "2026-02-30" is not a date; write it as YYYY-MM-DD
        schedule.workdays: 2026-12-31 is a holiday too; remove it from one of the two lists
        schedule.windows[0]: days: there is none; list days from 1 (Monday) to 7 (Sunday)
        schedule.windows[0]: days: a day is not within 1 (Monday) to 7 (Sunday)
        schedule.windows[0]: from_minute: not within 0 to 1439
        schedule.windows[0]: to_minute: not within 1 to 1440
        queues: there is none; configure at least one
        operators[2].queues: there is no queue 4; the last one is 0
        queues[0].wait_max: nobody could wait at all; use at least a second
        queues[0].ring_timeout: no phone could ring; use at least a second
        calls_max: must be at least 1
    "#]]
    .assert_eq(&told);
}
