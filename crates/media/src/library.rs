//! Prompts and hold music, read once at start and kept encoded for every codec.
//!
//! A missing or broken file never stops the start: it is named in a [`Warning`], and the same words in another
//! language, or nothing, stand in. Without any music a soft tone tells callers that the line is alive.

use crate::g711::Clip;
use crate::speech;
use crate::wav::{self, WavError};
use crate::{Codec, MediaError};
use acd::Audio;
use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A language in which prompts are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Mandarin, in `prompts/zh`.
    Chinese,
    /// English, in `prompts/en`.
    English,
}

impl Language {
    /// Every language there is.
    pub const ALL: [Language; 2] = [Language::Chinese, Language::English];

    /// The ISO 639-1 code, which is the folder's name too.
    pub const fn code(self) -> &'static str {
        match self {
            Language::Chinese => "zh",
            Language::English => "en",
        }
    }

    /// The language of an ISO 639-1 code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// One prompt of a [`Library`]. Means nothing to another library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromptId(u32);

/// Rings of a ringback tone, five seconds each: more than the longest time a phone rings.
const RINGS_MAX: usize = 60;

/// What a leg is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    /// One after the other, without a gap.
    pub prompts: Vec<PromptId>,
    /// And then.
    pub then: AfterPrompts,
}

/// What follows the prompts of a [`Playlist`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPrompts {
    /// Hold music, from where this leg last heard it.
    HoldMusic,
    /// Silence, and a [`PromptDone`](crate::MediaEvent::PromptDone).
    Nothing,
}

/// A file that is not used, why, and what is heard in its place.
#[derive(Debug)]
pub struct Warning {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: WavError,
    /// What is heard in its place.
    pub instead: Instead,
}

/// What stands in for a file that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The same words in another language.
    OtherLanguage(Language),
    /// The words are left out.
    LeftOut,
    /// The other music files.
    OtherMusic,
    /// A soft tone every few seconds.
    Tone,
}

/// All audio of the engine. A cheap handle.
#[derive(Clone, Debug)]
pub struct Library {
    audio: Arc<LoadedAudio>,
}

#[derive(Debug)]
struct LoadedAudio {
    clips: Vec<Clip>,
    words: BTreeMap<(Language, &'static str), PromptId>,
    ringback: PromptId,
    music: Clip,
}

impl Library {
    /// Reads `dir/prompts/LANGUAGE/*.wav` for each language, most wanted first, and all of `dir/music/*.wav`,
    /// which play in the order of their names.
    ///
    /// # Errors
    /// [`MediaError::AudioDir`] when `dir` itself cannot be read. Anything less is a warning.
    pub fn load(dir: &Path, languages: &[Language]) -> Result<(Library, Vec<Warning>), MediaError> {
        std::fs::read_dir(dir).map_err(|source| MediaError::AudioDir {
            dir: dir.to_owned(),
            source,
        })?;
        let mut warnings = Vec::new();
        let (mut clips, words) = load_prompts(dir, languages, &mut warnings);
        let ringback = PromptId(clips.len() as u32);
        clips.push(Clip::encode(&ringback_tone()));
        let music = load_music(&dir.join("music"), &mut warnings);
        Ok((
            Library {
                audio: Arc::new(LoadedAudio {
                    clips,
                    words,
                    ringback,
                    music,
                }),
            },
            warnings,
        ))
    }

    /// What a caller hears for one of the core's [`Audio`]s.
    pub fn playlist(&self, audio: Audio, language: Language) -> Playlist {
        let words = speech::words(audio, language);
        Playlist {
            prompts: words
                .iter()
                .filter_map(|&word| self.audio.words.get(&(language, word)).copied())
                .collect(),
            then: match audio {
                Audio::Farewell(_) | Audio::LastOffer(_) => AfterPrompts::Nothing,
                _ => AfterPrompts::HoldMusic,
            },
        }
    }

    /// "This call may be recorded", if there is such a prompt.
    pub fn recording_notice(&self, language: Language) -> Option<PromptId> {
        self.audio
            .words
            .get(&(language, speech::RECORDING_NOTICE))
            .copied()
    }

