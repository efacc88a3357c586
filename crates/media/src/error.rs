use crate::Family;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What can go wrong in the media plane, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The configured range holds no even port followed by an odd one.
    #[error(
        "RTP ports {}-{} hold no pair of an even port and the odd one after it: widen the range",
        .ports.start(), .ports.end()
    )]
    NoPairs {
        /// The configured range.
        ports: RangeInclusive<u16>,
    },
    /// Neither an IPv4 nor an IPv6 address is configured.
    #[error("no address for RTP: configure an IPv4 address, an IPv6 address or both")]
    NoAddress,
    /// A leg asked for a family that has no address.
    #[error("no {family} address for RTP is configured: add one, or offer {family} peers no media")]
    FamilyDisabled {
        /// The family asked for.
        family: Family,
    },
    /// All port pairs are in use, resting or taken by others.
    #[error(
        "no RTP port pair is free out of {pairs}: {in_use} in use, the rest resting or taken by other \
         programs; widen the port range or lower the number of calls admitted"
    )]
    PortsExhausted {
        /// Pairs in the configured range.
        pairs: usize,
        /// Pairs held by legs.
        in_use: usize,
    },
    /// A port pair that a leg had before a restart cannot be had again.
    #[error(
        "the RTP port pair at {addr}, where a peer still sends, was taken by another program or leg while the engine was \
         down; keep other programs out of the port range"
    )]
    PortLost {
        /// The RTP port's address.
        addr: SocketAddr,
    },
    /// A socket could not be opened for a reason other than a port in use.
    #[error("cannot open a UDP socket on {addr} for RTP: {source}")]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A media thread could not be set up.
    #[error("cannot start media thread {thread}: {source}")]
    Thread {
        /// Index of the thread.
        thread: usize,
        /// Why.
        source: io::Error,
    },
    /// The thread for browsers' handshakes could not be set up.
    #[error("cannot start the thread for DTLS handshakes: {source}")]
    Dtls {
        /// Why.
        source: io::Error,
    },
    /// No random numbers for SSRC, sequence and timestamp (RFC 3550 §5.1 wants them random).
    #[error("the system gave no random numbers for RTP: {0}")]
    Random(#[from] getrandom::Error),
    /// The certificate for browsers could not be made.
    #[error(
        "the certificate that browsers are shown cannot be made: is the system's clock before 1970 or after 2200?"
    )]
    Certificate,
    /// A metric was refused by the registry.
    #[error("cannot register an RTP metric (is the media plane started twice on one registry?): {0}")]
    Metrics(#[from] prometheus::Error),
    /// The folder for recordings cannot be made.
    #[error(
        "cannot make the folder for recordings {dir}: {source}; point `[recording] dir` at one that can be written"
    )]
    RecordingDir {
        /// Which folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder with `prompts/` and `music/` cannot be read.
    #[error(
        "cannot read the audio folder {dir}: {source}; point the configuration at the folder that holds prompts/ and music/"
    )]
    AudioDir {
        /// Which folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
}
