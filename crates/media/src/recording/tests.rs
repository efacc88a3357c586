//! What lies in the file, from pieces to sound, and what becomes of files.

use super::track::Track;
use super::*;
use crate::MediaEvent;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// An octet of A-law that is loud.
const LOUD: u8 = 0x2a;

fn header(timestamp: u32) -> Header {
    Header {
        payload_type: 8,
        marker: false,
        sequence: 0,
        timestamp,
        ssrc: 1,
    }
}

fn piece(side: Side, at_ms: u64, timestamp: u32, restarted: bool) -> Piece {
    Piece {
        recording: 0,
        side,
        codec: Codec::Pcma,
        timestamp,
        restarted,
        at: Duration::from_millis(at_ms),
        length: 160,
        octets: [LOUD; PIECE_OCTETS],
    }
}

/// Which 20 ms of each side have sound: `#`, or `.` for none; `?` for what is neither wholly.
fn picture(pieces: &[Piece]) -> [String; 2] {
    let mut track = Track::default();
    let mut all = Vec::new();
    for piece in pieces {
        track.put(piece, |frames| all.extend_from_slice(frames));
        track.ripe(|frames| all.extend_from_slice(frames));
    }
    track.finish(|frames| all.extend_from_slice(frames));
    let loud = audio_codec_algorithms::decode_alaw(LOUD);
    [0, 1].map(|side| {
        let draw = |frames: &[[i16; 2]]| {
            let sounding = frames.iter().filter(|frame| frame[side] == loud).count();
            match sounding {
                0 => '.',
                n if n == frames.len() => '#',
                _ => '?',
            }
        };
        all.chunks(160).map(draw).collect()
    })
}

#[test]
fn both_sides_lie_beside_each_other_in_time() {
    let caller = |n: u64| piece(Side::Caller, n * 20, 8_000 + n as u32 * 160, n == 0);
    let operator = |n: u64| {
        piece(
            Side::Operator,
            n * 20,
            u32::MAX - 200 + (n as u32 - 2) * 160,
            n == 2,
        )
    };
    let pieces = [
        caller(0),
        caller(1),
        caller(2),
        operator_at(&operator, 2),
        caller(3),
        operator_at(&operator, 3),
    ];
    assert_eq!(picture(&pieces), ["####", "..##"]);
}

fn operator_at(operator: &dyn Fn(u64) -> Piece, n: u64) -> Piece {
    let mut piece = operator(n);
    piece.timestamp = (u32::MAX - 200).wrapping_add((n as u32 - 2) * 160);
    piece
}

#[test]
fn jitter_is_smoothed_loss_is_silence_and_order_is_restored() {
    let pieces = [
        piece(Side::Caller, 0, 0, true),
        // Late, and overtaken.
        piece(Side::Caller, 70, 320, false),
        piece(Side::Caller, 71, 160, false),
        // Two are lost.
        piece(Side::Caller, 100, 800, false),
    ];
    assert_eq!(picture(&pieces)[0], "###..#");
}

#[test]
fn a_new_stream_lies_where_it_arrives() {
    let pieces = [
        piece(Side::Operator, 0, 50_000, true),
        piece(Side::Operator, 100, 7, true),
        piece(Side::Operator, 120, 167, false),
    ];
    assert_eq!(picture(&pieces)[1], "#....##");
}

#[test]
fn a_long_hold_is_a_silence_of_its_length() {
    let pieces = [
        piece(Side::Caller, 0, 0, true),
        piece(Side::Caller, 60_000, 160, false),
    ];
    let [caller, _] = picture(&pieces);
    assert_eq!((caller.len(), caller.matches('#').count()), (3_001, 2));
    assert!(caller.starts_with('#') && caller.ends_with('#'));
}

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("holdfast-recording-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(dir).expect("the folder is there");
    let days = days
        .map(|day| day.expect("an entry").path())
        .filter(|day| day.is_dir());
    days.flat_map(|day| std::fs::read_dir(day).expect("a folder"))
        .map(|file| file.expect("an entry").path())
        .collect()
}

fn config(dir: &Path) -> RecordingConfig {
    RecordingConfig {
        dir: dir.to_owned(),
        format: RecordingFormat::Wav,
        retention: Duration::from_secs(3_600),
        free_min: 0,
    }
}

