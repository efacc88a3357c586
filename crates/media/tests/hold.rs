//! What a waiting caller hears: prompts, music, and the operator spliced in without a break.

mod common;

use acd::{Audio, CallId, LegId, Outcome};
use common::*;
use hound::{SampleFormat, WavSpec, WavWriter};
use media::{AfterPrompts, Codec, Instead, Language, Library, MediaEvent, Playlist};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Samples that differ from frame to frame in both laws, so that each frame can be told.
fn tune(seconds: usize, salt: usize) -> Vec<i16> {
    (0..seconds * 8_000)
        .map(|i| ((i * 37 + (i / 160) * 1_009 + salt) % 24_001) as i16 - 12_000)
        .collect()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("holdfast-media-{}-{name}", std::process::id()));
        std::fs::create_dir_all(dir.join("music")).expect("the temporary folder can be written");
        Folder(dir)
    }

    fn write(&self, file: &str, rate: u32, samples: &[i16]) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders can be made");
        let spec = WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec).expect("a file can be written");
        for &sample in samples {
            writer.write_sample(sample).expect("a sample can be written");
        }
        writer.finalize().expect("a file can be closed");
    }

    fn load(&self) -> (Library, Vec<media::Warning>) {
        Library::load(&self.0, &Language::ALL).expect("the folder can be read")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pcma(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .map(|&s| audio_codec_algorithms::encode_alaw(s))
        .collect()
}

fn heard(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|packet| packet.payload.clone()).collect()
}

#[test]
fn the_project_ships_every_prompt_and_music() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let (library, warnings) = Library::load(&config, &Language::ALL).expect("the project's audio is there");
    assert!(
        warnings.is_empty(),
        "{}",
        warnings.iter().map(|w| format!("{w}\n")).collect::<String>()
    );
    let farewell = library.playlist(Audio::Farewell(Outcome::Closed), Language::Chinese);
    assert_eq!(
        (farewell.prompts.len(), farewell.then),
        (1, AfterPrompts::Nothing)
    );
    let audio = Audio::Position {
        position: 12,
        wait: Some(Duration::from_secs(21 * 60)),
        call_back: None,
    };
    let [zh, en] = Language::ALL.map(|language| library.playlist(audio, language));
    assert_eq!(
        (zh.prompts.len(), zh.then),
        (9, AfterPrompts::HoldMusic),
        "在第 十 二 位 约 二 十 一 分钟"
    );
    assert_eq!(
        en.prompts.len(),
        7,
        "number, 12, in the queue, about, 20, 1, minutes"
    );
}

#[test]
fn music_operator_music_prompt_music_is_one_stream_and_the_music_goes_on_where_it_was() {
    let folder = Folder::new("splice");
    let (music_samples, prompt_samples) = (tune(3, 0), tune(1, 7));
    folder.write("music/a.wav", 8_000, &music_samples[..8_000]);
    folder.write("music/b.wav", 8_000, &music_samples[8_000..]);
    folder.write("prompts/zh/next.wav", 8_000, &prompt_samples[..1_000]);
    let (library, _) = folder.load();
    let next = library.playlist(
        Audio::Position {
            position: 1,
            wait: None,
            call_back: None,
        },
        Language::Chinese,
    );
    let plane = Plane::with(config(), library);
    let a = plane.phone(caller(), Codec::Pcma, None);
    let mut b = plane.phone(operator(), Codec::Pcma, None);

    plane.media.play(caller(), music());
    let mut all = a.receive_many(10);
    plane.media.bridge(caller(), operator());
    for n in 0..10 {
        b.send(&frame(n));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut talk = 0;
    while talk < 10 {
        all.push(a.receive());
        talk += usize::from(all.last().is_some_and(|packet| packet.payload == frame(talk)));
    }
    plane.media.play(caller(), music());
    all.extend(a.receive_many(10));
    plane.media.play(caller(), next);
    // Until the music has come round to where it began.
    all.extend(a.receive_many(160));

    assert_paced(&all);
    let marked = all.iter().filter(|packet| packet.marker).count();
    assert!(marked >= 4, "each of four beginnings is marked: {marked}");

    let talk_at = all
        .iter()
        .position(|p| p.payload == frame(0))
        .expect("the operator was heard");
    let before_talk = &all[..talk_at];
    let after_talk = heard(&all[talk_at + 10..]);
    let (music, prompt) = (pcma(&music_samples), pcma(&prompt_samples[..1_000]));
    assert_eq!(heard(before_talk), music[..talk_at * FRAME]);
    let prompt_at = after_talk
        .windows(1_000)
        .position(|w| w == prompt)
        .expect("the prompt was heard whole");
    let mut music_heard = after_talk;
    music_heard.drain(prompt_at..prompt_at + 1_000);
    let expected: Vec<u8> = music
        .iter()
        .cycle()
        .skip(talk_at * FRAME)
        .take(music_heard.len())
        .copied()
        .collect();
    assert!(
        music_heard == expected,
        "the music goes on where it was, around the prompt and around its own end"
    );
}

#[test]
fn a_farewell_ends_in_silence_and_is_reported_even_to_a_phone_on_hold() {
    let folder = Folder::new("farewell");
    let samples = tune(1, 0);
    folder.write("prompts/zh/farewell_saturated.wav", 8_000, &samples[..7_900]);
    let (library, _) = folder.load();
    let farewell = library.playlist(Audio::Farewell(Outcome::Saturated), Language::Chinese);
    let plane = Plane::with(config(), library);
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), farewell.clone());
    assert_eq!(plane.next_event(), MediaEvent::PromptDone { leg: caller() });
    let packets = a.drain();
    assert_paced(&packets);
    let mut expected = pcma(&samples[..7_900]);
    expected.resize(8_000, pcma(&[0])[0]);
    assert!(
        heard(&packets) == expected,
        "the farewell whole, in {} packets, and silence to the end",
        packets.len()
    );

    a.remote.send = false;
    a.agree();
    plane.media.play(
        caller(),
        Playlist {
            prompts: vec![],
            ..farewell
        },
    );
    assert_eq!(plane.next_event(), MediaEvent::PromptDone { leg: caller() });
    assert!(a.drain().is_empty());
}

