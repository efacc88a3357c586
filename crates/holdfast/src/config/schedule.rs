//! The schedule: lines over the week, holidays, make-up workdays.

use super::finding::Placed;
use super::section::Section;
use acd::schedule::{LINES_MAX, Schedule, Timetable, Window};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn schedule(mut section: Section<'_, '_, '_>) -> Schedule {
    let zone = section.parsed(
        "time_zone",
        "use an IANA name such as \"Asia/Shanghai\"",
        |zone| {
            let alone = Schedule {
                time_zone: zone.to_owned(),
                ..empty_schedule()
            };
            Timetable::new(&alone)
                .map(|_| zone.to_owned())
                .map_err(|_| "is no time zone this program knows")
        },
    );
    section.require("lines_otherwise", "4");
    let lines_otherwise = section.integer("lines_otherwise", 0..=LINES_MAX).unwrap_or(4);
    let holidays = dates(&mut section, "holidays");
    let workdays = dates(&mut section, "workdays");
    for date in &workdays {
        if holidays.iter().any(|holiday| holiday.value == date.value) {
            section.findings().error(
                &date.at,
                format!("{} is among the holidays too", date.value),
                "remove it from one of the two lists",
            );
        }
    }
    let windows = section
        .sections("windows")
        .into_iter()
        .filter_map(window)
        .collect();
    section.finish();
    let plain = |dates: Vec<Placed<String>>| dates.into_iter().map(|date| date.value).collect();
    Schedule {
        time_zone: zone.map_or_else(|| empty_schedule().time_zone, |zone| zone.value),
        lines_otherwise,
        windows,
        holidays: plain(holidays),
        workdays: plain(workdays),
    }
}

fn empty_schedule() -> Schedule {
    Schedule {
        time_zone: "Asia/Shanghai".to_owned(),
        lines_otherwise: 0,
        windows: Vec::new(),
        holidays: Vec::new(),
        workdays: Vec::new(),
    }
}

fn dates(section: &mut Section<'_, '_, '_>, key: &'static str) -> Vec<Placed<String>> {
    let parse = |text: &str| {
        let alone = Schedule {
            holidays: vec![text.to_owned()],
            ..empty_schedule()
        };
        Timetable::new(&alone)
            .map(|_| text.to_owned())
            .map_err(|_| "is not a date")
    };
    section
        .parsed_list(key, "write it as \"YYYY-MM-DD\"", parse)
        .unwrap_or_default()
}

fn window(mut section: Section<'_, '_, '_>) -> Option<Window> {
    section.require("days", "[\"mon-fri\"]");
    section.require("from", "\"08:00\"");
    section.require("to", "\"18:00\"");
    section.require("lines", "12");
    let days = section.parsed_list(
        "days",
        "write days or stretches of days: \"mon\", \"sat-sun\"",
        days_of,
    );
    let time = "write hours and minutes: \"08:00\", up to \"24:00\"";
    let from = section.parsed("from", time, |text| {
        minute_of(text)
            .filter(|m| *m < 1_440)
            .ok_or("is not a time of day")
    });
    let to = section.parsed("to", time, |text| minute_of(text).ok_or("is not a time of day"));
    let lines = section.integer("lines", 0..=LINES_MAX);
    section.finish();
    let mut days: Vec<u8> = days?.into_iter().flat_map(|days| days.value).collect();
    days.sort_unstable();
    days.dedup();
    Some(Window {
        days,
        from_minute: from?.value,
        to_minute: to?.value,
        lines: lines?,
    })
}

/// `mon` or `mon-fri` as days of the week, Monday = 1.
fn days_of(text: &str) -> Result<Vec<u8>, &'static str> {
    let day = |name: &str| {
        let index = DAYS.iter().position(|day| *day == name.trim().to_lowercase());
        index
            .map(|index| index as u8 + 1)
            .ok_or("is not a day of the week")
    };
    match text.split_once('-') {
        None => Ok(vec![day(text)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            // A stretch may run over Sunday: "sat-mon".
            let length = (last + 7 - first) % 7;
            Ok((0..=length).map(|step| (first - 1 + step) % 7 + 1).collect())
        }
    }
}

/// `08:00` as minutes of the day; `24:00` is the day's end.
fn minute_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 1_440).then_some(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_days() {
        assert_eq!(days_of("mon-fri"), Ok(vec![1, 2, 3, 4, 5]));
        assert_eq!(days_of("Sun"), Ok(vec![7]));
        assert_eq!(days_of("sat-mon"), Ok(vec![6, 7, 1]));
        assert_eq!(days_of("mon-mon"), Ok(vec![1]));
        for wrong in ["", "monday", "mon-", "mon-fri-sun"] {
            assert!(days_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_of_day() {
        assert_eq!(minute_of("08:00"), Some(480));
        assert_eq!(minute_of("24:00"), Some(1_440));
        for wrong in ["8:00", "24:01", "12:60", "noon", "", "-1:00", "+8:00"] {
            assert_eq!(minute_of(wrong), None, "{wrong}");
        }
    }
}