fn say(tap: &mut Tap, pieces: u64) {
    for n in 0..pieces {
        let now = Moment(n * 20_000);
        let sound = [LOUD; 160];
        tap.take(
            Side::Caller,
            Codec::Pcma,
            &header(n as u32 * 160),
            n == 0,
            &sound,
            now,
        );
        tap.take(
            Side::Operator,
            Codec::Pcma,
            &header(n as u32 * 160),
            n == 0,
            &[audio_codec_algorithms::encode_alaw(0); 160],
            now,
        );
    }
}

#[test]
fn a_recording_is_a_file_that_is_playable_and_the_engines_alone() {
    let dir = folder("whole");
    let recorder =
        Recorder::start(config(&dir), &Registry::new(), Arc::new(|_| {})).expect("the folder can be made");
    let mut tap = recorder.begin(CallId(42));
    say(&mut tap, 100);
    drop(tap);
    drop(recorder);
    let files = files(&dir);
    let [file] = files.as_slice() else {
        panic!("{files:?}")
    };
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    assert!(name.starts_with("call-42-") && name.ends_with("Z.wav"), "{name}");
    let mode = std::fs::metadata(file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let reader = hound::WavReader::open(file).expect("a WAV file");
    let samples: Vec<i16> = reader.into_samples().map(|s| s.expect("a sample")).collect();
    assert_eq!(samples.len(), 100 * 160 * 2);
    assert!(
        samples
            .chunks(2)
            .all(|frame| frame[0].abs() > 1_000 && frame[1].abs() < 20)
    );
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[test]
fn a_recording_under_way_can_be_played() {
    let dir = folder("under-way");
    let recorder =
        Recorder::start(config(&dir), &Registry::new(), Arc::new(|_| {})).expect("the folder can be made");
    let mut tap = recorder.begin(CallId(1));
    say(&mut tap, 200);
    // As somebody would find it after the engine was killed at any moment.
    let expected = 199 * 160 - 4_000;
    let began = Instant::now();
    let mut length = 0;
    while length != expected && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
        let file = files(&dir)
            .first()
            .and_then(|file| hound::WavReader::open(file).ok());
        length = file.map_or(0, |reader| reader.duration());
    }
    assert_eq!(length, expected, "all but the half second held back");
    drop(tap);
    drop(recorder);
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[test]
fn a_full_disk_is_told_and_records_nothing() {
    let dir = folder("full");
    let full = RecordingConfig {
        free_min: u64::MAX,
        ..config(&dir)
    };
    let registry = Registry::new();
    let (tell, told) = channel();
    let events: MediaEvents = Arc::new(move |event| {
        let _ = tell.send(event);
    });
    let recorder = Recorder::start(full, &registry, events).expect("the folder can be made");
    let mut tap = recorder.begin(CallId(1));
    say(&mut tap, 5);
    drop(tap);
    drop(recorder);
    assert!(files(&dir).is_empty());
    let failed = MediaEvent::RecordingFailed { call: CallId(1) };
    assert_eq!(told.iter().collect::<Vec<_>>(), [failed]);
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&registry.gather())
        .expect("metrics are text");
    for line in [
        "holdfast_recording_disk_full 1\n",
        "holdfast_recording_failed_total{reason=\"disk_full\"} 1\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[test]
fn what_is_old_goes_and_nothing_else() {
    let dir = folder("old");
    let day = dir.join("2026-01-01");
    shelf::make_dir(&day).expect("it can be made");
    for name in ["call-1-20260101T000000Z.wav", "notes.txt", "call-2.mp3"] {
        std::fs::write(day.join(name), "x").expect("it can be written");
    }
    let empty = dir.join("2026-01-02");
    shelf::make_dir(&empty).expect("it can be made");
    std::fs::write(empty.join("call-3-20260102T000000Z.wav"), "x").expect("it can be written");
    let hour = Duration::from_secs(3_600);
    assert_eq!(
        shelf::clear_out(&dir, hour, SystemTime::now()).expect("it can be read"),
        0
    );
    let later = SystemTime::now() + 2 * hour;
    assert_eq!(shelf::clear_out(&dir, hour, later).expect("it can be read"), 2);
    let mut left: Vec<String> = files(&dir)
        .iter()
        .map(|file| {
            file.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    assert_eq!(left, ["call-2.mp3", "notes.txt"]);
    assert!(!empty.exists(), "an empty folder goes too");
    std::fs::remove_dir_all(dir).expect("it can be removed");
}
