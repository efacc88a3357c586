//! Lines in force over time: weekly windows, holidays and make-up workdays in a named time zone.
//!
//! Owns the calendar. A [`Schedule`] is what people write; a [`Timetable`] is what answers questions. The time zone
//! database is the one built in, so that every machine replays a journal with the same answers.

use crate::{ConfigError, Timestamp};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// Lines in force over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// IANA name of the time zone, such as `Asia/Shanghai`.
    pub time_zone: String,
    /// Lines outside every window.
    pub lines_otherwise: u32,
    /// Windows of the week; the first that covers a moment counts.
    pub windows: Vec<Window>,
    /// Dates (`YYYY-MM-DD`) that follow `lines_otherwise` the whole day.
    pub holidays: Vec<String>,
    /// Weekend dates (`YYYY-MM-DD`) that follow Monday's windows: make-up workdays.
    pub workdays: Vec<String>,
}

/// One stretch of a day on which `lines` are in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Days of the week, Monday = 1 … Sunday = 7.
    pub days: Vec<u8>,
    /// First minute of the day, 0–1439.
    pub from_minute: u16,
    /// Minute of the day it ends before, 1–1440. If not after `from_minute`, it ends on the next day.
    pub to_minute: u16,
    /// Lines in force.
    pub lines: u32,
}

/// Most lines that a schedule or an order by hand may put in force.
pub const LINES_MAX: u32 = 10_000;

/// How far ahead [`Timetable::next_change`] looks, in days.
pub const LOOK_AHEAD_DAYS: u32 = 31;

/// A [`Schedule`] checked and ready to be asked.
#[derive(Clone, Debug)]
pub struct Timetable {
    zone: TimeZone,
    lines_otherwise: u32,
    windows: Vec<Window>,
    /// Sorted.
    holidays: Vec<Date>,
    /// Sorted.
    workdays: Vec<Date>,
    /// Minutes of the day at which a window or a day may begin or end, sorted.
    edges: Vec<u16>,
}

impl Default for Timetable {
    /// No lines, ever.
    fn default() -> Self {
        let (windows, holidays, workdays, edges) = Default::default();
        Self {
            zone: TimeZone::UTC,
            lines_otherwise: 0,
            windows,
            holidays,
            workdays,
            edges,
        }
    }
}

impl Timetable {
    /// Checks a schedule.
    ///
    /// # Errors
    /// The first unknown time zone, impossible date or impossible window.
    pub fn new(schedule: &Schedule) -> Result<Self, ConfigError> {
        let zone = TimeZoneDatabase::bundled()
            .get(&schedule.time_zone)
            .map_err(|_| ConfigError::TimeZone {
                name: schedule.time_zone.clone(),
            })?;
        for (index, window) in schedule.windows.iter().enumerate() {
            window
                .check()
                .map_err(|what| ConfigError::Window { index, what })?;
        }
        let holidays = dates("holidays", &schedule.holidays)?;
        let workdays = dates("workdays", &schedule.workdays)?;
        if let Some(both) = workdays.iter().find(|date| holidays.binary_search(date).is_ok()) {
            return Err(ConfigError::HolidayAndWorkday {
                text: both.to_string(),
            });
        }
        let windows = schedule.windows.clone();
        let mut edges: Vec<u16> = windows
            .iter()
            .flat_map(|w| [w.from_minute, w.to_minute % DAY_MINUTES])
            .chain([0])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        Ok(Self {
            zone,
            lines_otherwise: schedule.lines_otherwise,
            windows,
            holidays,
            workdays,
            edges,
        })
    }

    /// Lines in force at `at`.
    pub fn lines_at(&self, at: Timestamp) -> u32 {
        let local = self.zone.to_datetime(to_jiff(at));
        let Some(today) = self.weekday(local.date()) else {
            return self.lines_otherwise;
        };
        let yesterday = local.date().yesterday().ok().and_then(|date| self.weekday(date));
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let covering = self.windows.iter().find(|w| w.covers(today, yesterday, minute));
        covering.map_or(self.lines_otherwise, |w| w.lines)
    }

