//! How loud the ear hears: a factor that moves without a click.
//!
//! A new factor is reached over the next frame, sample by sample; a jump would be a click. In an ear
//! that hears nothing there is nothing to click, so the first frame of a speech has it whole
//! ([`Volume::settle`]). What would be louder than 16 bits can say is as loud as they can.

use crate::frame::{FRAME_BYTES, FRAME_SAMPLES};

/// A factor from 0 to 2, in steps of 1/16,384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain(i32);

impl Gain {
    /// As it is.
    pub const UNITY: Self = Self(1 << BITS);

    /// None outside of 0..=2.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 32,768")]
    pub fn new(factor: f64) -> Option<Self> {
        let steps = factor * f64::from(Self::UNITY.0);
        (0.0..=2.0)
            .contains(&factor)
            .then_some(Self(steps.round() as i32))
    }
}

/// One ear's volume.
#[derive(Debug)]
pub struct Volume {
    now: Gain,
    target: Gain,
}

impl Volume {
    /// As it is.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            now: Gain::UNITY,
            target: Gain::UNITY,
        }
    }

    /// From the next frame on.
    pub const fn set(&mut self, target: Gain) {
        self.target = target;
    }

    /// The ear heard nothing until now: no need to go there step by step.
    pub const fn settle(&mut self) {
        self.now = self.target;
    }

    /// What becomes of a frame on its way to the ear.
    pub fn apply(&mut self, pcm: &mut [u8; FRAME_BYTES]) {
        if (self.now, self.target) == (Gain::UNITY, Gain::UNITY) {
            return;
        }
        let (from, way) = (self.now.0, self.target.0 - self.now.0);
        for (n, pair) in (1..).zip(pcm.chunks_exact_mut(2)) {
            let gain = from + way * n / LENGTH;
            let sample = i32::from(i16::from_le_bytes([pair[0], pair[1]]));
            pair.copy_from_slice(&scaled(sample, gain).to_le_bytes());
        }
        self.settle();
    }
}

impl Default for Volume {
    fn default() -> Self {
        Self::new()
    }
}

/// Rounded, and kept within 16 bits.
#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn scaled(sample: i32, gain: i32) -> i16 {
    let product = (sample * gain + (1 << (BITS - 1))) >> BITS;
    product.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// Bits after the point. 2 × 32,768 × 16,384 is 2^30.
const BITS: u32 = 14;

/// Samples of a frame.
#[expect(clippy::cast_possible_truncation, reason = "320")]
const LENGTH: i32 = FRAME_SAMPLES as i32;
