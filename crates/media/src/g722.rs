//! G.722 at 64 kbit/s (ITU-T G.722, 1988): two bands of 4 kHz by a quadrature mirror filter, each coded by ADPCM, six bits
//! of an octet for the lower and two for the upper.
//!
//! Names of blocks and variables are those of the recommendation's §6.2, in whose integer arithmetic all is done, so
//! that every implementation gives the same octets and samples. What was at hand in Rust does not.

/// One encoder for one stream.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    filter: Mirror,
    low: Low,
    high: High,
}

/// One decoder for one stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    filter: Mirror,
    low: Low,
    high: High,
}

impl Encoder {
    /// Encodes samples of 16,000 a second, two into each octet. Gives the number of octets, or `None` if there is no room.
    pub(crate) fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> Option<usize> {
        let pairs = samples.as_chunks().0;
        let room = octets.get_mut(..pairs.len())?;
        for (octet, &[first, second]) in room.iter_mut().zip(pairs) {
            let [odd, even] = self.filter.next(first.into(), second.into());
            let low = self.low.encode((even + odd) >> 14);
            let high = self.high.encode((even - odd) >> 14);
            *octet = (high << 6 | low) as u8;
        }
        Some(pairs.len())
    }
}

impl Decoder {
    /// Decodes octets into samples of 16,000 a second. Gives the number of samples, or `None` if there is no room.
    pub(crate) fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> Option<usize> {
        let room = samples.get_mut(..octets.len() * 2)?;
        for (pair, &octet) in room.as_chunks_mut().0.iter_mut().zip(octets) {
            let (low, high) = (self.low.decode(octet), self.high.decode(octet));
            let [second, first] = self.filter.next(low + high, low - high);
            *pair = [first, second].map(|sum| saturate(sum >> 11) as i16);
        }
        Some(octets.len() * 2)
    }

    /// Decodes the lower band alone, into samples of 8,000 a second.
    pub(crate) fn decode_low(&mut self, octets: &[u8], samples: &mut [i16]) -> Option<usize> {
        let room = samples.get_mut(..octets.len())?;
        for (sample, &octet) in room.iter_mut().zip(octets) {
            *sample = saturate(self.low.decode(octet) << 1) as i16;
        }
        Some(octets.len())
    }
}

/// The quadrature mirror filter (table 11): 24 taps, the same from either end.
#[derive(Debug, Default)]
struct Mirror {
    past: [i32; 24],
}

impl Mirror {
    /// Takes in two values and gives the sums over the odd and the even taps.
    fn next(&mut self, first: i32, second: i32) -> [i32; 2] {
        const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
        self.past.copy_within(2.., 0);
        (self.past[22], self.past[23]) = (first, second);
        let mut sums = [0, 0];
        for ([a, b], (odd, even)) in self
            .past
            .as_chunks()
            .0
            .iter()
            .zip(TAPS.iter().zip(TAPS.iter().rev()))
        {
            sums[0] += a * odd;
            sums[1] += b * even;
        }
        sums
    }
}

/// The lower band's coder.
#[derive(Debug)]
struct Low {
    predictor: Predictor,
    /// NBL, the logarithm of the quantizer's scale.
    nb: i32,
    /// DETL, the scale.
    det: i32,
}

impl Default for Low {
    fn default() -> Self {
        Self {
            predictor: Predictor::default(),
            nb: 0,
            det: 32,
        }
    }
}

impl Low {
    fn encode(&mut self, sample: i32) -> i32 {
        // QUANTL, table 14: decision levels, and the codes of the intervals between them.
        const LEVELS: [i32; 29] = [
            35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
            1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
        ];
        let el = saturate(sample - self.predictor.estimate);
        let size = if el >= 0 { el } else { -(el + 1) };
        let interval = LEVELS
            .iter()
            .take_while(|&level| size >= (level * self.det) >> 12)
            .count() as i32;
        let code = match (el < 0, interval) {
            (false, _) => 61 - interval,
            (true, 0 | 1) => 63 - interval,
            (true, _) => 33 - interval,
        };
        self.adapt(code >> 2);
        code
    }

    /// The band's sample, from the octet's lower six bits.
    fn decode(&mut self, octet: u8) -> i32 {
        // INVQBL, table 15.
        const STEPS: [i32; 64] = [
            -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
            -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400,
            -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232,
            9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688,
            1360, 1040, 728, 432, 136, -432, -136,
        ];
        let code = octet & 0x3f;
        let step = (self.det * STEPS[usize::from(code)]) >> 15;
        let sample = (self.predictor.estimate + step).clamp(-16_384, 16_383);
        self.adapt(i32::from(code >> 2));
        sample
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor, by the code's upper four bits.
    fn adapt(&mut self, code: i32) {
        const STEPS: [i32; 16] = [
            0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200,
            0,
        ];
        // Table 17, by way of table 16.
        const WEIGHTS: [i32; 16] = [
            -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
        ];
        let code = (code & 15) as usize;
        let difference = (self.det * STEPS[code]) >> 15;
        self.nb = (((self.nb * 127) >> 7) + WEIGHTS[code]).clamp(0, 18_432);
        self.det = scale(self.nb, 8);
        self.predictor.follow(difference);
    }
}

/// The upper band's coder.
#[derive(Debug)]
struct High {
    predictor: Predictor,
    nb: i32,
    det: i32,
}

impl Default for High {
    fn default() -> Self {
        Self {
            predictor: Predictor::default(),
            nb: 0,
            det: 8,
        }
    }
}

impl High {
    fn encode(&mut self, sample: i32) -> i32 {
        let eh = saturate(sample - self.predictor.estimate);
        let size = if eh >= 0 { eh } else { -(eh + 1) };
        let large = size >= (564 * self.det) >> 12;
        let code = match (eh < 0, large) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.adapt(code);
        code
    }

