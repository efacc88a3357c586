//! Reads WAV files that are ready for the telephone: 8 kHz, one channel.

use crate::decode::{AudioError, FILE_SECONDS_MAX};
use hound::{SampleFormat, WavReader};
use std::path::Path;

/// Samples a second of everything in the media plane's packets and clocks (G.711).
pub(crate) const RATE: u32 = 8_000;

/// Reads integer samples of any depth or floats. `None` for a file of another rate, of several channels or of no kind
/// that is known here: it takes decoding.
pub(crate) fn read(path: &Path) -> Option<Result<Vec<i16>, AudioError>> {
    let mut reader = match WavReader::open(path) {
        Ok(reader) => reader,
        Err(hound::Error::IoError(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            return Some(Err(error.into()));
        }
        Err(_) => return None,
    };
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels) != (RATE, 1) {
        return None;
    }
    if reader.duration() > FILE_SECONDS_MAX * RATE {
        return Some(Err(AudioError::TooLong));
    }
    let samples: Result<Vec<i16>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => reader
            .samples::<f32>()
            .map(|s| s.map(|s| (s * 32_768.0) as i16))
            .collect(),
        SampleFormat::Int => {
            let full_scale = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| (s as f32 / full_scale * 32_768.0) as i16))
                .collect()
        }
    };
    Some(match samples {
        Ok(samples) if samples.is_empty() => Err(AudioError::Empty),
        Ok(samples) => Ok(samples),
        Err(error) => Err(AudioError::NotAudio(error.to_string())),
    })
}
