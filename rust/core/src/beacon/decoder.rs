//! Reading words out of a stream: which windows 10 ms apart make a word, and where it lies best.

use std::collections::VecDeque;

use super::correlate::{Hop, Tables};
use super::{
    DATA_TONES, FIRST_DATA, HIGH_PILOT, HOP_SAMPLES, HOPS_PER_SYMBOL, LANES, LOW_PILOT, Number,
    PILOTS, SYMBOL_SAMPLES, SYMBOLS, TONES, WORD_SAMPLES, crc24,
};

/// A word that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// What it carries.
    pub number: Number,
    /// Its first sample, counted from the first one pushed (16 kHz), to about ±10 samples.
    pub start: u64,
    /// One past its last sample.
    pub end: u64,
}

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

    /// Takes more samples and appends the words that are certain now: a word at most 11.25 ms after its end.
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

    /// Gives out a word that ended with the newest samples and that `push` still holds back. The stream may go on.
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
            bits = bits << 4 | nibble as u64;
            before = tone;
            score += window.purity;
        }
        let (value, check) = ((bits >> 24 & 0xFF_FFFF) as u32, (bits & 0xFF_FFFF) as u32);
        (crc24(value) == check).then_some((Number(value), score))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
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

/// From the first symbol's window to the last one's, both included.
const SPAN_HOPS: usize = (SYMBOLS - 1) * HOPS_PER_SYMBOL + 1;
/// Two words at equal level make 0.5 each.
const MIN_PURITY: f32 = 0.55;
/// Of 10 ms: an RMS of 20, about -64 dBFS.
const MIN_ENERGY: f32 = 160.0 * 20.0 * 20.0;
