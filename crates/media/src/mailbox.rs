//! How commands reach a media thread: a bounded list behind a lock, and an eventfd that wakes the thread.
//!
//! The thread takes the lock only when woken, and only to swap the list out; packets never meet it.

use crate::media::Hearing;
use crate::recording::Tap;
use crate::session::Seed;
use crate::socket::PortPair;
use crate::webrtc::dtls::Association;
use crate::webrtc::{Webrtc, WebrtcEvents, WebrtcFailure};
use crate::{Playlist, Remote, SrtpKeys};
use acd::LegId;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Commands that may wait for one thread. Beyond that they are refused; opening and closing never are, and
/// are bounded by the number of port pairs.
const COMMANDS_MAX: usize = 65_536;

/// What a media thread is told.
pub(crate) enum Command {
    Open {
        leg: LegId,
        pair: PortPair,
        seed: Seed,
    },
    SetRemote {
        leg: LegId,
        rtp_port: u16,
        remote: Remote,
        protection: Protection,
    },
    /// A datagram of a browser's handshake, to be sent.
    SendDtls {
        leg: LegId,
        rtp_port: u16,
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    /// A browser's handshake has come to its end.
    Keyed {
        association: Association,
        keys: Result<SrtpKeys, WebrtcFailure>,
    },
    Play {
        leg: LegId,
        playlist: Playlist,
    },
    /// Connects legs of one call.
    Connect(Vec<Hearing>),
    Silence {
        leg: LegId,
    },
    /// Records what the leg and its bridge's other side say; a recording under way goes on instead.
    Record {
        leg: LegId,
        tap: Box<Tap>,
    },
    EndRecording {
        leg: LegId,
    },
    Press {
        from: LegId,
        key: char,
        hold: Duration,
    },
    Close {
        leg: LegId,
        rtp_port: u16,
    },
    Stop,
}

/// How a leg's packets are protected.
pub(crate) enum Protection {
    /// Not at all.
    None,
    /// With keys that signalling exchanged.
    Sdes(SrtpKeys),
    /// With keys that a browser's handshake gives; what becomes of it is told.
    Webrtc(Box<Webrtc>, WebrtcEvents),
}

pub(crate) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    wake: OwnedFd,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            commands: Mutex::new(Vec::new()),
            wake,
        })
    }

    /// Posts a command unless too many wait. Tells whether it was posted.
    pub(crate) fn post(&self, command: Command) -> bool {
        self.post_below(COMMANDS_MAX, command)
    }

    /// Posts a command that must not be lost.
    pub(crate) fn post_always(&self, command: Command) {
        self.post_below(usize::MAX, command);
    }

    /// Swaps the waiting commands into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<Command>) {
        debug_assert!(into.is_empty());
        let mut counter = [0; 8];
        // Reading resets the eventfd; the only error is that nobody had posted.
        let _ = rustix::io::read(&self.wake, &mut counter);
        std::mem::swap(
            &mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner),
            into,
        );
    }

    fn post_below(&self, max: usize, command: Command) -> bool {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() >= max {
            return false;
        }
        let was_empty = commands.is_empty();
        commands.push(command);
        drop(commands);
        if was_empty {
            // Fails only when the counter is full, and then the thread is awake anyhow.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
        true
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
