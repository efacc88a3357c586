//! What a leg hears from us: prompts without a gap between them, then music from where it stopped.

use crate::{AfterPrompts, Codec, Library, Playlist};

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

    /// Fills `frame` with the next samples; `music_at` is the leg's own place in the music. Returns false when
    /// this was the last of a playlist that ends in silence.
    pub(crate) fn fill(
        &mut self,
        frame: &mut [u8],
        library: &Library,
        codec: Codec,
        music_at: &mut usize,
    ) -> bool {
        let mut filled = self.fill_from_prompts(frame, library, codec);
        match self.playlist.then {
            AfterPrompts::Nothing => {
                frame[filled..].fill(crate::g711::silence(codec));
                self.current < self.playlist.prompts.len()
            }
            AfterPrompts::HoldMusic => {
                let music = library.music(codec);
                while filled < frame.len() {
                    *music_at %= music.len();
                    let taken = copy(&music[*music_at..], &mut frame[filled..]);
                    *music_at += taken;
                    filled += taken;
                }
                true
            }
        }
    }

    fn fill_from_prompts(&mut self, frame: &mut [u8], library: &Library, codec: Codec) -> usize {
        let mut filled = 0;
        while let Some(&prompt) = self.playlist.prompts.get(self.current) {
            let rest = library.prompt(prompt, codec).get(self.at..).unwrap_or_default();
            let taken = copy(rest, &mut frame[filled..]);
            filled += taken;
            self.at += taken;
            if taken < rest.len() {
                break;
            }
            self.current += 1;
            self.at = 0;
        }
        filled
    }
}

/// Copies as much as fits and tells how much that was.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}
