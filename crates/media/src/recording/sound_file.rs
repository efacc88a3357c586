//! A recording's file, of either format.

use super::RecordingFormat;
use super::file::{FRAME, WavFile};
use super::opus_file::OpusFile;
use acd::CallId;
use std::fs::File;
use std::io;

/// A growing file, playable whenever it was settled.
pub(super) enum SoundFile {
    Wav(WavFile),
    Opus(Box<OpusFile>),
}

impl SoundFile {
    /// Writes the header of an empty recording.
    pub(super) fn begin(format: RecordingFormat, file: File, call: CallId) -> io::Result<Self> {
        Ok(match format {
            RecordingFormat::Wav => Self::Wav(WavFile::begin(file)?),
            // Any number will do: a file has but one stream.
            RecordingFormat::Opus => Self::Opus(Box::new(OpusFile::begin(file, call.0 as u32)?)),
        })
    }

    /// Appends moments: what the caller and the operator said. Gives the octets written for it, or none when no file can be
    /// longer.
    pub(super) fn append(&mut self, frames: &[[i16; 2]]) -> io::Result<Option<u64>> {
        match self {
            Self::Wav(file) => {
                let octets = frames.len() as u64 * u64::from(FRAME);
                Ok(file.append(frames)?.then_some(octets))
            }
            Self::Opus(file) => {
                let before = file.written();
                file.append(frames)?;
                Ok(Some(file.written() - before))
            }
        }
    }

    /// Makes the file playable with all that was appended, but for a last few milliseconds.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        match self {
            Self::Wav(file) => file.settle(),
            Self::Opus(file) => file.settle(),
        }
    }

    /// Writes all that was appended: the last act.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Wav(file) => file.settle(),
            Self::Opus(file) => file.finish(),
        }
    }
}
