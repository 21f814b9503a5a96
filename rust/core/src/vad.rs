//! Is somebody speaking? An adaptive-energy detector that would rather hear too much: a missed
//! sound is a lost word on the prerecorded path, noise sent is a cent.
//!
//! Two measures of each frame, its power and the power of its differences (hiss: s, f, t stand out
//! there above a humming line), are each held against their own floor: the quietest that the
//! running mean has been within 3 s. A frame is speech when it is `FRAME_ABOVE_FLOOR` the floor by itself or
//! when the last few together are `MEAN_ABOVE_FLOOR` it, and for `HANG_FRAMES` frames after. A new detector
//! believes in a quiet line, so a noisy one is all speech for its first 3 s; and a sound that does
//! not change or pause for 3 s becomes noise, unless it is very loud. Digital silence counts as a
//! quiet line, also when it is ours: a talker whose pauses are cut out must not teach us that their
//! voice is the noise.
//!
//! Measured (`tests/vad.rs`; Debian's Asterisk prompts, 240 s each of English and French; speech =
//! within 30 dB of the active level; worse language of the two). *Missed* is the share of frames of
//! speech in %, *lost* what is missed even when every stretch is sent with 300 ms of what came
//! before it, *false* the share of frames more than 0.3 s away from speech that are called so.
//! earshot 1.2.2 (a neural net) was tried once with the same hang-over, from scores of 0.5 and of
//! 0.2:
//!
//! | noise | missed, lost, false | earshot 0.5 | earshot 0.2 |
//! |---|---|---|---|
//! | none | 0.02, 0.00, 3.1 | 0.88, 0.00, 0.0 | 0.06, 0, 65 |
//! | none, speech 26 dB down | 0.18, 0.02, 0.0 | 0.97, 0.07, 0.0 | 0.00, 0, 100 |
//! | white, SNR 20 dB | 0.40, 0.01, 0.0 | 1.18, 0.08, 0.2 | 0.11, 0, 99 |
//! | brown, SNR 20 dB | 0.20, 0.00, 5.2 | 1.23, 0.08, 0.0 | 0.19, 0, 94 |
//! | white, SNR 10 dB | 0.96, 0.07, 0.0 | 1.33, 0.07, 2.6 | 0.11, 0, 100 |
//! | brown, SNR 10 dB | 0.55, 0.01, 7.6 | 1.39, 0.00, 16 | 0.05, 0, 100 |
//!
//! The net misses more where it is usable, and a test's tones are no speech to it.

use crate::level::Level;

/// Watches the level of one leg, 20 ms at a time.
#[derive(Clone, Debug)]
pub struct Vad {
    power: Floor,
    hiss: Floor,
    /// Frames of hang-over left.
    hang: u32,
}

impl Vad {
    /// A detector that expects a quiet line: until it knows better, everything audible is speech.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            power: Floor::new(QUIET_POWER, LOUD_POWER),
            hiss: Floor::new(QUIET_HISS, LOUD_HISS),
            hang: 0,
        }
    }

    /// The verdict on the next frame.
    pub fn hear(&mut self, level: &Level) -> bool {
        let loud = self.power.hear(level.power);
        let heard = self.hiss.hear(level.hiss) || loud;
        if heard {
            self.hang = HANG_FRAMES;
            return true;
        }
        let hanging = self.hang > 0;
        self.hang = self.hang.saturating_sub(1);
        hanging
    }

    /// The call ended: expect a quiet line again.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self::new()
    }
}

/// The quietest the line has been within the last seconds: a ring of the minima of short blocks.
#[derive(Clone, Debug)]
struct Floor {
    minima: [f32; FLOOR_BLOCKS],
    block: usize,
    frames: u32,
    least: f32,
    /// Mean of the last few values.
    mean: f32,
    /// The same, in which a loud one does not outlast the hang-over.
    recent: f32,
    /// It moves between these.
    quiet: f32,
    loud: f32,
}

impl Floor {
    const fn new(quiet: f32, loud: f32) -> Self {
        Self {
            minima: [quiet; FLOOR_BLOCKS],
            block: 0,
            frames: 0,
            least: quiet,
            mean: 0.0,
            recent: 0.0,
            quiet,
            loud,
        }
    }

    /// Whether the value stands out, by itself or by the mean of the last few.
    fn hear(&mut self, value: f32) -> bool {
        let least = self.least;
        self.recent += (value.min(least * FRAME_CAP) - self.recent) * NEWEST_WEIGHT;
        self.mean += (value - self.mean) * NEWEST_WEIGHT;
        self.learn(self.mean);
        value > least * FRAME_ABOVE_FLOOR || self.recent > least * MEAN_ABOVE_FLOOR
    }

    fn learn(&mut self, value: f32) {
        let value = value.clamp(self.quiet, self.loud);
        let current = &mut self.minima[self.block];
        *current = current.min(value);
        self.least = self.least.min(value);
        self.frames += 1;
        if self.frames == BLOCK_FRAMES {
            self.frames = 0;
            self.block = (self.block + 1) % FLOOR_BLOCKS;
            self.minima[self.block] = f32::INFINITY;
            self.least = self.minima.iter().fold(value, |a, &b| a.min(b));
        }
    }
}

/// Frames of one block, and blocks: a floor may rise after 3 s.
const BLOCK_FRAMES: u32 = 25;
const FLOOR_BLOCKS: usize = 6;

/// One frame is this much above the floor (a ratio of powers) to be speech.
const FRAME_ABOVE_FLOOR: f32 = 1.9;

/// The mean of the last few is.
const MEAN_ABOVE_FLOOR: f32 = 1.5;

/// The most one frame counts in that mean, in floors: else a loud one would sound for 300 ms.
const FRAME_CAP: f32 = 3.0;

/// Weight of the newest frame in the means.
const NEWEST_WEIGHT: f32 = 0.34;

/// Below a root mean square of 12 (-69 dBFS) and its like in differences nobody is understood.
const QUIET_POWER: f32 = 12.0 * 12.0;
const QUIET_HISS: f32 = 8.0 * 8.0;

/// A line whose noise were above a root mean square of 1,500 (-27 dBFS) could not be talked over:
/// what is that loud stays speech, however steady.
const LOUD_POWER: f32 = 1_500.0 * 1_500.0;
const LOUD_HISS: f32 = 2.0 * LOUD_POWER;

/// Frames for which the verdict outlives the sound: 160 ms.
const HANG_FRAMES: u32 = 8;
