//! Signed 16-bit mono from any rate to any other: a polyphase filter.
//!
//! The ratio is reduced to `up / down` and walked in whole numbers, so nothing drifts however long
//! the stream. Every output sample is a windowed-sinc mean of the input around *its own* moment:
//! there is no delay to compensate, only [`HALF`] zero crossings (3 ms at 8 kHz) to wait for.
//!
//! NOTE: own code rather than `rubato`. Its fixed-ratio converter works on blocks of 441 / 640
//! samples at our odd rates, which would hold back the first 40 ms of an utterance, and brings 15
//! crates.

/// Why a conversion cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResampleError {
    /// A rate outside 4,000..=192,000 Hz.
    Rate(u32),
    /// The pcm ended in the middle of a sample.
    OddLength(usize),
}

impl std::fmt::Display for ResampleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "sample rate {rate} Hz is outside 4000..=192000 Hz"),
            Self::OddLength(bytes) => write!(f, "{bytes} bytes are not whole 16-bit samples"),
        }
    }
}

impl std::error::Error for ResampleError {}

/// Convert a whole buffer of s16le mono; the answer lines up with the input (no delay) and has
/// `ceil(samples × target / source)` samples.
///
/// # Errors
/// [`ResampleError`] for a rate out of range or half a sample.
pub fn resample(pcm: &[u8], source_rate: u32, target_rate: u32) -> Result<Vec<u8>, ResampleError> {
    if pcm.len() % 2 == 1 {
        return Err(ResampleError::OddLength(pcm.len()));
    }
    let mut resampler = Resampler::new(source_rate, target_rate)?;
    let mut out = Vec::new();
    resampler.push(pcm, &mut out);
    resampler.finish(&mut out);
    Ok(out)
}

/// Streaming conversion of s16le mono, in pieces of any length (an odd byte is carried).
#[derive(Debug)]
pub struct Resampler {
    /// None when both rates are the same: bytes pass through untouched.
    filter: Option<Filter>,
    /// Input samples from `taps` before the next output's moment on.
    input: Vec<f32>,
    /// The next output lies `phase / up` after the sample at `centre`.
    centre: usize,
    phase: usize,
    /// First half of a sample.
    odd: Option<u8>,
}

impl Resampler {
    /// A converter between two rates (4,000..=192,000 Hz).
    ///
    /// # Errors
    /// [`ResampleError::Rate`].
    pub fn new(source_rate: u32, target_rate: u32) -> Result<Self, ResampleError> {
        for rate in [source_rate, target_rate] {
            if !(4_000..=192_000).contains(&rate) {
                return Err(ResampleError::Rate(rate));
            }
        }
        let filter = (source_rate != target_rate).then(|| Filter::new(source_rate, target_rate));
        let mut resampler = Self {
            filter,
            input: Vec::new(),
            centre: 0,
            phase: 0,
            odd: None,
        };
        resampler.restart();
        Ok(resampler)
    }

    /// Convert what came; appends what is ready to `out`.
    pub fn push(&mut self, pcm: &[u8], out: &mut Vec<u8>) {
        if self.filter.is_none() {
            out.extend_from_slice(pcm);
            return;
        }
        let mut pcm = pcm;
        if let (Some(low), Some((&high, rest))) = (self.odd, pcm.split_first()) {
            self.input.push(f32::from(i16::from_le_bytes([low, high])));
            self.odd = None;
            pcm = rest;
        }
        let pairs = pcm.chunks_exact(2);
        self.odd = pairs.remainder().first().copied().or(self.odd);
        let samples = pairs.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])));
        self.input.extend(samples);
        self.convert(self.input.len(), out);
        self.forget();
    }

    /// The stream ended: append what was still inside, and start anew. Half a sample is dropped.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let end = self.input.len();
        if let Some(filter) = &self.filter {
            self.input.resize(end + filter.reach, 0.0);
            self.convert(end + filter.reach, out);
        }
        self.restart();
    }

    /// Room for so many samples at once, so that pieces that are no longer allocate nothing.
    pub fn reserve(&mut self, samples: usize) {
        self.input.reserve(samples);
    }

    /// Another stream begins, after so many samples of silence.
    pub fn begin(&mut self, silence: usize) {
        self.restart();
        self.input.resize(self.input.len() + silence, 0.0);
    }

    /// Silence before the stream, so that its first sample may be a centre.
    fn restart(&mut self) {
        let before = self.filter.as_ref().map_or(0, |filter| filter.reach - 1);
        self.input.clear();
        self.input.resize(before, 0.0);
        self.centre = before;
        self.phase = 0;
        self.odd = None;
    }

    /// Every output whose surroundings lie before `end`.
    fn convert(&mut self, end: usize, out: &mut Vec<u8>) {
        let Some(filter) = &self.filter else { return };
        let room = end.saturating_sub(filter.reach + self.centre) * filter.up;
        let count = room.saturating_sub(self.phase).div_ceil(filter.down);
        let from = out.len();
        out.resize(from + 2 * count, 0);
        if let Some(value) = self.steady() {
            for sample in out[from..].chunks_exact_mut(2) {
                sample.copy_from_slice(&rounded(value).to_le_bytes());
            }
            let parts = self.phase + count * filter.down;
            self.centre += parts / filter.up;
            self.phase = parts % filter.up;
            return;
        }
        let (length, before) = (2 * filter.reach, filter.reach - 1);
        for sample in out[from..].chunks_exact_mut(2) {
            let at = self.centre - before;
            let around = &self.input[at..at + length];
            let value = rounded(dot(around, filter.weights(self.phase)));
            sample.copy_from_slice(&value.to_le_bytes());
            self.centre += filter.whole;
            self.phase += filter.part;
            if self.phase >= filter.up {
                self.phase -= filter.up;
                self.centre += 1;
            }
        }
    }

    /// What all of the input is, if it is all the same: so is what becomes of it, since the weights of an output add up
    /// to 1. Digital silence is most of what an ear is sent (and 8 in A-law, which has no 0).
    fn steady(&self) -> Option<f32> {
        let first = self.input.first()?.to_bits();
        let same = self.input.iter().all(|sample| sample.to_bits() == first);
        same.then_some(f32::from_bits(first))
    }

    /// Drop the input that no coming output reaches back to.
    fn forget(&mut self) {
        if let Some(filter) = &self.filter {
            let used = (self.centre + 1 - filter.reach).min(self.input.len());
            self.input.drain(..used);
            self.centre -= used;
        }
    }
}

