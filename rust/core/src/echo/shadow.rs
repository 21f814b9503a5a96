//! What an echo of known lag and gain sounds like, and whether a frame is more than that.
//!
//! In each band apart: a voice that is as loud as the echo, or softer, still has most of its energy where the echo has
//! little. So a listener is distinguished from their echo by the two bands in which they stand out most.

use super::bands::{BANDS, Levels, Sound};

/// What of a microphone's sound is echo.
#[derive(Debug)]
pub(super) struct Shadow {
    /// How much louder it comes than it went, in each band and on the whole.
    gains: Levels,
    gain: f32,
    /// What is predicted; it falls as in a room.
    bands: Levels,
    level: f32,
    noise: Noise,
    above: u32,
    hang: u32,
    /// Frames of talk since it began.
    run: u32,
    /// Frames that should have come, and that did.
    due: u32,
    come: u32,
    missed: u32,
}

impl Shadow {
    pub(super) fn new() -> Self {
        Self {
            gains: [0.0; BANDS],
            gain: 0.0,
            bands: [0.0; BANDS],
            level: 0.0,
            noise: Noise::default(),
            above: 0,
            hang: 0,
            run: 0,
            due: 0,
            come: 0,
            missed: 0,
        }
    }

    /// Of another echo.
    pub(super) fn learn(&mut self, gains: Levels, gain: f32) {
        let noise = self.noise;
        *self = Self::new();
        (self.gains, self.gain, self.noise) = (gains, gain, noise);
    }

    /// On the whole, in decibels.
    pub(super) const fn gain(&self) -> f32 {
        self.gain
    }

    /// What was heard while there was no echo, or might be one.
    pub(super) fn rest(&mut self, heard: &Sound) {
        self.noise.hear(heard);
    }

    /// Whether the learned echo has not come for so long that there is none any more.
    pub(super) const fn is_gone(&self) -> bool {
        self.missed >= MISSED_TIMES
    }

    /// Whether this frame is echo and nothing more. `near` = what was sent about the lag before, from the earliest
    /// slot to the latest; `exact` = what was sent just then, and the slot before that; `alike` = its spectrum is that
    /// of what was sent, whatever its level.
    pub(super) fn falls(
        &mut self,
        heard: &Sound,
        near: impl Iterator<Item = Sound>,
        exact: Option<(Sound, Sound)>,
        alike: bool,
    ) -> bool {
        self.noise.hear(heard);
        for band in &mut self.bands {
            *band = (*band - DECAY).max(0.0);
        }
        self.level = (self.level - DECAY).max(0.0);
        for sent in near {
            for band in 0..BANDS {
                self.bands[band] = self.bands[band].max(sent.bands[band] + self.gains[band]);
            }
            self.level = self.level.max(sent.level + self.gain);
        }
        let more = self.more(heard);
        if let Some((sent, before)) = exact {
            self.count(heard, &sent);
            if alike {
                self.adjust(heard, &sent, &before, STEP, STEP);
            } else if more < MORE && self.hang == 0 {
                self.adjust(heard, &sent, &before, STEP / 5.0, STEP / 2.0);
            }
        }
        if more >= MORE {
            self.above += if more >= MUCH_MORE { CERTAIN_FRAMES } else { 1 };
            if self.above >= CERTAIN_FRAMES {
                self.run += 1;
                self.hang = HANG_FRAMES + self.run.min(self.doubt());
            }
            return false;
        }
        self.above = 0;
        let hangs = self.hang > 0;
        if !hangs {
            self.run = 0;
        }
        self.hang = self.hang.saturating_sub(1);
        !hangs && self.level > 0.0
    }

    /// By how much it is more than echo and noise: decibels, of all bands together.
    fn more(&self, heard: &Sound) -> f32 {
        let noise = &self.noise;
        let usual = (self.level + TALK_ABOVE).max(noise.level + ABOVE_NOISE);
        if heard.level > usual {
            return MUCH_MORE;
        }
        let mut more = 0.0;
        for band in 0..BANDS {
            let usual = (self.bands[band] + BAND_ABOVE).max(noise.bands[band] + ABOVE_NOISE);
            more += (heard.bands[band] - usual).max(0.0);
        }
        more
    }

    /// For how many frames more the words of somebody who talks on are believed to be theirs, where the echo is almost
    /// as loud as they are: their soft ones are below it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 12"
    )]
    fn doubt(&self) -> u32 {
        ((self.gain + SOFT_GAIN) * 3.0).clamp(0.0, 12.0) as u32
    }

    /// Follow the echo; at most by `up` or `down`, so that a word of the listener's own that is taken for echo moves nothing.
    fn adjust(&mut self, heard: &Sound, sent: &Sound, before: &Sound, up: f32, down: f32) {
        if !is_steady(sent.level, before.level) {
            return;
        }
        for band in 0..BANDS {
            if sent.bands[band] > LOUD_BAND {
                let off = heard.bands[band] - sent.bands[band] - self.gains[band];
                self.gains[band] += off.clamp(-down, up);
            }
        }
        self.gain += (heard.level - sent.level - self.gain).clamp(-down, up);
    }

    /// Does it still come?
    fn count(&mut self, heard: &Sound, sent: &Sound) {
        let predicted = sent.level + self.gain;
        if predicted < self.noise.level + ABOVE_NOISE || sent.level < LOUD {
            return;
        }
        self.due += 1;
        self.come += u32::from(heard.level + SLACK >= predicted);
        if self.due == DUE_FRAMES {
            self.missed = if self.come * 3 < self.due {
                self.missed + 1
            } else {
                0
            };
            (self.due, self.come) = (0, 0);
        }
    }
}

