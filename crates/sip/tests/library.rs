//! What the SIP library does that this crate works around. A test that fails after an update of the library says that a
//! workaround named in docs/sip.md can go.

use rsipstack::sip::headers::auth::Algorithm;
use rsipstack::sip::typed::Authorization;
use rsipstack::sip::{HeadersExt, Method, Request, SipMessage, Transport, Uri};
use rsipstack::transport::SipConnection;

const OPTIONS: &str = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
     Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

fn parse(bytes: &[u8]) -> Request {
    match SipMessage::try_from(bytes) {
        Ok(SipMessage::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ipv6_source_is_written_unreadably() {
    let source = "[2001:db8::1]:4000".parse().expect("an address");
    let request = SipMessage::Request(parse(OPTIONS.as_bytes()));
    let stamped = SipConnection::update_msg_received(request, source, Transport::Udp).expect("stamped");
    assert!(
        stamped.to_string().contains("received=[[2001:db8::1]]"),
        "{stamped}"
    );
}

#[test]
fn digest_knows_neither_the_token_of_sha_256_nor_a_count_above_255() {
    assert!(Algorithm::try_from("SHA-256").is_err());
    assert_eq!(Algorithm::Sha256.to_string(), "SHA256");
    let header = |nc| {
        format!(
            "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"0\", qop=auth, nc={nc}, cnonce=\"c\""
        )
    };
    assert!(Authorization::parse(&header("000000ff")).is_ok());
    assert!(Authorization::parse(&header("00000100")).is_err());
}

#[test]
fn a_header_that_is_not_utf8_hides_all_after_it() {
    let mut bytes = OPTIONS.as_bytes().to_vec();
    let at = OPTIONS.find("Call-ID").expect("the header");
    bytes.splice(at..at, b"Subject: caf\xe9\r\n".iter().copied());
    let request = parse(&bytes);
    assert!(request.from_header().is_ok());
    assert!(request.call_id_header().is_err());
}

#[test]
fn a_length_that_is_no_number_counts_as_none() {
    for length in ["-1", "x", "18446744073709551617"] {
        let text = OPTIONS.replace("Length: 0", &format!("Length: {length}")) + "body";
        assert!(parse(text.as_bytes()).body.is_empty(), "{length}");
    }
}

#[test]
fn methods_are_read_in_any_case_and_unknown_ones_are_errors() {
    assert_eq!(
        parse(OPTIONS.replace("OPTIONS sip", "options sip").as_bytes()).method,
        Method::Options
    );
    assert!(SipMessage::try_from(OPTIONS.replace("OPTIONS", "NEW").as_bytes()).is_err());
}

#[test]
fn tags_are_overlooked() {
    for (value, found) in [
        ("<sip:a@b>;tag=1", true),
        ("<sip:a@b> ; tag = 1", false),
        ("\"<;tag=2>\" <sip:a@b>;tag=1", false),
    ] {
        let request = parse(OPTIONS.replace("<sip:a@b>;tag=1", value).as_bytes());
        let tag = request.from_header().and_then(|from| from.tag());
        assert_eq!(matches!(tag, Ok(Some(_))), found, "{value}: {tag:?}");
    }
}

#[test]
fn user_parts_end_at_marks_that_they_may_hold() {
    for (uri, host) in [("sip:a@h", "h"), ("sip:a;b@h", "a"), ("sip:a?b@h", "a")] {
        assert_eq!(
            Uri::try_from(uri).expect("a URI").host_with_port.host.to_string(),
            host,
            "{uri}"
        );
    }
}
