//! What two people say to each other lies in a file, and nothing else does.

mod common;

use common::*;
use media::{Codec, MediaConfig, RecordingConfig, RecordingFormat};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("holdfast-calls-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn plane(dir: &Path) -> Plane {
    let recording = RecordingConfig {
        dir: dir.to_owned(),
        format: RecordingFormat::Wav,
        retention: Duration::from_secs(3_600),
        free_min: 0,
    };
    let config = MediaConfig {
        recording: Some(recording),
        ..config()
    };
    Plane::with(config, library())
}

/// The one recording: how many samples of each side are loud.
fn loud(dir: &Path) -> [usize; 2] {
    let days = std::fs::read_dir(dir).expect("the folder is there");
    let files: Vec<PathBuf> = days
        .flat_map(|day| std::fs::read_dir(day.expect("an entry").path()).expect("a folder"))
        .map(|file| file.expect("an entry").path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}")
    };
    let reader = hound::WavReader::open(file).expect("a WAV file");
    let samples: Vec<i16> = reader.into_samples().map(|s| s.expect("a sample")).collect();
    [0, 1].map(|side| {
        let side = samples.iter().skip(side).step_by(2);
        side.filter(|sample| sample.unsigned_abs() > 1_000).count()
    })
}

#[test]
fn both_sides_of_a_bridged_call_are_recorded_and_music_is_not() {
    const LOUD_PCMA: [u8; FRAME] = [0x2a; FRAME];
    const QUIET_PCMU: [u8; FRAME] = [0xff; FRAME];
    let dir = folder("bridged");
    let plane = plane(&dir);
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let mut b = plane.phone(operator(), Codec::Pcmu, None);
    plane.media.play(caller(), music());
    assert!(plane.media.record(caller().call));
    a.send(&LOUD_PCMA);
    a.receive_many(3);
    plane.media.bridge(caller(), operator());
    // Asked again, the recording goes on.
    assert!(plane.media.record(caller().call));
    for _ in 0..20 {
        a.send(&LOUD_PCMA);
        b.send(&QUIET_PCMU);
    }
    b.receive_many(20);
    plane.media.end_recording(caller().call);
    a.send(&LOUD_PCMA);
    b.receive();
    drop((a, b));
    drop(plane);
    assert_eq!(loud(&dir), [20 * FRAME, 0]);
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[test]
fn without_a_place_for_recordings_none_is_made() {
    let plane = Plane::start();
    assert!(!plane.media.record(caller().call));
}
