//! Reads one sound file of any kind and makes mono samples of it, of 8,000 and of 16,000 a second.
//!
//! A WAV file of 8,000 samples a second and one channel is taken as it is, sample for sample: whoever made it so has
//! made it for the telephone. Everything else is mixed to one channel, resampled and brought to one loudness.

use crate::wav;
use opus::Channels;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};
use std::fs::File;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, well_known::CODEC_ID_OPUS};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

/// Samples a second of G.711.
pub(crate) const NARROW: u32 = wav::RATE;

/// Samples a second of G.722, and of Opus as we make it.
pub(crate) const WIDE: u32 = 16_000;

/// The longest file that is read, in seconds.
pub(crate) const FILE_SECONDS_MAX: u32 = 1_800;

/// Endings of file names that are read.
pub(crate) const EXTENSIONS: [&str; 6] = ["wav", "mp3", "flac", "ogg", "oga", "opus"];

/// The mean loudness that files are brought to, in dB below the loudest sine (ITU-T G.711: 0 dBm0 is 3.14 dB below it,
/// so this is some -17 dBm0: about as loud as people speak).
const LEVEL_DB: f32 = -20.0;

/// What is quieter than the level by more stays so, in dB: a whisper is not made a shout.
const GAIN_MAX_DB: f32 = 12.0;

/// No sample comes nearer to full scale than this, whatever the loudness.
const PEAK_MAX: f32 = 0.9;

/// Kept free above full scale while mixing and resampling, which can overshoot.
const HEADROOM: f32 = 0.5;

/// Malformed packets that are left out of a file before it counts as broken.
const BROKEN_PACKETS_MAX: u32 = 10;

/// Samples that a resampler takes at a time, about.
const CHUNK: usize = 1_024;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// It is no sound file, or is broken.
    #[error("it is no whole WAV, MP3, FLAC, Ogg Vorbis or Opus file ({0}): convert or copy it anew")]
    NotAudio(String),
    /// It is longer than is kept in memory.
    #[error("it lasts more than {FILE_SECONDS_MAX} s: cut it into several files")]
    TooLong,
    /// It has no samples.
    #[error("it holds no audio")]
    Empty,
    /// Together with the files before it there would be more than is kept in memory.
    #[error("the music before it fills the {seconds_max} s that are kept in memory: take files away")]
    Full {
        /// Seconds of music that are kept.
        seconds_max: u32,
    },
}

/// One sound.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// At 8,000 samples a second.
    pub(crate) narrow: Vec<i16>,
    /// At 16,000.
    wide: Option<Vec<i16>>,
}

impl Sound {
    /// A sound that was made for the telephone.
    pub(crate) fn of_narrow(narrow: Vec<i16>) -> Self {
        Self { narrow, wide: None }
    }

    /// At 16,000 samples a second. What was made for the telephone has nothing above its band there either.
    pub(crate) fn into_wide(self) -> Vec<i16> {
        self.wide
            .unwrap_or_else(|| resample_all(&self.narrow, NARROW, WIDE))
    }
}

/// Reads a file, if that takes no decoding.
pub(crate) fn read_at_once(path: &Path) -> Option<Result<Sound, AudioError>> {
    let is_wav = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav"));
    is_wav
        .then(|| wav::read(path))
        .flatten()
        .map(|read| read.map(Sound::of_narrow))
}

/// Reads any file.
pub(crate) fn read(path: &Path) -> Result<Sound, AudioError> {
    if let Some(read) = read_at_once(path) {
        return read;
    }
    let mut wide = decode(path)?;
    level(&mut wide);
    let narrow = resample_all(&wide, WIDE, NARROW);
    Ok(Sound {
        narrow,
        wide: Some(wide),
    })
}

