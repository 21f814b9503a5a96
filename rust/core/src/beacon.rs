//! Beacon speech: a "word" is a short burst of tones that carries a number, so that words can be
//! counted exactly.
//!
//! Theory of operation. A word is fourteen 10 ms symbols of continuous-phase tones on a 150 Hz
//! grid, 450–3150 Hz: two pilots (the lowest and the highest tone, which no data symbol uses) and
//! twelve data symbols over the seventeen tones between. Each data symbol carries four bits as the
//! *step* from the tone before (1..=16 of 17), so neighbouring symbols always differ and the
//! alignment shows at every boundary. The 48 bits are the number (24) and a CRC-24 over it: a word
//! that was cut, mixed with another or spoken over is rejected, never read as a different number (a
//! random reading passes the CRC once in 16.7 million).
//!
//! The decoder works in hops of 20 samples (1.25 ms): it correlates each hop with every tone, adds
//! eight hops to a 10 ms window, and keeps for each window the strongest tone and its *purity*, the
//! share of the window's energy that this tone explains. Purity does not depend on level, so gain
//! does not matter. A word is read wherever fourteen windows 10 ms apart are pure and the CRC
//! agrees; among neighbouring hops the purest wins, which gives its place to about a millisecond.
//! Cost: 0.008 % of a core per leg in real time (release profile, measured).
//!
//! ```
//! use translink_core::beacon::{Decoder, Number, encode};
//!
//! let number = Number::new(123_456).ok_or("too large")?;
//! let mut heard = Vec::new();
//! let mut decoder = Decoder::new();
//! decoder.push(&encode(number, 16_000, 8000), &mut heard);
//! decoder.finish(&mut heard);
//! assert_eq!(heard[0].number, number);
//! # Ok::<(), &str>(())
//! ```

mod decoder;

use std::f32::consts::TAU;

pub use decoder::Decoder;

/// Samples of one word at 16 kHz, without the gap that follows it.
pub const WORD_SAMPLES: u64 = (SYMBOLS * SYMBOL_SAMPLES) as u64;
/// Numbers are below this.
pub const NUMBERS: u32 = 1 << 24;

/// What a word carries: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u32);

impl Number {
    /// `None` when `value` needs more than 24 bits.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        if value < NUMBERS {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

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

/// Makes the samples of one word (no gap) with the given peak at `rate` samples per second, 8000 or
/// more (the highest tone does not fit into less than 6.3 kHz).
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "an i16 amplitude times a sine fits i16"
)]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts below 2^24 are exact in f32"
)]
pub fn encode(number: Number, rate: u32, amplitude: i16) -> Vec<i16> {
    let tones = tones_of(number);
    let length = rate as usize * SYMBOLS / SYMBOLS_PER_SECOND;
    let ramp = (rate as usize / RAMPS_PER_SECOND).max(1);
    let mut phase = 0.0_f32;
    (0..length)
        .map(|sample| {
            let tone = tones[sample * SYMBOLS_PER_SECOND / rate as usize];
            phase = (phase + TAU * frequency(tone) / rate as f32) % TAU;
            let edge = (sample + 1).min(length - sample).min(ramp) as f32 / ramp as f32;
            let envelope = 0.5 - 0.5 * (edge * TAU / 2.0).cos();
            (phase.sin() * envelope * f32::from(amplitude)).round() as i16
        })
        .collect()
}

/// The fourteen tones of a word.
fn tones_of(number: Number) -> [usize; SYMBOLS] {
    let bits = (u64::from(number.0) << 24) | u64::from(crc24(number.0));
    let mut tones = [LOW_PILOT; SYMBOLS];
    tones[1] = HIGH_PILOT;
    let mut before = 0;
    for (index, tone) in tones.iter_mut().skip(PILOTS).enumerate() {
        let nibble = ((bits >> (44 - 4 * index)) & 0xF) as usize;
        before = (before + 1 + nibble) % DATA_TONES;
        *tone = FIRST_DATA + before;
    }
    tones
}

#[expect(clippy::cast_precision_loss, reason = "a tone's index is below 19")]
fn frequency(tone: usize) -> f32 {
    450.0 + 150.0 * tone as f32
}

/// CRC-24 of `OpenPGP` (RFC 4880 section 6.1) over the 24 bits.
fn crc24(value: u32) -> u32 {
    let mut crc = 0x00B7_04CE_u32 ^ value;
    for _ in 0..24 {
        crc <<= 1;
        if crc & 0x0100_0000 != 0 {
            crc ^= 0x0186_4CFB;
        }
    }
    crc & 0xFF_FFFF
}

const SYMBOLS: usize = 14;
const PILOTS: usize = 2;
const SYMBOL_SAMPLES: usize = 160;
const SYMBOLS_PER_SECOND: usize = 100;
/// The envelope rises and falls within 2 ms.
const RAMPS_PER_SECOND: usize = 500;
const TONES: usize = 19;
const LOW_PILOT: usize = 0;
const HIGH_PILOT: usize = TONES - 1;
const FIRST_DATA: usize = 1;
const DATA_TONES: usize = 17;
