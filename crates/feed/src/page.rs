//! The console's files, in the binary. What was built from `console/` when this crate was compiled is served, gzipped to
//! whoever takes that; if nothing was built, a page that says how to build it.

use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY};
use axum::http::header::{CONTENT_TYPE, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName};
use axum::response::IntoResponse;
use axum::{Router, routing::get};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Addresses of the console's pages, all of them the same file: `console/src/route.ts` knows which is which.
const PAGES: [&str; 3] = ["/", "/wallboard", "/call"];

/// The file that is all pages.
const INDEX: &str = "/index.html";

/// One file of the console.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    gzipped: &'static [u8],
}

/// What was built; see `build.rs`.
const BUILT: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A route for each file, and for each page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let (index, files): (Vec<Asset>, Vec<Asset>) = BUILT.iter().partition(|asset| asset.path == INDEX);
    let page = |index: Asset| PAGES.map(|path| Asset { path, ..index });
    let pages = index.into_iter().flat_map(page);
    pages.chain(files).fold(Router::new(), |router, asset| {
        let serve = async move |headers: HeaderMap| served(asset, accepts_gzip(&headers));
        router.route(asset.path, get(serve))
    })
}

/// Whether a client takes gzip: it names it, and not with a weight of nothing (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

fn served(asset: Asset, gzip: bool) -> impl IntoResponse {
    // The names of these files change with what is in them.
    let caching = match asset.path.starts_with("/assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers: [(HeaderName, HeaderValue); 6] = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
        (VARY, HeaderValue::from_name(ACCEPT_ENCODING)),
    ];
    let encoding = gzip.then_some([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    let body = if gzip { asset.gzipped } else { asset.plain };
    (headers, encoding, body)
}
