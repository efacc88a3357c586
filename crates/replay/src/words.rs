//! Times and names as people write them.

use acd::{AcdConfig, OperatorId, QueueId, Timestamp};
use jiff::tz::TimeZone;
use std::time::Duration;

/// A house's own words: its time zone, its operators' and queues' names.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    zone: TimeZone,
    queues: Vec<String>,
    operators: Vec<String>,
}

impl Words {
    pub(crate) fn new(config: &AcdConfig) -> Self {
        Self {
            zone: TimeZone::get(&config.schedule.time_zone).unwrap_or(TimeZone::UTC),
            queues: config.queues.iter().map(|queue| queue.name.clone()).collect(),
            operators: config
                .operators
                .iter()
                .map(|operator| operator.name.clone())
                .collect(),
        }
    }

    pub(crate) fn queue(&self, queue: QueueId) -> &str {
        self.queues.get(queue.0 as usize).map_or("?", String::as_str)
    }

    pub(crate) fn operator(&self, operator: OperatorId) -> &str {
        self.operators
            .get(operator.0 as usize)
            .map_or("?", String::as_str)
    }

    /// Day and time of day, to the millisecond.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_microsecond(micros) {
            Ok(at) => self
                .zone
                .to_datetime(at)
                .strftime("%Y-%m-%d %H:%M:%S%.3f")
                .to_string(),
            Err(_) => "at no time".to_owned(),
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            queues: Vec::new(),
            operators: Vec::new(),
        }
    }
}

/// A length of time: `4 min 12 s`, below a minute `12.3 s`.
pub(crate) fn length(d: Duration) -> String {
    let seconds = d.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{:.1} s", (d.as_millis() / 100) as f64 / 10.0),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, seconds) => format!("{hours} h {minutes} min {seconds} s"),
    }
}

/// `one thing` or `7 things`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}
