//! `/session` over HTTP: signing in (POST), staying signed in (PUT), signing out (DELETE).
//!
//! A browser gets the token as a cookie that scripts cannot read and that no other site's page can have sent; other
//! clients take it from the answer and present it as `Authorization: Bearer`. It is never part of an address, which
//! would end up in logs. A request that another site's page made is refused (RFC 6454, Fetch Metadata); and a sign-in
//! has to be JSON, which no form can send.

use crate::brakes::WINDOW;
use crate::command::Refusal;
use crate::origin;
use crate::server::{App, Connection};
use crate::tokens::{Over, Pass};
use crate::wire::RoleName;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Extension, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use tokio::time::{sleep, timeout};
use tracing::{error, info};

/// What a client that signs in sends.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SignIn {
    /// An operator's or a supervisor's.
    name: String,
    secret: String,
}

/// The answer.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SignedIn<'a> {
    token: &'a str,
    role: RoleName,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    supervisor: Option<&'a str>,
    /// Real seconds until the session is over unless it is renewed.
    expires_in_s: f64,
}

/// The answer to a session that was renewed.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Renewed {
    expires_in_s: f64,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
enum Denied {
    #[error("another site's page asked for this; open the engine's own page")]
    CrossOrigin,
    #[error("send JSON, with the header Content-Type: application/json")]
    NotJson,
    #[error("the request is too long, or did not come in time")]
    NoBody,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{}", .0.message())]
    Over(Over),
    #[error("the system gives no random numbers; see the log")]
    NoRandom,
}

impl Denied {
    fn status(&self) -> StatusCode {
        match self {
            Self::CrossOrigin | Self::Refused(Refusal::WrongSecret) => StatusCode::FORBIDDEN,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(Refusal::TooManyAttempts) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(Refusal::Overloaded) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoBody | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Over(_) => StatusCode::UNAUTHORIZED,
            Self::NoRandom => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::CrossOrigin => "cross_origin",
            Self::NotJson => "not_json",
            Self::NoBody => "no_body",
            Self::Refused(refusal) => refusal.code(),
            Self::Over(over) => over.name(),
            Self::NoRandom => "no_random",
        }
    }

    /// Seconds after which it may be tried again.
    const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Refused(Refusal::TooManyAttempts) => Some(WINDOW.as_secs()),
            Self::Refused(Refusal::Overloaded) => Some(1),
            _ => None,
        }
    }
}

/// What a denied client is told.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DeniedMessage {
    code: &'static str,
    message: String,
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let message = DeniedMessage {
            code: self.code(),
            message: self.to_string(),
        };
        let mut response = (self.status(), [(CACHE_CONTROL, "no-store")], Json(message)).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// `POST /session`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let answer = begin(&app, connection.peer.ip(), request).await;
    let word = answer.as_ref().map_or_else(Denied::code, |_| "ok");
    app.shared
        .metrics
        .commands
        .with_label_values(&["sign_in", word])
        .inc();
    match answer {
        Ok((token, pass)) => {
            let message = SignedIn {
                token: &token,
                role: pass.who.into(),
                operator: app.shared.operator(pass.who),
                supervisor: app.shared.supervisor(pass.who),
                expires_in_s: pass.left().as_secs_f64(),
            };
            let headers = [
                (SET_COOKIE, app.cookie.set(&token)),
                (CACHE_CONTROL, "no-store".into()),
            ];
            (headers, Json(message)).into_response()
        }
        Err(denied) => denied.into_response(),
    }
}

async fn begin(app: &App, from: IpAddr, request: Request) -> Result<(String, Pass), Denied> {
    let wanted = read(app, request).await?;
    let role = match app.auth.sign_in(&wanted.name, &wanted.secret, from).await {
        Ok(role) => role,
        Err(refusal) => {
            info!(%from, code = refusal.code(), "sign-in refused");
            sleep(app.shared.limits.wrong_secret_delay).await;
            return Err(refusal.into());
        }
    };
    app.shared.tokens.issue(role).map_err(|error| {
        error!(%error, "no random numbers for a token");
        Denied::NoRandom
    })
}

