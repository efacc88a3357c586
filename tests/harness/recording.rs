//! A recording, as somebody finds it on disk: taken apart by libraries of others.

use phone::Heard;
use std::fs::File;
use std::path::{Path, PathBuf};
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

/// Samples a second of what is heard.
const RATE: u32 = 8_000;

/// Samples of both channels in the longest packet of Opus, of 120 ms.
const PACKET_MAX: usize = 2 * RATE as usize * 120 / 1_000;

/// What lies on the left and on the right.
pub struct Recording {
    /// What the caller said.
    pub left: Heard,
    /// What the caller was told.
    pub right: Heard,
}

impl Recording {
    /// All recordings below `dir`, in the order of their names.
    pub fn all(dir: &Path) -> Vec<PathBuf> {
        let days = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let files = days.flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten().flatten());
        let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
        files.sort();
        files
    }

    /// Reads a WAV or Ogg Opus file. `None` when it cannot be played.
    pub fn read(file: &Path) -> Option<Recording> {
        let samples = match file.extension()?.to_str()? {
            "wav" => wav(file)?,
            "opus" => opus(file)?,
            _ => return None,
        };
        let side = |n| samples.iter().skip(n).step_by(2).copied().collect::<Vec<i16>>();
        Some(Recording {
            left: side(0).into(),
            right: side(1).into(),
        })
    }
}

fn wav(file: &Path) -> Option<Vec<i16>> {
    let reader = hound::WavReader::open(file).ok()?;
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate), (2, RATE));
    reader.into_samples().collect::<Result<_, _>>().ok()
}

fn opus(file: &Path) -> Option<Vec<i16>> {
    let source = MediaSourceStream::new(Box::new(File::open(file).ok()?), Default::default());
    let mut hint = Hint::new();
    hint.with_extension("opus");
    let probe = symphonia::default::get_probe();
    let mut file = probe
        .probe(&hint, source, Default::default(), Default::default())
        .ok()?;
    let mut decoder = opus::Decoder::new(RATE, opus::Channels::Stereo).ok()?;
    let mut samples = Vec::new();
    // A page that is cut off is the end.
    while let Ok(Some(packet)) = file.next_packet() {
        let mut room = [0; PACKET_MAX];
        let count = decoder.decode(&packet.data, &mut room, false).ok()?;
        samples.extend_from_slice(room.get(..2 * count)?);
    }
    Some(samples)
}
