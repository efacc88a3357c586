//! Local time: which lines are in force at a moment, and what the clock on the wall shows.
//!
//! Owns a second, naive reading of [`Schedule`], straight from its documentation and minute by minute, so that the
//! oracle need not take the core's word for it.

use acd::Timestamp;
use acd::schedule::{Schedule, Window};
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::time::Duration;

/// A schedule and the last answer it gave.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    schedule: Schedule,
    minute: u64,
    lines: u32,
    quarter: u64,
    offset_s: i64,
}

/// Time zones shift by whole quarters of an hour, at whole quarters of an hour.
const QUARTER_S: u64 = 900;

impl Calendar {
    /// Reads a schedule.
    ///
    /// # Errors
    /// The name of the time zone, if it is not known.
    pub fn new(schedule: &Schedule) -> Result<Self, jiff::Error> {
        let zone = TimeZoneDatabase::bundled().get(&schedule.time_zone)?;
        let schedule = schedule.clone();
        Ok(Self {
            zone,
            schedule,
            minute: u64::MAX,
            lines: 0,
            quarter: u64::MAX,
            offset_s: 0,
        })
    }

    /// Lines in force at `at`.
    pub fn lines_at(&mut self, at: Timestamp) -> u32 {
        let minute = at.as_micros() / 60_000_000;
        if minute != self.minute {
            self.minute = minute;
            self.lines = self.look_up(at);
        }
        self.lines
    }

    fn look_up(&self, at: Timestamp) -> u32 {
        let local = self.zone.to_datetime(to_jiff(at));
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let today = self.followed(local.date());
        let yesterday = local.date().yesterday().ok().and_then(|date| self.followed(date));
        let covers = |window: &&Window| {
            let (from, to) = (window.from_minute, window.to_minute);
            let on = |day: Option<u8>| day.is_some_and(|day| window.days.contains(&day));
            if from < to {
                on(today) && (from..to).contains(&minute)
            } else {
                (on(today) && minute >= from) || (on(yesterday) && minute < to)
            }
        };
        match self.schedule.windows.iter().find(covers) {
            Some(window) if today.is_some() => window.lines,
            _ => self.schedule.lines_otherwise,
        }
    }

    /// The day of the week a date follows, Monday = 1; none on a holiday.
    fn followed(&self, date: Date) -> Option<u8> {
        let text = date.to_string();
        if self.schedule.holidays.contains(&text) {
            None
        } else if self.schedule.workdays.contains(&text) {
            Some(1)
        } else {
            Some(date.weekday().to_monday_one_offset() as u8)
        }
    }

    /// Whether people work on `date`: Monday to Friday and make-up workdays, but not holidays.
    pub fn is_workday(&self, date: Date) -> bool {
        self.followed(date).is_some_and(|day| day <= 5)
    }

    /// The first moment of `date`.
    pub fn midnight(&self, date: Date) -> Timestamp {
        let midnight = self
            .zone
            .to_ambiguous_timestamp(date.to_datetime(Time::midnight()))
            .compatible();
        from_jiff(midnight.unwrap_or(jiff::Timestamp::MAX))
    }

    /// Minute of the day the clock on the wall shows at `at`, 0–1439.
    pub fn minute_of_day(&mut self, at: Timestamp) -> u32 {
        let seconds = at.as_micros() / 1_000_000;
        if seconds / QUARTER_S != self.quarter {
            self.quarter = seconds / QUARTER_S;
            self.offset_s = i64::from(self.zone.to_offset(to_jiff(at)).seconds());
        }
        let local = seconds.saturating_add_signed(self.offset_s);
        (local / 60 % 1_440) as u32
    }

    /// Hour of the day the clock on the wall shows at `at`, 0–23.
    pub fn hour_of_day(&mut self, at: Timestamp) -> usize {
        self.minute_of_day(at) as usize / 60
    }
}

/// The end of the quarter of an hour that `at` lies in.
pub fn next_quarter(at: Timestamp) -> Timestamp {
    Timestamp::from_secs((at.as_micros() / 1_000_000 / QUARTER_S + 1) * QUARTER_S)
}

fn to_jiff(at: Timestamp) -> jiff::Timestamp {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX)
}

fn from_jiff(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(u64::try_from(at.as_microsecond()).unwrap_or(0))
}

/// The date `days` after `first`; the calendar's last date if there is none.
pub fn date_after(first: Date, days: u32) -> Date {
    first
        .checked_add(jiff::Span::new().days(i64::from(days)))
        .unwrap_or(Date::MAX)
}

/// Seconds as a number.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::schedule::Timetable;

    fn schedule(time_zone: &str) -> Schedule {
        let window = |days: &[u8], from, to, lines| Window {
            days: days.to_vec(),
            from_minute: from,
            to_minute: to,
            lines,
        };
        Schedule {
            time_zone: time_zone.to_owned(),
            lines_otherwise: 4,
            windows: vec![
                window(&[1, 2, 3, 4, 5], 480, 1080, 12),
                window(&[5], 1320, 120, 6),
                window(&[6, 7], 600, 601, 9),
            ],
            holidays: vec!["2026-10-01".to_owned()],
            workdays: vec!["2026-10-10".to_owned()],
        }
    }

    /// Two readings of one rule, written apart, agree minute by minute: over weeks with a holiday, a make-up
    /// workday, a window across midnight, and in Berlin both changes of the clocks.
    #[test]
    fn agrees_with_the_core_every_minute() {
        for (zone, begin, days) in [
            ("Asia/Shanghai", "2026-09-26", 20),
            ("Europe/Berlin", "2026-10-20", 10),
            ("Europe/Berlin", "2026-03-25", 8),
        ] {
            let schedule = schedule(zone);
            let table = Timetable::new(&schedule).unwrap();
            let mut calendar = Calendar::new(&schedule).unwrap();
            let start = calendar.midnight(begin.parse().unwrap());
            for minute in 0..days * 1_440 {
                let at = start + Duration::from_secs(minute * 60);
                assert_eq!(
                    calendar.lines_at(at),
                    table.lines_at(at),
                    "{zone}, minute {minute} after {begin}"
                );
            }
        }
    }

    #[test]
    fn the_clock_on_the_wall() {
        let mut calendar = Calendar::new(&schedule("Europe/Berlin")).unwrap();
        let day = calendar.midnight("2026-10-25".parse().unwrap());
        let at = |hours: u64| day + Duration::from_secs(hours * 3600);
        let shown: Vec<usize> = [0, 1, 2, 3, 4, 24]
            .iter()
            .map(|h| calendar.hour_of_day(at(*h)))
            .collect();
        assert_eq!(
            shown,
            [0, 1, 2, 2, 3, 23],
            "02:00 comes twice when the clocks go back"
        );
        assert!(
            calendar.is_workday("2026-10-10".parse().unwrap()),
            "a make-up workday on a Saturday"
        );
        assert!(
            !calendar.is_workday("2026-10-01".parse().unwrap()),
            "a holiday on a Thursday"
        );
    }
}
