//! Reads one WAV file into 8 kHz mono samples.

use hound::{SampleFormat, WavReader};
use std::path::Path;

/// Samples a second of everything in the media plane (G.711).
pub(crate) const RATE: u32 = 8_000;

/// The longest file that is read, in seconds. Audio is kept in memory, encoded twice.
const SECONDS_MAX: u32 = 600;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// It cannot be read, or is no WAV file.
    #[error("{0}")]
    Unreadable(#[from] hound::Error),
    /// It has another sample rate.
    #[error(
        "it has {0} samples a second, 8000 are needed: convert it with `sox in.wav -r 8000 -c 1 -b 16 out.wav`"
    )]
    Rate(u32),
    /// It is longer than is kept in memory.
    #[error("it lasts {seconds} s, at most {SECONDS_MAX} s are kept in memory: cut it into several files")]
    TooLong {
        /// Its duration.
        seconds: u32,
    },
    /// It has no samples.
    #[error("it holds no audio")]
    Empty,
}

/// Reads integer samples of any depth or floats, and mixes channels into one.
pub(crate) fn read(path: &Path) -> Result<Vec<i16>, WavError> {
    let mut reader = WavReader::open(path)?;
    let spec = reader.spec();
    if spec.sample_rate != RATE {
        return Err(WavError::Rate(spec.sample_rate));
    }
    let seconds = reader.duration() / RATE;
    if seconds > SECONDS_MAX {
        return Err(WavError::TooLong { seconds });
    }
    let channels = usize::from(spec.channels.max(1));
    let interleaved: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full_scale = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 / full_scale))
                .collect::<Result<_, _>>()?
        }
    };
    let mono: Vec<i16> = interleaved
        .chunks_exact(channels)
        .map(|frame| (frame.iter().sum::<f32>() / channels as f32 * 32_768.0) as i16)
        .collect();
    if mono.is_empty() {
        Err(WavError::Empty)
    } else {
        Ok(mono)
    }
}
