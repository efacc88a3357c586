//! A simulated softphone: a peer that speaks real SIP and RTP, so that a demo can be alive without people and a
//! test can listen at the other end.
//!
//! It owns one SIP endpoint a [`Phone`] and one UDP socket for audio a [`Call`].
//!
//! What always holds: audio is sent in step, 20 ms a packet, from the moment the peer's address is known until the
//! call ends (silence when no tone is set); what is heard is decoded from packets that really arrived; dropping a
//! [`Call`] hangs it up.
//!
//! It deliberately knows nothing of Holdfast: no crate of the workspace is used here, so that a mistake in one
//! cannot be mirrored in the other. It is not a phone for people: no devices, no jitter buffer, G.711 only.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod audio;
mod call;
mod digest;
mod endpoint;
mod error;
mod g711;
mod sdp;
mod tone;

pub use audio::{Arrived, Heard};
pub use call::{Call, CallState, Incoming};
pub use digest::Digest;
pub use endpoint::{Phone, PhoneConfig, Transport};
pub use error::PhoneError;
pub use g711::Codec;
