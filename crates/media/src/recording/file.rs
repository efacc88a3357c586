//! A WAV file that is playable while it grows: 16-bit samples, two channels, 8,000 a second.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Octets of the header, and of a moment of both sides.
const HEADER: u32 = 44;
pub(super) const FRAME: u32 = 4;

/// Frames written at once.
const BLOCK: usize = 4_096;

/// A growing file.
pub(super) struct WavFile<F = File> {
    file: F,
    /// Octets of sound behind the header.
    octets: u32,
}

impl<F: Write + Seek> WavFile<F> {
    /// Writes the header of an empty recording.
    pub(super) fn begin(mut file: F) -> io::Result<Self> {
        file.write_all(&header(0))?;
        Ok(Self { file, octets: 0 })
    }

    /// Appends moments: what the caller and the operator said. `Ok(false)` when no WAV file can be longer.
    pub(super) fn append(&mut self, frames: &[[i16; 2]]) -> io::Result<bool> {
        let mut block = Vec::with_capacity(BLOCK * FRAME as usize);
        for part in frames.chunks(BLOCK) {
            let octets = part.len() as u32 * FRAME;
            let Some(total) = self.octets.checked_add(octets).filter(|n| *n < u32::MAX - HEADER) else {
                return Ok(false);
            };
            block.clear();
            block.extend(part.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
            self.file.write_all(&block)?;
            self.octets = total;
        }
        Ok(true)
    }

    /// Makes the header tell of all that was appended.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(self.octets))?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()
    }
}

/// RIFF, "fmt " for PCM, "data".
fn header(octets: u32) -> [u8; HEADER as usize] {
    const RATE: u32 = crate::wav::RATE;
    let mut header = [0; HEADER as usize];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(octets + HEADER - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &2u16.to_le_bytes(),
        &RATE.to_le_bytes(),
        &(RATE * FRAME).to_le_bytes(),
        &(FRAME as u16).to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &octets.to_le_bytes(),
    ];
    for (to, from) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_file_is_whole_whenever_it_was_settled() {
        let mut memory = Cursor::new(Vec::new());
        let mut file = WavFile::begin(&mut memory).expect("memory takes it");
        file.append(&[[1, -1], [2, -2]]).expect("memory takes it");
        file.settle().expect("memory takes it");
        // And then the engine is killed in the midst of this.
        file.append(&[[3, -3]]).expect("memory takes it");
        let bytes = memory.into_inner();
        let reader = hound::WavReader::new(bytes.as_slice()).expect("a valid header");
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = reader.into_samples().map(|s| s.expect("a sample")).collect();
        assert_eq!(samples, [1, -1, 2, -2]);
    }
}
