//! The thread that writes recordings.

use super::metrics::{Failure, Metrics};
use super::shelf;
use super::sound_file::SoundFile;
use super::track::Track;
use super::{Order, Piece, RecordingConfig};
use crate::{MediaEvent, MediaEvents};
use acd::CallId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

/// The ring is looked into this often: senders then wake nobody.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Sound is written and headers are brought up to date this often.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// The disk's room is looked at this often while something is recorded.
const ROOM_EVERY: Duration = Duration::from_secs(5);

/// Old recordings are looked for this often.
const CLEAR_EVERY: Duration = Duration::from_secs(600);

/// Recordings under way, and what is to be done for them.
pub(super) struct Writer {
    config: RecordingConfig,
    orders: Receiver<Order>,
    pieces: Receiver<Piece>,
    metrics: Arc<Metrics>,
    events: MediaEvents,
    /// Begun, without a sound so far: there is no file yet.
    silent: BTreeMap<u64, CallId>,
    open: BTreeMap<u64, Open>,
    stopping: bool,
}

struct Open {
    call: CallId,
    path: PathBuf,
    file: SoundFile,
    track: Track,
    trouble: Option<Trouble>,
}

/// Why a recording cannot go on.
enum Trouble {
    TooLong,
    File(io::Error),
}

impl Writer {
    pub(super) fn new(
        config: RecordingConfig,
        (orders, pieces): (Receiver<Order>, Receiver<Piece>),
        metrics: Arc<Metrics>,
        events: MediaEvents,
    ) -> Self {
        Self {
            config,
            orders,
            pieces,
            metrics,
            events,
            silent: BTreeMap::new(),
            open: BTreeMap::new(),
            stopping: false,
        }
    }

    /// Writes until told to stop.
    pub(super) fn run(mut self) {
        self.clear_out();
        let now = Instant::now();
        let (mut settled, mut looked, mut cleared) = (now, now, now);
        while !self.stopping {
            self.turn();
            let now = Instant::now();
            if now.duration_since(settled) >= SETTLE_EVERY {
                settled = now;
                self.settle();
            }
            if now.duration_since(looked) >= ROOM_EVERY {
                looked = now;
                self.look_for_room();
            }
            if now.duration_since(cleared) >= CLEAR_EVERY {
                cleared = now;
                self.clear_out();
            }
        }
        for (_, open) in std::mem::take(&mut self.open) {
            self.end(open);
        }
    }

