//! The HTTP server: routes, connections and their limits, start and stop.

use crate::answers::Answers;
use crate::auth::Auth;
use crate::command::Requests;
use crate::config::{About, FeedConfig};
use crate::fanout::{Fanout, Snapshots};
use crate::hub::Hub;
use crate::memory::{Memory, Notebook};
use crate::metrics::Metrics;
use crate::mount::Mount;
use crate::session::Shared;
use crate::sign_in::{self, Cookie};
use crate::tokens::Tokens;
use crate::{FeedError, page, tls, upgrade};
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::{Registry, TextEncoder};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// How long stopping waits for clients to take their close.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes that the system keeps for a client that does not read, before we hear of it: some seconds of a busy queue. Then
/// nothing is written to that client until it reads again, and it costs nothing.
const SEND_BUFFER_BYTES: u32 = 64 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A client is never taken for dead before it left this many pings unanswered.
const PINGS_UNANSWERED: u32 = 3;

/// How long accepting rests after the system refused a connection, as when it is out of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What every request may need.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) shared: Arc<Shared>,
    pub(crate) origins: Arc<[String]>,
    pub(crate) clients: Arc<Semaphore>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) cookie: Cookie,
    hub: Hub,
    about: Arc<About>,
    registry: Registry,
}

/// The connection a request came by. It counts against the limit until the last clone is gone.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    _permit: Arc<OwnedSemaphorePermit>,
}

/// A running feed. It goes on when this is dropped; [`Feed::stop`] ends it.
#[derive(Debug)]
pub struct Feed {
    addr: SocketAddr,
    stop: CancellationToken,
    connections: Arc<Semaphore>,
    connections_max: u32,
}

impl Feed {
    /// Where it listens, with the port the system chose if 0 was asked for.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening and tells every client that the engine stops; returns when they are gone, or after 3 s.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = timeout(STOP_TIMEOUT, self.connections.acquire_many(self.connections_max)).await;
    }
}

/// Binds the address and serves until [`Feed::stop`]. Collectors already on `registry` show at `/metrics` too.
///
/// # Errors
/// See [`FeedError`].
pub async fn start(
    config: FeedConfig,
    hub: Hub,
    requests: Requests,
    registry: Registry,
) -> Result<Feed, FeedError> {
    check(&config)?;
    let metrics = Metrics::register(&registry)?;
    let addr = config.listen;
    let stop = CancellationToken::new();
    let tls = config
        .tls
        .clone()
        .map(|files| tls::acceptor(files, stop.clone()))
        .transpose()?;
    let listener = listen(addr).map_err(|source| FeedError::Listen { addr, source })?;
    let addr = listener
        .local_addr()
        .map_err(|source| FeedError::Listen { addr, source })?;
    let batches = hub.take_receiver().ok_or(FeedError::HubInUse)?;

    let mut limits = config.limits;
    limits.idle_timeout = limits.idle_timeout.max(config.heartbeat * PINGS_UNANSWERED);
    let directory = Arc::new(config.directory);
    let fanout = Arc::new(Fanout::new(directory.clone(), limits.deltas_kept, hub.told()));
    let connections = Arc::new(Semaphore::new(limits.connections_max as usize));
    let Memory { kept, keep } = config.memory;
    let notebook = Notebook::new(directory.clone(), keep);
    let kept = notebook.read(&kept);
    let tokens = Tokens::new(config.session_lifetime, notebook, kept);
    let auth = Auth::new(directory.clone(), &limits);
    let shared = Shared {
        epoch: hub.epoch(),
        clock: config.clock,
        clock_rate: config.clock_rate,
        heartbeat: config.heartbeat,
        open_wallboard: config.open_wallboard,
        thresholds: config.thresholds,
        tokens,
        seats: Arc::default(),
        answers: Answers::default(),
        snapshots: Snapshots::new(
            hub.epoch(),
            fanout.clone(),
            requests.clone(),
            limits.engine_timeout,
        ),
        fanout: fanout.clone(),
        remarks: hub.remarks().clone(),
        monitoring: hub.monitoring().clone(),
        told: hub.told().clone(),
        directory,
        requests,
        records: config.records,
        metrics,
        stop: stop.clone(),
        limits: limits.clone(),
    };
    let app = App {
        shared: Arc::new(shared),
        origins: config.origins.into(),
        clients: Arc::new(Semaphore::new(limits.clients_max as usize)),
        auth: Arc::new(auth),
        cookie: Cookie {
            secure: tls.is_some(),
        },
        hub,
        about: Arc::new(config.about),
        registry,
    };
    fanout.start(batches).map_err(FeedError::Thread)?;
    let service = Service {
        routes: routes(app, config.mounts),
        tls,
        header_timeout: limits.header_timeout,
        stop: stop.clone(),
    };
    tokio::spawn(accept(listener, service, connections.clone()));
    info!(%addr, "feed listens");
    Ok(Feed {
        addr,
        stop,
        connections,
        connections_max: limits.connections_max,
    })
}

