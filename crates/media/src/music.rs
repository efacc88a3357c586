//! Hold music: lists of tracks that play in turn, read while calls are already served.
//!
//! A track that takes no decoding is there from the beginning; the others join as they are ready. Until a list has its
//! first track, and when none of its files can be used, a soft tone tells callers that the line is alive.

use crate::Codec;
use crate::clip::Clip;
use crate::decode::{self, AudioError, EXTENSIONS, Sound};
use crate::library::{Instead, Warning};
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Music that is kept, of all lists together, in seconds: in all codecs some 28 KB each, 100 MB in all.
const MUSIC_SECONDS_MAX: u32 = 3_600;

/// One list of a [`Library`](crate::Library). Means nothing to another library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MusicId(pub(crate) u32);

/// How far a leg has heard its music.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MusicPlace {
    list: MusicId,
    /// `None` for the tone.
    track: Option<u32>,
    /// In samples of the track.
    at: usize,
}

/// All lists, and the tone that stands in.
#[derive(Debug)]
pub(crate) struct Music {
    lists: Vec<List>,
    tone: Clip,
}

#[derive(Debug)]
struct List {
    tracks: Box<[OnceLock<Clip>]>,
}

/// A file that is still to be made into a track, or into more codecs.
#[derive(Debug)]
pub(crate) struct Unfinished {
    list: usize,
    track: usize,
    path: PathBuf,
    /// Read already, if it took no decoding.
    sound: Option<Sound>,
}

impl Music {
    /// Looks for the files of every list. What takes no decoding is read.
    pub(crate) fn open(sources: &[Vec<PathBuf>], warnings: &mut Vec<Warning>) -> (Music, Vec<Unfinished>) {
        let mut music = Music {
            lists: Vec::new(),
            tone: Clip::encode(&tone()),
        };
        let mut unfinished = Vec::new();
        for (list, source) in sources.iter().enumerate() {
            let files = files(source, warnings);
            let tracks = files.iter().map(|_| OnceLock::new()).collect();
            music.lists.push(List { tracks });
            for (track, path) in files.into_iter().enumerate() {
                let mut one = Unfinished {
                    list,
                    track,
                    path,
                    sound: None,
                };
                match decode::read_at_once(&one.path) {
                    Some(Ok(sound)) => match music.keep(&one, &sound) {
                        Ok(()) => one.sound = Some(sound),
                        Err(problem) => {
                            warnings.push(music.without(one, problem));
                            continue;
                        }
                    },
                    Some(Err(problem)) => {
                        warnings.push(music.without(one, problem));
                        continue;
                    }
                    None => {}
                }
                unfinished.push(one);
            }
        }
        (music, unfinished)
    }

    /// Makes a file into a track, and into these codecs.
    pub(crate) fn finish(&self, mut one: Unfinished, codecs: &[Codec]) -> Result<(), Warning> {
        let sound = match one.sound.take() {
            Some(read) => read,
            None => match decode::read(&one.path).and_then(|sound| self.keep(&one, &sound).map(|()| sound)) {
                Ok(sound) => sound,
                Err(problem) => return Err(self.without(one, problem)),
            },
        };
        if let Some(clip) = self.track(one.list, one.track).and_then(OnceLock::get) {
            clip.complete(sound, codecs);
        }
        Ok(())
    }

    /// Makes the tone in these codecs.
    pub(crate) fn finish_tone(&self, codecs: &[Codec]) {
        self.tone.complete(Sound::of_narrow(tone()), codecs);
    }

    fn keep(&self, one: &Unfinished, sound: &Sound) -> Result<(), AudioError> {
        let tracks = self.lists.iter().flat_map(|list| &list.tracks);
        let kept: usize = tracks.filter_map(OnceLock::get).map(Clip::samples).sum();
        if kept + sound.narrow.len() > (MUSIC_SECONDS_MAX * decode::NARROW) as usize {
            return Err(AudioError::Full {
                seconds_max: MUSIC_SECONDS_MAX,
            });
        }
        if let Some(track) = self.track(one.list, one.track) {
            let _ = track.set(Clip::encode(&sound.narrow));
        }
        Ok(())
    }

