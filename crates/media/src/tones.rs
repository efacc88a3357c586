//! Keys heard as tones in the sound itself (ITU-T Q.23), for peers that have not agreed to `telephone-event`.
//!
//! A bank of eight Goertzel filters over blocks of 13 ms: some 1,300 multiplications a packet, no memory taken. A key
//! counts when three blocks in a row agree, and again only after three without it. A press of 51 ms is always found, one
//! of 40 ms (what Q.24 asks for) mostly; phones send 80 and more.

use crate::Codec;
use audio_codec_algorithms::{decode_alaw, decode_ulaw};
use std::f32::consts::TAU;
use std::sync::LazyLock;

/// Samples of a block.
const BLOCK: u32 = 102;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];

/// The two tones together make up at least this share of a block's power: speech and music have more in them.
const SHARE_MIN: f32 = 0.75;

/// Each tone's power, of full scale squared: -40 dB. What is softer is an echo or cross-talk.
const POWER_MIN: f32 = 1e-4 * 32_768.0 * 32_768.0 / 2.0;

/// The lower tone may be stronger by this factor, the higher one by the other (Q.24: 8 dB and 4 dB).
const LOWER_STRONGER_MAX: f32 = 6.3;
const HIGHER_STRONGER_MAX: f32 = 2.5;

/// How much stronger the tone of a group is than the next of its group.
const NEXT_FACTOR: f32 = 6.0;

/// Blocks in a row that bear out a key, or its end.
const BLOCKS_MIN: u8 = 3;

/// Filter coefficients of the eight tones, rows first.
static COEFFICIENTS: LazyLock<[f32; 8]> = LazyLock::new(|| {
    let mut all = [0.0; 8];
    for (to, hz) in all.iter_mut().zip(ROWS.iter().chain(&COLUMNS)) {
        *to = 2.0 * (TAU * hz / crate::wav::RATE as f32).cos();
    }
    all
});

/// Listens to one stream.
#[derive(Debug, Default)]
pub(crate) struct ToneDetector {
    /// The last two outputs of each filter.
    filters: [[f32; 2]; 8],
    power: f32,
    /// Samples of the block so far.
    samples: u32,
    /// What the last block held, and how many in a row held it.
    last: Option<char>,
    run: u8,
    /// The key that is held down.
    pressed: Option<char>,
}

impl ToneDetector {
    /// Hears a packet of G.711. Gives the key whose press became certain with it.
    pub(crate) fn hear(&mut self, codec: Codec, payload: &[u8]) -> Option<char> {
        let decode = match codec {
            Codec::Pcma => decode_alaw,
            Codec::Pcmu => decode_ulaw,
            Codec::G722 | Codec::Opus => return None,
        };
        let coefficients = &*COEFFICIENTS;
        let mut key = None;
        for &octet in payload {
            let sample = f32::from(decode(octet));
            self.power += sample * sample;
            for (filter, coefficient) in self.filters.iter_mut().zip(coefficients) {
                let [newer, older] = *filter;
                *filter = [coefficient * newer - older + sample, newer];
            }
            self.samples += 1;
            if self.samples == BLOCK {
                key = key.or(self.end_block());
            }
        }
        key
    }

    fn end_block(&mut self) -> Option<char> {
        let found = self.key_of_block();
        (self.filters, self.power, self.samples) = ([[0.0; 2]; 8], 0.0, 0);
        self.run = if found == self.last {
            self.run.saturating_add(1)
        } else {
            1
        };
        self.last = found;
        if self.run != BLOCKS_MIN || found == self.pressed {
            return None;
        }
        self.pressed = found;
        found
    }

    fn key_of_block(&self) -> Option<char> {
        let mut powers = [0.0; 8];
        for ((power, [newer, older]), coefficient) in powers.iter_mut().zip(&self.filters).zip(&*COEFFICIENTS)
        {
            let square = newer * newer + older * older - coefficient * newer * older;
            // Mean power of the sine with that amplitude.
            *power = 2.0 * square / (BLOCK * BLOCK) as f32;
        }
        let (rows, columns) = powers.split_at(ROWS.len());
        let (row, lower) = strongest(rows)?;
        let (column, higher) = strongest(columns)?;
        let mean = self.power / BLOCK as f32;
        let twist = lower < higher * LOWER_STRONGER_MAX && higher < lower * HIGHER_STRONGER_MAX;
        if !twist || lower + higher < mean * SHARE_MIN {
            return None;
        }
        KEYS.get(row)?.get(column).copied()
    }
}