    /// The band's sample, from the octet's upper two bits.
    fn decode(&mut self, octet: u8) -> i32 {
        let before = self.predictor.estimate;
        let difference = self.adapt(i32::from(octet >> 6));
        (before + difference).clamp(-16_384, 16_383)
    }

    /// INVQAH, LOGSCH, SCALEH and the predictor. Gives the difference.
    fn adapt(&mut self, code: i32) -> i32 {
        const STEPS: [i32; 4] = [-7408, -1616, 7408, 1616];
        const WEIGHTS: [i32; 4] = [798, -214, 798, -214];
        let code = (code & 3) as usize;
        let difference = (self.det * STEPS[code]) >> 15;
        self.nb = (((self.nb * 127) >> 7) + WEIGHTS[code]).clamp(0, 22_528);
        self.det = scale(self.nb, 10);
        self.predictor.follow(difference);
        difference
    }
}

/// SCALEL and SCALEH: the scale for its logarithm (table 18 is 2048·2^(n/32)).
fn scale(nb: i32, most: i32) -> i32 {
    const POWERS: [i32; 32] = [
        2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
        2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
    ];
    let power = POWERS[(nb >> 6 & 31) as usize];
    let shift = most - (nb >> 11);
    (if shift < 0 {
        power << -shift
    } else {
        power >> shift
    }) << 2
}

/// What both bands predict the next sample with: two poles and six zeros, which follow the signal (§3.6).
#[derive(Debug, Default)]
struct Predictor {
    /// S, the estimate.
    estimate: i32,
    /// SZ, the zeros' part of it.
    zeros: i32,
    /// The last reconstructed signals, and those of the zeros alone, the newest first.
    r: [i32; 2],
    p: [i32; 2],
    a: [i32; 2],
    d: [i32; 6],
    b: [i32; 6],
}

impl Predictor {
    /// Takes in a quantized difference.
    fn follow(&mut self, d: i32) {
        let r = saturate(self.estimate + d);
        let p = saturate(self.zeros + d);
        self.follow_poles(p);
        self.follow_zeros(d);
        (self.r, self.p) = ([r, self.r[0]], [p, self.p[0]]);
        self.d.copy_within(..5, 1);
        self.d[0] = d;
        // FILTEP, FILTEZ, PREDIC.
        let pole = |a: i32, r: i32| (a * saturate(2 * r)) >> 15;
        let poles = saturate(pole(self.a[0], self.r[0]) + pole(self.a[1], self.r[1]));
        let zeros = self
            .b
            .iter()
            .zip(&self.d)
            .map(|(b, d)| (b * saturate(2 * d)) >> 15);
        self.zeros = saturate(zeros.sum());
        self.estimate = saturate(poles + self.zeros);
    }

    /// UPPOL2 and UPPOL1.
    fn follow_poles(&mut self, p: i32) {
        let alike = self.p.map(|before| (before < 0) == (p < 0));
        let [a1, a2] = self.a;
        let wd1 = saturate(a1 << 2);
        let wd2 = (if alike[0] { -wd1 } else { wd1 }).min(32_767);
        let wd3 = if alike[1] { 128 } else { -128 };
        let a2 = (wd3 + (wd2 >> 7) + ((a2 * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if alike[0] { 192 } else { -192 };
        let bound = saturate(15_360 - a2);
        let a1 = saturate(step + ((a1 * 32_640) >> 15)).clamp(-bound, bound);
        self.a = [a1, a2];
    }

    /// UPZERO.
    fn follow_zeros(&mut self, d: i32) {
        let step = if d == 0 { 0 } else { 128 };
        for (b, before) in self.b.iter_mut().zip(self.d) {
            let alike = (before < 0) == (d < 0);
            *b = saturate((if alike { step } else { -step }) + ((*b * 32_640) >> 15));
        }
    }
}

fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(bytes: &[u8]) -> Vec<i16> {
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|&pair| i16::from_le_bytes(pair))
            .collect()
    }

    /// FFmpeg's octets and samples of a sweep from 200 to 6,200 Hz beside a tone of 1,000 Hz.
    #[test]
    fn encoder_and_decoder_agree_with_another_implementation() {
        let sound = samples(include_bytes!("../tests/sounds/sweep.s16"));
        let octets = include_bytes!("../tests/sounds/sweep.g722");
        let decoded = samples(include_bytes!("../tests/sounds/sweep.g722.s16"));
        let mut ours = vec![0; sound.len() / 2];
        assert_eq!(Encoder::default().encode(&sound, &mut ours), Some(octets.len()));
        assert!(ours == octets, "the same octets");
        let mut back = vec![0; decoded.len()];
        assert_eq!(Decoder::default().decode(octets, &mut back), Some(back.len()));
        assert!(back == decoded, "the same samples");
    }

    #[test]
    fn any_octets_are_decoded_within_bounds() {
        let mut decoder = Decoder::default();
        let mut state = 7u32;
        for _ in 0..500 {
            let octets: [u8; 160] = std::array::from_fn(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            });
            assert_eq!(decoder.decode(&octets, &mut [0; 320]), Some(320));
            assert_eq!(decoder.decode_low(&octets, &mut [0; 160]), Some(160));
        }
        assert_eq!(decoder.decode(&[0; 160], &mut [0; 319]), None);
        assert_eq!(Encoder::default().encode(&[i16::MIN; 320], &mut [0; 159]), None);
        for extreme in [i16::MIN, i16::MAX] {
            assert_eq!(
                Encoder::default().encode(&[extreme; 3_200], &mut [0; 1_600]),
                Some(1_600)
            );
        }
    }
}