    /// Takes what has come. An order was sent after the pieces that it follows, and is read before them: so ends are
    /// carried out last.
    fn turn(&mut self) {
        let mut ended = Vec::new();
        match self.orders.recv_timeout(LOOK_EVERY) {
            Ok(order) => {
                let more: Vec<Order> = self.orders.try_iter().collect();
                for order in std::iter::once(order).chain(more) {
                    match order {
                        Order::Begin { recording, call } => drop(self.silent.insert(recording, call)),
                        Order::End { recording } => ended.push(recording),
                        Order::Stop => self.stopping = true,
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping = true,
        }
        while let Ok(piece) = self.pieces.try_recv() {
            if let Some(call) = self.silent.remove(&piece.recording) {
                self.begin(piece.recording, call);
            }
            if let Some(open) = self.open.get_mut(&piece.recording) {
                let Open {
                    track, file, trouble, ..
                } = open;
                let metrics = &self.metrics;
                track.put(&piece, |frames| write(file, frames, trouble, metrics));
            }
        }
        for recording in ended {
            self.silent.remove(&recording);
            if let Some(open) = self.open.remove(&recording) {
                self.end(open);
            }
        }
    }

    /// Makes the file of a recording whose first sound came.
    fn begin(&mut self, recording: u64, call: CallId) {
        if !self.has_room() {
            tracing::error!(call = call.0, "the disk is full: the call is not recorded");
            return self.failed(call, Failure::DiskFull);
        }
        let RecordingConfig { dir, format, .. } = &self.config;
        let made = shelf::make_file(dir, call, *format, Timestamp::now())
            .and_then(|(path, file)| Ok((path, SoundFile::begin(*format, file, call)?)));
        match made {
            Ok((path, file)) => {
                tracing::info!(call = call.0, file = %path.display(), "recording begun");
                self.metrics.begun.inc();
                self.metrics.active.inc();
                let open = Open {
                    call,
                    path,
                    file,
                    track: Track::default(),
                    trouble: None,
                };
                self.open.insert(recording, open);
            }
            Err(error) => {
                let dir = self.config.dir.display();
                tracing::error!(call = call.0, %dir, %error, "the call is not recorded: its file cannot be made");
                self.failed(call, Failure::File);
            }
        }
    }

    fn settle(&mut self) {
        let metrics = &self.metrics;
        for open in self.open.values_mut() {
            let Open {
                track, file, trouble, ..
            } = open;
            track.ripe(|frames| write(file, frames, trouble, metrics));
            if trouble.is_none()
                && let Err(error) = file.settle()
            {
                *trouble = Some(Trouble::File(error));
            }
        }
        let troubled = self.open.extract_if(.., |_, open| open.trouble.is_some());
        for (_, open) in troubled.collect::<Vec<_>>() {
            self.end(open);
        }
    }

    fn end(&self, mut open: Open) {
        let Open {
            track, file, trouble, ..
        } = &mut open;
        if trouble.is_none() {
            track.finish(|frames| write(file, frames, trouble, &self.metrics));
        }
        // Also in trouble: what was written shall be playable.
        if let Err(error) = file.finish() {
            trouble.get_or_insert(Trouble::File(error));
        }
        self.metrics.active.dec();
        let (id, file) = (open.call, open.path.display());
        let call = id.0;
        match open.trouble {
            None => tracing::info!(call, %file, "recording ended"),
            Some(Trouble::TooLong) => {
                self.failed(id, Failure::TooLong);
                tracing::error!(call, %file, "the recording ended: no WAV file can be longer");
            }
            Some(Trouble::File(error)) => {
                self.failed(id, Failure::File);
                tracing::error!(call, %file, %error, "the recording ended: its file cannot be written; the call goes on");
            }
        }
    }

    fn failed(&self, call: CallId, failure: Failure) {
        self.metrics.failed(failure);
        (self.events)(MediaEvent::RecordingFailed { call });
    }

    fn has_room(&self) -> bool {
        let free = shelf::free(&self.config.dir);
        let has_room = free.as_ref().is_ok_and(|free| *free >= self.config.free_min);
        self.metrics.disk_full.set(i64::from(!has_room));
        if let Err(error) = free {
            let dir = self.config.dir.display();
            tracing::error!(%dir, %error, "cannot tell the room left for recordings");
        }
        has_room
    }

    /// Ends all recordings while there is still room to end them well, and for the journal.
    fn look_for_room(&mut self) {
        if self.has_room() || self.open.is_empty() {
            return;
        }
        tracing::error!(
            recordings = self.open.len(),
            free_min = self.config.free_min,
            dir = %self.config.dir.display(),
            "the disk is full: recordings end, calls go on; make room, or lower `retention`"
        );
        for (_, open) in std::mem::take(&mut self.open) {
            self.failed(open.call, Failure::DiskFull);
            self.end(open);
        }
    }

    fn clear_out(&self) {
        if self.config.retention.is_zero() {
            return;
        }
        match shelf::clear_out(&self.config.dir, self.config.retention, SystemTime::now()) {
            Ok(0) => {}
            Ok(removed) => {
                self.metrics.removed.inc_by(removed);
                tracing::info!(removed, "recordings removed whose time was over");
            }
            Err(error) => {
                let dir = self.config.dir.display();
                tracing::error!(%dir, %error, "recordings whose time is over cannot be removed");
            }
        }
    }
}

fn write(file: &mut SoundFile, frames: &[[i16; 2]], trouble: &mut Option<Trouble>, metrics: &Metrics) {
    if trouble.is_some() {
        return;
    }
    match file.append(frames) {
        Ok(Some(octets)) => metrics.octets.inc_by(octets),
        Ok(None) => *trouble = Some(Trouble::TooLong),
        Err(error) => *trouble = Some(Trouble::File(error)),
    }
}
