//! The console's files, in the binary. What was built from `console/` when this crate was compiled is served; if that was
//! nothing, a page that says how to build it.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::{Router, routing::get};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Addresses of the console's pages, all of them the same file: `console/src/route.ts` knows which is which.
const PAGES: [&str; 3] = ["/", "/wallboard", "/call"];

/// The file that is all pages.
const INDEX: &str = "/index.html";

/// Stands in for a console that was not built.
const NOT_BUILT: Asset = Asset {
    path: INDEX,
    content_type: "text/html; charset=utf-8",
    body: include_bytes!("not-built.html"),
};

/// One file of the console.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

/// What was built; see `build.rs`.
const BUILT: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A route for each file, and for each page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let index = BUILT.iter().find(|asset| asset.path == INDEX);
    let index = *index.unwrap_or(&NOT_BUILT);
    let pages = PAGES.iter().map(|page| Asset { path: page, ..index });
    let files = BUILT.iter().copied().filter(|asset| asset.path != INDEX);
    pages.chain(files).fold(Router::new(), |router, asset| {
        router.route(asset.path, get(async move || served(asset)))
    })
}

fn served(asset: Asset) -> impl IntoResponse {
    // The names of these files change with what is in them.
    let caching = match asset.path.starts_with("/assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    (headers, asset.body)
}
