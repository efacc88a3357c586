//! The small values of a scenario file: durations, shares, hours, days and distributions, each with its own message.

use crate::dist::{DURATION_MAX_S, Distribution};
use std::time::Duration;
use toml_span::value::{Value, ValueInner};
use toml_span::{DeserError, Deserialize, Error, ErrorKind, Span, de_helpers::TableHelper};

/// A mistake of ours, with what to write instead.
pub(super) fn mistake(span: Span, message: impl Into<String>) -> Error {
    Error {
        kind: ErrorKind::Custom(message.into().into()),
        span,
        line_info: None,
    }
}

/// A number, written with or without a fraction.
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        match value.take() {
            ValueInner::Float(number) if number.is_finite() => Ok(Self(number)),
            ValueInner::Integer(number) => Ok(Self(number as f64)),
            _ => Err(mistake(value.span, "not a number; write one such as 12 or 0.5").into()),
        }
    }
}

/// A probability.
pub(super) struct Share(pub(super) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        match Number::deserialize(value)? {
            Number(share) if (0.0..=1.0).contains(&share) => Ok(Self(share)),
            Number(other) => Err(mistake(value.span, format!("{other} is not a share; write 0 to 1")).into()),
        }
    }
}

/// A duration such as `"90s"`, `"6m"` or `"1h 30m"`.
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(Some("a duration such as \"90s\" or \"6m\""))?;
        match parse_duration(&text) {
            Some(duration) => Ok(Self(duration)),
            None => Err(mistake(
                value.span,
                format!(
                    "{text:?} is not a duration; write one such as \"250ms\", \"90s\", \"6m\" or \"1h 30m\""
                ),
            )
            .into()),
        }
    }
}

/// Reads `"1h 30m"`: numbers each followed by `ms`, `s`, `m`, `h` or `d`; 365 days at most.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_ends = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_ends);
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = tail.trim_start();
    }
    (seconds <= DURATION_MAX_S).then(|| Duration::from_micros((seconds * 1e6 + 0.5) as u64))
}

/// A time of the day such as `"08:00"`, as a minute; `"24:00"` is the day's end.
pub(super) struct Minute(pub(super) u16);

impl<'de> Deserialize<'de> for Minute {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(Some("a time such as \"08:00\""))?;
        let parsed = text.split_once(':').and_then(|(h, m)| {
            let (hours, minutes) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
            (hours <= 24 && minutes < 60 && hours * 60 + minutes <= 1_440).then_some(hours * 60 + minutes)
        });
        match parsed {
            Some(minute) => Ok(Self(minute)),
            None => Err(mistake(
                value.span,
                format!("{text:?} is not a time; write one such as \"08:00\""),
            )
            .into()),
        }
    }
}

/// A day of the week, Monday = 1.
pub(super) struct Day(pub(super) u8);

impl<'de> Deserialize<'de> for Day {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let text = value.take_string(Some("a day such as \"mon\""))?;
        match DAYS.iter().position(|day| *day == text) {
            Some(index) => Ok(Self(index as u8 + 1)),
            None => Err(mistake(
                value.span,
                format!("{text:?} is not a day; use one of {}", DAYS.join(", ")),
            )
            .into()),
        }
    }
}

/// 24 numbers that are not negative, one an hour.
pub(super) struct Hours(pub(super) [f64; 24]);

impl<'de> Deserialize<'de> for Hours {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let rates: Vec<f64> = Vec::<Number>::deserialize(value)?
            .into_iter()
            .map(|n| n.0)
            .collect();
        if rates.iter().any(|rate| !(0.0..=RATE_MAX).contains(rate)) {
            let message = format!("a number of calls an hour is below 0 or above {RATE_MAX}; correct it");
            return Err(mistake(span, message).into());
        }
        let count = rates.len();
        match rates.try_into() {
            Ok(hours) => Ok(Self(hours)),
            Err(_) => Err(mistake(
                span,
                format!("{count} numbers; write 24, the first for 00:00 to 01:00"),
            )
            .into()),
        }
    }
}

/// Persons an hour beyond which a day no longer fits into memory.
const RATE_MAX: f64 = 1e6;

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        if let Some(text) = value.as_str() {
            if text == "never" {
                return Ok(Self::Never);
            }
            return Time::deserialize(value).map(|time| Self::Constant(time.0));
        }
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let shape = table.required_s::<String>("shape");
        let mean = table.required::<Time>("mean");
        let cv = table.optional_s::<Number>("cv");
        table.finalize(None)?;
        let (shape, mean) = (shape?, mean?.0);
        match (shape.value.as_str(), cv) {
            ("constant", None) => Ok(Self::Constant(mean)),
            ("exponential", None) => Ok(Self::Exponential { mean }),
            ("lognormal", Some(cv)) if (0.0..=10.0).contains(&cv.value.0) => {
                Ok(Self::LogNormal { mean, cv: cv.value.0 })
            }
            ("lognormal", Some(cv)) => Err(mistake(cv.span, "cv is not within 0 to 10; correct it").into()),
            ("lognormal", None) => Err(mistake(
                span,
                "lognormal needs cv (standard deviation / mean), such as 0.8",
            )
            .into()),
            ("constant" | "exponential", Some(cv)) => {
                Err(mistake(cv.span, format!("{} has no cv; remove it", shape.value)).into())
            }
            (other, _) => {
                let message = format!("unknown shape {other:?}; use constant, exponential or lognormal");
                Err(mistake(shape.span, message).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, micros) in [
            ("0s", Some(0)),
            ("250ms", Some(250_000)),
            ("1h 30m", Some(5_400_000_000)),
            ("1h30m", Some(5_400_000_000)),
            ("0.5s", Some(500_000)),
            ("365d", Some(31_536_000_000_000)),
            ("366d", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("5 s", None),
            ("-5s", None),
            ("5min", None),
        ] {
            assert_eq!(
                parse_duration(text),
                micros.map(Duration::from_micros),
                "{text:?}"
            );
        }
    }
}