/// The windowed sinc, cut into phases.
#[derive(Debug)]
struct Filter {
    up: usize,
    down: usize,
    /// What an output is behind the one before it: input samples, and parts of one.
    whole: usize,
    part: usize,
    /// Input samples on either side of a moment that count.
    reach: usize,
    phases: usize,
    /// `phases` rows of `2 × reach` weights.
    weights: Vec<f32>,
}

impl Filter {
    fn new(source_rate: u32, target_rate: u32) -> Self {
        let common = gcd(source_rate, target_rate);
        let (up, down) = (
            (target_rate / common) as usize,
            (source_rate / common) as usize,
        );
        // Going down, the filter must stop what the target cannot carry: it gets wider.
        let narrow = (f64::from(target_rate) / f64::from(source_rate)).min(1.0);
        let reach = whole((HALF / narrow).ceil());
        let phases = up.min(MAX_PHASES);
        let top = bessel(BETA);
        let mut weights = Vec::with_capacity(phases * 2 * reach);
        for phase in 0..phases {
            let moment = float(phase) / float(phases);
            let offsets = (0..2 * reach).map(|tap| float(tap) + 1.0 - float(reach) - moment);
            let row: Vec<f64> = offsets
                .map(|t| sinc(t * narrow * PASS) * kaiser(t * narrow / HALF, top))
                .collect();
            let sum: f64 = row.iter().sum();
            #[expect(clippy::cast_possible_truncation, reason = "24 bits are enough for 16")]
            weights.extend(row.iter().map(|weight| (weight / sum) as f32));
        }
        Self {
            up,
            down,
            whole: down / up,
            part: down % up,
            reach,
            phases,
            weights,
        }
    }

    fn weights(&self, phase: usize) -> &[f32] {
        let row = if self.phases == self.up {
            phase
        } else {
            phase * self.phases / self.up
        };
        let count = 2 * self.reach;
        &self.weights[row * count..(row + 1) * count]
    }
}

/// Written so that the compiler takes four of them at a time.
fn dot(samples: &[f32], weights: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (pieces, factors) = (samples.chunks_exact(LANES), weights.chunks_exact(LANES));
    let mut rest = 0.0;
    if samples.len() % LANES > 0 {
        let ends = pieces.remainder().iter().zip(factors.remainder());
        rest = ends.map(|(a, b)| a * b).sum();
    }
    for (piece, factor) in pieces.zip(factors) {
        for ((sum, a), b) in sums.iter_mut().zip(piece).zip(factor) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The nearest sample, halves away from zero. (`f32::round` is a call where the processor's oldest instructions are
/// all that may be used.)
fn rounded(value: f32) -> i16 {
    let value = value.clamp(f32::from(i16::MIN), f32::from(i16::MAX));
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let whole = value as i16;
    let rest = value - f32::from(whole);
    whole + i16::from(rest >= 0.5) - i16::from(rest <= -0.5)
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-9 {
        1.0
    } else {
        angle.sin() / angle
    }
}

/// Kaiser's window for `x` in -1..=1. `top`: `bessel(BETA)`, which takes as long as all the rest.
fn kaiser(x: f64, top: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / top
}

/// The modified Bessel function of order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    let mut k = 1.0;
    while term > sum * 1e-12 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
const fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "small counts")]
#[expect(clippy::cast_sign_loss, reason = "counts")]
const fn whole(count: f64) -> usize {
    count as usize
}

/// Zero crossings of the sinc on either side. With `BETA`: 80 dB of rejection, flat to 0.43 of the
/// lower rate.
pub const HALF: f64 = 24.0;
const BETA: f64 = 7.86;

/// Where the filter is 6 dB down, as a share of the lower rate's half.
const PASS: f64 = 0.955;

/// The usual rates need at most 1,280 phases. Odd ones that would need more take the nearest of
/// these.
const MAX_PHASES: usize = 1_280;

const LANES: usize = 8;
