//! Small helpers on SIP messages: header values, tags, parameters. They read headers by name, which the library's
//! typed access does only for some, and they accept the blanks around `=` and `;` that RFC 3261 §25.1 allows.

use rsipstack::sip::{Header, Headers, Method, Request, Response, StatusCode, Uri};

/// The value of the first header called `name`.
pub(crate) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|h| h.name().eq_ignore_ascii_case(name))
        .map(|h| h.value().trim())
}

/// All entries of a header that may be written as a list, as several headers, or both.
pub(crate) fn list<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |h| h.name().eq_ignore_ascii_case(name))
        .flat_map(|h| split_list(h.value()))
        .filter(|entry| !entry.is_empty())
}

/// Whether a list of tokens holds `token`.
pub(crate) fn has_token(headers: &Headers, name: &str, token: &str) -> bool {
    // RFC 3261 §7.3.3: Supported may be written `k`, which the parser has already spelt out.
    list(headers, name).any(|t| t.eq_ignore_ascii_case(token))
}

/// Splits at commas outside quotes and angle brackets.
pub(crate) fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    value
        .split(move |c| {
            if escaped {
                escaped = false;
                return false;
            }
            match c {
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '<' if !quoted => angle = true,
                '>' if !quoted => angle = false,
                ',' => return !quoted && !angle,
                _ => {}
            }
            false
        })
        .map(str::trim)
}

/// The part of a name-addr or addr-spec header that holds the header's parameters, after the address.
fn params_of(value: &str) -> &str {
    let after = match bracket(value) {
        Some((_, close)) => value.get(close + 1..),
        // A bracket that does not close: nothing after it can be told apart.
        None if value.contains('<') => None,
        None => value.find(';').and_then(|at| value.get(at..)),
    };
    after.unwrap_or_default()
}

/// Where the angle brackets of a name-addr are, which a quoted display name may hold too.
fn bracket(value: &str) -> Option<(usize, usize)> {
    let (mut quoted, mut escaped) = (false, false);
    let open = value.char_indices().find_map(|(i, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => return Some(i),
            _ => {}
        }
        None
    })?;
    let close = open + value.get(open..)?.find('>')?;
    Some((open, close))
}