/// How much louder an echo came than it went: about the middle of what a few frames say, rather less, because the
/// listener's own voice can only add to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gains {
    frames: [[f32; BANDS + 1]; GAIN_FRAMES],
    count: usize,
}

impl Gains {
    pub(super) const fn new() -> Self {
        Self {
            frames: [[0.0; BANDS + 1]; GAIN_FRAMES],
            count: 0,
        }
    }

    #[expect(clippy::needless_range_loop, reason = "bands side by side")]
    pub(super) fn add(&mut self, heard: &Sound, sent: &Sound, before: &Sound) {
        if sent.level >= LOUD && is_steady(sent.level, before.level) {
            let frame = &mut self.frames[self.count % GAIN_FRAMES];
            for band in 0..BANDS {
                frame[band] = heard.bands[band] - sent.bands[band];
            }
            frame[BANDS] = heard.level - sent.level;
            self.count += 1;
        }
    }

    /// In each band and on the whole; None = of too few frames.
    pub(super) fn middle(&mut self) -> Option<(Levels, f32)> {
        let frames = self.frames.get_mut(..self.count.min(GAIN_FRAMES))?;
        if frames.len() < FEWEST_GAINS {
            return None;
        }
        let mut middle = [0.0; BANDS + 1];
        for (place, out) in middle.iter_mut().enumerate() {
            frames.sort_unstable_by(|one, other| one[place].total_cmp(&other[place]));
            *out = frames[frames.len() * 2 / 5][place];
        }
        let mut gains = [0.0; BANDS];
        gains.copy_from_slice(&middle[..BANDS]);
        Some((gains, middle[BANDS]))
    }
}

/// What the line sounds like when nobody speaks.
#[derive(Clone, Copy, Debug, Default)]
struct Noise {
    bands: Levels,
    level: f32,
    known: bool,
}

impl Noise {
    fn hear(&mut self, heard: &Sound) {
        if !self.known {
            *self = Self {
                bands: heard.bands,
                level: heard.level,
                known: true,
            };
        }
        for band in 0..BANDS {
            settle(&mut self.bands[band], heard.bands[band]);
        }
        settle(&mut self.level, heard.level);
    }
}

/// The lowest of the last seconds.
fn settle(noise: &mut f32, heard: f32) {
    if heard < *noise {
        *noise += NOISE_FALLS * (heard - *noise);
    } else {
        *noise = (*noise + NOISE_RISES).min(heard);
    }
}

/// Just fading, a level says more about the room than about the gain.
fn is_steady(sent: f32, before: f32) -> bool {
    sent + FADING >= before
}

const NOISE_FALLS: f32 = 0.3;
/// 1 dB a second: faster, it would be the voice of somebody who goes on.
const NOISE_RISES: f32 = 0.02;

/// −46 dBFS, and what that is about in a band.
const LOUD: f32 = 20.0;
const LOUD_BAND: f32 = 20.0;
const FADING: f32 = 3.0;

/// What is predicted falls by 1.5 dB a frame: 60 dB in 0.8 s.
const DECAY: f32 = 1.5;

/// Decibels above the echo, on the whole and in a band, and above the noise, from which on it may be a voice.
const TALK_ABOVE: f32 = 6.0;
const BAND_ABOVE: f32 = 2.0;
const ABOVE_NOISE: f32 = 10.0;

/// Somebody speaks with a voice that much above them, all bands together; a voice so much louder, without any doubt.
const MORE: f32 = 2.5;
const MUCH_MORE: f32 = 20.0;

/// Frames in a row for somebody to talk where there is doubt, and for how long they then do: 240 ms.
const CERTAIN_FRAMES: u32 = 2;
const HANG_FRAMES: u32 = 12;

/// An echo that is so much softer is distinguished from a voice without doubt.
const SOFT_GAIN: f32 = 10.0;

/// Of the learned gains, per frame that is echo; where that is not so clear, less, and up least: a voice adds to it.
const STEP: f32 = 0.1;

/// A learned echo comes when it is no more than 12 dB softer than predicted. Of so many frames a third must;
/// it is gone when that failed so often in a row: 2.4 s of sound.
const SLACK: f32 = 12.0;
const DUE_FRAMES: u32 = 30;
const MISSED_TIMES: u32 = 4;

/// Frames a gain is learned from, at most and at least.
const GAIN_FRAMES: usize = 32;
const FEWEST_GAINS: usize = 10;