    /// What one hears whose other side's phone rings: the tone of GF 002 (450 Hz, one second of five), for as long as
    /// any phone is let ring.
    pub fn ringback(&self) -> Playlist {
        Playlist {
            prompts: vec![self.audio.ringback; RINGS_MAX],
            then: AfterPrompts::Nothing,
        }
    }

    /// A prompt's samples; nothing for one of another library.
    pub(crate) fn prompt(&self, id: PromptId, codec: Codec) -> &[u8] {
        self.audio
            .clips
            .get(id.0 as usize)
            .map_or(&[], |clip| clip.bytes(codec))
    }

    /// The hold music's samples. Never empty.
    pub(crate) fn music(&self, codec: Codec) -> &[u8] {
        self.audio.music.bytes(codec)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {}; ", self.path.display(), self.problem)?;
        match self.instead {
            Instead::OtherLanguage(language) => {
                write!(
                    f,
                    "the same words in language `{}` are heard in its place",
                    language.code()
                )
            }
            Instead::LeftOut => f.write_str("its words are left out"),
            Instead::OtherMusic => f.write_str("the other music files are played without it"),
            Instead::Tone => f.write_str("callers on hold hear a soft tone"),
        }
    }
}

type Words = BTreeMap<(Language, &'static str), PromptId>;

fn load_prompts(dir: &Path, languages: &[Language], warnings: &mut Vec<Warning>) -> (Vec<Clip>, Words) {
    let mut clips = Vec::new();
    let mut words = Words::new();
    let mut failed = Vec::new();
    for &language in languages {
        for word in speech::vocabulary(language) {
            let path = dir
                .join("prompts")
                .join(language.code())
                .join(format!("{word}.wav"));
            match wav::read(&path) {
                Ok(samples) => {
                    words.insert((language, word), PromptId(clips.len() as u32));
                    clips.push(Clip::encode(&samples));
                }
                Err(problem) => failed.push((language, word, path, problem)),
            }
        }
    }
    for (language, word, path, problem) in failed {
        let other = languages
            .iter()
            .find_map(|&other| Some((other, *words.get(&(other, word))?)));
        let instead = match other {
            Some((other, id)) => {
                words.insert((language, word), id);
                Instead::OtherLanguage(other)
            }
            None => Instead::LeftOut,
        };
        warnings.push(Warning {
            path,
            problem,
            instead,
        });
    }
    (clips, words)
}

fn load_music(dir: &Path, warnings: &mut Vec<Warning>) -> Clip {
    let mut samples = Vec::new();
    let mut failed = Vec::new();
    match wav_files(dir) {
        Ok(files) => {
            for path in files {
                match wav::read(&path) {
                    Ok(track) => samples.extend(track),
                    Err(problem) => failed.push((path, problem)),
                }
            }
            if samples.is_empty() && failed.is_empty() {
                failed.push((dir.join("*.wav"), WavError::Empty));
            }
        }
        Err(e) => failed.push((dir.to_owned(), WavError::Unreadable(hound::Error::IoError(e)))),
    }
    let instead = if samples.is_empty() {
        Instead::Tone
    } else {
        Instead::OtherMusic
    };
    warnings.extend(failed.into_iter().map(|(path, problem)| Warning {
        path,
        problem,
        instead,
    }));
    Clip::encode(if samples.is_empty() { tone() } else { samples }.as_slice())
}

fn wav_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// One second of 450 Hz and four of silence, at -14 dBm0 or so.
fn ringback_tone() -> Vec<i16> {
    const RATE: usize = wav::RATE as usize;
    let sample = |i: usize| (6_500.0 * (i as f32 * 450.0 * TAU / RATE as f32).sin()) as i16;
    (0..RATE).map(sample).chain((0..RATE * 4).map(|_| 0)).collect()
}

/// Four seconds that start with a soft tone of 425 Hz, faded in and out.
fn tone() -> Vec<i16> {
    const BEEP: usize = wav::RATE as usize * 2 / 5;
    (0..wav::RATE as usize * 4)
        .map(|i| {
            let envelope = if i < BEEP {
                (i as f32 / BEEP as f32 * TAU / 2.0).sin()
            } else {
                0.0
            };
            (envelope * 3_000.0 * (i as f32 * 425.0 * TAU / wav::RATE as f32).sin()) as i16
        })
        .collect()
}
