//! Correlating 1.25 ms of samples with every tone at once.

use std::f32::consts::TAU;

use super::{HOP_SAMPLES, LANES, TONES, frequency};

/// One hop's correlation with every tone, phases referred to the beginning of the stream.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) real: [f32; LANES],
    pub(super) imaginary: [f32; LANES],
    pub(super) energy: f32,
}

/// Sines and cosines of one hop, and the turn of each tone from hop to hop.
#[derive(Debug)]
pub(super) struct Tables {
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
    pub(super) fn new() -> Self {
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

    pub(super) fn correlate(&self, samples: &[i16; HOP_SAMPLES], hop: u64) -> Hop {
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

/// All tones are multiples of 50 Hz: 320 samples.
const HOPS_PER_PERIOD: usize = 16;
