//! Legs that speak G.722 and Opus: what they hear from us, and from a leg with another codec.

mod common;
/// The phones' coder: its octets are those of another implementation, as its own test shows.
#[path = "../src/g722.rs"]
mod g722;

use acd::{Audio, Outcome};
use audio_codec_algorithms::{decode_alaw, encode_alaw};
use common::{Packet, Phone, Plane, caller, config, music, operator};
use media::{AudioConfig, Codec, Codecs, Language, Library, MediaEvent};
use std::f64::consts::TAU;
use std::time::Duration;

/// A library of little, in every codec.
fn library() -> Library {
    let dir = std::env::temp_dir().join(format!("holdfast-codecs-{}", std::process::id()));
    let prompts = dir.join("prompts/en");
    std::fs::create_dir_all(&prompts).expect("folders can be made");
    std::fs::create_dir_all(dir.join("music")).expect("folders can be made");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    for (file, seconds) in [("music/beats.wav", 3.0), ("prompts/en/farewell_closed.wav", 0.5)] {
        let mut writer = hound::WavWriter::create(dir.join(file), spec).expect("a file can be written");
        for i in 0..(seconds * 8_000.0) as usize {
            // Notes that swell and fade at no even pace, so that one stretch is not like another.
            let at = i as f64 / 8_000.0;
            let swell = (TAU * (1.3 + at) * at).sin().powi(2);
            let sample = (9_000.0 * swell * (TAU * 440.0 * at).sin()) as i16;
            writer.write_sample(sample).expect("a sample can be written");
        }
        writer.finalize().expect("a file can be closed");
    }
    let (library, _, rest) = Library::open(&AudioConfig {
        dir: dir.clone(),
        languages: vec![Language::English],
        music: vec![],
        codecs: Codecs::default(),
    })
    .expect("the folder can be read");
    rest.prepare(|warning| panic!("{warning}"));
    std::fs::remove_dir_all(dir).expect("the folder can be removed");
    library
}

const TONE_HZ: f64 = 1_000.0;
const PACKETS: usize = 50;

/// The payload type that this test's phones give Opus: another than ours.
const OPUS_PT: u8 = 111;

fn phone(plane: &Plane, leg: acd::LegId, codec: Codec) -> Phone {
    let mut phone = plane.silent_phone(leg, codec, Some(101));
    if codec == Codec::Opus {
        phone.remote.opus_pt = Some(OPUS_PT);
        phone.remote.dtmf_rate = 48_000;
        phone.next.pt = OPUS_PT;
    }
    phone.agree();
    phone
}

fn rate(codec: Codec) -> usize {
    match codec {
        Codec::Pcma | Codec::Pcmu => 8_000,
        Codec::G722 => 16_000,
        Codec::Opus => 48_000,
    }
}

/// Twenty milliseconds each of a tone.
fn tone(codec: Codec) -> Vec<Vec<u8>> {
    let length = rate(codec) / 50;
    let samples = |packet: usize| -> Vec<i16> {
        (packet * length..(packet + 1) * length)
            .map(|i| (8_000.0 * (TAU * TONE_HZ * i as f64 / rate(codec) as f64).sin()) as i16)
            .collect()
    };
    let mut g722 = g722::Encoder::default();
    let mut opus =
        opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).expect("an encoder");
    (0..PACKETS)
        .map(|packet| match codec {
            Codec::Pcma => samples(packet).iter().map(|&s| encode_alaw(s)).collect(),
            Codec::G722 => {
                let mut octets = vec![0; 160];
                assert_eq!(g722.encode(&samples(packet), &mut octets), Some(160));
                octets
            }
            Codec::Opus => opus.encode_vec(&samples(packet), 400).expect("it is encoded"),
            Codec::Pcmu => panic!("not used here"),
        })
        .collect()
}

/// The samples in a phone's packets.
fn decoded(codec: Codec, packets: &[Packet]) -> Vec<f64> {
    let mut g722 = g722::Decoder::default();
    let mut opus = opus::Decoder::new(48_000, opus::Channels::Mono).expect("a decoder");
    let mut all = vec![];
    for packet in packets {
        let mut samples = vec![0i16; 5_760];
        let length = match codec {
            Codec::Pcma => {
                for (to, &octet) in samples.iter_mut().zip(&packet.payload) {
                    *to = decode_alaw(octet);
                }
                packet.payload.len()
            }
            Codec::G722 => g722.decode(&packet.payload, &mut samples).expect("room"),
            Codec::Opus => opus.decode(&packet.payload, &mut samples, false).expect("Opus"),
            Codec::Pcmu => panic!("not used here"),
        };
        all.extend(samples[..length].iter().map(|&s| f64::from(s)));
    }
    all
}

/// How much stronger the tone is than all else, in dB, in the last half.
fn clear(samples: &[f64], rate: usize) -> f64 {
    let half = &samples[samples.len() / 2..];
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (i, s) in half.iter().enumerate() {
        let phase = TAU * TONE_HZ * i as f64 / rate as f64;
        re += s * phase.cos();
        im += s * phase.sin();
        power += s * s;
    }
    let signal = 2.0 * (re * re + im * im) / half.len() as f64;
    10.0 * (signal / (power - signal)).log10()
}

fn assert_one_stream(codec: Codec, packets: &[Packet]) {
    let step = if codec == Codec::Opus { 960 } else { 160 };
    for pair in packets.windows(2) {
        assert_eq!(
            (pair[1].ssrc, pair[1].sequence),
            (pair[0].ssrc, pair[0].sequence.wrapping_add(1))
        );
        let passed = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        let late_by = passed.wrapping_sub(step);
        assert!(
            late_by.is_multiple_of(step) && (late_by == 0 || pair[1].marker),
            "{passed} ticks"
        );
    }
}

