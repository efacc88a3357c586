//! Real softphones on both ends: whatever they speak they hear each other, and of a sweep nothing is lost but what G.711
//! itself takes.

use harness::{Baresip, Engine, Place, Sends, Settings, Softphone};
use phone::Codec;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CALLER_HZ: u32 = 440;
const OPERATOR_HZ: u32 = 1_000;

/// How much is judged at a time, how long it may take to come, and how often it is listened to until it is right.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);
const TRIES: u32 = 10;

/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;

fn settings() -> Settings {
    Settings {
        operators: &["1001"],
        // This old baresip gives up on any challenge it does not know, even beside one that it does.
        sip: "digest = [\"md5\"]",
        ..Settings::default()
    }
}

/// A caller's and an operator's softphone that are connected.
async fn connected(
    place: &Place,
    engine: &Engine,
    caller: Softphone<'_>,
    operator: Softphone<'_>,
) -> (Baresip, Baresip) {
    let mut feed = engine.feed().await;
    let operator = Baresip::with(place, engine.sip(), operator).await;
    feed.until("the operator to be available", |log| {
        log.operator("1001") == "available"
    })
    .await;
    let mut caller = Baresip::with(place, engine.sip(), caller).await;
    caller.dial("hotline").await;
    feed.until("the two to be connected", |log| log.count("call_connected") == 1)
        .await;
    (caller, operator)
}

async fn hears_tone(end: &Baresip, hz: u32, what: &str) {
    let mut shares = Vec::new();
    for _ in 0..TRIES {
        let heard = end.hear(STRETCH, WITHIN).await;
        shares.push(heard.share_at(f64::from(hz)));
        if heard.duration() >= STRETCH && heard.share_at(f64::from(hz)) > PURE {
            return;
        }
    }
    panic!("{what}: no tone of {hz} Hz: {shares:.3?}");
}

#[tokio::test]
async fn softphones_hear_each_other_in_any_codec() {
    for (callers, operators) in [
        ("G722", "G722"),
        ("opus", "opus"),
        ("G722", "PCMA"),
        ("PCMU", "opus"),
    ] {
        let place = Place::new();
        let engine = Engine::start(&place, &settings()).await;
        let caller = Softphone {
            codec: callers,
            ..Softphone::new("visitor", CALLER_HZ, false)
        };
        let operator = Softphone {
            codec: operators,
            ..Softphone::new("1001", OPERATOR_HZ, true)
        };
        let (caller, operator) = connected(&place, &engine, caller, operator).await;
        hears_tone(&caller, OPERATOR_HZ, &format!("{callers} from {operators}")).await;
        hears_tone(&operator, CALLER_HZ, &format!("{operators} from {callers}")).await;
        engine.stop().await;
    }
}

/// A sweep from 300 to 3,400 Hz, over and over, each time a little other in loudness so that no second is like another.
fn sweep(seconds: usize, salt: f64) -> Vec<i16> {
    let mut phase = salt;
    (0..seconds * 8_000)
        .map(|n| {
            let through = (n % 16_000) as f64 / 16_000.0;
            phase += TAU * (300.0 + 3_100.0 * through) / 8_000.0;
            let loudness = 6_000.0 + 40.0 * (n / 8_000) as f64;
            (phase.sin() * loudness) as i16
        })
        .collect()
}

fn write(place: &Place, name: &str, samples: &[i16]) -> PathBuf {
    let path = place.dir().join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("the place can be written");
    for &sample in samples {
        file.write_sample(sample).expect("the place can be written");
    }
    file.finalize().expect("the place can be written");
    path
}

fn a_law(samples: &[i16]) -> Vec<i16> {
    let there_and_back = |&sample: &i16| Codec::Pcma.decode(Codec::Pcma.encode(sample));
    samples.iter().map(there_and_back).collect()
}

