//! A sound in eight bands between 300 Hz and 3.2 kHz: what a telephone of any kind lets through.

use crate::frame::FRAME_BYTES;

/// Bands of a frame.
pub(super) const BANDS: usize = 8;

/// Decibels of each band, above what counts as silence.
pub(super) type Levels = [f32; BANDS];

/// A bank of complex one-pole resonators behind a pre-emphasis, at 8 kHz.
///
/// Its skirts are wide, so neighbours hear much of the same; that is taken out where two of them are subtracted
/// ([`shape`]). It costs a third of a Fourier transform.
#[derive(Debug)]
pub(super) struct Bank {
    /// Poles, and the gain that makes each 1 at its centre.
    real: Levels,
    imaginary: Levels,
    scale: Levels,
    /// State of the resonators.
    x: Levels,
    y: Levels,
    /// The newest samples: two of the input, one decimated.
    before: [f32; 3],
}

impl Bank {
    pub(super) fn new() -> Self {
        let mut bank = Self {
            real: [0.0; BANDS],
            imaginary: [0.0; BANDS],
            scale: [0.0; BANDS],
            x: [0.0; BANDS],
            y: [0.0; BANDS],
            before: [0.0; 3],
        };
        let step = (HIGHEST / LOWEST).powf(1.0 / 7.0);
        let mut centre = LOWEST;
        for band in 0..BANDS {
            let radius = (-std::f32::consts::PI * (centre * WIDTH).max(NARROWEST) / RATE).exp();
            let angle = std::f32::consts::TAU * centre / RATE;
            (bank.imaginary[band], bank.real[band]) = (radius * angle.sin(), radius * angle.cos());
            bank.scale[band] = (1.0 - radius).powi(2) / COUNT;
            centre *= step;
        }
        bank
    }

    /// Nothing was heard for a while.
    pub(super) fn rest(&mut self) {
        (self.x, self.y, self.before) = ([0.0; BANDS], [0.0; BANDS], [0.0; 3]);
    }

    /// The next 20 ms, in two halves.
    pub(super) fn hear(&mut self, pcm: &[u8; FRAME_BYTES]) -> [Half; 2] {
        let (first, second) = pcm.split_at(FRAME_BYTES / 2);
        [self.half(first), self.half(second)]
    }

    #[expect(clippy::needless_range_loop, reason = "bands side by side")]
    fn half(&mut self, pcm: &[u8]) -> Half {
        let (mut energy, mut loud) = ([0.0; BANDS], 0.0);
        let [mut older, mut old, mut last] = self.before;
        for quad in pcm.chunks_exact(4) {
            let now = f32::from(i16::from_le_bytes([quad[0], quad[1]]));
            let next = f32::from(i16::from_le_bytes([quad[2], quad[3]]));
            loud += now * now + next * next;
            let decimated = 0.125 * (older + next) + 0.375 * (old + now);
            (older, old) = (now, next);
            let input = decimated - PRE_EMPHASIS * last;
            last = decimated;
            for band in 0..BANDS {
                let (x, y) = (self.x[band], self.y[band]);
                let (real, imaginary) = (self.real[band], self.imaginary[band]);
                let new_x = real * x - imaginary * y + input;
                let new_y = real * y + imaginary * x;
                energy[band] += new_x * new_x + new_y * new_y;
                (self.x[band], self.y[band]) = (new_x, new_y);
            }
        }
        self.before = [older, old, last];
        for band in 0..BANDS {
            energy[band] *= self.scale[band];
            // Else it decays into denormal numbers and stays there, which many processors are slow with.
            if energy[band] < STILL {
                (self.x[band], self.y[band]) = (0.0, 0.0);
            }
        }
        Half {
            bands: energy,
            loud: loud / (2.0 * COUNT),
        }
    }
}

/// Energy of 10 ms, as what it adds to the mean squares of a frame: in each band, and on the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    bands: Levels,
    loud: f32,
}

/// 20 ms, as they were sent or heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sound {
    pub(super) bands: Levels,
    /// Decibels above −66 dBFS; what is softer is silence.
    pub(super) level: f32,
}

impl Sound {
    pub(super) fn of(one: &Half, other: &Half) -> Self {
        let mut bands = [0.0; BANDS];
        for (band, level) in bands.iter_mut().enumerate() {
            let energy = one.bands[band] + other.bands[band];
            *level = 10.0 * (1.0 + energy / SILENCE).log10();
        }
        let power = (one.loud + other.loud).max(1.0);
        Self {
            bands,
            level: (10.0 * (power / FULL_SCALE).log10() + 66.0).max(0.0),
        }
    }
}

/// How each band differs from the next higher one, and how that differs from what it mostly does: neither how loud
/// the sound is nor the colour that a room or a line gives it is left. The last is 0.
#[derive(Debug)]
pub(super) struct Shape {
    mostly: Levels,
    /// How much the next one says about that: the first ones more.
    says: f32,
}

impl Shape {
    pub(super) const fn new() -> Self {
        Self {
            mostly: [0.0; BANDS],
            says: 1.0,
        }
    }

    pub(super) fn of(&mut self, levels: &Levels) -> Levels {
        let mut shape = [0.0; BANDS];
        for band in 0..BANDS - 1 {
            shape[band] = levels[band] - levels[band + 1];
        }
        for (shape, mostly) in shape.iter_mut().zip(&mut self.mostly) {
            let off = *shape - *mostly;
            *mostly += self.says * off;
            *shape = off * (1.0 - self.says);
        }
        self.says = (self.says / (1.0 + self.says)).max(FORGETTING);
        shape
    }
}

/// Hertz.
const RATE: f32 = 8_000.0;
const LOWEST: f32 = 300.0;
const HIGHEST: f32 = 3_200.0;
const NARROWEST: f32 = 100.0;

/// Of a band, by its centre.
const WIDTH: f32 = 0.3;

/// At 8 kHz about what 0.9 is at 16.
const PRE_EMPHASIS: f32 = 0.85;

const FULL_SCALE: f32 = 32_768.0 * 32_768.0;

/// Samples of a frame at that rate; at 16 kHz, twice as many.
const COUNT: f32 = 160.0;

/// Mean square in a band that is as good as none: white noise of −80 dBFS is about that.
const SILENCE: f32 = 2.0;

/// Of it no band has to remember anything: a sample of 1 has more than a thousand times as much.
const STILL: f32 = 1e-12;

/// A shape is compared with those of the half second before.
const FORGETTING: f32 = 0.04;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digital_silence_after_a_word_leaves_nothing_that_decays_for_ever() {
        let mut bank = Bank::new();
        let mut word = [0; FRAME_BYTES];
        for (n, pair) in word.chunks_exact_mut(2).enumerate() {
            let sample: i16 = if n % 20 < 10 { 8_000 } else { -8_000 };
            pair.copy_from_slice(&sample.to_le_bytes());
        }
        bank.hear(&word);
        assert!(bank.x.iter().all(|&state| state != 0.0));
        for _ in 0..100 {
            bank.hear(&[0; FRAME_BYTES]);
        }
        let mut states = bank.x.iter().chain(&bank.y);
        assert!(states.all(|&state| state == 0.0));
    }
}