#[test]
fn music_is_heard_in_either_law_and_in_the_packets_asked_for() {
    let folder = Folder::new("laws");
    let samples = tune(2, 3);
    folder.write("music/a.wav", 8_000, &samples);
    let plane = Plane::with(config(), folder.load().0);
    let ulaw: Vec<u8> = samples
        .iter()
        .map(|&s| audio_codec_algorithms::encode_ulaw(s))
        .collect();
    for (leg, ptime_ms, octets) in [(0, 40, 320), (1, 60, 480), (2, 30, 160), (3, 0, 160)] {
        let leg = LegId { call: CallId(3), leg };
        let mut phone = plane.silent_phone(leg, Codec::Pcmu, None);
        phone.remote.ptime_ms = ptime_ms;
        phone.agree();
        plane.media.play(leg, music());
        let packets = phone.receive_many(5);
        assert_paced(&packets);
        assert_eq!(heard(&packets), ulaw[..5 * octets], "packets of {ptime_ms} ms");
    }
}

#[test]
fn music_waits_for_a_phone_on_hold() {
    let folder = Folder::new("hold");
    let samples = tune(4, 5);
    folder.write("music/a.wav", 8_000, &samples);
    let plane = Plane::with(config(), folder.load().0);
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), music());
    let mut all = a.receive_many(10);
    a.remote.send = false;
    a.agree();
    all.extend(a.drain());
    assert!(a.drain().is_empty());
    a.remote.send = true;
    a.agree();
    all.extend(a.receive_many(10));
    assert_eq!(heard(&all), pcma(&samples)[..all.len() * FRAME]);
    assert_paced(&all);
    assert!(
        all[all.len() - 10..].iter().any(|packet| packet.marker),
        "the return is marked"
    );
}

#[test]
fn a_missing_or_broken_file_is_named_and_stood_in_for() {
    let folder = Folder::new("broken");
    folder.write("prompts/en/greeting.wav", 8_000, &tune(1, 0));
    folder.write("prompts/en/resumed.wav", 44_100, &tune(1, 0));
    std::fs::write(folder.0.join("prompts/en/next.wav"), "ID3, perhaps").expect("a file can be written");
    folder.write("prompts/zh/next.wav", 8_000, &[]);
    std::fs::write(folder.0.join("prompts/zh/resumed.wav"), "RIFF, it says").expect("a file can be written");
    let (library, warnings) = folder.load();
    let said = |file: &str| -> String {
        let warning = warnings
            .iter()
            .find(|w| w.path.ends_with(file))
            .expect("the file is named");
        warning.to_string()
    };
    assert!(said("zh/greeting.wav").ends_with("the same words in language `en` are heard in its place"));
    assert!(said("en/next.wav").contains("it is no whole WAV, MP3, FLAC, Ogg Vorbis or Opus file"));
    assert!(said("zh/next.wav").ends_with("it holds no audio; its words are left out"));
    assert!(said("zh/resumed.wav").ends_with("the same words in language `en` are heard in its place"));
    assert!(said("music").ends_with("it holds no audio; callers on hold hear a soft tone"));
    assert!(warnings.iter().any(|w| w.instead == Instead::Tone));
    assert!(!warnings.iter().any(|w| w.path.ends_with("en/greeting.wav")));
    for (audio, prompts) in [(Audio::Greeting, 1), (Audio::Resumed, 1)] {
        assert_eq!(library.playlist(audio, Language::Chinese).prompts.len(), prompts);
    }
    let plane = Plane::with(config(), library);
    let a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), music());
    let tone = heard(&a.receive_many(20));
    let loudest = tone
        .iter()
        .map(|&byte| audio_codec_algorithms::decode_alaw(byte).abs())
        .max();
    assert!(
        loudest.is_some_and(|loudest| (2_000..4_000).contains(&loudest)),
        "a soft tone, not {loudest:?}"
    );

    let error =
        Library::load(&folder.0.join("nowhere"), &Language::ALL).expect_err("there is no such folder");
    assert!(error.to_string().contains("nowhere"), "{error}");
}