/// How much stronger the sound is than what differs from it, in dB.
fn signal_to_noise(said: &[i16], heard: &[i16]) -> f64 {
    let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
    let signal = power(&mut said.iter().map(|&s| f64::from(s)));
    let noise = power(&mut said.iter().zip(heard).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    10.0 * (signal / noise).log10()
}

/// Listens until a stretch of two seconds is what was said, sample by sample; and gives its ratio of signal to noise beside
/// G.711's own. A softphone that gets too little of the processor leaves samples out itself, so it is listened to again.
async fn ratio(end: &Baresip, said: &[i16]) -> (f64, f64) {
    let ideal = a_law(said);
    let mut best = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..TRIES {
        let heard = end.hear(STRETCH * 4, WITHIN).await;
        let heard = heard.samples();
        // A place in the sweep that sounds the same for 20 ms is where it is.
        let Some(front) = heard.get(..160) else { continue };
        let Some(at) = ideal.windows(160).position(|window| window == front) else {
            continue;
        };
        let length = heard.len().min(said.len() - at);
        let (said, ideal) = (&said[at..at + length], &ideal[at..at + length]);
        let ratios = (
            signal_to_noise(said, &heard[..length]),
            signal_to_noise(said, ideal),
        );
        if ratios.0 > best.0 {
            best = ratios;
        }
        if best.0 >= best.1 - 0.01 {
            break;
        }
    }
    best
}

#[tokio::test]
async fn a_sweep_passes_with_nothing_but_g711s_own_error() {
    let place = Place::new();
    let engine = Engine::start(&place, &settings()).await;
    let (from_caller, from_operator) = (sweep(60, 0.0), sweep(60, 1.0));
    let files = [
        write(&place, "caller.wav", &from_caller),
        write(&place, "operator.wav", &from_operator),
    ];
    let caller = Softphone {
        sends: Sends::File(&files[0]),
        ..Softphone::new("visitor", 0, false)
    };
    let operator = Softphone {
        sends: Sends::File(&files[1]),
        ..Softphone::new("1001", 0, true)
    };
    let (caller, operator) = connected(&place, &engine, caller, operator).await;
    for (end, said) in [(&operator, &from_caller), (&caller, &from_operator)] {
        let (heard, ideal) = ratio(end, said).await;
        // A sine of this loudness in A-law: some 38 dB (ITU-T G.712 asks for 33 of a whole connection).
        assert!((36.0..42.0).contains(&ideal), "{ideal:.2} dB");
        assert!(
            heard >= ideal - 0.01,
            "{heard:.2} dB where G.711 leaves {ideal:.2}"
        );
    }
    engine.stop().await;
}

fn sound(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../crates/media/tests/sounds").join(name)
}

#[tokio::test]
async fn a_file_dropped_into_the_music_folder_is_heard() {
    /// What all the files hold.
    const HZ: u32 = 700;
    for name in ["tone.mp3", "tone.flac", "tone.ogg", "tone.opus", "tone.wav"] {
        let place = Place::new();
        let folder = place.dir().join("music");
        std::fs::create_dir_all(&folder).expect("the place can be written");
        if name == "tone.wav" {
            // Neither the telephone's rate nor one channel.
            let spec = hound::WavSpec {
                channels: 2,
                sample_rate: 44_100,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut file = hound::WavWriter::create(folder.join(name), spec).expect("a file");
            for n in 0..2 * 44_100 {
                let sample = ((f64::from(n / 2) * f64::from(HZ) * TAU / 44_100.0).sin() * 5_000.0) as i16;
                file.write_sample(sample).expect("a sample");
            }
            file.finalize().expect("a file");
        } else {
            std::fs::copy(sound(name), folder.join(name)).expect("the file is there");
        }
        let settings = Settings {
            queue: "wrap_up = \"0s\"\ngreeting = false\nmusic = [\"PLACE/music\"]",
            ..Settings::default()
        };
        let engine = Engine::start(&place, &settings).await;
        let mut caller = Baresip::start(&place, "visitor", CALLER_HZ, engine.sip(), false).await;
        caller.dial("hotline").await;
        hears_tone(&caller, HZ, name).await;
        engine.stop().await;
    }
}
