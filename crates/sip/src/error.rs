use std::io;
use std::net::SocketAddr;

use crate::Transport;

/// What can keep the SIP edge from starting, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SipError {
    /// No socket is configured.
    #[error("no SIP address to listen on: configure at least one, such as 0.0.0.0:5060 over UDP")]
    NothingToListenOn,
    /// A socket could not be opened.
    #[error("cannot listen for SIP over {transport} on {addr}: {source}; is another program using the port?")]
    Listen {
        /// UDP or TCP.
        transport: Transport,
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A phone's fixed contact is not a SIP URI.
    #[error(
        "the contact \"{contact}\" of phone \"{user}\" is not a SIP URI; write it like sip:101@192.0.2.10:5060"
    )]
    Contact {
        /// Whose.
        user: String,
        /// What was given.
        contact: String,
    },
    /// A trunk's way out, or another place, is not a SIP URI.
    #[error("{what} \"{uri}\" is not a SIP URI; write it like sip:192.0.2.1:5060")]
    Outside {
        /// What it is for.
        what: &'static str,
        /// What was given.
        uri: String,
    },
    /// Two phones, or a phone and a trunk, share a user name.
    #[error(
        "the SIP user \"{user}\" is configured twice: give every phone and digest trunk its own user name"
    )]
    UserTwice {
        /// The name.
        user: String,
    },
    /// A metric was refused by the registry.
    #[error("cannot register a SIP metric (is the SIP edge started twice on one registry?): {0}")]
    Metrics(#[from] prometheus::Error),
}
