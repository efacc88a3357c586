//! Whose page a request comes from.
//!
//! Browsers name it, and let any page open a WebSocket to anywhere (RFC 6455 §10.2) and send simple requests with
//! cookies; programs name nothing.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// What a browser says of where a request comes from (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Whether a request comes from our own page, from one of the `listed` origins, or from no page at all.
pub(crate) fn allowed(headers: &HeaderMap, listed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else { return false };
    listed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) || is_own(origin, headers)
}

/// Whether a request comes from our own page or from no page at all, so that no other site made the browser send it.
pub(crate) fn ours(headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    matches!(site, None | Some(b"same-origin" | b"none")) && allowed(headers, &[])
}

fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let own = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority
        .zip(own)
        .is_some_and(|(authority, own)| authority.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(origin: Option<&'static str>, host: &'static str, site: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        if let Some(site) = site {
            headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
        }
        headers
    }

    #[test]
    fn origins() {
        let listed = ["https://board.example".to_string()];
        let table = [
            (None, "hotline:8080", true),
            (Some("http://hotline:8080"), "hotline:8080", true),
            (Some("https://HOTLINE:8080"), "hotline:8080", true),
            (Some("http://hotline"), "hotline:8080", false),
            (Some("http://hotline:8080.evil.example"), "hotline:8080", false),
            (Some("http://evil.example"), "hotline:8080", false),
            (Some("https://board.example"), "hotline:8080", true),
            (Some("http://board.example"), "hotline:8080", false),
            (Some("null"), "hotline:8080", false),
            (Some("file://"), "hotline:8080", false),
            (Some(""), "", false),
        ];
        for (origin, host, expected) in table {
            let came = allowed(&headers(origin, host, None), &listed);
            assert_eq!(came, expected, "{origin:?} at {host}");
        }
    }

    #[test]
    fn our_own_page_alone_signs_in() {
        let own = Some("http://hotline:8080");
        let table = [
            (None, None, true),
            (own, None, true),
            (own, Some("same-origin"), true),
            (None, Some("none"), true),
            (own, Some("same-site"), false),
            (own, Some("cross-site"), false),
            (Some("http://evil.example"), Some("cross-site"), false),
            (Some("http://evil.example"), None, false),
            (Some("null"), None, false),
        ];
        for (origin, site, expected) in table {
            let came = ours(&headers(origin, "hotline:8080", site));
            assert_eq!(came, expected, "{origin:?}, {site:?}");
        }
    }
}
