//! Three people on one call: a tone of each is measured at the ends where it is to be heard, and at the others it is not.

mod common;

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use common::*;
use media::{Codec, Hearing, MediaConfig, RecordingConfig, RecordingFormat};
use std::f64::consts::TAU;
use std::time::{Duration, Instant};

/// What caller, operator and supervisor say: whole cycles in 20 ms, so that a packet that comes late on a busy machine makes
/// a tone shorter and not another one.
const HZ: [f64; 3] = [400.0, 1_000.0, 1_500.0];

/// Samples of a stretch that is judged: half a second.
const STRETCH: usize = 4_000;

/// A tone that is there has at least this share of the power, be it one of three; one that is not there less than the other.
const HEARD: f64 = 0.25;
const UNHEARD: f64 = 0.001;

const CALLER: usize = 0;
const OPERATOR: usize = 1;
const SUPERVISOR: usize = 2;

fn supervisor() -> acd::LegId {
    acd::LegId { leg: 9, ..caller() }
}

fn hears(leg: acd::LegId, hears: &[acd::LegId]) -> Hearing {
    Hearing {
        leg,
        hears: hears.to_vec(),
    }
}

/// Three phones, each with a tone of its own.
struct Room {
    plane: Plane,
    phones: [Phone; 3],
    began: Instant,
    sent: u32,
    heard: [Vec<i16>; 3],
}

impl Room {
    fn new(plane: Plane) -> Room {
        let phones = [
            plane.phone(caller(), Codec::Pcma, Some(101)),
            plane.phone(operator(), Codec::Pcmu, Some(96)),
            plane.phone(supervisor(), Codec::Pcma, None),
        ];
        for phone in &phones {
            phone
                .rtp
                .set_nonblocking(true)
                .expect("sockets can be non-blocking");
        }
        Room {
            plane,
            phones,
            began: Instant::now(),
            sent: 0,
            heard: Default::default(),
        }
    }

    fn connect(&self, of: [&[acd::LegId]; 3]) {
        let legs = [caller(), operator(), supervisor()];
        let hearings = legs.into_iter().zip(of).map(|(leg, others)| hears(leg, others));
        self.plane.media.connect(hearings.collect());
    }

    /// Everybody says 20 ms of their tone, and takes in what has come.
    fn talk(&mut self) {
        for (phone, hz) in self.phones.iter_mut().zip(HZ) {
            let first = self.sent;
            let sample = |n: usize| {
                let at = (f64::from(first) + n as f64) / 8_000.0;
                ((at * hz * TAU).sin() * 6_000.0) as i16
            };
            let payload: Vec<u8> = match phone.remote.codec {
                Codec::Pcmu => (0..FRAME).map(|n| encode_ulaw(sample(n))).collect(),
                _ => (0..FRAME).map(|n| encode_alaw(sample(n))).collect(),
            };
            phone.send(&payload);
        }
        self.sent += FRAME as u32;
        // In step with the clock, as phones are, however long this took.
        let due = Duration::from_micros(u64::from(self.sent) * 125);
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        let mut bytes = [0; 2_048];
        for (phone, heard) in self.phones.iter().zip(&mut self.heard) {
            while let Ok(length) = phone.rtp.recv(&mut bytes) {
                let packet = Packet::parse(&bytes[..length]);
                let decode = match packet.pt {
                    0 => decode_ulaw,
                    8 => decode_alaw,
                    _ => continue,
                };
                heard.extend(packet.payload.into_iter().map(decode));
            }
        }
    }