/// The URI text of a name-addr or addr-spec header.
pub(crate) fn uri_text(value: &str) -> &str {
    match bracket(value) {
        Some((open, close)) => value.get(open + 1..close).unwrap_or_default().trim(),
        None => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// The URI of a name-addr or addr-spec header.
pub(crate) fn uri(value: &str) -> Option<Uri> {
    Uri::try_from(uri_text(value)).ok()
}

/// The display name of a name-addr header, without its quotes.
pub(crate) fn display_name(value: &str) -> &str {
    let (open, _) = bracket(value).unwrap_or((0, 0));
    value.get(..open).unwrap_or_default().trim().trim_matches('"')
}

/// A parameter of a name-addr or addr-spec header, such as `tag`.
pub(crate) fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    params_of(value).split(';').find_map(|p| {
        let (key, val) = p.split_once('=').unwrap_or((p, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| val.trim())
    })
}

/// The tag of a From or To value.
pub(crate) fn tag(value: &str) -> Option<&str> {
    param(value, "tag").filter(|t| !t.is_empty())
}

/// Makes valid headers readable for the library: it finds no tag or branch with blanks around the `;` and `=` of
/// From, To and Via parameters, and takes a bracket in a quoted display name for the address.
pub(crate) fn tighten(request: &mut Request) {
    for header in request.headers.iter_mut() {
        match header {
            Header::From(h) => tighten_value(&mut h.0, true),
            Header::To(h) => tighten_value(&mut h.0, true),
            Header::Via(h) => tighten_value(&mut h.0, false),
            _ => {}
        }
    }
}

fn tighten_value(value: &mut String, address: bool) {
    if address
        && let Some((open, _)) = bracket(value)
        && value.get(..open).is_some_and(|name| name.contains(['<', '>']))
    {
        value.replace_range(..open, "");
    }
    let at = if address {
        value.len() - params_of(value).len()
    } else {
        value.find(';').unwrap_or(value.len())
    };
    let Some(params) = value.get(at..) else { return };
    if !params.contains([' ', '\t']) || params.contains('"') {
        return;
    }
    let tight: String = params.chars().filter(|c| !c.is_whitespace()).collect();
    value.truncate(at);
    value.push_str(&tight);
}

/// The CSeq number. Validation has made sure of it on requests; a response may lack it.
pub(crate) fn cseq(headers: &Headers) -> Option<u32> {
    header(headers, "CSeq")?.split_whitespace().next()?.parse().ok()
}

/// Whether a response's CSeq names this method.
pub(crate) fn answers(response: &Response, method: Method) -> bool {
    header(&response.headers, "CSeq")
        .and_then(|v| v.split_whitespace().nth(1))
        .is_some_and(|m| m.parse::<Method>().is_ok_and(|m| m == method))
}

pub(crate) fn status(response: &Response) -> u16 {
    response.status_code.code()
}

/// A header of any name.
pub(crate) fn other(name: &str, value: impl Into<String>) -> Header {
    Header::Other(name.to_owned(), value.into())
}

/// A response to `request` with the dialog's To tag, as the UAS core makes it (RFC 3261 §8.2.6).
pub(crate) fn response(
    request: &Request,
    code: u16,
    to_tag: Option<&str>,
    headers: Vec<Header>,
    body: Option<String>,
) -> Response {
    let mut all: Vec<Header> = Vec::with_capacity(12 + headers.len());
    for header in request.headers.iter() {
        match header {
            Header::To(to) => {
                let mut to = to.clone();
                if let Some(new) = to_tag.filter(|_| tag(&to.0).is_none()) {
                    to.0.push_str(";tag=");
                    to.0.push_str(new);
                }
                all.push(Header::To(to));
            }
            Header::Via(_) | Header::From(_) | Header::CallId(_) | Header::CSeq(_) => {
                all.push(header.clone())
            }
            // RFC 3261 §12.1.1: a response that makes a dialog carries the route that the request recorded.
            Header::RecordRoute(_) if code > 100 && code < 300 => all.push(header.clone()),
            Header::Timestamp(_) if code == 100 => all.push(header.clone()),
            _ => {}
        }
    }
    all.extend(headers);
    let body = body.unwrap_or_default().into_bytes();
    if !body.is_empty() {
        all.push(Header::ContentType("application/sdp".into()));
    }
    all.push(Header::ContentLength(
        u32::try_from(body.len()).unwrap_or(0).into(),
    ));
    Response {
        status_code: StatusCode::from(code),
        wire_reason: None,
        version: rsipstack::sip::Version::V2,
        headers: all.into(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_past_quotes_brackets_and_blanks() {
        for (value, expect) in [
            ("<sip:a@b>;tag=1", Some("1")),
            ("\"x <;tag=no>\\\" y\" <sip:a@b;tag=no>; tag = 2 ;x=y", Some("2")),
            ("sip:a@b;tag=3", Some("3")),
            ("<sip:a@b>;TAG=4", Some("4")),
            ("<sip:a@b>", None),
            ("<sip:a@b>;tag=", None),
            ("<sip:a@b;tag=5", None),
        ] {
            assert_eq!(tag(value), expect, "{value}");
        }
    }

    #[test]
    fn lists_are_split_outside_quotes_and_brackets() {
        let parts: Vec<&str> = split_list("\"a, b\" <sip:a,b@c>;x=1, <sip:d@e> ,*").collect();
        assert_eq!(parts, ["\"a, b\" <sip:a,b@c>;x=1", "<sip:d@e>", "*"]);
    }

    #[test]
    fn blanks_are_taken_out_of_parameters_only() {
        for (value, tight) in [
            ("\"A  B\" <sip:a@b> ; tag = 7", "\"A  B\" <sip:a@b>;tag=7"),
            ("<sip:a@b>;tag=7", "<sip:a@b>;tag=7"),
            ("sip:a@b ;tag=7", "sip:a@b ;tag=7"),
            ("\"<x>;tag=1\" <sip:a@b>; tag=7", "<sip:a@b>;tag=7"),
        ] {
            let mut value = value.to_owned();
            tighten_value(&mut value, true);
            assert_eq!(value, tight);
        }
    }
}
