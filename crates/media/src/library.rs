//! Prompts and hold music, read once at start and kept encoded for every codec.
//!
//! A missing or broken file never stops the start: it is named in a [`Warning`], and the same words in another
//! language, or nothing, stand in. Without any music a soft tone tells callers that the line is alive.
//!
//! Prompts are there at once. Decoding of music, and all encoding for G.722 and Opus, is [`Unprepared`] work that a
//! thread can do while calls are served; what is not ready yet is silent, and hold music is the tone.

use crate::clip::Clip;
use crate::decode::{self, AudioError, EXTENSIONS, Sound};
use crate::music::{Music, Unfinished};
use crate::speech;
use crate::{Codec, Codecs, MediaError, MusicId};
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
    /// The house's hold music, from where this leg last heard it.
    HoldMusic,
    /// The hold music of a queue, likewise.
    MusicOf(MusicId),
    /// Silence, and a [`PromptDone`](crate::MediaEvent::PromptDone).
    Nothing,
}

/// A file that is not used, why, and what is heard in its place.
#[derive(Debug)]
pub struct Warning {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: AudioError,
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

/// What a library is made of.
#[derive(Clone, Debug)]
pub struct AudioConfig {
    /// The folder with `prompts/LANGUAGE/` for each language, and `music/`.
    pub dir: PathBuf,
    /// Languages of the prompts, most wanted first.
    pub languages: Vec<Language>,
    /// Files, and folders of files, that each queue's callers hear while they wait, by queue; the house's `music/` where
    /// there are none.
    pub music: Vec<Vec<PathBuf>>,
    /// Codecs to keep everything in.
    pub codecs: Codecs,
}

/// All audio of the engine. A cheap handle.
#[derive(Clone, Debug)]
pub struct Library {
    audio: Arc<LoadedAudio>,
}

/// What of a library takes time.
#[derive(Debug)]
#[must_use = "without it there is neither music that takes decoding nor anything in G.722 and Opus"]
pub struct Unprepared {
    library: Library,
    prompts: Vec<(PromptId, Sound)>,
    music: Vec<Unfinished>,
    codecs: Vec<Codec>,
}

#[derive(Debug)]
struct LoadedAudio {
    clips: Vec<Clip>,
    words: BTreeMap<(Language, &'static str), PromptId>,
    ringback: PromptId,
    music: Music,
    /// Which list each queue's callers hear.
    music_of_queues: Vec<MusicId>,
}

impl Library {
    /// Reads all of `dir` for G.711 alone, with one list of music for the house.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn load(dir: &Path, languages: &[Language]) -> Result<(Library, Vec<Warning>), MediaError> {
        let (library, mut warnings, rest) = Library::open(&AudioConfig {
            dir: dir.to_owned(),
            languages: languages.to_vec(),
            music: vec![],
            codecs: Codecs::new(&[]),
        })?;
        rest.prepare(|warning| warnings.push(warning));
        Ok((library, warnings))
    }