    /// The first moment after `at` with another number of lines than at `at`, and that number; looks
    /// [`LOOK_AHEAD_DAYS`] ahead.
    pub fn next_change(&self, at: Timestamp) -> Option<(Timestamp, u32)> {
        let now = self.lines_at(at);
        let mut date = self.zone.to_datetime(to_jiff(at)).date();
        let mut moments = Vec::new();
        for _ in 0..=LOOK_AHEAD_DAYS {
            self.moments_of(date, &mut moments);
            let change = moments
                .iter()
                .filter(|m| **m > at)
                .map(|m| (*m, self.lines_at(*m)))
                .find(|c| c.1 != now);
            if change.is_some() {
                return change;
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The weekday whose windows a date follows; none on a holiday.
    fn weekday(&self, date: Date) -> Option<u8> {
        if self.holidays.binary_search(&date).is_ok() {
            None
        } else if self.workdays.binary_search(&date).is_ok() {
            Some(MONDAY)
        } else {
            Some(date.weekday().to_monday_one_offset() as u8)
        }
    }

    /// All moments of a date at which the lines may change, in order: the edges of windows, both times where the
    /// clock shows them twice, and the moments the clock is put forward or back.
    fn moments_of(&self, date: Date, moments: &mut Vec<Timestamp>) {
        moments.clear();
        for edge in &self.edges {
            let time = Time::constant((edge / 60) as i8, (edge % 60) as i8, 0, 0);
            let moment = self.zone.to_ambiguous_timestamp(DateTime::from_parts(date, time));
            moments.extend(moment.earlier().ok().map(from_jiff));
            moments.extend(moment.later().ok().map(from_jiff));
        }
        if let (Some(&first), Ok(last)) = (moments.first(), self.zone.to_timestamp(date.at(23, 59, 59, 0))) {
            let shifts = self
                .zone
                .following(to_jiff(first))
                .map(|t| from_jiff(t.timestamp()));
            moments.extend(shifts.take_while(|shift| *shift <= from_jiff(last)));
        }
        moments.sort_unstable();
    }
}

const DAY_MINUTES: u16 = 1440;
const MONDAY: u8 = 1;

impl Window {
    fn check(&self) -> Result<(), &'static str> {
        if self.days.is_empty() {
            return Err("days: there is none; list days from 1 (Monday) to 7 (Sunday)");
        }
        if self.days.iter().any(|day| !(1..=7).contains(day)) {
            return Err("days: a day is not within 1 (Monday) to 7 (Sunday)");
        }
        if self.from_minute >= DAY_MINUTES {
            return Err("from_minute: not within 0 to 1439");
        }
        if !(1..=DAY_MINUTES).contains(&self.to_minute) {
            return Err("to_minute: not within 1 to 1440");
        }
        Ok(())
    }

    /// Whether it covers a minute of a day that follows `today`, after one that followed `yesterday`.
    fn covers(&self, today: u8, yesterday: Option<u8>, minute: u16) -> bool {
        let overnight = self.to_minute <= self.from_minute;
        let begun = self.days.contains(&today) && minute >= self.from_minute;
        let ended = !overnight && minute >= self.to_minute;
        let from_yesterday = overnight && yesterday.is_some_and(|day| self.days.contains(&day));
        (begun && !ended) || (from_yesterday && minute < self.to_minute)
    }
}

fn dates(list: &'static str, texts: &[String]) -> Result<Vec<Date>, ConfigError> {
    let mut dates = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let date = text.parse().map_err(|_| ConfigError::Date {
            list,
            index,
            text: text.clone(),
        })?;
        dates.push(date);
    }
    dates.sort_unstable();
    Ok(dates)
}

/// Moments beyond the calendar's end (the year 9999) are taken as its end.
fn to_jiff(at: Timestamp) -> jiff::Timestamp {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX)
}

/// Moments before 1970 are taken as its begin.
fn from_jiff(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(u64::try_from(at.as_microsecond()).unwrap_or(0))
}
