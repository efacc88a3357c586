use super::*;
use std::f64::consts::TAU;
use std::path::PathBuf;

fn sound(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sounds")
        .join(file)
}

/// The share of the power that a tone has, and the level, away from the edges.
fn judge(samples: &[i16], rate: u32, hz: f64) -> (f64, f64) {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (i, &s) in middle.iter().enumerate() {
        let (s, phase) = (f64::from(s), TAU * hz * i as f64 / f64::from(rate));
        re += s * phase.cos();
        im += s * phase.sin();
        power += s * s;
    }
    let n = middle.len() as f64;
    let full = 32_768f64.powi(2) / 2.0;
    (
        2.0 * (re * re + im * im) / n / power,
        10.0 * (power / n / full).log10(),
    )
}

#[test]
fn every_kind_of_file_gives_its_tone_at_one_loudness() {
    for file in ["tone.mp3", "tone.ogg", "tone.flac", "tone.opus"] {
        let read = read(&sound(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let narrow = read.narrow.clone();
        for (samples, rate) in [(narrow, NARROW), (read.into_wide(), WIDE)] {
            let seconds = samples.len() as f64 / f64::from(rate);
            assert!((0.99..1.06).contains(&seconds), "{file}: {seconds} s");
            let (purity, level) = judge(&samples, rate, 700.0);
            assert!(purity > 0.99, "{file} at {rate}: {purity}");
            assert!(
                (level - f64::from(LEVEL_DB)).abs() < 2.0,
                "{file} at {rate}: {level} dB"
            );
        }
    }
}

#[test]
fn resampling_keeps_the_band_and_lets_nothing_fold_into_it() {
    let tone = |hz: f64, rate: u32| -> Vec<i16> {
        (0..rate)
            .map(|i| (12_000.0 * (TAU * hz * f64::from(i) / f64::from(rate)).sin()) as i16)
            .collect()
    };
    for from in [11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        let down = resample_all(&tone(1_000.0, from), from, NARROW);
        assert_eq!(down.len(), NARROW as usize, "{from}");
        let (purity, level) = judge(&down, NARROW, 1_000.0);
        assert!(
            purity > 0.999 && (level + 8.7).abs() < 0.2,
            "{from}: {purity}, {level} dB"
        );
        // Above the new band's half: gone, and not folded back to 8,000 - 5,000 Hz.
        let above = resample_all(&tone(5_000.0, from), from, NARROW);
        let (_, level) = judge(&above, NARROW, 3_000.0);
        assert!(level < -60.0, "{from}: {level} dB are left");
    }
}

#[test]
fn loudness_is_one_and_nothing_clips() {
    let measure = |samples: &mut Vec<i16>| {
        level(samples);
        (
            judge(samples, NARROW, 500.0).1,
            samples.iter().map(|s| s.unsigned_abs()).max(),
        )
    };
    let tone = |volume: f64| -> Vec<i16> {
        (0..8_000)
            .map(|i| (volume * (TAU * 500.0 * f64::from(i) / 8_000.0).sin()) as i16)
            .collect()
    };
    for volume in [1_200.0, 4_000.0, 16_000.0] {
        let (level, _) = measure(&mut tone(volume));
        assert!((level - f64::from(LEVEL_DB)).abs() < 0.3, "{volume}: {level} dB");
    }
    let (whisper, _) = measure(&mut tone(100.0));
    assert!(whisper < -28.0, "a whisper stays one: {whisper} dB");
    let mut spikes = vec![0i16; 8_000];
    spikes.iter_mut().step_by(1_000).for_each(|spike| *spike = 16_000);
    let (_, peak) = measure(&mut spikes);
    assert!(peak <= Some((PEAK_MAX * 32_768.0) as u16 + 1), "{peak:?}");
    level(&mut [0; 10]);
}

#[test]
fn a_broken_file_is_told_from_a_missing_one() {
    let missing = read(&sound("nowhere.mp3"));
    assert!(matches!(missing, Err(AudioError::Unreadable(_))), "{missing:?}");
    let dir = std::env::temp_dir().join(format!("holdfast-decode-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    let flac = std::fs::read(sound("tone.flac")).expect("the file is there");
    for (name, bytes) in [
        ("empty.mp3", &[][..]),
        ("text.ogg", b"OggS this is not".as_slice()),
        ("text.wav", b"RIFF, it says".as_slice()),
        ("head.flac", flac.get(..60).unwrap_or_default()),
    ] {
        std::fs::write(dir.join(name), bytes).expect("it can be written");
        let broken = read(&dir.join(name));
        assert!(
            matches!(
                broken,
                Err(AudioError::NotAudio(_) | AudioError::Empty | AudioError::Unreadable(_))
            ),
            "{name}: {broken:?}"
        );
    }
    std::fs::remove_dir_all(&dir).expect("the folder can be removed");
}
