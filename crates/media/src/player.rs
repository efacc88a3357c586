//! What a leg hears from us: prompts without a gap between them, then music from where it stopped.

use crate::clip::{self, Clip};
use crate::music::MusicPlace;
use crate::packet::FRAME;
use crate::{AfterPrompts, Codec, Library, MusicId, Playlist};

/// Sound of our own making.
pub(crate) trait Source {
    /// Fills `frame` with the next samples of a codec that has an octet for each; `place` is the leg's own place in the
    /// music. Returns false when these were the last.
    fn fill(&mut self, frame: &mut [u8], library: &Library, codec: Codec, place: &mut MusicPlace) -> bool;

    /// The next packet of Opus, of 20 ms, copied into `frame`: gives its length, and whether the sound goes on.
    fn fill_opus(&mut self, frame: &mut [u8], library: &Library, place: &mut MusicPlace) -> (usize, bool);
}

/// A playlist and how far it has been heard.
#[derive(Debug)]
pub(crate) struct Player {
    playlist: Playlist,
    /// Index of the prompt being heard.
    current: usize,
    /// Samples of it that were heard.
    at: usize,
}

impl Player {
    pub(crate) fn new(playlist: Playlist) -> Self {
        Self {
            playlist,
            current: 0,
            at: 0,
        }
    }

    fn music(&self) -> Option<MusicId> {
        match self.playlist.then {
            AfterPrompts::Nothing => None,
            AfterPrompts::HoldMusic => Some(MusicId::default()),
            AfterPrompts::MusicOf(list) => Some(list),
        }
    }

    fn goes_on(&self) -> bool {
        self.current < self.playlist.prompts.len()
    }

    /// The prompt being heard.
    fn prompt<'a>(&mut self, library: &'a Library) -> Option<&'a Clip> {
        loop {
            let prompt = *self.playlist.prompts.get(self.current)?;
            if let Some(clip) = library.prompt(prompt)
                && self.at < clip.samples()
            {
                return Some(clip);
            }
            (self.current, self.at) = (self.current + 1, 0);
        }
    }

    fn fill_from_prompts(&mut self, frame: &mut [u8], library: &Library, codec: Codec) -> usize {
        let mut filled = 0;
        while let Some(room) = frame.get_mut(filled..).filter(|room| !room.is_empty())
            && let Some(prompt) = self.prompt(library)
        {
            let wanted = room.len().min(prompt.samples() - self.at);
            let (now, _) = room.split_at_mut(wanted);
            match prompt.octets(codec, self.at).and_then(|rest| rest.get(..wanted)) {
                Some(octets) => now.copy_from_slice(octets),
                None => clip::fill_with_silence(codec, now),
            }
            filled += wanted;
            self.at += wanted;
        }
        // So that the end of the last prompt is known with its last sample.
        let _ = self.prompt(library);
        filled
    }

    /// A packet of the prompts, if they are not over: outer for that, inner for one that is made.
    fn opus_from_prompts<'a>(&mut self, library: &'a Library) -> Option<Option<&'a [u8]>> {
        let octets = self.prompt(library)?.opus_frame(self.at);
        self.at += FRAME as usize;
        let _ = self.prompt(library);
        Some(octets)
    }
}

impl Source for Player {
    fn fill(&mut self, frame: &mut [u8], library: &Library, codec: Codec, place: &mut MusicPlace) -> bool {
        let filled = self.fill_from_prompts(frame, library, codec);
        let Some(rest) = frame.get_mut(filled..) else {
            return true;
        };
        match self.music() {
            None => {
                clip::fill_with_silence(codec, rest);
                self.goes_on()
            }
            Some(list) => {
                library.music().fill(rest, codec, list, place);
                true
            }
        }
    }

    fn fill_opus(&mut self, frame: &mut [u8], library: &Library, place: &mut MusicPlace) -> (usize, bool) {
        let (octets, goes_on) = match (self.opus_from_prompts(library), self.music()) {
            (Some(octets), music) => (octets, music.is_some() || self.goes_on()),
            (None, None) => (None, false),
            (None, Some(list)) => (library.music().opus_frame(list, place), true),
        };
        let octets = octets.unwrap_or(clip::opus_silence());
        let length = octets.len().min(frame.len());
        for (to, from) in frame.iter_mut().zip(octets) {
            *to = *from;
        }
        (length, goes_on)
    }
}
