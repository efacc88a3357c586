//! From an HTTP request to a WebSocket (RFC 6455 §4.2), after asking where it comes from.

use crate::auth::Role;
use crate::server::{App, Connection};
use crate::session::{Resume, Session};
use axum::extract::{Extension, Query, Request, State};
use axum::http::header::{CONNECTION, HOST, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use axum::http::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};
use tracing::debug;

/// Bytes read from a client at a time. Clients say little.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Bytes gathered before they are written. A flush writes them at once.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// The query of `/feed`.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Params {
    epoch: Option<u64>,
    after: Option<u64>,
    role: Option<String>,
}

/// Why there is no upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rejected {
    NotWebSocket,
    Version,
    Origin,
    Full,
}

impl Rejected {
    const fn name(self) -> &'static str {
        match self {
            Rejected::NotWebSocket => "not_websocket",
            Rejected::Version => "version",
            Rejected::Origin => "origin",
            Rejected::Full => "full",
        }
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        match self {
            Rejected::NotWebSocket => {
                let headers = [(UPGRADE, "websocket")];
                (
                    StatusCode::UPGRADE_REQUIRED,
                    headers,
                    "this is a WebSocket: see docs/feed.md\n",
                )
                    .into_response()
            }
            Rejected::Version => {
                let headers = [(SEC_WEBSOCKET_VERSION, "13")];
                (
                    StatusCode::UPGRADE_REQUIRED,
                    headers,
                    "only WebSocket version 13 is spoken\n",
                )
                    .into_response()
            }
            Rejected::Origin => (
                StatusCode::FORBIDDEN,
                "this origin may not open the feed: add it to feed.origins\n",
            )
                .into_response(),
            Rejected::Full => {
                let headers = [(RETRY_AFTER, "5")];
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    headers,
                    "too many feed clients\n",
                )
                    .into_response()
            }
        }
    }
}

/// `GET /feed`.
pub(crate) async fn feed(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    Query(params): Query<Params>,
    mut request: Request,
) -> Response {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let agreed = agree(request.headers(), &app.origins).and_then(|key| {
        Ok((
            key,
            app.clients
                .clone()
                .try_acquire_owned()
                .map_err(|_| Rejected::Full)?,
        ))
    });
    let (accept, place) = match agreed {
        Ok(agreed) => agreed,
        Err(rejected) => {
            app.shared
                .metrics
                .rejected
                .with_label_values(&[rejected.name()])
                .inc();
            return rejected.into_response();
        }
    };
    let role = first_role(params.role.as_deref(), app.shared.open_wallboard);
    let resume = params
        .epoch
        .zip(params.after)
        .map(|(epoch, after)| Resume { epoch, after });
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(app.shared.limits.message_bytes_max))
        .max_frame_size(Some(app.shared.limits.message_bytes_max));
    tokio::spawn(async move {
        let io = match on_upgrade.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => return debug!(%error, "feed client gone before it was upgraded"),
        };
        let socket = WebSocketStream::from_raw_socket(io, protocol::Role::Server, Some(config)).await;
        Session::new(app.shared, socket, connection.peer.ip(), role, resume)
            .run()
            .await;
        drop((place, connection));
    });
    let headers = [
        (CONNECTION, "upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, accept.as_str()),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// What a client is before it signs in. One that says it will sign in is not first shown a masked view.
fn first_role(asked: Option<&str>, open_wallboard: bool) -> Role {
    match asked {
        None | Some("wallboard") if open_wallboard => Role::Wallboard,
        _ => Role::Guest,
    }
}

/// The answer to the client's key, if this is a WebSocket handshake from where one may come.
fn agree(headers: &HeaderMap, origins: &[String]) -> Result<String, Rejected> {
    let named = |header: HeaderName, word: &str| {
        let values = headers.get_all(header);
        let words = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        words.map(str::trim).any(|value| value.eq_ignore_ascii_case(word))
    };
    if !named(CONNECTION, "upgrade") || !named(UPGRADE, "websocket") {
        return Err(Rejected::NotWebSocket);
    }
    if !named(SEC_WEBSOCKET_VERSION, "13") {
        return Err(Rejected::Version);
    }
    if !origin_allowed(headers, origins) {
        return Err(Rejected::Origin);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Rejected::NotWebSocket)?;
    Ok(derive_accept_key(key.as_bytes()))
}

/// Browsers send an Origin, and let any page open a WebSocket to anywhere (RFC 6455 §10.2): only our own page's and
/// the listed ones may. Programs send none.
fn origin_allowed(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else { return false };
    if origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return true;
    }
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

    #[test]
    fn origins() {
        let allowed = ["https://board.example".to_string()];
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
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(
                origin_allowed(&headers, &allowed),
                expected,
                "{origin:?} at {host}"
            );
        }
    }

    #[test]
    fn first_roles() {
        let table = [
            (None, true, Role::Wallboard),
            (None, false, Role::Guest),
            (Some("wallboard"), true, Role::Wallboard),
            (Some("wallboard"), false, Role::Guest),
            (Some("operator"), true, Role::Guest),
            (Some("supervisor"), true, Role::Guest),
        ];
        for (asked, open, expected) in table {
            assert_eq!(first_role(asked, open), expected, "{asked:?}, open: {open}");
        }
    }
}
