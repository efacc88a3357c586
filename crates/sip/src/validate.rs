//! What a request must be before anybody looks at what it wants (RFC 3261 §8.2, in the order of §16.3).
//!
//! Pure: a request goes in, a refusal or nothing comes out. The library's parser is forgiving; the sip-fixtures
//! hold what passes it and must be refused here.

use crate::message;
use rsipstack::sip::{Header, Headers, Method, Request, Scheme, SipMessage};

/// Methods that are served, as the Allow header lists them.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, PRACK, INFO";
/// Extensions that are understood, as the Supported header lists them.
pub(crate) const SUPPORTED: &str = "100rel, timer";
/// The highest CSeq number (RFC 3261 §8.1.1.5).
const CSEQ_MAX: u32 = (1 << 31) - 1;

/// Why a request is refused, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Status code.
    pub(crate) code: u16,
    /// The label of the metric, out of a fixed set.
    pub(crate) reason: &'static str,
    /// Headers that tell the peer what to do better.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) const fn new(code: u16, reason: &'static str) -> Self {
        Self {
            code,
            reason,
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Checks one request. `loop_mark` is in every Via branch that this process writes.
pub(crate) fn check(request: &Request, loop_mark: &str) -> Result<(), Refusal> {
    headers_once(&request.headers)?;
    mandatory(request)?;
    if request.method == Method::Ack {
        return Ok(());
    }
    scheme(request)?;
    forwards(request)?;
    if message::list(&request.headers, "Via").any(|via| via.contains(loop_mark)) {
        return Err(Refusal::new(482, "loop"));
    }
    if request.method == Method::Cancel {
        return Ok(());
    }
    extensions(&request.headers)?;
    numbers(&request.headers)?;
    if !ALLOW.split(", ").any(|m| m == request.method.to_string()) {
        return Err(Refusal::new(405, "method").with("Allow", ALLOW));
    }
    content(request)
}

/// Checks a response: only enough that nothing after it can trip. A bad one is dropped.
pub(crate) fn check_response(response: &SipMessage) -> Result<(), &'static str> {
    let SipMessage::Response(response) = response else {
        return Ok(());
    };
    let get = |name| message::header(&response.headers, name);
    let whole = ["Via", "Call-ID", "CSeq", "From", "To"]
        .iter()
        .all(|name| get(name).is_some())
        && get("From").and_then(message::tag).is_some()
        && cseq(&response.headers).is_some();
    if whole { Ok(()) } else { Err("response_malformed") }
}

/// Headers that hold one value stand once (RFC 3261 §7.3.1).
fn headers_once(headers: &Headers) -> Result<(), Refusal> {
    let mut seen: u32 = 0;
    for header in headers.iter() {
        let bit = match header {
            Header::From(_) => 0,
            Header::To(_) => 1,
            Header::CallId(_) => 2,
            Header::CSeq(_) => 3,
            Header::MaxForwards(_) => 4,
            Header::ContentLength(_) => 5,
            Header::ContentType(_) => 6,
            Header::Expires(_) => 7,
            Header::SessionExpires(_) => 8,
            Header::MinSE(_) => 9,
            Header::RAck(_) => 10,
            Header::ContentDisposition(_) => 11,
            _ => continue,
        };
        if seen & (1 << bit) != 0 {
            return Err(Refusal::new(400, "doubled_header"));
        }
        seen |= 1 << bit;
    }
    Ok(())
}

/// The headers that every request has, well-formed (RFC 3261 §8.1.1).
fn mandatory(request: &Request) -> Result<(), Refusal> {
    let headers = &request.headers;
    let get = |name| message::header(headers, name).filter(|v| !v.is_empty());
    let missing = |what| move || Refusal::new(400, what);
    let via = message::list(headers, "Via").next().ok_or_else(missing("via"))?;
    if !via_is_sane(via) {
        return Err(Refusal::new(400, "via"));
    }
    let call_id = get("Call-ID").ok_or_else(missing("call_id"))?;
    if call_id.contains(char::is_whitespace) {
        return Err(Refusal::new(400, "call_id"));
    }
    let from = get("From").ok_or_else(missing("from"))?;
    let to = get("To").ok_or_else(missing("to"))?;
    if message::tag(from).is_none() || !is_address(from) {
        return Err(Refusal::new(400, "from"));
    }
    if !is_address(to) {
        return Err(Refusal::new(400, "to"));
    }
    let (number, method) = cseq(headers).ok_or_else(missing("cseq"))?;
    if number > CSEQ_MAX || method != request.method.to_string() {
        return Err(Refusal::new(400, "cseq"));
    }
    Ok(())
}