#[test]
fn legs_of_different_codecs_hear_each_other() {
    for (a_codec, b_codec) in [
        (Codec::Pcma, Codec::G722),
        (Codec::Pcma, Codec::Opus),
        (Codec::G722, Codec::Opus),
        (Codec::G722, Codec::G722),
        (Codec::Opus, Codec::Opus),
    ] {
        let plane = Plane::with(config(), library());
        let mut a = phone(&plane, caller(), a_codec);
        let mut b = phone(&plane, operator(), b_codec);
        plane.media.bridge(caller(), operator());
        let (to_b, to_a) = (tone(a_codec), tone(b_codec));
        let (mut at_a, mut at_b) = (vec![], vec![]);
        for (from_a, from_b) in to_b.iter().zip(&to_a) {
            send(&mut a, a_codec, from_a);
            send(&mut b, b_codec, from_b);
            at_b.push(b.receive());
            at_a.push(a.receive());
        }
        for (codec, packets, sent) in [(a_codec, at_a, &to_a), (b_codec, at_b, &to_b)] {
            assert!(packets.iter().all(|packet| packet.pt == pt(codec)));
            assert_one_stream(codec, &packets);
            let ratio = clear(&decoded(codec, &packets), rate(codec));
            assert!(
                ratio > 20.0,
                "{a_codec:?} and {b_codec:?}, at {codec:?}: {ratio:.1} dB"
            );
            if a_codec == b_codec {
                assert!(
                    packets.iter().map(|p| &p.payload).eq(sent),
                    "the same codec passes as it is"
                );
            }
        }
    }
}

fn pt(codec: Codec) -> u8 {
    if codec == Codec::Opus {
        OPUS_PT
    } else {
        codec.payload_type()
    }
}

fn send(phone: &mut Phone, codec: Codec, payload: &[u8]) {
    phone.send(payload);
    if codec == Codec::Opus {
        // The phone counted a packet of G.711.
        phone.next.timestamp = phone.next.timestamp.wrapping_add(960 - 160);
    }
}

#[test]
fn music_in_every_codec_is_the_same_music() {
    let reference = {
        let plane = Plane::with(config(), library());
        let a = phone(&plane, caller(), Codec::Pcma);
        plane.media.play(caller(), music());
        envelope(&decoded(Codec::Pcma, &a.receive_many(100)), 8_000)
    };
    for codec in [Codec::G722, Codec::Opus] {
        let plane = Plane::with(config(), library());
        let a = phone(&plane, caller(), codec);
        plane.media.play(caller(), music());
        let packets = a.receive_many(100);
        assert!(packets.iter().all(|packet| packet.pt == pt(codec)));
        assert_one_stream(codec, &packets);
        let heard = envelope(&decoded(codec, &packets), rate(codec));
        let likeness = correlation(&reference, &heard);
        assert!(likeness > 0.95, "{codec:?}: {likeness}");
    }
}

/// Loudness of each 10 ms.
fn envelope(samples: &[f64], rate: usize) -> Vec<f64> {
    samples
        .chunks_exact(rate / 100)
        .map(|chunk| (chunk.iter().map(|s| s * s).sum::<f64>() / chunk.len() as f64).sqrt())
        .collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    ab / (aa * bb).sqrt()
}

#[test]
fn a_farewell_in_opus_ends_and_is_reported() {
    let library = library();
    let farewell = library.playlist(Audio::Farewell(Outcome::Closed), Language::English);
    let plane = Plane::with(config(), library);
    let a = phone(&plane, caller(), Codec::Opus);
    plane.media.play(caller(), farewell);
    assert_eq!(plane.next_event(), MediaEvent::PromptDone { leg: caller() });
    let packets = a.drain();
    assert_one_stream(Codec::Opus, &packets);
    assert_eq!(packets.len(), 25, "half a second");
}

#[test]
fn splices_between_codecs_are_one_stream_in_opus_ticks() {
    let plane = Plane::with(config(), library());
    let a = phone(&plane, caller(), Codec::Opus);
    let mut b = phone(&plane, operator(), Codec::Pcma);
    plane.media.play(caller(), music());
    let mut all = a.receive_many(10);
    plane.media.bridge(caller(), operator());
    for packet in tone(Codec::Pcma).iter().take(10) {
        b.send(packet);
        std::thread::sleep(Duration::from_millis(20));
    }
    all.extend(a.drain());
    plane.media.play(caller(), music());
    all.extend(a.receive_many(10));
    for pair in all.windows(2) {
        assert_eq!(
            (pair[1].ssrc, pair[1].sequence),
            (pair[0].ssrc, pair[0].sequence.wrapping_add(1))
        );
        let passed = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..480_000).contains(&passed), "{passed} ticks");
    }
    assert!(
        all.iter().filter(|packet| packet.marker).count() >= 3,
        "three beginnings"
    );
}

#[test]
fn what_is_no_opus_is_dropped_and_counted() {
    let plane = Plane::with(config(), library());
    let mut a = phone(&plane, caller(), Codec::Opus);
    let b = phone(&plane, operator(), Codec::Pcma);
    plane.media.bridge(caller(), operator());
    let good = tone(Codec::Opus);
    send(&mut a, Codec::Opus, &good[0]);
    b.receive();
    for garbage in [&[][..], &[0xff; 3]] {
        send(&mut a, Codec::Opus, garbage);
    }
    plane.dropped("malformed", 2);
    send(&mut a, Codec::Opus, &good[1]);
    assert_eq!(
        b.receive().payload.len(),
        160,
        "and what comes after them is heard"
    );
}
