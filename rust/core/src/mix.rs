//! What an ear hears of the other talker's own voice, beside the translation.
//!
//! Frames of the other leg come in as they were heard and go out at this ear's next tick: up to
//! [`MOST_FRAMES`] wait, enough for ordinary jitter, and nothing is ever delayed to lie above its
//! translation. When the talker's clock is faster the oldest frame goes (`drops_original`); when it is slower,
//! or they are silent, there is silence. Wherever the sound does not go on as it was, what is missing between
//! the two ends is faded out over 5 ms: no click.
//!
//! The original is as loud as the [`Original`] says; it gets softer within 50 ms and louder within
//! 300 ms. The sum is kept within 16 bits.

use crate::frame::{FRAME_BYTES, Nanos};
use crate::stats::LegStats;

/// Frames that may wait: 60 ms.
pub const MOST_FRAMES: usize = 3;

/// What of the other talker an ear hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Original {
    /// Nothing: the translation in its place.
    #[default]
    Replace,
    /// The talker's voice under the translation (−18 dB), and a little louder without one (−6 dB).
    Duck,
    /// The talker's voice as it is; a translation begins when they were quiet for 0.7 s.
    Consecutive,
    /// Nothing, and nothing is spoken either: what is queued is dropped.
    Captions,
    /// The talker's voice as it is. What is still queued is spoken over it.
    Through,
}

impl Original {
    const fn gain(self, speaking: bool) -> f32 {
        match (self, speaking) {
            (Self::Replace | Self::Captions, _) => 0.0,
            (Self::Duck, true) => 0.125_892_54,
            (Self::Duck, false) => 0.501_187_2,
            (Self::Consecutive | Self::Through, _) => 1.0,
        }
    }
}

/// One ear's share of the other talker's voice.
#[derive(Debug)]
pub struct Mix {
    original: Original,
    /// Somebody's voice comes in.
    paired: bool,
    /// Elsewhere: only an ear that hears the other talker touches it.
    ring: Box<[[i16; FRAME_SAMPLES]; MOST_FRAMES]>,
    first: usize,
    held: usize,
    /// Frames are being taken, one each tick.
    running: bool,
    /// The sound does not go on where it stopped.
    broken: bool,
    /// The sample taken last.
    last: i16,
    gain: f32,
    target: f32,
    step: f32,
    /// When the talker was quiet for long enough.
    turn: Nanos,
}

impl Mix {
    /// Of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self {
            original: Original::Replace,
            paired: false,
            ring: Box::new([[0; FRAME_SAMPLES]; MOST_FRAMES]),
            first: 0,
            held: 0,
            running: false,
            broken: false,
            last: 0,
            gain: 0.0,
            target: 0.0,
            step: 0.0,
            turn: 0,
        }
    }

    /// What is heard from now on.
    pub const fn set(&mut self, original: Original) {
        self.original = original;
    }

    /// Whether somebody's voice comes in.
    pub const fn pair(&mut self, paired: bool) {
        self.paired = paired;
        self.forget();
    }

    /// The call ended: what waits is nobody's any more.
    pub const fn forget(&mut self) {
        self.held = 0;
        self.turn = 0;
    }

    /// Take a frame of the other talker, captured at `captured`.
    pub fn hear(
        &mut self,
        pcm: &[u8; FRAME_BYTES],
        speech: bool,
        captured: Nanos,
        stats: &mut LegStats,
    ) {
        if speech {
            self.turn = captured + TALKER_QUIET;
        }
        if !self.flows() {
            self.held = 0;
            return;
        }
        if self.held == MOST_FRAMES {
            self.first = (self.first + 1) % MOST_FRAMES;
            self.held -= 1;
            self.broken = true;
            stats.drops_original += 1;
        }
        let place = &mut self.ring[(self.first + self.held) % MOST_FRAMES];
        for (sample, pair) in place.iter_mut().zip(pcm.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        self.held += 1;
    }

    /// Whether the ear needs a datagram every 20 ms for it.
    #[must_use]
    pub fn flows(&self) -> bool {
        self.paired && self.original.gain(false) > 0.0 || self.gain > 0.0
    }

    /// Whether nothing is spoken.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.original == Original::Captions
    }

    /// When a translation may begin.
    #[must_use]
    pub fn turn(&self) -> Nanos {
        let waits = self.paired && self.original == Original::Consecutive;
        if waits { self.turn } else { 0 }
    }

    /// Mix the next 20 ms into what the ear is sent; `speaking`: a translation is in it.
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    pub fn apply(&mut self, pcm: &mut [u8; FRAME_BYTES], speaking: bool) {
        let wanted = if self.paired {
            self.original.gain(speaking)
        } else {
            0.0
        };
        if wanted == 0.0 && self.gain == 0.0 {
            self.held = 0;
            self.running = false;
            return;
        }
        if wanted.to_bits() != self.target.to_bits() {
            self.target = wanted;
            let samples = if wanted < self.gain {
                ATTACK_SAMPLES
            } else {
                RELEASE_SAMPLES
            };
            self.step = (wanted - self.gain) / samples;
        }
        let frame = self.next();
        for (pair, sample) in pcm.chunks_exact_mut(2).zip(frame) {
            self.gain += self.step;
            if (self.gain - self.target) * self.step >= 0.0 {
                (self.gain, self.step) = (self.target, 0.0);
            }
            let spoken = f32::from(i16::from_le_bytes([pair[0], pair[1]]));
            let sum = (spoken + f32::from(sample) * self.gain).round();
            let sum = sum.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16;
            pair.copy_from_slice(&sum.to_le_bytes());
        }
    }

    /// The next frame of the talker, or silence.
    #[expect(clippy::cast_possible_truncation, reason = "between two samples")]
    #[expect(clippy::cast_precision_loss, reason = "80")]
    fn next(&mut self) -> [i16; FRAME_SAMPLES] {
        let runs = self.held >= if self.running { 1 } else { CUSHION_FRAMES };
        self.broken |= runs != self.running;
        self.running = runs;
        let mut frame = [0; FRAME_SAMPLES];
        if runs {
            frame = self.ring[self.first];
            self.first = (self.first + 1) % MOST_FRAMES;
            self.held -= 1;
        }
        if std::mem::take(&mut self.broken) {
            let missing = f32::from(self.last) - f32::from(frame[0]);
            for (n, sample) in frame[..FADE_SAMPLES].iter_mut().enumerate() {
                let left = missing * (1.0 - n as f32 / FADE_SAMPLES as f32);
                let mended = (f32::from(*sample) + left).round();
                *sample = mended.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16;
            }
        }
        self.last = frame[FRAME_SAMPLES - 1];
        frame
    }
}

impl Default for Mix {
    fn default() -> Self {
        Self::new()
    }
}

/// Samples of a frame.
const FRAME_SAMPLES: usize = FRAME_BYTES / 2;

/// Frames that must wait before the first is taken: jitter of a frame does no harm.
const CUSHION_FRAMES: usize = 2;

/// Samples over which a break is mended: 5 ms.
const FADE_SAMPLES: usize = 80;

/// Samples until it is as soft, or as loud, as wanted: 50 and 300 ms.
const ATTACK_SAMPLES: f32 = 800.0;
const RELEASE_SAMPLES: f32 = 4_800.0;

/// After the talker's last frame of speech: 0.7 s less the detector's hang-over of 160 ms.
const TALKER_QUIET: Nanos = 540_000_000;
