//! How loud a frame is.

use crate::frame::{Extremes, FRAME_BYTES};

/// Measures of one frame, taken in one pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Highest absolute sample value, 0..=32768.
    pub peak: u16,
    /// Root mean square, 0..=32768.
    pub rms: u16,
    /// Lowest and highest sample.
    pub extremes: Extremes,
    /// Mean square about the mean: what a constant offset of the line does not change.
    pub power: f32,
    /// Mean square of the differences of neighbours: the same for hiss (s, f, t), deaf to hum.
    pub hiss: f32,
}

impl Level {
    /// Measure 20 ms.
    #[must_use]
    pub fn of(pcm: &[u8; FRAME_BYTES]) -> Self {
        let mut samples = [0_i16; LENGTH];
        for (sample, pair) in samples.iter_mut().zip(pcm.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        let (mut low, mut high, mut sum) = (0_i16, 0_i16, 0_i32);
        for &sample in &samples {
            low = low.min(sample);
            high = high.max(sample);
            sum += i32::from(sample);
        }
        let mut squares = [0.0_f32; LANES];
        let mut steps = [0.0_f32; LANES];
        for (now, next) in samples[..LENGTH - LANES]
            .chunks_exact(LANES)
            .zip(samples[1..].chunks_exact(LANES))
        {
            for lane in 0..LANES {
                let (a, b) = (f32::from(now[lane]), f32::from(next[lane]));
                squares[lane] += a * a;
                steps[lane] += (b - a) * (b - a);
            }
        }
        let tail = &samples[LENGTH - LANES..];
        for (lane, &sample) in tail.iter().enumerate() {
            squares[lane] += f32::from(sample) * f32::from(sample);
        }
        for (lane, pair) in tail.windows(2).enumerate() {
            steps[lane] += (f32::from(pair[1]) - f32::from(pair[0])).powi(2);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a sum of 2^23 has a mean of 2^15"
        )]
        let mean = sum as f32 / COUNT;
        let square = squares.iter().sum::<f32>() / COUNT;
        #[expect(clippy::cast_possible_truncation, reason = "at most 32,768")]
        #[expect(clippy::cast_sign_loss, reason = "a root is not negative")]
        let rms = square.sqrt().round() as u16;
        Self {
            peak: low.unsigned_abs().max(high.unsigned_abs()),
            rms,
            extremes: Extremes::new(low, high),
            power: (square - mean * mean).max(0.0),
            hiss: steps.iter().sum::<f32>() / COUNT,
        }
    }
}

const LENGTH: usize = FRAME_BYTES / 2;
const COUNT: f32 = 320.0;

/// Sums kept side by side, so that the compiler may use the machine's wide registers.
const LANES: usize = 16;
