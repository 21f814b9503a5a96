//! The hearing half: hops, windows, readings.

use std::collections::VecDeque;
use std::f32::consts::TAU;

use super::{
    Beacon, DATA_TONES, FIRST_DATA, HIGH_PILOT, LOW_PILOT, Number, PILOTS, SYMBOL_SAMPLES, SYMBOLS,
    TONES, WORD_SAMPLES, crc24, frequency,
};

/// Finds words in a stream of 16 kHz samples, however the stream is cut into pieces.
#[derive(Debug)]
pub struct Decoder {
    tables: Box<Tables>,
    /// Samples of the hop that is not full yet.
    pending: [i16; HOP_SAMPLES],
    filled: usize,
    /// Number of the next hop.
    hop: u64,
    /// The last `HOPS_PER_SYMBOL` hops' correlations and energies.
    recent: VecDeque<Hop>,
    /// One entry per hop: the 10 ms window that ends there; exactly one word long.
    windows: VecDeque<Window>,
    /// The best reading so far, given out when no better one can follow.
    held: Option<Reading>,
    /// `finish` gave out a word that the hops below this one would read again.
    deaf_until: u64,
}

impl Decoder {
    /// A decoder at sample 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tables: Box::new(Tables::new()),
            pending: [0; HOP_SAMPLES],
            filled: 0,
            hop: 0,
            recent: VecDeque::with_capacity(HOPS_PER_SYMBOL + 1),
            windows: VecDeque::with_capacity(SPAN_HOPS + 1),
            held: None,
            deaf_until: 0,
        }
    }

    /// Takes more samples and appends the words that are certain now: a word at most 11.25 ms after
    /// its end.
    pub fn push(&mut self, samples: &[i16], heard: &mut Vec<Beacon>) {
        for &sample in samples {
            self.pending[self.filled] = sample;
            self.filled += 1;
            if self.filled == HOP_SAMPLES {
                self.filled = 0;
                self.complete_hop(heard);
            }
        }
    }

    /// Gives out a word that ended with the newest samples and that `push` still holds back. The
    /// stream may go on.
    pub fn finish(&mut self, heard: &mut Vec<Beacon>) {
        if let Some(held) = self.held.take() {
            self.deaf_until = held.hop + 2 * HOPS_PER_SYMBOL as u64;
            heard.push(held.beacon());
        }
    }

    fn complete_hop(&mut self, heard: &mut Vec<Beacon>) {
        if self.recent.len() == HOPS_PER_SYMBOL {
            self.recent.pop_front();
        }
        self.recent
            .push_back(self.tables.correlate(&self.pending, self.hop));
        if self.windows.len() == SPAN_HOPS {
            self.windows.pop_front();
        }
        self.windows.push_back(Window::over(&self.recent));
        if self.hop >= self.deaf_until {
            if let Some((number, score)) = self.read() {
                if self.held.as_ref().is_none_or(|held| score > held.score) {
                    let hop = self.hop;
                    self.held = Some(Reading { number, score, hop });
                }
            }
        }
        let hop = self.hop;
        if let Some(held) = self
            .held
            .take_if(|held| hop >= held.hop + HOPS_PER_SYMBOL as u64)
        {
            heard.push(held.beacon());
        }
        self.hop += 1;
    }

    /// The word that ends with the newest window, if there is one.
    fn read(&self) -> Option<(Number, f32)> {
        if self.windows.len() < SPAN_HOPS {
            return None;
        }
        let pilots = [(0, LOW_PILOT), (HOPS_PER_SYMBOL, HIGH_PILOT)];
        let mut score = 0.0;
        for (at, pilot) in pilots {
            let window = self.windows[at];
            if window.tone != pilot || window.purity < MIN_PURITY {
                return None;
            }
            score += window.purity;
        }
        let (mut bits, mut before) = (0_u64, 0_usize);
        for symbol in PILOTS..SYMBOLS {
            let window = self.windows[symbol * HOPS_PER_SYMBOL];
            if window.purity < MIN_PURITY || window.tone == LOW_PILOT || window.tone == HIGH_PILOT {
                return None;
            }
            let tone = window.tone - FIRST_DATA;
            let nibble = (tone + DATA_TONES - before - 1) % DATA_TONES;
            if nibble == DATA_TONES - 1 {
                return None; // the same tone twice: the encoder never does that
            }
            bits = (bits << 4) | nibble as u64;
            before = tone;
            score += window.purity;
        }
        let (value, check) = (((bits >> 24) & 0xFF_FFFF) as u32, (bits & 0xFF_FFFF) as u32);
        (crc24(value) == check).then_some((Number(value), score))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// One hop's correlation with every tone, phases referred to the beginning of the stream.
#[derive(Clone, Debug)]
struct Hop {
    real: [f32; LANES],
    imaginary: [f32; LANES],
    energy: f32,
}

/// What 10 ms sound like: the strongest tone and its share of the energy.
#[derive(Clone, Copy, Debug)]
struct Window {
    tone: usize,
    purity: f32,
}

impl Window {
    const SILENT: Self = Self {
        tone: 0,
        purity: 0.0,
    };

    #[expect(clippy::cast_precision_loss, reason = "160 is exact in f32")]
    fn over(hops: &VecDeque<Hop>) -> Self {
        let energy: f32 = hops.iter().map(|hop| hop.energy).sum();
        if energy < MIN_ENERGY || hops.len() < HOPS_PER_SYMBOL {
            return Self::SILENT;
        }
        let (mut real, mut imaginary) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        for hop in hops {
            for lane in 0..LANES {
                real[lane] += hop.real[lane];
                imaginary[lane] += hop.imaginary[lane];
            }
        }
        let mut best = Self::SILENT;
        for tone in 0..TONES {
            let power = real[tone] * real[tone] + imaginary[tone] * imaginary[tone];
            // A pure tone of amplitude A: |sum| = A·N/2, energy = A²·N/2, hence the factor 2/N.
            let purity = 2.0 * power / (SYMBOL_SAMPLES as f32 * energy);
            if purity > best.purity {
                best = Self { tone, purity };
            }
        }
        best
    }
}

/// A word read at `hop`; its neighbours may read it better.
#[derive(Debug)]
struct Reading {
    number: Number,
    score: f32,
    hop: u64,
}

impl Reading {
    fn beacon(&self) -> Beacon {
        let end = (self.hop + 1) * HOP_SAMPLES as u64;
        Beacon {
            number: self.number,
            start: end - WORD_SAMPLES,
            end,
        }
    }
}

/// Sines and cosines of one hop, and the turn of each tone from hop to hop.
#[derive(Debug)]
struct Tables {
    cosine: [[f32; LANES]; HOP_SAMPLES],
    sine: [[f32; LANES]; HOP_SAMPLES],
    /// All tones are multiples of 50 Hz, so their phases at hop starts repeat after 320 samples.
    turn: [[(f32, f32); LANES]; HOPS_PER_PERIOD],
}

impl Tables {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts below 2^24 are exact in f32"
    )]
    fn new() -> Self {
        let angle = |tone: usize, sample: usize| TAU * frequency(tone) * sample as f32 / 16_000.0;
        let mut tables = Self {
            cosine: [[0.0; LANES]; HOP_SAMPLES],
            sine: [[0.0; LANES]; HOP_SAMPLES],
            turn: [[(0.0, 0.0); LANES]; HOPS_PER_PERIOD],
        };
        for tone in 0..TONES {
            for sample in 0..HOP_SAMPLES {
                let (sine, cosine) = angle(tone, sample).sin_cos();
                tables.cosine[sample][tone] = cosine;
                tables.sine[sample][tone] = sine;
            }
            for hop in 0..HOPS_PER_PERIOD {
                tables.turn[hop][tone] = angle(tone, hop * HOP_SAMPLES).sin_cos();
            }
        }
        tables
    }

    fn correlate(&self, samples: &[i16; HOP_SAMPLES], hop: u64) -> Hop {
        let (mut real, mut imaginary) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let mut energy = 0.0;
        if samples.iter().all(|&sample| sample == 0) {
            return Hop {
                real,
                imaginary,
                energy,
            };
        }
        for ((&sample, cosine), sine) in samples.iter().zip(&self.cosine).zip(&self.sine) {
            let value = f32::from(sample);
            energy += value * value;
            for lane in 0..LANES {
                real[lane] += value * cosine[lane];
                imaginary[lane] -= value * sine[lane];
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below 16")]
        let turn = &self.turn[(hop % HOPS_PER_PERIOD as u64) as usize];
        for lane in 0..LANES {
            let ((sine, cosine), (re, im)) = (turn[lane], (real[lane], imaginary[lane]));
            real[lane] = re * cosine + im * sine;
            imaginary[lane] = im * cosine - re * sine;
        }
        Hop {
            real,
            imaginary,
            energy,
        }
    }
}

const HOP_SAMPLES: usize = 20;
const HOPS_PER_SYMBOL: usize = SYMBOL_SAMPLES / HOP_SAMPLES;
/// From the first symbol's window to the last one's, both included.
const SPAN_HOPS: usize = (SYMBOLS - 1) * HOPS_PER_SYMBOL + 1;
const HOPS_PER_PERIOD: usize = 16;
/// Two words at equal level make 0.5 each.
const MIN_PURITY: f32 = 0.55;
/// Of 10 ms: an RMS of 20, about -64 dBFS.
const MIN_ENERGY: f32 = 160.0 * 20.0 * 20.0;
/// `TONES` rounded up to whole SIMD registers of four.
const LANES: usize = 20;
