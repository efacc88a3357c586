//! From bytes to a message: the library's parser, and around it what it lets through or drops without a word.
//!
//! The library parses; this step first looks at the bytes where the parsed form has lost what matters: the request
//! line's exact form, a Content-Length that is no number, a method that the library does not know. What cannot be
//! taken but has the headers of a request gets its proper refusal; all else is dropped and counted.

use crate::validate::{ALLOW, Refusal};
use rsipstack::sip::{Method, SipMessage};

/// What the bytes were.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A message that can be validated further. Boxed: it is large, the others are small.
    Message(Box<SipMessage>),
    /// A request that cannot be taken, with the headers that its refusal repeats.
    Refused(Echo, Refusal),
    /// Nothing that could be answered.
    Dropped(&'static str),
}

/// The header values of a request that its response repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) vias: Vec<String>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) cseq: String,
}

impl Echo {
    /// Reads them out of a header section. `None` if a response could not find its way back.
    fn scan(head: &str) -> Option<Self> {
        let mut echo = Echo::default();
        for (name, value) in fields(head) {
            let value = || value.trim().to_owned();
            match canonical(name) {
                "via" => echo.vias.push(value()),
                "from" if echo.from.is_empty() => echo.from = value(),
                "to" if echo.to.is_empty() => echo.to = value(),
                "call-id" if echo.call_id.is_empty() => echo.call_id = value(),
                "cseq" if echo.cseq.is_empty() => echo.cseq = value(),
                _ => {}
            }
        }
        echo.is_whole().then_some(echo)
    }

    /// Whether a response made of it would find its way back.
    pub(crate) fn is_whole(&self) -> bool {
        let values = [&self.from, &self.to, &self.call_id, &self.cseq];
        !self.vias.is_empty() && values.iter().all(|v| !v.is_empty())
    }

    /// The same from a parsed request.
    pub(crate) fn of(request: &rsipstack::sip::Request) -> Self {
        use rsipstack::sip::Header;
        let mut echo = Echo::default();
        for header in request.headers.iter() {
            match header {
                Header::Via(h) => echo.vias.push(h.0.clone()),
                Header::From(h) if echo.from.is_empty() => echo.from = h.0.clone(),
                Header::To(h) if echo.to.is_empty() => echo.to = h.0.clone(),
                Header::CallId(h) if echo.call_id.is_empty() => echo.call_id = h.0.clone(),
                Header::CSeq(h) if echo.cseq.is_empty() => echo.cseq = h.0.clone(),
                _ => {}
            }
        }
        echo
    }
}

/// Parses one datagram, or one message cut out of a stream.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(end) = head_end(bytes) else {
        return Parsed::Dropped("no_header_end");
    };
    let (head_bytes, body) = bytes.split_at(end);
    // Headers are UTF-8. One that is not would make the library drop it and all after it.
    let head = String::from_utf8_lossy(head_bytes);
    let start = head.lines().next().unwrap_or_default();
    let message = || match &head {
        std::borrow::Cow::Borrowed(_) => SipMessage::try_from(bytes),
        std::borrow::Cow::Owned(head) => SipMessage::try_from([head.as_bytes(), body].concat().as_slice()),
    };
    if start.starts_with("SIP/") {
        return message().map_or(Parsed::Dropped("response_malformed"), |m| {
            Parsed::Message(Box::new(m))
        });
    }
    let refused = |refusal: Refusal| match Echo::scan(&head) {
        Some(echo) if !start.starts_with("ACK ") => Parsed::Refused(echo, refusal),
        _ => Parsed::Dropped(refusal.reason),
    };
    if let Err(refusal) = request_line(start).and_then(|()| content_length(&head, body.len())) {
        return refused(refusal);
    }
    match message() {
        Ok(message) => Parsed::Message(Box::new(message)),
        Err(_) => refused(Refusal::new(400, "malformed")),
    }
}

/// The length of the header section with the empty line that ends it.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// The Content-Length of a header section: `Ok(None)` if there is none, `Err` if it is not a number or differs.
pub(crate) fn declared_length(head: &str) -> Result<Option<usize>, Refusal> {
    let mut length = None;
    for (_, value) in fields(head).filter(|(name, _)| canonical(name) == "content-length") {
        let bad = || Refusal::new(400, "content_length");
        let digits = value.trim();
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let number: usize = digits.parse().map_err(|_| bad())?;
        if length.replace(number).is_some_and(|before| before != number) {
            return Err(bad());
        }
    }
    Ok(length)
}

fn content_length(head: &str, available: usize) -> Result<(), Refusal> {
    match declared_length(head)? {
        Some(length) if length > available => Err(Refusal::new(400, "content_length")),
        _ => Ok(()),
    }
}

