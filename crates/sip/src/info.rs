//! Keys that come in SIP INFO bodies (no RFC; what phones have sent since before RFC 6086).

use crate::message;
use rsipstack::sip::Request;

/// A key from an INFO (`application/dtmf-relay`: `Signal=5`; `application/dtmf`: `5`).
pub(crate) fn dtmf(request: &Request) -> Option<char> {
    let media_type = message::header(&request.headers, "Content-Type")?
        .split(';')
        .next()?
        .trim()
        .to_ascii_lowercase();
    let body = std::str::from_utf8(&request.body).ok()?;
    let text = match media_type.as_str() {
        "application/dtmf-relay" => body.lines().find_map(|l| {
            let (name, value) = l.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
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
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some(digit)
}
