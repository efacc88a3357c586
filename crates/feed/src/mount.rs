//! Further WebSocket paths, served by somebody else: the feed agrees the handshake, says whose session it is, and
//! hands the stream over.

use crate::auth::Role;
use crate::tokens::Pass;
use acd::OperatorId;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

/// An upgraded connection: the bytes that follow the handshake (RFC 6455 §4.2.2), still to be framed.
pub type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// Serves one upgraded connection until it returns. It is dropped when the feed stops.
pub type Serve = Arc<dyn Fn(Visitor, Upgraded) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A WebSocket path besides `/feed`.
#[derive(Clone)]
pub struct Mount {
    /// Where, such as `/sip`.
    pub path: &'static str,
    /// The subprotocol that a client must offer and is answered.
    pub subprotocol: &'static str,
    /// Takes over.
    pub serve: Serve,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path, subprotocol, ..
        } = self;
        f.debug_struct("Mount")
            .field("path", path)
            .field("subprotocol", subprotocol)
            .finish_non_exhaustive()
    }
}

/// Who opened a connection.
#[derive(Debug)]
pub struct Visitor {
    /// Where from.
    pub peer: SocketAddr,
    /// As whom.
    pub who: Identity,
    pub(crate) pass: Option<Pass>,
}

/// As whom somebody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// No token was presented. (With one that is not good, no connection comes about.)
    Nobody,
    /// This operator.
    Operator(OperatorId),
    /// A supervisor.
    Supervisor,
}

impl Visitor {
    pub(crate) fn new(peer: SocketAddr, pass: Option<Pass>) -> Self {
        let who = match pass.as_ref().map(|pass| pass.who) {
            Some(Role::Operator(operator)) => Identity::Operator(operator),
            Some(Role::Supervisor(_)) => Identity::Supervisor,
            Some(Role::Wallboard) | None => Identity::Nobody,
        };
        Self { peer, who, pass }
    }

    /// Returns when the session is over: signed out, expired, or replaced by a sign-in elsewhere. For nobody that is
    /// never.
    pub async fn session_over(&mut self) {
        match &mut self.pass {
            Some(pass) => drop(pass.over().await),
            None => std::future::pending().await,
        }
    }
}
