//! From an HTTP request to a WebSocket (RFC 6455 §4.2), after asking where it comes from and whose it is.

use crate::auth::Role;
use crate::close::End;
use crate::mount::{Mount, Upgraded, Visitor};
use crate::origin;
use crate::server::{App, Connection};
use crate::session::{self, Client, Resume, Session, Shared};
use crate::tokens::{Over, Pass};
use axum::extract::{Extension, Query, Request, State};
use axum::http::header::{CONNECTION, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use axum::http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};
use tracing::debug;

/// Bytes read from a client at a time. Clients say little, and so many are cleared for each look whether one says anything.
const READ_BUFFER_BYTES: usize = 512;

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
    Subprotocol,
    Origin,
    Token,
    Full,
}

impl Rejected {
    const fn name(self) -> &'static str {
        match self {
            Rejected::NotWebSocket => "not_websocket",
            Rejected::Version => "version",
            Rejected::Subprotocol => "subprotocol",
            Rejected::Origin => "origin",
            Rejected::Token => "token",
            Rejected::Full => "full",
        }
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Rejected::NotWebSocket => (
                StatusCode::UPGRADE_REQUIRED,
                "this is a WebSocket: see docs/feed.md\n",
            ),
            Rejected::Version => (
                StatusCode::UPGRADE_REQUIRED,
                "only WebSocket version 13 is spoken\n",
            ),
            Rejected::Subprotocol => (
                StatusCode::BAD_REQUEST,
                "another subprotocol is spoken here: see docs/feed.md\n",
            ),
            Rejected::Origin => (
                StatusCode::FORBIDDEN,
                "this origin may not open it: add it to feed.origins\n",
            ),
            Rejected::Token => (StatusCode::UNAUTHORIZED, "the session is over: sign in again\n"),
            Rejected::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many feed clients\n"),
        };
        let mut response = (status, text).into_response();
        let header = match self {
            Rejected::NotWebSocket => (UPGRADE, "websocket"),
            Rejected::Version => (SEC_WEBSOCKET_VERSION, "13"),
            Rejected::Full => (RETRY_AFTER, "5"),
            Rejected::Subprotocol | Rejected::Origin | Rejected::Token => return response,
        };
        response
            .headers_mut()
            .insert(header.0, HeaderValue::from_static(header.1));
        response
    }
}

/// `GET /feed`.
pub(crate) async fn feed(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    Query(params): Query<Params>,
    request: Request,
) -> Response {
    let resume = params
        .epoch
        .zip(params.after)
        .map(|(epoch, after)| Resume { epoch, after });
    let pass = match params.role.as_deref() {
        Some("wallboard") => None,
        _ => app
            .cookie
            .token(request.headers())
            .map(|token| app.shared.tokens.find(token)),
    };
    let client = client(pass, app.shared.open_wallboard);
    let shared = app.shared.clone();
    switch(&app, connection, None, request, async move |io| {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(shared.limits.message_bytes_max))
            .max_frame_size(Some(shared.limits.message_bytes_max));
        let (role, config) = (protocol::Role::Server, Some(config));
        match io.into_inner().downcast::<TokioIo<TcpStream>>() {
            // Without TLS: deltas go straight to the socket, not through the layers that HTTP needed.
            Ok(parts) => {
                let (io, read) = (parts.io.into_inner(), parts.read_buf.to_vec());
                let socket = WebSocketStream::from_partially_read(io, read, role, config).await;
                watch(shared, socket, client, resume).await;
            }
            Err(upgraded) => {
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, role, config).await;
                watch(shared, socket, client, resume).await;
            }
        }
    })
}

/// Serves a client of the feed, or says why not.
async fn watch(
    shared: Arc<Shared>,
    socket: WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>,
    client: Result<Client, End>,
    resume: Option<Resume>,
) {
    match client {
        Ok(client) => Session::new(shared, socket, client, resume).run().await,
        Err(end) => session::turn_away(&shared, socket, end).await,
    }
}

/// `GET` of a mounted path. With `role=guest` somebody who is signed in comes as nobody, as a caller's page beside an
/// operator's does.
pub(crate) async fn mounted(mount: Mount, app: App, connection: Connection, request: Request) -> Response {
    let params = Query::<Params>::try_from_uri(request.uri()).unwrap_or_default();
    let pass = match params.role.as_deref() {
        Some("guest") => None,
        _ => app
            .cookie
            .token(request.headers())
            .map(|token| app.shared.tokens.find(token)),
    };
    let Ok(pass) = pass.transpose() else {
        return reject(&app, Rejected::Token);
    };
    let visitor = Visitor::new(connection.peer, pass);
    let stop = app.shared.stop.clone();
    switch(
        &app,
        connection,
        Some(mount.subprotocol),
        request,
        async move |io| {
            tokio::select! {
                () = (mount.serve)(visitor, io) => {}
                () = stop.cancelled() => {}
            }
        },
    )
}

/// Answers the handshake and lets `serve` have the stream.
fn switch<F: Future<Output = ()> + Send>(
    app: &App,
    connection: Connection,
    subprotocol: Option<&'static str>,
    mut request: Request,
    serve: impl FnOnce(Upgraded) -> F + Send + 'static,
) -> Response {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let agreed = agree(request.headers(), &app.origins, subprotocol).and_then(|accept| {
        let place = app.clients.clone().try_acquire_owned();
        Ok((accept, place.map_err(|_| Rejected::Full)?))
    });
    let (accept, place) = match agreed {
        Ok(agreed) => agreed,
        Err(rejected) => return reject(app, rejected),
    };
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
            Err(error) => debug!(%error, "client gone before it was upgraded"),
        }
        drop((place, connection));
    });
    let headers = [
        (CONNECTION, "upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, accept.as_str()),
    ];
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
    if let Some(subprotocol) = subprotocol {
        let subprotocol = HeaderValue::from_static(subprotocol);
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

fn reject(app: &App, rejected: Rejected) -> Response {
    app.shared
        .metrics
        .rejected
        .with_label_values(&[rejected.name()])
        .inc();
    rejected.into_response()
}

/// What a client of the feed is. One whose token is not good is told by a close code, since browsers do not show
/// scripts the status of a failed handshake.
fn client(pass: Option<Result<Pass, Over>>, open_wallboard: bool) -> Result<Client, End> {
    match pass {
        Some(Ok(pass)) => Ok(Client {
            role: pass.who,
            pass: Some(pass),
        }),
        Some(Err(over)) => Err(over.into()),
        None if open_wallboard => Ok(Client {
            role: Role::Wallboard,
            pass: None,
        }),
        None => Err(End::NotSignedIn),
    }
}

/// The answer to the client's key, if this is a WebSocket handshake from where one may come.
fn agree(headers: &HeaderMap, origins: &[String], subprotocol: Option<&str>) -> Result<String, Rejected> {
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
    if !origin::allowed(headers, origins) {
        return Err(Rejected::Origin);
    }
    if subprotocol.is_some_and(|subprotocol| !named(SEC_WEBSOCKET_PROTOCOL, subprotocol)) {
        return Err(Rejected::Subprotocol);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Rejected::NotWebSocket)?;
    Ok(derive_accept_key(key.as_bytes()))
}
