//! The media plane: RTP ports, relay, hold music, prompts, DTMF, RTCP and recordings.
//!
//! **Owns** every RTP and RTCP socket, the threads that serve them, and the audio that callers hear.
//!
//! **Always holds**
//! - A leg has one port pair and lives on one thread; so do all legs of its call. Nothing is shared on the
//!   packet path: no lock, no allocation, no log line for a packet. Signalling writes a leg's relay entry
//!   (through a bounded mailbox), packets only read it.
//! - Each peer sees one stream for the life of its leg: one SSRC, sequence numbers and timestamps that go on
//!   without a break from prompt to music to operator and back, a marker bit where the source changes.
//! - Audio is taken from one source only: the first that fits what was agreed. Others are dropped and counted. Only after
//!   a silence may another take its place, and only one that may be the same phone.
//! - Of a waiting caller's phone only key presses, signs of life and a sample are read; the kernel drops the rest. Then
//!   nothing is reported about that stream, rather than something untrue.
//! - A browser is heard once it has shown that it knows our password and has made keys with us, and not before.
//! - A port pair is given back when its [`Port`] is dropped, on every path.
//!
//! - Who hears one other has its packets passed on as they come. Only who hears several at once, as when a supervisor
//!   whispers, hears a mix, for which sound is held back some 40 ms; nobody else's packets meet it.
//!
//! **Deliberately does not** negotiate (SDP is `sip`'s), decide what anybody hears (that is `acd`'s),
//! buffer what is passed on against jitter (the phones do), or forward RTCP: reports are made for each leg from what was
//! sent and received on it.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

#[doc(hidden)]
pub mod bare;
mod clip;
mod clock;
mod codec;
mod config;
mod convert;
mod cushion;
mod decode;
mod dtmf;
mod ears;
mod error;
mod filter;
mod g711;
mod g722;
mod incoming;
mod latch;
mod leg;
mod legs;
mod library;
mod mailbox;
mod media;
mod metrics;
mod mix;
mod moment;
mod music;
mod one_way;
mod outgoing;
mod pace;
mod packet;
#[cfg(test)]
mod packet_path;
mod player;
mod ports;
mod press;
mod quality;
mod recording;
mod routes;
mod rtcp;
mod session;
mod socket;
mod speech;
mod srtp;
mod ticks;
mod tones;
mod wav;
mod webrtc;
mod worker;

pub use codec::{Codec, CodecFamily, Codecs};
pub use config::{Family, MediaConfig, MediaEvent, MediaEvents, Remote};
pub use decode::AudioError;
pub use error::MediaError;
pub use library::{
    AfterPrompts, AudioConfig, Instead, Language, Library, Playlist, PromptId, Unprepared, Warning,
};
pub use media::{Hearing, Media, Port};
pub use mix::PARTIES_MAX;
pub use music::MusicId;
pub use quality::{LegQuality, PathQuality};
pub use recording::{RecordingConfig, RecordingFormat};
pub use srtp::{MasterKey, SrtpKeys, SrtpSuite};
pub use webrtc::{
    DtlsRole, Fingerprint, IceCredentials, Link, Webrtc, WebrtcEvent, WebrtcEvents, WebrtcFailure,
};
