//! Music from files of any kind that a folder holds, and what is heard when they cannot be used.

mod common;

use audio_codec_algorithms::decode_alaw;
use common::*;
use media::{AfterPrompts, AudioConfig, Codec, Codecs, Instead, Library, Playlist};
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

fn sound(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sounds")
        .join(file)
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("holdfast-tracks-{}-{name}", std::process::id()));
        std::fs::create_dir_all(dir.join("music")).expect("a temporary folder");
        Folder(dir)
    }

    fn add(&self, name: &str, from: &str) -> PathBuf {
        let to = self.0.join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("folders can be made");
        std::fs::copy(sound(from), &to).expect("a file can be copied");
        to
    }

    fn config(&self, music: Vec<Vec<PathBuf>>) -> AudioConfig {
        AudioConfig {
            dir: self.0.clone(),
            languages: vec![],
            music,
            codecs: Codecs::default(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The share of the power at 700 Hz, the tone that all the sound files hold.
fn share(packets: &[Packet]) -> f64 {
    let samples: Vec<f64> = packets
        .iter()
        .flat_map(|packet| packet.payload.iter().map(|&octet| f64::from(decode_alaw(octet))))
        .collect();
    let (mut re, mut im, mut power) = (0.0, 0.0, 1.0);
    for (i, s) in samples.iter().enumerate() {
        let phase = TAU * 700.0 * i as f64 / 8_000.0;
        re += s * phase.cos();
        im += s * phase.sin();
        power += s * s;
    }
    2.0 * (re * re + im * im) / samples.len() as f64 / power
}

fn hear(library: &Library, playlist: Playlist, packets: usize) -> Vec<Packet> {
    let plane = Plane::with(config(), library.clone());
    let a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), playlist);
    a.receive_many(packets)
}

#[test]
fn a_file_of_any_kind_that_is_dropped_in_the_folder_is_heard() {
    for file in ["tone.mp3", "tone.flac", "tone.ogg", "tone.opus"] {
        let folder = Folder::new(file);
        folder.add(&format!("music/{file}"), file);
        let (library, warnings) = Library::load(&folder.0, &[]).expect("the folder can be read");
        assert!(warnings.is_empty(), "{warnings:?}");
        let heard = hear(&library, music(), 45);
        assert!(share(&heard[3..]) > 0.98, "{file}: {}", share(&heard));
    }
}

#[test]
fn tracks_join_while_calls_are_served() {
    let folder = Folder::new("join");
    folder.add("music/tone.mp3", "tone.mp3");
    let (library, warnings, rest) = Library::open(&folder.config(vec![])).expect("the folder can be read");
    assert!(warnings.is_empty(), "{warnings:?}");
    let plane = Plane::with(config(), library);
    let a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), music());
    let before = a.receive_many(10);
    assert!(share(&before) < 0.5, "the tone of 425 Hz stands in");
    rest.prepare(|warning| panic!("{warning}"));
    a.drain();
    let after = a.receive_many(20);
    assert!(share(&after) > 0.98, "{}", share(&after));
    assert_paced(&after);
}

#[test]
fn a_queue_may_have_music_of_its_own() {
    let folder = Folder::new("queues");
    let own = folder.add("own/tone.flac", "tone.flac");
    let (library, mut warnings, rest) = Library::open(&folder.config(vec![
        vec![],
        vec![own.clone()],
        vec![folder.0.join("own")],
        vec![folder.0.join("gone"), own],
    ]))
    .expect("the folder can be read");
    rest.prepare(|warning| warnings.push(warning));
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said[0].contains("music is not used: it holds no audio"),
        "{said:#?}"
    );
    assert!(said[1].contains("gone is not used: "), "{said:#?}");
    for (queue, its_own) in [(0, false), (1, true), (2, true), (3, true), (9, false)] {
        let playlist = music().with_music(library.music_of_queue(queue));
        let share = share(&hear(&library, playlist, 10)[3..]);
        assert_eq!(share > 0.9, its_own, "queue {queue}: {share}");
    }
    let farewell = Playlist {
        prompts: vec![],
        then: AfterPrompts::Nothing,
    };
    assert_eq!(farewell.clone().with_music(library.music_of_queue(1)), farewell);
}

#[test]
fn a_broken_file_is_named_and_the_others_are_played() {
    let folder = Folder::new("broken");
    folder.add("music/b.mp3", "tone.mp3");
    std::fs::write(folder.0.join("music/a.flac"), "fLaC, it says").expect("a file can be written");
    std::fs::write(folder.0.join("music/notes.txt"), "not for callers").expect("a file can be written");
    let (library, warnings) = Library::load(&folder.0, &[]).expect("the folder can be read");
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert_eq!(warning.instead, Instead::OtherMusic);
    assert!(warning.path.ends_with("music/a.flac"), "{warning}");
    assert!(
        warning.to_string().contains("convert or copy it anew"),
        "{warning}"
    );
    assert!(share(&hear(&library, music(), 20)[3..]) > 0.98);
}
