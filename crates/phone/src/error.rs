use std::net::{IpAddr, SocketAddr};

/// Why a simulated phone could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// A local socket could not be opened.
    #[error("cannot open a socket on {address}: {source}; is the address on this machine and the port free?")]
    Socket {
        /// The address asked for.
        address: IpAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The SIP stack could not send or understand a message.
    #[error("{request} to {server} failed: {source}; is the server up and reachable?")]
    Stack {
        /// The SIP method.
        request: &'static str,
        /// Where it went.
        server: SocketAddr,
        /// The stack's reason.
        source: Box<rsipstack::Error>,
    },
    /// The server refused a request.
    #[error("{request} was refused with {status}; check the user, the password and the dialled name")]
    Refused {
        /// The SIP method.
        request: &'static str,
        /// The final status of the response.
        status: u16,
    },
    /// The other side's session description cannot be used.
    #[error("the peer's session description is of no use: {0}")]
    Sdp(&'static str),
    /// The call was over before it could be done.
    #[error("the call is over")]
    CallOver,
}
