//! Keys that come in SIP INFO bodies (no RFC; what phones have sent since before RFC 6086).

use crate::message;
use rsipstack::sip::Request;
use std::time::Duration;

/// How long a key counts as held whose INFO does not say, and the bounds of what it may say.
const HOLD: Duration = Duration::from_millis(100);
const HOLD_MIN: Duration = Duration::from_millis(40);
const HOLD_MAX: Duration = Duration::from_secs(5);

/// A key from an INFO (`application/dtmf-relay`: `Signal=5`, and perhaps `Duration=160`; `application/dtmf`: `5`), and
/// how long it was held.
pub(crate) fn dtmf(request: &Request) -> Option<(char, Duration)> {
    let media_type = message::header(&request.headers, "Content-Type")?
        .split(';')
        .next()?
        .trim()
        .to_ascii_lowercase();
    let body = std::str::from_utf8(&request.body).ok()?;
    let text = match media_type.as_str() {
        "application/dtmf-relay" => value(body, "signal")?,
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    let digit = match text {
        "10" => '*',
        "11" => '#',
        _ => text
            .chars()
            .next()
            .filter(|_| text.len() == 1)?
            .to_ascii_uppercase(),
    };
    let hold = value(body, "duration").and_then(|ms| ms.parse().ok());
    let hold = hold.map_or(HOLD, |ms| Duration::from_millis(ms).clamp(HOLD_MIN, HOLD_MAX));
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some((digit, hold))
}

/// The value of a line `Name=Value`.
fn value<'a>(body: &'a str, wanted: &str) -> Option<&'a str> {
    body.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}
