//! The HTTP edge: the live feed with its commands, the metrics, the health checks and the console's files.
//!
//! Owns the wire JSON (only this crate knows it), who may see and ask what, and every HTTP and WebSocket
//! connection. `docs/feed.md` is the protocol.
//!
//! Always holds: a client sees every event once and in order, or is given a fresh snapshot, never a silent gap; a
//! delta is serialised once and its bytes are shared by all; the engine is never made to wait for a client, and
//! one client never for another; a caller's number reaches only those who signed in; neither a secret nor a token is ever
//! logged.
//!
//! Deliberately not here: any decision about calls (the core's), storage of any kind (the records').
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod auth;
mod brakes;
mod close;
mod command;
mod config;
mod desk;
mod fanout;
mod hub;
mod incoming;
mod lines;
mod memory;
mod metrics;
mod monitoring;
mod mount;
mod orders;
mod origin;
mod page;
mod quality;
mod remarks;
mod ring;
mod seats;
mod secret;
mod server;
mod session;
mod sign_in;
mod tls;
mod tokens;
mod told;
mod upgrade;
mod wire;

pub use command::{Refusal, Request, Requests, Supervise, SupervisorMode};
pub use config::{About, Account, Clock, Directory, FeedConfig, Limits, Marks, Thresholds};
pub use hub::Hub;
pub use memory::{Keep, Memory};
pub use monitoring::Listener;
pub use mount::{Identity, Mount, Serve, Upgraded, Visitor};
pub use secret::{HashError, Secret, SecretError, hash_secret};
pub use server::{Feed, start};
pub use tls::{TlsError, TlsFiles};
pub use told::Told;

/// Why the feed cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The address is taken or not ours.
    #[error("cannot listen on http://{addr}: {source}; choose another address or stop what is using it")]
    Listen {
        /// The configured address.
        addr: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start the feed's thread: {0}; look at the limits on threads and memory")]
    Thread(#[source] std::io::Error),
    /// The certificate cannot be used.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Tls(#[from] TlsError),
    /// One hub feeds one server.
    #[error("this hub already has a feed; make a hub for each")]
    HubInUse,
    /// A limit that would make the feed useless.
    #[error("the feed's limit {name} is zero; give it at least 1")]
    ZeroLimit {
        /// The field of [`Limits`] or [`FeedConfig`].
        name: &'static str,
    },
    /// Two collectors of one name on the registry.
    #[error("cannot register the feed's metrics: {0}; give each feed a registry of its own")]
    Metrics(#[from] prometheus::Error),
}
