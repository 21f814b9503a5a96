//! G.722 at 64 kbit/s: 16 kHz speech in eight bits for every two samples (ITU-T G.722, 1988/2012).
//!
//! A quadrature mirror filter halves the band; each half is ADPCM, six bits for the lower and two for
//! the upper one. The block names in the comments are the recommendation's.
//!
//! NOTE: own code rather than `ezk-g722`. That crate brings an asynchronous runtime and twenty other crates into
//! a core that knows none. `tests/g722.rs` holds this one against ffmpeg's, bit for bit, and states its
//! signal-to-noise ratio.

/// Samples to bytes.
#[derive(Clone, Debug)]
pub struct Encoder {
    low: Band,
    high: Band,
    history: [i32; TAPS],
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// As the recommendation starts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            low: Band::new(LOW_START),
            high: Band::new(HIGH_START),
            history: [0; TAPS],
        }
    }

    /// Append a byte for every two samples of 16 kHz s16le; what is less than two at the end is ignored.
    pub fn encode(&mut self, pcm: &[u8], out: &mut Vec<u8>) {
        out.extend(pcm.chunks_exact(4).map(|pair| {
            let sample = |at: usize| i16::from_le_bytes([pair[at], pair[at + 1]]);
            self.pair(sample(0).into(), sample(2).into())
        }));
    }

    fn pair(&mut self, first: i32, second: i32) -> u8 {
        let [even, odd] = filter(&mut self.history, first, second);
        let lower = self.quantise_low((even + odd) >> 14);
        let upper = self.quantise_high((even - odd) >> 14);
        (upper << 6) | lower
    }

    /// QUANTL: the interval of the prediction's error, six bits.
    fn quantise_low(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.low.predicted);
        let size = if error >= 0 { error } else { -(error + 1) };
        let larger = LEVELS
            .iter()
            .take_while(|&&level| size >= (level * self.low.step) >> 12);
        let interval = low_byte(larger.count());
        let code = if error >= 0 {
            // 61 for the smallest, down to 32.
            61 - interval
        } else if interval < 2 {
            63 - interval
        } else {
            33 - interval
        };
        self.low.adapt_low(code >> 2);
        code
    }

    /// QUANTH: two bits.
    fn quantise_high(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.high.predicted);
        let size = if error >= 0 { error } else { -(error + 1) };
        let large = size >= (564 * self.high.step) >> 12;
        let code = match (error >= 0, large) {
            (true, false) => 3,
            (true, true) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        self.high.adapt_high(code);
        code
    }
}

/// Bytes to samples.
#[derive(Clone, Debug)]
pub struct Decoder {
    low: Band,
    high: Band,
    history: [i32; TAPS],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// As the recommendation starts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            low: Band::new(LOW_START),
            high: Band::new(HIGH_START),
            history: [0; TAPS],
        }
    }

    /// Append two samples of 16 kHz s16le for every byte.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            for sample in self.pair(byte) {
                out.extend_from_slice(&sample.to_le_bytes());
            }
        }
    }

    fn pair(&mut self, byte: u8) -> [i16; 2] {
        let (lower, upper) = (byte & 0x3F, byte >> 6);
        let fine = (self.low.step * SIX_BITS[usize::from(lower)]) >> 15;
        let low = limit(self.low.predicted + fine);
        self.low.adapt_low(lower >> 2);
        let coarse = (self.high.step * TWO_BITS[usize::from(upper)]) >> 15;
        let high = limit(self.high.predicted + coarse);
        self.high.adapt_high(upper);
        filter(&mut self.history, low + high, low - high).map(|sum| narrow(saturate(sum >> 11)))
    }
}

/// One half of the band: an adaptive step, and a predictor of two poles and six zeros.
#[derive(Clone, Debug)]
struct Band {
    /// DETL, DETH and the logarithms they come from (NBL, NBH).
    step: i32,
    logarithm: i32,
    /// SL, SH and the zeros' part of it (SZL, SZH).
    predicted: i32,
    from_zeros: i32,
    /// The last two reconstructed (RLT) and partly reconstructed (PLT) signals, newest first.
    signal: [i32; 2],
    partial: [i32; 2],
    /// The last six differences, newest first.
    differences: [i32; 6],
    poles: [i32; 2],
    zeros: [i32; 6],
}

impl Band {
    const fn new(step: i32) -> Self {
        Self {
            step,
            logarithm: 0,
            predicted: 0,
            from_zeros: 0,
            signal: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            poles: [0; 2],
            zeros: [0; 6],
        }
    }

    /// INVQAL, LOGSCL, SCALEL, then the predictor. `code` is the upper four bits.
    fn adapt_low(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = (self.step * FOUR_BITS[code]) >> 15;
        let logarithm = ((self.logarithm * 127) >> 7) + LOW_LOGARITHM[code];
        self.logarithm = logarithm.clamp(0, 18_432);
        self.step = scale(self.logarithm, 8);
        self.predict(difference);
    }