fn check(config: &FeedConfig) -> Result<(), FeedError> {
    let limits = &config.limits;
    let zero = [
        ("heartbeat", config.heartbeat.is_zero()),
        ("session_lifetime", config.session_lifetime.is_zero()),
        ("connections_max", limits.connections_max == 0),
        ("clients_max", limits.clients_max == 0),
        ("deltas_kept", limits.deltas_kept == 0),
        ("message_bytes_max", limits.message_bytes_max == 0),
        ("messages_per_second", limits.messages_per_second == 0),
        ("write_timeout", limits.write_timeout.is_zero()),
        ("idle_timeout", limits.idle_timeout.is_zero()),
        ("engine_timeout", limits.engine_timeout.is_zero()),
        ("header_timeout", limits.header_timeout.is_zero()),
    ];
    match zero.into_iter().find(|(_, zero)| *zero) {
        Some((name, _)) => Err(FeedError::ZeroLimit { name }),
        None => Ok(()),
    }
}

fn routes(app: App, mounts: Vec<Mount>) -> Router {
    let mounted = mounts.into_iter().fold(page::routes(), |router, mount| {
        let path = mount.path;
        let serve = async move |State(app): State<App>, Extension(connection), request| {
            upgrade::mounted(mount.clone(), app, connection, request).await
        };
        router.route(path, get(serve))
    });
    mounted
        .route("/about.json", get(about))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/feed", get(upgrade::feed))
        .route(
            "/session",
            post(sign_in::sign_in)
                .put(sign_in::renew)
                .delete(sign_in::sign_out),
        )
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here; try /\n"))
        .with_state(app)
}

async fn about(State(app): State<App>) -> Response {
    Json(app.about.as_ref()).into_response()
}

async fn ready(State(app): State<App>) -> Response {
    match app.hub.is_ready() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    match TextEncoder::new().encode_to_string(&app.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            warn!(%error, "cannot encode the metrics");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "cannot encode the metrics; see the log\n",
            )
                .into_response()
        }
    }
}

/// What serves a connection.
#[derive(Clone)]
struct Service {
    routes: Router,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
    stop: CancellationToken,
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Takes connections as long as there is room; the others wait in the listen backlog.
async fn accept(listener: TcpListener, service: Service, connections: Arc<Semaphore>) {
    let next = async || {
        let permit = connections.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let permit = Arc::new(permit);
                    return Some((
                        stream,
                        Connection {
                            peer,
                            _permit: permit,
                        },
                    ));
                }
                Err(error) => {
                    warn!(%error, "cannot accept an HTTP connection");
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    };
    loop {
        tokio::select! {
            () = service.stop.cancelled() => return,
            accepted = next() => {
                let Some((stream, connection)) = accepted else { return };
                tokio::spawn(service.clone().serve(stream, connection));
            }
        }
    }
}

impl Service {
    /// Serves one connection until it is closed, upgraded or the feed stops.
    async fn serve(self, stream: TcpStream, connection: Connection) {
        // A delta is small and wanted now.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot switch off Nagle's algorithm");
        }
        let Some(tls) = &self.tls else {
            return self.speak(stream, connection).await;
        };
        match timeout(self.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, connection).await,
            Ok(Err(error)) => debug!(%error, "no TLS came about"),
            Err(_) => debug!("TLS took too long to come about"),
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        connection: Connection,
    ) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout);
        let routes = self.routes.layer(Extension(connection));
        let served = http
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
            .with_upgrades();
        let mut served = std::pin::pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "HTTP connection ended");
        }
    }
}
