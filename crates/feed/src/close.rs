//! Why a client's connection is closed, told apart by code.

use crate::tokens::Over;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The end of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left, or the network did.
    Gone,
    /// The client did not take what was sent within the write timeout: no close frame would get through either.
    Stalled,
    /// The engine stops.
    Stopping,
    /// A frame that breaks RFC 6455.
    Protocol,
    /// A binary message.
    Binary,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message over the size limit.
    TooBig,
    /// The engine cannot give a snapshot now.
    TryLater,
    /// No token came along, or one that is not known.
    NotSignedIn,
    /// The session was not renewed in time.
    Expired,
    /// Neither message nor pong for the idle timeout.
    Idle,
    /// The same operator signed in on another connection.
    Replaced,
    /// Messages came faster than the limit.
    TooFast,
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::Unknown => End::NotSignedIn,
            Over::Expired => End::Expired,
            Over::Replaced => End::Replaced,
        }
    }
}

impl End {
    /// The word in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            End::Gone => "gone",
            End::Stalled => "stalled",
            End::Stopping => "stopping",
            End::Protocol => "protocol",
            End::Binary => "binary",
            End::NotUtf8 => "not_utf8",
            End::TooBig => "too_big",
            End::TryLater => "try_later",
            End::NotSignedIn => "not_signed_in",
            End::Expired => "expired",
            End::Idle => "idle",
            End::Replaced => "replaced",
            End::TooFast => "too_fast",
        }
    }

    /// The frame that tells the client, if one can.
    pub(crate) fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            End::Gone | End::Stalled => return None,
            End::Stopping => (CloseCode::Away, "the engine is stopping; reconnect and resume"),
            End::Protocol => (CloseCode::Protocol, "a frame breaks RFC 6455"),
            End::Binary => (CloseCode::Unsupported, "messages are JSON text, not binary"),
            End::NotUtf8 => (CloseCode::Invalid, "text must be UTF-8"),
            End::TooBig => (CloseCode::Size, "the message is over the size limit"),
            End::TryLater => (CloseCode::Again, "the engine is busy; reconnect in a few seconds"),
            End::NotSignedIn => (CloseCode::Library(4401), "sign in first: POST /session"),
            End::Idle => (CloseCode::Library(4408), "no message and no pong for too long"),
            End::Replaced => (CloseCode::Library(4409), "this operator signed in elsewhere"),
            End::Expired => (
                CloseCode::Library(4410),
                "the session was not renewed; sign in again",
            ),
            End::TooFast => (CloseCode::Library(4429), "too many messages; slow down"),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}