/// Method, one space, Request-URI, one space, `SIP/2.0` (RFC 3261 §7.1). Methods are case-sensitive.
fn request_line(line: &str) -> Result<(), Refusal> {
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::new(400, "request_line"));
    };
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let other_version = version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case("SIP/"));
        return Err(if other_version {
            Refusal::new(505, "version")
        } else {
            Refusal::new(400, "request_line")
        });
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    if method.is_empty() || !method.chars().all(token) || uri.is_empty() || uri.contains(['<', '>', '\t']) {
        return Err(Refusal::new(400, "request_line"));
    }
    let known = Method::all().iter().any(|m| m.to_string() == method);
    if known {
        Ok(())
    } else {
        Err(Refusal::new(405, "method").with("Allow", ALLOW))
    }
}

/// Name and value of each header line, folded lines left out: none that is read here is ever folded.
fn fields(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.split("\r\n")
        .skip(1)
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value))
}

/// Long names in lower case for the headers read here.
fn canonical(name: &str) -> &'static str {
    const NAMES: [(&str, &str); 6] = [
        ("via", "v"),
        ("from", "f"),
        ("to", "t"),
        ("call-id", "i"),
        ("content-length", "l"),
        ("cseq", "cseq"),
    ];
    let found = NAMES
        .iter()
        .find(|(long, short)| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short));
    found.map_or("", |(long, _)| long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{offer_answer, validate};
    use rsipstack::sip::{Header, SipMessage};
    use std::path::Path;

    /// Bytes that mean something in a message.
    const MARKS: &[u8] = b"\r\n\0\xff;=<>\",:@ ";
    /// Mutants of each fixture.
    const MUTANTS: usize = 300;

    /// A generator whose sequence is the same in every run (xorshift).
    struct Seeded(u64);

    impl Seeded {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
        }

        /// Changes, drops, repeats and splices bytes.
        fn mutate(&mut self, bytes: &mut Vec<u8>) {
            for _ in 0..=self.below(4) {
                let (at, other) = (self.below(bytes.len()), self.below(bytes.len()));
                match self.below(6) {
                    0 if !bytes.is_empty() => bytes[at] = self.below(256) as u8,
                    1 if !bytes.is_empty() => drop(bytes.remove(at)),
                    2 => bytes.truncate(at),
                    3 => bytes.insert(at, MARKS[self.below(MARKS.len())]),
                    4 => bytes.extend_from_within(at.min(other)..at.max(other)),
                    _ => drop(bytes.drain(at.min(other)..at.max(other))),
                }
            }
        }
    }

    fn fixtures(dir: &str) -> Vec<Vec<u8>> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../sip-fixtures")
            .join(dir);
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .expect("the folder")
            .map(|e| e.expect("an entry").path())
            .collect();
        files.sort();
        let read = |path| {
            std::fs::read_to_string(path)
                .expect("a fixture")
                .replace('\n', "\r\n")
                .into_bytes()
        };
        files.into_iter().map(read).collect()
    }

    #[test]
    fn no_message_makes_the_edge_panic() {
        let mut seeded = Seeded(0x5EED);
        for original in fixtures("messages") {
            for _ in 0..MUTANTS {
                let mut bytes = original.clone();
                seeded.mutate(&mut bytes);
                let Parsed::Message(message) = parse(&bytes) else {
                    continue;
                };
                let _ = validate::check_response(&message);
                let SipMessage::Request(mut request) = *message else {
                    continue;
                };
                crate::message::tighten(&mut request);
                let remote = "192.0.2.1:5060".parse().expect("an address");
                if let Some(Header::Via(via)) = request.headers.iter().find(|h| matches!(h, Header::Via(_))) {
                    crate::edge::response_addr(&crate::edge::stamp(&via.0, remote), remote);
                }
                crate::edge::behind_nat(&request, remote.ip());
                let _ = validate::check(&request, "mark");
                crate::trunk::caller_number(&request.headers, true);
                let _ = Echo::of(&request).is_whole();
            }
        }
    }

    #[test]
    fn no_description_makes_the_negotiation_panic() {
        let mut seeded = Seeded(0x5EED);
        let rtp = "192.0.2.1:30000".parse().expect("an address");
        let local = offer_answer::Local {
            rtp,
            session: 1,
            version: 1,
            security: crate::crypto::Security::new(crate::SrtpPolicy::Optional).expect("randomness"),
            webrtc: None,
            codecs: media::Codecs::default(),
        };
        for original in fixtures("sdp") {
            for _ in 0..MUTANTS {
                let mut bytes = original.clone();
                seeded.mutate(&mut bytes);
                let Ok(session) = offer_answer::parse(&bytes) else {
                    continue;
                };
                let _ = offer_answer::check(&session, &local.codecs, local.security.as_ref());
                let _ = offer_answer::accept(&session, &local, media::Codec::Pcma);
                if let Ok((answer, _)) = offer_answer::answer(&session, &local) {
                    let ours = offer_answer::parse(answer.as_bytes()).expect("our own answer can be read");
                    assert_eq!(
                        ours.medias.len(),
                        session.medias.len(),
                        "an answer has a line for each line offered"
                    );
                }
            }
        }
    }
}
