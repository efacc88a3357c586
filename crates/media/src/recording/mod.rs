//! Recordings of calls: the caller on the left, the operator on the right, in a WAV or Ogg Opus file of its own for each call.
//!
//! **Owns** the recordings' folder and the one thread that writes there.
//!
//! **Always holds**
//! - The packet path copies a packet's sound into a bounded ring and goes on; when the ring is full the piece is
//!   dropped and counted. It never waits for a disk.
//! - A file is playable at any moment, also after the engine was killed: once a second WAV's header is brought up to date
//!   behind the sound, and a page of Opus is written, so that the last second is the most that is lost (and the half second
//!   that late packets are waited for).
//! - A recording that fails (disk full, folder gone) ends alone: it is logged and counted, and its call goes on.
//! - Files are readable by the engine's user only (mode 0600, folders 0700), never written over, and removed when
//!   they are older than the retention time.
//!
//! What is recorded is what the two say to each other. Nobody's hold music or prompts are, nor what a caller says to
//! them: while one is on hold both sides are silent in the file, whose time goes on.

mod file;
mod metrics;
mod opus_file;
mod shelf;
mod sound_file;
mod track;
mod writer;

use crate::mix::Mix;
use crate::moment::Moment;
use crate::packet::Header;
use crate::{Codec, MediaError, MediaEvents};
use acd::CallId;
use metrics::Metrics;
use prometheus::Registry;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pieces of sound in the ring: what 800 recorded calls bring in 100 ms.
const PIECES_MAX: usize = 8_192;

/// Octets of the longest piece: 60 ms of G.711.
const PIECE_OCTETS: usize = 480;

/// How recordings are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordingFormat {
    /// 16-bit samples, 8,000 a second: 32,000 octets a second, playable by everything.
    #[default]
    Wav,
    /// Opus in Ogg: about a quarter of that, for some processor time of the writing thread.
    Opus,
}

impl RecordingFormat {
    pub(crate) const ALL: [RecordingFormat; 2] = [RecordingFormat::Wav, RecordingFormat::Opus];

    /// What the names of its files end with.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            RecordingFormat::Wav => ".wav",
            RecordingFormat::Opus => ".opus",
        }
    }
}

/// Where recordings go and how long they stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingConfig {
    /// The folder; made if it is not there.
    pub dir: PathBuf,
    /// What kind of files.
    pub format: RecordingFormat,
    /// How long a recording is kept after its end. Zero keeps all.
    pub retention: Duration,
    /// Octets that must stay free on the disk: below, no recording is begun, and those under way end.
    pub free_min: u64,
}

/// Whose sound a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Operator,
}

/// A packet's sound on its way to the file.
pub(crate) struct Piece {
    recording: u64,
    side: Side,
    codec: Codec,
    timestamp: u32,
    /// The first of a stream: its timestamps have nothing to do with those before.
    restarted: bool,
    /// Since the recording began.
    at: Duration,
    length: usize,
    octets: [u8; PIECE_OCTETS],
}

/// What the writing thread is told.
enum Order {
    Begin { recording: u64, call: CallId },
    End { recording: u64 },
    Stop,
}

/// Begins recordings. Dropping it ends the writing thread, after all that was recorded is on disk.
pub(crate) struct Recorder {
    orders: Sender<Order>,
    pieces: SyncSender<Piece>,
    metrics: Arc<Metrics>,
    next: std::sync::atomic::AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// A recording's end on the packet path. Dropping it ends the recording.
pub(crate) struct Tap {
    recording: u64,
    began: Option<Moment>,
    orders: Sender<Order>,
    pieces: SyncSender<Piece>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// Starts the writing thread.
    pub(crate) fn start(
        config: RecordingConfig,
        registry: &Registry,
        events: MediaEvents,
    ) -> Result<Self, MediaError> {
        let metrics = Arc::new(Metrics::register(registry)?);
        shelf::make_dir(&config.dir).map_err(|source| MediaError::RecordingDir {
            dir: config.dir.clone(),
            source,
        })?;
        let (orders, to_do) = channel();
        let (pieces, to_write) = sync_channel(PIECES_MAX);
        let writer = writer::Writer::new(config, (to_do, to_write), Arc::clone(&metrics), events);
        let thread = std::thread::Builder::new()
            .name("recording".into())
            .spawn(move || writer.run())
            .map_err(|source| MediaError::Thread { thread: 0, source })?;
        Ok(Self {
            orders,
            pieces,
            metrics,
            next: std::sync::atomic::AtomicU64::new(0),
            thread: Some(thread),
        })
    }

    /// Begins a recording of a call. Its sound is what is put into the tap.
    pub(crate) fn begin(&self, call: CallId) -> Tap {
        let recording = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // An error is that the thread is gone, and that was logged.
        let _ = self.orders.send(Order::Begin { recording, call });
        Tap {
            recording,
            began: None,
            orders: self.orders.clone(),
            pieces: self.pieces.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Tap {
    /// Takes in a packet's sound. Never waits.
    pub(crate) fn take(
        &mut self,
        side: Side,
        codec: Codec,
        header: &Header,
        restarted: bool,
        sound: &[u8],
        now: Moment,
    ) {
        let mut piece = self.piece(side, codec, header.timestamp, restarted, now);
        let Some(octets) = piece.octets.get_mut(..sound.len()) else {
            return self.metrics.dropped.inc();
        };
        octets.copy_from_slice(sound);
        piece.length = sound.len();
        self.put(piece);
    }

    /// Takes in what was mixed for the caller to hear. Never waits.
    pub(crate) fn take_mixed(&mut self, mix: &Mix, now: Moment) {
        let (timestamp, octets) = mix.last();
        let mut piece = self.piece(Side::Operator, Codec::Pcma, timestamp, timestamp == 0, now);
        for (to, octet) in piece.octets.iter_mut().zip(octets) {
            *to = octet;
            piece.length += 1;
        }
        self.put(piece);
    }

    fn piece(&mut self, side: Side, codec: Codec, timestamp: u32, restarted: bool, now: Moment) -> Piece {
        let began = *self.began.get_or_insert(now);
        Piece {
            recording: self.recording,
            side,
            codec,
            timestamp,
            restarted,
            at: now.since(began),
            length: 0,
            octets: [0; PIECE_OCTETS],
        }
    }

    fn put(&self, piece: Piece) {
        if self.pieces.try_send(piece).is_err() {
            self.metrics.dropped.inc();
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::End {
            recording: self.recording,
        });
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("recording", &self.recording)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