/// The tone of a group that stands out, if one does.
fn strongest(group: &[f32]) -> Option<(usize, f32)> {
    let (best, &power) = group.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let clear = group
        .iter()
        .enumerate()
        .all(|(i, &other)| i == best || other * NEXT_FACTOR < power);
    (clear && power >= POWER_MIN).then_some((best, power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec_algorithms::encode_alaw;
    use std::f64::consts::TAU;

    fn press(key: char, ms: usize, amplitudes: (f64, f64), detune: f64) -> Vec<i16> {
        let (row, column) = (0..4)
            .flat_map(|r| (0..4).map(move |c| (r, c)))
            .find(|&(r, c)| KEYS[r][c] == key)
            .expect("it is a key");
        let sine = |hz: f32, amplitude: f64, i: usize| {
            amplitude * (TAU * f64::from(hz) * detune * i as f64 / 8_000.0).sin()
        };
        (0..ms * 8)
            .map(|i| (sine(ROWS[row], amplitudes.0, i) + sine(COLUMNS[column], amplitudes.1, i)) as i16)
            .collect()
    }

    fn heard(samples: &[i16]) -> String {
        let mut detector = ToneDetector::default();
        let octets: Vec<u8> = samples.iter().map(|&s| encode_alaw(s)).collect();
        octets
            .chunks(160)
            .filter_map(|packet| detector.hear(Codec::Pcma, packet))
            .collect()
    }

    fn quiet(ms: usize) -> Vec<i16> {
        vec![0; ms * 8]
    }

    #[test]
    fn every_key_is_heard_once_a_press_wherever_it_begins() {
        for offset in [0, 3, 7, 11, 19] {
            let mut all = quiet(offset);
            for key in KEYS.as_flattened() {
                all.extend(press(*key, 70, (4_000.0, 4_000.0), 1.0));
                all.extend(quiet(70));
            }
            assert_eq!(heard(&all), "123A456B789C*0#D", "{offset} ms in");
        }
    }

    #[test]
    fn equal_keys_are_two_and_a_long_press_is_one() {
        let once = press('5', 80, (3_000.0, 3_000.0), 1.0);
        assert_eq!(
            heard(&[once.clone(), quiet(60), once.clone(), quiet(60)].concat()),
            "55"
        );
        assert_eq!(heard(&press('5', 3_000, (3_000.0, 3_000.0), 1.0)), "5");
    }

    #[test]
    fn tones_may_be_off_as_far_as_q24_says() {
        for detune in [0.985, 1.015] {
            assert_eq!(
                heard(&press('9', 80, (4_000.0, 4_000.0), detune)),
                "9",
                "{detune}"
            );
        }
        for detune in [0.96, 1.04] {
            assert_eq!(heard(&press('9', 80, (4_000.0, 4_000.0), detune)), "", "{detune}");
        }
        assert_eq!(
            heard(&press('3', 80, (5_000.0, 2_500.0), 1.0)),
            "3",
            "the lower tone stronger by 6 dB"
        );
        assert_eq!(
            heard(&press('3', 80, (2_500.0, 3_700.0), 1.0)),
            "3",
            "the higher by 3.4 dB"
        );
        assert_eq!(heard(&press('3', 80, (1_000.0, 6_000.0), 1.0)), "");
        assert_eq!(heard(&press('3', 80, (100.0, 100.0), 1.0)), "", "an echo");
        assert_eq!(heard(&press('3', 25, (4_000.0, 4_000.0), 1.0)), "", "a click");
    }

    #[test]
    fn noise_does_not_hide_a_key() {
        let mut state = 1u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state % 1_000) as i16 - 500
        };
        let tone = press('7', 200, (4_000.0, 4_000.0), 1.0);
        assert_eq!(heard(&tone.iter().map(|s| s + noise()).collect::<Vec<_>>()), "7");
        let alone: Vec<i16> = (0..800_000).map(|_| noise() * 16).collect();
        assert_eq!(heard(&alone), "", "and 100 s of noise hold none");
    }

    #[test]
    fn neither_speech_nor_music_is_taken_for_a_key() {
        let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let mut files = vec![config.join("music/hold.wav")];
        for language in ["zh", "en"] {
            let folder =
                std::fs::read_dir(config.join("prompts").join(language)).expect("the project's prompts");
            files.extend(folder.map(|entry| entry.expect("a file").path()));
        }
        let mut seconds = 0;
        for file in files {
            let sound = crate::decode::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            seconds += sound.narrow.len() / 8_000;
            // At several loudnesses and offsets, so that the blocks fall differently.
            for (volume, skip) in [(1, 0), (2, 53), (4, 107)] {
                let samples: Vec<i16> = sound.narrow.iter().skip(skip).map(|s| s / volume).collect();
                assert_eq!(heard(&samples), "", "{}", file.display());
            }
        }
        assert!(seconds > 120, "there was something to be mistaken: {seconds} s");
    }
}