    /// Talks on until everybody has heard for a stretch those tones and no others.
    fn await_heard(&mut self, what: &str, expected: [&[usize]; 3]) {
        self.heard = Default::default();
        let start = Instant::now();
        loop {
            self.talk();
            let shares = self.heard.each_ref().map(|heard| shares(heard));
            // Who hears nobody may get no packets at all.
            let is_right = |shares: &[f64; 3], expected: &[usize], of: usize| match expected.contains(&of) {
                true => shares[of] > HEARD,
                false => shares[of] < UNHEARD || (expected.is_empty() && shares[of].is_nan()),
            };
            let mut ends = shares.iter().zip(expected);
            let all_right = ends.all(|(shares, expected)| (0..3).all(|of| is_right(shares, expected, of)));
            if all_right {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {shares:.4?}");
        }
    }
}

/// The share of each tone in the power of the newest stretch; out of bounds while there is none.
fn shares(heard: &[i16]) -> [f64; 3] {
    let Some(stretch) = heard
        .len()
        .checked_sub(STRETCH)
        .and_then(|from| heard.get(from..))
    else {
        return [f64::NAN; 3];
    };
    let power: f64 = stretch.iter().map(|&s| f64::from(s).powi(2)).sum();
    HZ.map(|hz| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in stretch.iter().enumerate() {
            let angle = n as f64 * hz * TAU / 8_000.0;
            re += f64::from(sample) * angle.cos();
            im += f64::from(sample) * angle.sin();
        }
        // Silence has no tones: A-law's smallest step is not told from one.
        if power < stretch.len() as f64 * 1_000.0 {
            return 0.0;
        }
        2.0 * (re * re + im * im) / power / stretch.len() as f64
    })
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in() {
    let (c, o, s) = (caller(), operator(), supervisor());
    let mut room = Room::new(Plane::start());
    room.plane.media.bridge(c, o);
    room.await_heard("bridged", [&[OPERATOR], &[CALLER], &[]]);
    room.connect([&[o], &[c], &[c, o]]);
    room.await_heard("listen", [&[OPERATOR], &[CALLER], &[CALLER, OPERATOR]]);
    room.connect([&[o], &[c, s], &[c, o]]);
    room.await_heard(
        "whisper",
        [&[OPERATOR], &[CALLER, SUPERVISOR], &[CALLER, OPERATOR]],
    );
    room.connect([&[o, s], &[c, s], &[c, o]]);
    room.await_heard(
        "barge",
        [
            &[OPERATOR, SUPERVISOR],
            &[CALLER, SUPERVISOR],
            &[CALLER, OPERATOR],
        ],
    );
    room.connect([&[o], &[c, s], &[c, o]]);
    room.await_heard(
        "whisper again",
        [&[OPERATOR], &[CALLER, SUPERVISOR], &[CALLER, OPERATOR]],
    );
    // The supervisor leaves.
    room.plane.media.bridge(c, o);
    room.await_heard("bridged again", [&[OPERATOR], &[CALLER], &[]]);
}

#[test]
fn who_is_played_to_is_heard_by_nobody_and_the_others_hear_each_other_on() {
    let (c, o, s) = (caller(), operator(), supervisor());
    let mut room = Room::new(Plane::start());
    room.connect([&[o, s], &[c, s], &[c, o]]);
    room.await_heard(
        "barge",
        [
            &[OPERATOR, SUPERVISOR],
            &[CALLER, SUPERVISOR],
            &[CALLER, OPERATOR],
        ],
    );
    room.plane.media.play(c, music());
    room.await_heard("caller held", [&[], &[SUPERVISOR], &[OPERATOR]]);
    room.connect([&[o], &[c], &[c, o]]);
    room.await_heard("listen", [&[OPERATOR], &[CALLER], &[CALLER, OPERATOR]]);
}

#[test]
fn listening_does_not_disturb_the_two_who_talk() {
    let (c, o, s) = (caller(), operator(), supervisor());
    let plane = Plane::start();
    let (mut a, mut b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let listener = plane.phone(s, Codec::Pcma, None);
    let (mut at_a, mut at_b) = (vec![], vec![]);
    let mut exchange = |frames: std::ops::Range<usize>| {
        for n in frames {
            a.send(&frame(n));
            b.send(&frame(n + 1_000));
            at_b.push(b.receive());
            at_a.push(a.receive());
        }
    };
    exchange(0..10);
    plane
        .media
        .connect(vec![hears(c, &[o]), hears(o, &[c]), hears(s, &[c, o])]);
    listener.receive();
    exchange(10..20);
    drop(listener);
    exchange(20..30);
    for (packets, first) in [(&at_b, 0), (&at_a, 1_000)] {
        assert_continuous(packets);
        for (n, packet) in packets.iter().enumerate() {
            assert_eq!(
                (packet.marker, &packet.payload),
                (false, &frame(first + n)),
                "{n}"
            );
        }
    }
}

#[test]
fn a_key_reaches_who_hears_a_mix() {
    let (c, o, s) = (caller(), operator(), supervisor());
    let mut room = Room::new(Plane::start());
    room.connect([&[o], &[c, s], &[c, o]]);
    room.await_heard(
        "whisper",
        [&[OPERATOR], &[CALLER, SUPERVISOR], &[CALLER, OPERATOR]],
    );
    room.phones[CALLER].next.pt = 101;
    room.phones[CALLER].send(&[5, 0x8a, 0, 160]);
    room.phones[CALLER].next.pt = 8;
    let phone = &room.phones[OPERATOR];
    phone.rtp.set_nonblocking(false).expect("sockets can block");
    let mut packets = std::iter::repeat_with(|| phone.receive()).skip_while(|packet| packet.pt != 96);
    let press: Vec<Packet> = packets.by_ref().take_while(|packet| packet.pt == 96).collect();
    assert!(press.iter().all(|packet| packet.payload[0] == 5), "{press:?}");
    assert!(press.iter().all(|packet| packet.timestamp == press[0].timestamp));
    let ends = press
        .iter()
        .filter(|packet| packet.payload[1] & 0x80 != 0)
        .count();
    assert_eq!(ends, 3, "the end is said thrice: {press:?}");
}

#[test]
fn what_the_caller_hears_is_recorded_and_whispers_are_not() {
    let (c, o, s) = (caller(), operator(), supervisor());
    let dir = std::env::temp_dir().join(format!("holdfast-barge-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let config = MediaConfig {
        recording: Some(RecordingConfig {
            dir: dir.clone(),
            format: RecordingFormat::Wav,
            retention: Duration::ZERO,
            free_min: 0,
        }),
        ..config()
    };
    let mut room = Room::new(Plane::with(config, library()));
    room.plane.media.record(c.call);
    let mut parts = vec![];
    for (what, of) in [("whisper", [o].as_slice()), ("barge", &[o, s])] {
        room.connect([of, &[c, s], &[c, o]]);
        let callers: &[usize] = if what == "barge" {
            &[OPERATOR, SUPERVISOR]
        } else {
            &[OPERATOR]
        };
        room.await_heard(what, [callers, &[CALLER, SUPERVISOR], &[CALLER, OPERATOR]]);
        room.plane.media.end_recording(c.call);
        room.plane.media.record(c.call);
        parts.push(callers);
    }
    drop(room);
    let days = std::fs::read_dir(&dir).expect("the folder is there");
    let files = days.flat_map(|day| std::fs::read_dir(day.expect("an entry").path()).expect("a folder"));
    let mut files: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    // In the order of their making: those of one second are numbered, the first is not.
    files.sort_by_key(|file| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let (time, n) = name
            .rsplit_once("Z-")
            .map_or((name.trim_end_matches('Z'), 1), |(t, n)| {
                (t, n.parse().expect("a number"))
            });
        (time.to_owned(), n)
    });
    for (file, callers) in files.iter().zip(parts) {
        let reader = hound::WavReader::open(file).expect("a WAV file");
        let samples: Vec<i16> = reader.into_samples().map(|s| s.expect("a sample")).collect();
        let side = |n| samples.iter().skip(n).step_by(2).copied().collect::<Vec<i16>>();
        let (left, right) = (shares(&side(0)), shares(&side(1)));
        assert!(left[CALLER] > 0.9, "the caller alone: {left:?}");
        for of in [OPERATOR, SUPERVISOR] {
            let expected = if callers.contains(&of) {
                HEARD..=1.0
            } else {
                0.0..=UNHEARD
            };
            assert!(expected.contains(&right[of]), "{of} of {callers:?}: {right:?}");
        }
    }
    std::fs::remove_dir_all(dir).expect("it can be removed");
}

#[test]
fn what_cannot_be_connected_is_left_alone() {
    let (c, o) = (caller(), operator());
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let elsewhere = acd::LegId::caller(acd::CallId(8));
    for odd in [
        vec![],
        vec![hears(c, &[c]), hears(o, &[])],
        vec![hears(c, &[o, o]), hears(o, &[])],
        vec![hears(c, &[]), hears(c, &[])],
        vec![hears(c, &[supervisor()])],
        vec![hears(c, &[elsewhere]), hears(elsewhere, &[c])],
        (0..=media::PARTIES_MAX as u32)
            .map(|leg| hears(acd::LegId { leg, ..c }, &[]))
            .collect(),
    ] {
        plane.media.connect(odd);
    }
    a.send(&frame(1));
    assert_eq!(b.receive().payload, frame(1));
}