    fn track(&self, list: usize, track: usize) -> Option<&OnceLock<Clip>> {
        self.lists.get(list)?.tracks.get(track)
    }

    fn without(&self, one: Unfinished, problem: AudioError) -> Warning {
        let others = self.lists.get(one.list).is_some_and(|list| list.tracks.len() > 1);
        Warning {
            path: one.path,
            problem,
            instead: if others {
                Instead::OtherMusic
            } else {
                Instead::Tone
            },
        }
    }

    /// The music at a leg's place: the place is moved to what there is, and the track found there.
    fn seek(&self, place: &mut MusicPlace, list: MusicId) -> &Clip {
        if place.list != list {
            *place = MusicPlace {
                list,
                ..MusicPlace::default()
            };
        }
        let tracks = self
            .lists
            .get(list.0 as usize)
            .map_or(&[][..], |list| &list.tracks);
        let mut next = match place.track {
            Some(track) => {
                if let Some(clip) = tracks.get(track as usize).and_then(OnceLock::get)
                    && place.at < clip.samples()
                {
                    return clip;
                }
                track as usize + 1
            }
            None => 0,
        };
        for _ in 0..tracks.len() {
            next %= tracks.len();
            if let Some(clip) = tracks.get(next).and_then(OnceLock::get) {
                (place.track, place.at) = (Some(next as u32), 0);
                return clip;
            }
            next += 1;
        }
        if place.track.take().is_some() || place.at >= self.tone.samples() {
            place.at = 0;
        }
        &self.tone
    }

    /// Fills `frame` with the music that follows a leg's place.
    pub(crate) fn fill(&self, mut frame: &mut [u8], codec: Codec, list: MusicId, place: &mut MusicPlace) {
        while !frame.is_empty() {
            let clip = self.seek(place, list);
            let wanted = frame.len().min(clip.samples() - place.at);
            let (now, later) = frame.split_at_mut(wanted);
            match clip.octets(codec, place.at).and_then(|rest| rest.get(..wanted)) {
                Some(octets) => now.copy_from_slice(octets),
                None => crate::clip::fill_with_silence(codec, now),
            }
            place.at += wanted;
            frame = later;
        }
    }

    /// The packet of Opus that follows a leg's place. `None` while it is not made yet.
    pub(crate) fn opus_frame(&self, list: MusicId, place: &mut MusicPlace) -> Option<&[u8]> {
        let clip = self.seek(place, list);
        let frame = clip.opus_frame(place.at);
        place.at += crate::packet::FRAME as usize;
        frame
    }
}

/// The files of a list: those that are named, and those in folders that are named, by their names.
fn files(sources: &[PathBuf], warnings: &mut Vec<Warning>) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for source in sources {
        let found = if source.is_dir() {
            sound_files(source)
        } else {
            Ok(vec![source.clone()])
        };
        let problem = match found {
            Ok(found) if found.is_empty() => AudioError::Empty,
            Ok(found) => {
                all.extend(found);
                continue;
            }
            Err(problem) => problem.into(),
        };
        warnings.push(Warning {
            path: source.clone(),
            problem,
            instead: Instead::Tone,
        });
    }
    all
}

fn sound_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Four seconds that start with a soft tone of 425 Hz, faded in and out.
fn tone() -> Vec<i16> {
    const RATE: usize = decode::NARROW as usize;
    const BEEP: usize = RATE * 2 / 5;
    (0..RATE * 4)
        .map(|i| {
            let envelope = if i < BEEP {
                (i as f32 / BEEP as f32 * TAU / 2.0).sin()
            } else {
                0.0
            };
            (envelope * 3_000.0 * (i as f32 * 425.0 * TAU / RATE as f32).sin()) as i16
        })
        .collect()
}