    /// Reads the prompts, and the music that takes no decoding: what is needed to serve callers in G.711.
    ///
    /// # Errors
    /// [`MediaError::AudioDir`] when the folder itself cannot be read. Anything less is a warning.
    pub fn open(config: &AudioConfig) -> Result<(Library, Vec<Warning>, Unprepared), MediaError> {
        let dir = &config.dir;
        std::fs::read_dir(dir).map_err(|source| MediaError::AudioDir {
            dir: dir.to_owned(),
            source,
        })?;
        let mut warnings = Vec::new();
        let (mut clips, words, mut prompts) = load_prompts(dir, &config.languages, &mut warnings);
        let ringback = PromptId(clips.len() as u32);
        clips.push(Clip::encode(&ringback_tone()));
        prompts.push((ringback, Sound::of_narrow(ringback_tone())));
        let mut lists = vec![vec![dir.join("music")]];
        let mut music_of_queues = Vec::new();
        for own in &config.music {
            let list = match lists.iter().position(|known| known == own) {
                _ if own.is_empty() => 0,
                Some(known) => known,
                None => {
                    lists.push(own.clone());
                    lists.len() - 1
                }
            };
            music_of_queues.push(MusicId(list as u32));
        }
        let (music, unfinished) = Music::open(&lists, &mut warnings);
        let library = Library {
            audio: Arc::new(LoadedAudio {
                clips,
                words,
                ringback,
                music,
                music_of_queues,
            }),
        };
        let beyond_g711 = [Codec::G722, Codec::Opus].into_iter();
        let rest = Unprepared {
            library: library.clone(),
            prompts,
            music: unfinished,
            codecs: beyond_g711
                .filter(|&codec| config.codecs.contains(codec))
                .collect(),
        };
        Ok((library, warnings, rest))
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

    /// The music that callers of a queue hear, by the queue's number.
    pub fn music_of_queue(&self, queue: usize) -> MusicId {
        self.audio.music_of_queues.get(queue).copied().unwrap_or_default()
    }

    /// A prompt; none for one of another library.
    pub(crate) fn prompt(&self, id: PromptId) -> Option<&Clip> {
        self.audio.clips.get(id.0 as usize)
    }

    /// The hold music.
    pub(crate) fn music(&self) -> &Music {
        &self.audio.music
    }
}

impl Playlist {
    /// With this music where the house's would follow.
    #[must_use]
    pub fn with_music(mut self, music: MusicId) -> Playlist {
        if self.then == AfterPrompts::HoldMusic {
            self.then = AfterPrompts::MusicOf(music);
        }
        self
    }
}

impl Unprepared {
    /// Does the work, and tells of each file that cannot be used. Takes seconds for minutes of music: call it on a thread
    /// of its own. What is done is heard at once.
    pub fn prepare(self, mut report: impl FnMut(Warning)) {
        let audio = &self.library.audio;
        audio.music.finish_tone(&self.codecs);
        for (id, sound) in self.prompts {
            if let Some(clip) = self.library.prompt(id) {
                clip.complete(sound, &self.codecs);
            }
        }
        for one in self.music {
            if let Err(warning) = audio.music.finish(one, &self.codecs) {
                report(warning);
            }
        }
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

fn load_prompts(
    dir: &Path,
    languages: &[Language],
    warnings: &mut Vec<Warning>,
) -> (Vec<Clip>, Words, Vec<(PromptId, Sound)>) {
    let mut clips = Vec::new();
    let mut sounds = Vec::new();
    let mut words = Words::new();
    let mut failed = Vec::new();
    for &language in languages {
        for word in speech::vocabulary(language) {
            let path = prompt_file(&dir.join("prompts").join(language.code()), word);
            match decode::read(&path) {
                Ok(sound) => {
                    let id = PromptId(clips.len() as u32);
                    words.insert((language, word), id);
                    clips.push(Clip::encode(&sound.narrow));
                    sounds.push((id, sound));
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
    (clips, words, sounds)
}

/// The file of a word: of those with its name the first kind that is there, or else the one that is missed.
fn prompt_file(dir: &Path, word: &str) -> PathBuf {
    let mut candidates = EXTENSIONS
        .iter()
        .map(|extension| dir.join(format!("{word}.{extension}")));
    let first = candidates.next().unwrap_or_default();
    if first.exists() {
        return first;
    }
    candidates.find(|path| path.exists()).unwrap_or(first)
}

/// One second of 450 Hz and four of silence, at -14 dBm0 or so.
fn ringback_tone() -> Vec<i16> {
    const RATE: usize = decode::NARROW as usize;
    let sample = |i: usize| (6_500.0 * (i as f32 * 450.0 * TAU / RATE as f32).sin()) as i16;
    (0..RATE).map(sample).chain((0..RATE * 4).map(|_| 0)).collect()
}