async fn read(app: &App, request: Request) -> Result<SignIn, Denied> {
    let headers = request.headers();
    if !origin::ours(headers) {
        return Err(Denied::CrossOrigin);
    }
    if !is_json(headers) {
        return Err(Denied::NotJson);
    }
    let limits = &app.shared.limits;
    let body = to_bytes(request.into_body(), limits.message_bytes_max);
    let body = timeout(limits.header_timeout, body).await;
    let body = body.map_err(|_| Denied::NoBody)?.map_err(|_| Denied::NoBody)?;
    serde_json::from_slice(&body).map_err(|error| Refusal::Malformed(error.to_string()).into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// `PUT /session`.
pub(crate) async fn renew(State(app): State<App>, headers: HeaderMap) -> Response {
    let renewed = current(&app, &headers).and_then(|pass| {
        let lasts = app
            .shared
            .tokens
            .renew(&pass.key)
            .ok_or(Denied::Over(Over::Unknown))?;
        Ok(Renewed {
            expires_in_s: lasts.as_secs_f64(),
        })
    });
    match renewed {
        Ok(renewed) => ([(CACHE_CONTROL, "no-store")], Json(renewed)).into_response(),
        Err(denied) => denied.into_response(),
    }
}

/// `DELETE /session`. A session that is over already is no error: the cookie goes in any case.
pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    match current(&app, &headers) {
        Ok(pass) => app.shared.tokens.revoke(&pass.key),
        Err(Denied::Over(_)) => {}
        Err(denied) => return denied.into_response(),
    }
    (StatusCode::NO_CONTENT, [(SET_COOKIE, app.cookie.clear())]).into_response()
}

/// The session of a request that no other site's page made.
fn current(app: &App, headers: &HeaderMap) -> Result<Pass, Denied> {
    if !origin::ours(headers) {
        return Err(Denied::CrossOrigin);
    }
    let token = app.cookie.token(headers).ok_or(Denied::Over(Over::Unknown))?;
    app.shared.tokens.find(token).map_err(Denied::Over)
}

/// The cookie that holds a browser's token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookie {
    /// The page comes by TLS. The cookie then never goes in the clear, and no other host can plant one (RFC 6265bis,
    /// `__Host-`).
    pub(crate) secure: bool,
}

impl Cookie {
    const fn name(self) -> &'static str {
        if self.secure {
            "__Host-holdfast"
        } else {
            "holdfast"
        }
    }

    fn set(self, token: &str) -> String {
        format!("{}={token}{}", self.name(), self.attributes())
    }

    fn clear(self) -> String {
        format!("{}={}; Max-Age=0", self.name(), self.attributes())
    }

    /// It ends with the browser; when the session is over is the server's to know.
    const fn attributes(self) -> &'static str {
        if self.secure {
            "; Path=/; HttpOnly; SameSite=Strict; Secure"
        } else {
            "; Path=/; HttpOnly; SameSite=Strict"
        }
    }

    /// The token that a request presents: as a bearer (RFC 6750 §2.1), or else as the cookie.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<&str> {
        if let Some(authorization) = headers.get(AUTHORIZATION) {
            let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
            return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
        }
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut pairs = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(name, _)| *name == self.name())
            .map(|(_, token)| token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    type Header = (HeaderName, &'static str);

    fn presented(headers: &[Header], secure: bool) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        Cookie { secure }.token(&map).map(str::to_owned)
    }

    #[test]
    fn tokens_are_found() {
        let table: [(&[Header], bool, Option<&str>); 9] = [
            (&[], false, None),
            (&[(COOKIE, "holdfast=abc")], false, Some("abc")),
            (&[(COOKIE, "theme=dark; holdfast=abc")], false, Some("abc")),
            (
                &[(COOKIE, "theme=dark"), (COOKIE, "holdfast=abc")],
                false,
                Some("abc"),
            ),
            (&[(COOKIE, "notholdfast=abc")], false, None),
            (&[(COOKIE, "holdfast=abc")], true, None),
            (&[(COOKIE, "__Host-holdfast=abc")], true, Some("abc")),
            (
                &[(AUTHORIZATION, "Bearer xyz"), (COOKIE, "holdfast=abc")],
                false,
                Some("xyz"),
            ),
            (
                &[(AUTHORIZATION, "Basic xyz"), (COOKIE, "holdfast=abc")],
                false,
                None,
            ),
        ];
        for (headers, secure, expected) in table {
            assert_eq!(presented(headers, secure).as_deref(), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach() {
        let plain = Cookie { secure: false }.set("abc");
        assert_eq!(plain, "holdfast=abc; Path=/; HttpOnly; SameSite=Strict");
        let secure = Cookie { secure: true }.clear();
        assert_eq!(
            secure,
            "__Host-holdfast=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"
        );
    }
}
