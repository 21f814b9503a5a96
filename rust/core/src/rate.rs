//! Between 8 and 16 kHz, in pieces, each as long as what went in.
//!
//! [`crate::resample`] holds 3 ms back at the beginning of a stream, which would make every 20 ms packet wait
//! for the next one. Here these 3 ms are silence that goes ahead: the sound is 3 ms late, and no packet waits.

use crate::resample::{HALF, ResampleError, Resampler};

/// A stream of s16le at one rate, to the other.
#[derive(Debug)]
pub struct Converter {
    resampler: Resampler,
    silence: usize,
}

impl Converter {
    /// From 8 to 16 kHz. Allocates for pieces of up to `most` samples.
    ///
    /// # Errors
    /// There are no such rates (there are).
    pub fn up(most: usize) -> Result<Self, ResampleError> {
        Self::new(NARROW, WIDE, most)
    }

    /// From 16 to 8 kHz.
    ///
    /// # Errors
    /// As above.
    pub fn down(most: usize) -> Result<Self, ResampleError> {
        Self::new(WIDE, NARROW, most)
    }

    /// Append twice or half as many samples. Half a sample waits for its other half; of samples that are to
    /// become half as many there should be an even number.
    pub fn push(&mut self, pcm: &[u8], out: &mut Vec<u8>) {
        self.resampler.push(pcm, out);
    }

    /// Append the 3 ms that are still inside, because nothing follows for a while. Silence takes their place.
    pub fn rest(&mut self, out: &mut Vec<u8>) {
        let silence = [0; 2 * 2 * HALF_SAMPLES];
        self.resampler.push(&silence[..2 * self.silence], out);
    }

    /// Another stream begins.
    pub fn restart(&mut self) {
        self.resampler.begin(self.silence);
    }

    fn new(from: u32, to: u32, most: usize) -> Result<Self, ResampleError> {
        let silence = HALF_SAMPLES * (from / NARROW) as usize;
        let mut resampler = Resampler::new(from, to)?;
        resampler.reserve(most + 4 * silence);
        let mut converter = Self { resampler, silence };
        converter.restart();
        Ok(converter)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "24"
)]
const HALF_SAMPLES: usize = HALF as usize;
const NARROW: u32 = 8_000;
const WIDE: u32 = 16_000;
