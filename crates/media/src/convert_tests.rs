use super::*;
use std::f64::consts::TAU;

/// Packets of a tone in a codec, made by this module's own encoders from samples at the codec's rate.
fn tone(codec: Codec, hz: f64, packets: usize, ms: usize) -> Vec<Vec<u8>> {
    let rate = rate_of(codec);
    let length = rate as usize / 1_000 * ms;
    let mut encoder = Conversion::new(Codec::Pcma, codec).map(|way| way.encoder);
    if codec == Codec::G722 {
        encoder = Some(Encoder::G722(g722::Encoder::default(), None));
    }
    let mut encoder = encoder.expect("every codec can be made");
    (0..packets)
        .map(|packet| {
            let mut samples = [0; SAMPLES_MAX];
            for (i, sample) in samples.iter_mut().take(length).enumerate() {
                let at = (packet * length + i) as f64 / f64::from(rate);
                *sample = (8_000.0 * (TAU * hz * at).sin()) as i16;
            }
            let mut octets = [0; OCTETS_MAX];
            let encoded = encoder
                .encode(&mut samples, length, &mut octets)
                .expect("it is encoded");
            octets[..encoded].to_vec()
        })
        .collect()
}

fn rate_of(codec: Codec) -> u32 {
    if codec == Codec::G722 { WIDE } else { NARROW }
}

/// What a listener with that codec hears.
fn heard(codec: Codec, packets: &[Vec<u8>]) -> Vec<f64> {
    let mut decoder = match codec {
        Codec::Pcma => Decoder::ALaw,
        Codec::Pcmu => Decoder::MuLaw,
        Codec::G722 => Decoder::G722(g722::Decoder::default()),
        Codec::Opus => Decoder::Opus(opus::Decoder::new(NARROW, Channels::Mono).expect("a decoder")),
    };
    let mut all = vec![];
    for packet in packets {
        let mut samples = [0; SAMPLES_MAX];
        let decoded = decoder.decode(packet, &mut samples).expect("it is decoded");
        all.extend(samples[..decoded].iter().map(|&s| f64::from(s)));
    }
    all
}

/// Power of a tone against all the rest, in dB, in the second half of what is heard.
fn signal_to_rest(samples: &[f64], rate: u32, hz: f64) -> f64 {
    let half = &samples[samples.len() / 2..];
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (i, s) in half.iter().enumerate() {
        let phase = TAU * hz * i as f64 / f64::from(rate);
        re += s * phase.cos();
        im += s * phase.sin();
        power += s * s;
    }
    let n = half.len() as f64;
    let (signal, total) = ((re * re + im * im) * 2.0 / (n * n), power / n);
    assert!(
        signal > 8_000f64.powi(2) / 2.0 * 0.7,
        "the tone is as loud as it was: {signal}"
    );
    10.0 * (signal / (total - signal)).log10()
}

fn convert(from: Codec, to: Codec, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut way = Conversion::new(from, to).expect("there is a way");
    let convert = |(i, packet): (usize, &Vec<u8>)| {
        way.convert(65_530u16.wrapping_add(i as u16), packet)
            .expect("it is converted")
            .to_vec()
    };
    packets.iter().enumerate().map(convert).collect()
}

#[test]
fn a_tone_passes_between_any_two_codecs() {
    for from in Codec::ALL {
        for to in Codec::ALL {
            if from.family() == to.family() {
                continue;
            }
            let converted = convert(from, to, &tone(from, 1_000.0, 50, 20));
            let heard = heard(to, &converted);
            assert_eq!(
                heard.len(),
                rate_of(to) as usize,
                "{from:?} to {to:?}: a second stays a second"
            );
            let ratio = signal_to_rest(&heard, rate_of(to), 1_000.0);
            assert!(ratio > 20.0, "{from:?} to {to:?}: {ratio:.1} dB");
        }
    }
}

#[test]
fn a_packet_keeps_its_duration() {
    for ms in [10, 20, 30, 40, 50, 60, 120] {
        for to in [Codec::G722, Codec::Opus] {
            let there = convert(Codec::Pcma, to, &tone(Codec::Pcma, 500.0, 3, ms));
            let back = convert(to, Codec::Pcma, &there);
            assert!(
                back.iter().all(|packet| packet.len() == 8 * ms),
                "{ms} ms by {to:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_converted_is_refused() {
    let refused = |from, to, payload: &[u8]| {
        let mut way = Conversion::new(from, to).expect("there is a way");
        way.convert(1, payload) == Err(Reason::Codec)
    };
    assert!(refused(Codec::Opus, Codec::Pcma, &[]));
    assert!(
        refused(Codec::Opus, Codec::Pcma, &[0xff; 3]),
        "64 frames in a packet"
    );
    assert!(
        refused(Codec::Pcma, Codec::Opus, &[0xd5; 161]),
        "no duration of Opus"
    );
    assert!(
        refused(Codec::Pcma, Codec::G722, &[0xd5; SAMPLES_MAX]),
        "longer than any packet"
    );
    assert!(refused(Codec::G722, Codec::Opus, &[0; SAMPLES_MAX]));
    assert!(refused(Codec::Pcmu, Codec::G722, &[]));
}

#[test]
fn late_packets_are_dropped_and_lost_ones_are_no_hindrance() {
    let packets = tone(Codec::Opus, 1_000.0, 50, 20);
    let mut way = Conversion::new(Codec::Opus, Codec::Pcma).expect("there is a way");
    let mut sent = vec![];
    for (i, packet) in packets.iter().enumerate() {
        match i {
            5 | 20..=40 => {}
            10 => assert_eq!(way.convert(9, packet), Err(Reason::Late)),
            _ => sent.push(way.convert(i as u16, packet).expect("it is converted").to_vec()),
        }
    }
    assert_eq!(sent.len(), 50 - 23);
    let heard = heard(Codec::Pcma, &sent[sent.len() - 4..]);
    assert!(
        signal_to_rest(&heard, NARROW, 1_000.0) > 15.0,
        "and the tone is back soon"
    );
}

#[test]
fn doubling_keeps_the_band_and_makes_no_images() {
    for hz in [300.0, 1_000.0, 2_500.0, 3_400.0] {
        let mut doubler = Doubler::new();
        let mut all = vec![];
        for frame in 0..50 {
            let mut samples = [0; SAMPLES_MAX];
            for (i, sample) in samples.iter_mut().take(160).enumerate() {
                *sample = (10_000.0 * (TAU * hz * f64::from(frame * 160 + i as i32) / 8_000.0).sin()) as i16;
            }
            assert_eq!(doubler.double(&mut samples, 160), Some(320));
            all.extend(samples[..320].iter().map(|&s| f64::from(s)));
        }
        let ratio = signal_to_rest(&all, WIDE, hz);
        let least = if hz < 3_000.0 { 45.0 } else { 25.0 };
        assert!(ratio > least, "{hz} Hz: {ratio:.1} dB");
    }
}