/// Decodes and mixes a file to 16,000 samples a second, at [`HEADROOM`] of its loudness.
fn decode(path: &Path) -> Result<Vec<i16>, AudioError> {
    let source = MediaSourceStream::new(Box::new(File::open(path)?), Default::default());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let mut file =
        symphonia::default::get_probe().probe(&hint, source, Default::default(), Default::default())?;
    let track = file.default_track(TrackType::Audio).ok_or(AudioError::Empty)?;
    let parameters = track.codec_params.as_ref().and_then(|all| all.audio());
    let parameters = parameters.ok_or(AudioError::Empty)?;
    let id = track.id;
    let mut output = Output::default();
    if parameters.codec == CODEC_ID_OPUS {
        decode_opus(&mut *file, id, &mut output)?;
    } else {
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &Default::default())?;
        decode_packets(&mut *file, id, decoder, &mut output)?;
    }
    output.finish()
}

fn decode_packets(
    file: &mut dyn FormatReader,
    track: u32,
    mut decoder: Box<dyn AudioDecoder>,
    output: &mut Output,
) -> Result<(), AudioError> {
    let mut broken = 0;
    let mut interleaved: Vec<f32> = Vec::new();
    while let Some(packet) = file.next_packet()? {
        if packet.track_id != track {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(decoded) => {
                let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count().max(1));
                decoded.copy_to_vec_interleaved(&mut interleaved);
                let mixed = interleaved
                    .chunks_exact(channels)
                    .map(|frame| frame.iter().sum::<f32>() / channels as f32);
                output.take(rate, mixed)?;
            }
            Err(SymphoniaError::DecodeError(_)) if broken < BROKEN_PACKETS_MAX => broken += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn decode_opus(file: &mut dyn FormatReader, track: u32, output: &mut Output) -> Result<(), AudioError> {
    /// Samples of the longest packet, of 120 ms.
    const PACKET: usize = WIDE as usize * 120 / 1_000;
    let broken = |error: opus::Error| AudioError::NotAudio(error.to_string());
    let mut decoder = opus::Decoder::new(WIDE, Channels::Mono).map_err(broken)?;
    let mut samples = [0.0; PACKET];
    while let Some(packet) = file.next_packet()? {
        if packet.track_id == track && !packet.data.is_empty() {
            let count = decoder
                .decode_float(&packet.data, &mut samples, false)
                .map_err(broken)?;
            output.take(WIDE, samples.iter().take(count).copied())?;
        }
    }
    Ok(())
}

/// What was decoded, on its way to 16,000 samples a second.
#[derive(Default)]
struct Output {
    resampler: Option<(u32, Stream)>,
    wide: Vec<i16>,
}

impl Output {
    fn take(&mut self, rate: u32, samples: impl Iterator<Item = f32>) -> Result<(), AudioError> {
        let known = self.resampler.take();
        let (_, stream) = match known {
            Some(same) if same.0 == rate => self.resampler.insert(same),
            before => {
                if let Some((_, stream)) = before {
                    stream.finish(&mut self.wide);
                }
                self.resampler.insert((rate, Stream::new(rate, WIDE)?))
            }
        };
        stream.take(samples.map(|sample| sample * HEADROOM), &mut self.wide);
        if self.wide.len() > (FILE_SECONDS_MAX * WIDE) as usize {
            return Err(AudioError::TooLong);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<i16>, AudioError> {
        if let Some((_, stream)) = self.resampler.take() {
            stream.finish(&mut self.wide);
        }
        if self.wide.is_empty() {
            return Err(AudioError::Empty);
        }
        Ok(self.wide)
    }
}

/// A resampler that is fed little by little.
struct Stream {
    /// None where both rates are the same.
    resampler: Option<Fft<f32>>,
    waiting: Vec<f32>,
    produced: Vec<f32>,
    /// Samples of the resampler's own delay that are still to be left out.
    delay: usize,
    /// Samples taken in, and what they are to become.
    taken: u64,
    given: u64,
    ratio: f64,
}

impl Stream {
    fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        let mut stream = Self {
            resampler: None,
            waiting: Vec::new(),
            produced: Vec::new(),
            delay: 0,
            taken: 0,
            given: 0,
            ratio: f64::from(to) / f64::from(from.max(1)),
        };
        if from != to {
            let resampler = Fft::new(from as usize, to as usize, CHUNK, 1, FixedSync::Both)
                .map_err(|error| AudioError::NotAudio(error.to_string()))?;
            stream.delay = resampler.output_delay();
            stream.produced = vec![0.0; resampler.output_frames_max()];
            stream.resampler = Some(resampler);
        }
        Ok(stream)
    }

    fn take(&mut self, samples: impl Iterator<Item = f32>, to: &mut Vec<i16>) {
        let before = self.waiting.len();
        self.waiting.extend(samples);
        self.taken += (self.waiting.len() - before) as u64;
        self.give(to, u64::MAX);
    }

    /// Resamples what waits, as far as whole chunks go, and gives no more than `most` samples in all.
    fn give(&mut self, to: &mut Vec<i16>, most: u64) {
        let mut used = 0;
        let Some(resampler) = &mut self.resampler else {
            to.extend(self.waiting.drain(..).map(to_i16));
            return;
        };
        loop {
            let wanted = resampler.input_frames_next();
            let Some(chunk) = self.waiting.get(used..used + wanted) else {
                break;
            };
            let room = self.produced.len();
            let (Ok(input), Ok(mut output)) = (
                InterleavedSlice::new(chunk, 1, wanted),
                InterleavedSlice::new_mut(&mut self.produced, 1, room),
            ) else {
                break;
            };
            let Ok((_, count)) = resampler.process_into_buffer(&input, &mut output, None::<&Indexing>) else {
                break;
            };
            used += wanted;
            let skipped = self.delay.min(count);
            self.delay -= skipped;
            let left = usize::try_from(most - self.given).unwrap_or(usize::MAX);
            let given = self.produced.iter().take(count).skip(skipped).take(left);
            self.given += given.len() as u64;
            to.extend(given.map(|&sample| to_i16(sample)));
        }
        self.waiting.drain(..used);
    }

    /// Gives the rest: as many samples in all as the duration of what came in asks for.
    fn finish(mut self, to: &mut Vec<i16>) {
        let Some(resampler) = &self.resampler else { return };
        let due = (self.taken as f64 * self.ratio).ceil() as u64;
        let padding = resampler.input_frames_next();
        while self.given < due {
            let before = self.given;
            self.waiting.extend(std::iter::repeat_n(0.0, padding));
            self.give(to, due);
            if self.given == before && self.delay == 0 {
                break;
            }
        }
    }
}

fn resample_all(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut all = Vec::with_capacity(samples.len() * to as usize / from as usize + CHUNK);
    // Both rates are ours, which the library knows.
    if let Ok(mut stream) = Stream::new(from, to) {
        stream.take(samples.iter().map(|&s| f32::from(s) / 32_768.0), &mut all);
        stream.finish(&mut all);
    }
    all
}

fn to_i16(sample: f32) -> i16 {
    // `as` saturates.
    (sample * 32_768.0).round() as i16
}

/// Brings samples to [`LEVEL_DB`], as far as their peaks allow.
fn level(samples: &mut [i16]) {
    let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
    if peak == 0 {
        return;
    }
    // The loudest sine has half the power of full scale.
    let wanted = 32_768.0 * 0.5f32.sqrt() * 10f32.powf(LEVEL_DB / 20.0);
    let most = 10f32.powf(GAIN_MAX_DB / 20.0) / HEADROOM;
    let gain = (wanted / power.sqrt() as f32)
        .min(PEAK_MAX * 32_768.0 / f32::from(peak))
        .min(most);
    for sample in samples {
        *sample = (f32::from(*sample) * gain).round() as i16;
    }
}

impl From<SymphoniaError> for AudioError {
    fn from(error: SymphoniaError) -> Self {
        match error {
            SymphoniaError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                AudioError::Unreadable(error)
            }
            error => AudioError::NotAudio(error.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
