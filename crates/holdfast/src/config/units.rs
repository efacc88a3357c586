//! Lengths of time and sizes as people write them.

use std::time::Duration;

const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads `90s`, `1h30m`, `250ms`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    sum(text, &TIMES).map(Duration::from_millis)
}

/// Reads `64MiB`, `10GB`.
pub(super) fn size(text: &str) -> Option<u64> {
    sum(text, &SIZES)
}

/// Writes a length of time the way it is read.
pub(super) fn show_duration(d: Duration) -> String {
    let mut left = d.as_millis() as u64;
    let mut text = String::new();
    for (unit, millis) in [TIMES[4], TIMES[3], TIMES[2], TIMES[1], TIMES[0]] {
        if left / millis > 0 {
            text += &format!("{}{unit}", left / millis);
            left %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Adds up numbers that each carry one of `units`.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let table = [
            ("250ms", Some(250)),
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            ("0s", Some(0)),
            ("90", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 minutes", None),
            ("99999999999999999999s", None),
            ("999999999999999999d", None),
        ];
        for (text, millis) in table {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_come_back_as_written() {
        for text in ["0s", "250ms", "1m30s", "1h", "2d1h", "1s500ms"] {
            assert_eq!(duration(text).map(show_duration).as_deref(), Some(text));
        }
    }

    #[test]
    fn sizes() {
        let table = [
            ("64MiB", Some(64 << 20)),
            ("10GB", Some(10_000_000_000)),
            ("5B", Some(5)),
            ("5", None),
            ("5mb", None),
        ];
        for (text, bytes) in table {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