    /// INVQAH, LOGSCH, SCALEH, then the predictor.
    fn adapt_high(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = (self.step * TWO_BITS[code]) >> 15;
        let logarithm = ((self.logarithm * 127) >> 7) + HIGH_LOGARITHM[code];
        self.logarithm = logarithm.clamp(0, 22_528);
        self.step = scale(self.logarithm, 10);
        self.predict(difference);
    }

    /// Block 4: the prediction of the next sample.
    fn predict(&mut self, difference: i32) {
        // RECONS, PARREC
        let signal = saturate(self.predicted + difference);
        let partial = saturate(self.from_zeros + difference);
        let alike = |other: i32| (partial < 0) == (other < 0);
        let [same_one, same_two] = self.partial.map(alike);
        // UPPOL2
        let first = saturate(self.poles[0] << 2);
        let first = if same_one { -first } else { first }.min(i16::MAX.into());
        let second = (first >> 7) + if same_two { 128 } else { -128 };
        let second = (second + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1
        let most = saturate(15_360 - second);
        let first = if same_one { 192 } else { -192 } + ((self.poles[0] * 32_640) >> 15);
        self.poles = [saturate(first).clamp(-most, most), second];
        // UPZERO
        let leak = if difference == 0 { 0 } else { 128 };
        for (zero, &before) in self.zeros.iter_mut().zip(&self.differences) {
            let toward = if (before < 0) == (difference < 0) {
                leak
            } else {
                -leak
            };
            *zero = saturate(toward + ((*zero * 32_640) >> 15));
        }
        // DELAYA
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.signal = [signal, self.signal[0]];
        self.partial = [partial, self.partial[0]];
        // FILTEP, FILTEZ, PREDIC
        let weigh = |weight: i32, value: i32| (weight * saturate(2 * value)) >> 15;
        let poles = self.poles.iter().zip(&self.signal);
        let zeros = self.zeros.iter().zip(&self.differences);
        let from_poles = saturate(poles.map(|(&a, &r)| weigh(a, r)).sum());
        self.from_zeros = saturate(zeros.map(|(&b, &d)| weigh(b, d)).sum());
        self.predicted = saturate(from_poles + self.from_zeros);
    }
}

/// The quadrature mirror filter's two halves, for the newest pair of samples.
fn filter(history: &mut [i32; TAPS], first: i32, second: i32) -> [i32; 2] {
    history.copy_within(2.., 0);
    history[TAPS - 2] = first;
    history[TAPS - 1] = second;
    let pairs = history.chunks_exact(2);
    let weights = MIRROR.iter().zip(MIRROR.iter().rev());
    pairs
        .zip(weights)
        .fold([0, 0], |[first, second], (pair, (a, b))| {
            [first + pair[1] * b, second + pair[0] * a]
        })
}

/// SCALEL, SCALEH: a logarithm to a step.
fn scale(logarithm: i32, shift: i32) -> i32 {
    #[expect(clippy::cast_sign_loss, reason = "0 to 31")]
    let mantissa = MANTISSA[((logarithm >> 6) & 31) as usize];
    let shift = shift - (logarithm >> 11);
    let step = if shift < 0 {
        mantissa << -shift
    } else {
        mantissa >> shift
    };
    step << 2
}

const fn saturate(value: i32) -> i32 {
    if value > i16::MAX as i32 {
        i16::MAX as i32
    } else if value < i16::MIN as i32 {
        i16::MIN as i32
    } else {
        value
    }
}

/// 15 bits: what either half may reach.
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

#[expect(clippy::cast_possible_truncation, reason = "saturated")]
const fn narrow(value: i32) -> i16 {
    value as i16
}

#[expect(clippy::cast_possible_truncation, reason = "30 at most")]
const fn low_byte(count: usize) -> u8 {
    count as u8
}

const TAPS: usize = 24;
const LOW_START: i32 = 32;
const HIGH_START: i32 = 8;

/// Half of the mirror filter; the other half is its mirror image.
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];

/// Decision levels of the lower band (table 14).
const LEVELS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023,
    1_121, 1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];

/// Output values of the inverse quantisers (tables 15 to 17, 20).
const SIX_BITS: [i32; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192,
    -10_232, -9_360, -8_576, -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008,
    -3_576, -3_168, -2_776, -2_400, -2_032, -1_688, -1_360, -1_040, -728, 24_808, 21_904, 19_008,
    16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360, 8_576, 7_856, 7_192, 6_576, 6_000,
    5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728, 432,
    136, -432, -136,
];
const FOUR_BITS: [i32; 16] = [
    0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288,
    4_240, 2_584, 1_200, 0,
];
const TWO_BITS: [i32; 4] = [-7_408, -1_616, 7_408, 1_616];

/// Multipliers of the steps' logarithms, by code (tables 18, 19, 21).
const LOW_LOGARITHM: [i32; 16] = [
    -60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60,
];
const HIGH_LOGARITHM: [i32; 4] = [798, -214, 798, -214];

/// 2048 × 2^(n / 32) (table 22).
const MANTISSA: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656,
    2_714, 2_774, 2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520,
    3_597, 3_676, 3_756, 3_838, 3_922, 4_008,
];