/// `SIP/2.0/TRANSPORT sent-by;params`. Blanks around the slashes are allowed.
fn via_is_sane(via: &str) -> bool {
    let mut parts = via.splitn(3, '/').map(str::trim);
    let protocol = parts.next().is_some_and(|p| p.eq_ignore_ascii_case("SIP")) && parts.next() == Some("2.0");
    let rest = parts.next().unwrap_or_default();
    protocol
        && rest
            .split(';')
            .next()
            .is_some_and(|sent| sent.split_whitespace().count() >= 2)
}

/// A URI in brackets or bare. Brackets that do not close, or quotes, make it none.
fn is_address(value: &str) -> bool {
    let quotes_close = value.matches('"').count() - value.matches("\\\"").count();
    let uri = message::uri_text(value);
    let brackets_close = !value.contains('<') || !uri.contains('<');
    quotes_close.is_multiple_of(2)
        && brackets_close
        && uri.contains(':')
        && !uri.contains(char::is_whitespace)
}

fn cseq(headers: &Headers) -> Option<(u32, &str)> {
    let mut words = message::header(headers, "CSeq")?.split_whitespace();
    let (number, method) = (words.next()?, words.next()?);
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    (digits && words.next().is_none()).then_some((number.parse().ok()?, method))
}

fn scheme(request: &Request) -> Result<(), Refusal> {
    let ours = match &request.uri.scheme {
        Some(Scheme::Sip) => true,
        Some(Scheme::Other(name)) => name.eq_ignore_ascii_case("tel"),
        // No TLS here yet, so what a sips: URI promises could not be kept.
        Some(Scheme::Sips) | None => false,
    };
    if !ours {
        return Err(Refusal::new(416, "scheme"));
    }
    // RFC 3261 §19.1.1: headers have no place in a Request-URI.
    if request.uri.headers.is_empty() {
        Ok(())
    } else {
        Err(Refusal::new(400, "request_uri"))
    }
}

/// Max-Forwards 0 ends here: behind us is another leg, as behind a proxy. OPTIONS is answered (§16.3).
fn forwards(request: &Request) -> Result<(), Refusal> {
    let Some(value) = message::header(&request.headers, "Max-Forwards") else {
        return Ok(());
    };
    match value.parse::<u8>() {
        Err(_) => Err(Refusal::new(400, "max_forwards")),
        Ok(0) if matches!(request.method, Method::Invite | Method::Register) => {
            Err(Refusal::new(483, "max_forwards"))
        }
        Ok(_) => Ok(()),
    }
}

/// Extensions that the peer insists on (RFC 3261 §8.2.2.3).
fn extensions(headers: &Headers) -> Result<(), Refusal> {
    let unknown: Vec<&str> = message::list(headers, "Require")
        .filter(|tag| !SUPPORTED.split(", ").any(|s| s.eq_ignore_ascii_case(tag)))
        .chain(message::list(headers, "Proxy-Require"))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(420, "extension").with("Unsupported", unknown.join(", ")))
}

/// Numbers are numbers of 32 bits.
fn numbers(headers: &Headers) -> Result<(), Refusal> {
    for header in headers.iter() {
        let value = match header {
            Header::Expires(h) => h.value(),
            Header::SessionExpires(h) => h.value(),
            Header::MinSE(h) => h.value(),
            Header::MinExpires(h) => h.value(),
            _ => continue,
        };
        if value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .parse::<u32>()
            .is_err()
        {
            return Err(Refusal::new(400, "number"));
        }
    }
    Ok(())
}

/// A body that we must read is a plain session description (RFC 3261 §8.2.3).
fn content(request: &Request) -> Result<(), Refusal> {
    let encoded =
        message::list(&request.headers, "Content-Encoding").any(|e| !e.eq_ignore_ascii_case("identity"));
    if encoded {
        return Err(Refusal::new(415, "content_encoding").with("Accept-Encoding", "identity"));
    }
    let reads_sdp = matches!(request.method, Method::Invite | Method::Update | Method::PRack);
    if !reads_sdp || request.body.is_empty() {
        return Ok(());
    }
    let media_type = message::header(&request.headers, "Content-Type").unwrap_or_default();
    if media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/sdp")
    {
        return Ok(());
    }
    Err(Refusal::new(415, "content_type").with("Accept", "application/sdp"))
}
