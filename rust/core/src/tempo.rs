//! The same speech in less time, at the same pitch.
//!
//! An ear that is behind is spoken to faster. Speech is shortened by leaving out whole periods of
//! the voice: at a *splice* the sound jumps ahead by up to 20 ms to where it continues most like it
//! would have gone on (normalised cross-correlation), and is faded across 10 ms. Between splices it
//! is what was queued, bit by bit. That is WSOLA (Verhelst and Roelands, ICASSP 1993) with hops where
//! they are owed instead of at a fixed rate.
//!
//! *Nothing is held back.* The queue is the look-ahead: each frame is made when it is due, from what
//! waits, and a splice begins and ends within one frame. At a factor of 1 none is made. Where too
//! little waits to look ahead, the sound goes on as it is.
//!
//! *Owed.* Each frame at factor f owes (f − 1) × 20 ms. A splice is made as soon as a period's worth
//! is owed and a place is found that fits; the more is owed, the less choosy. So a plosive or the
//! onset of a word is not cut as long as something better comes within 25 ms.
//!
//! *Pauses first.* A pause within the queue (quiet for more than 120 ms) is cut to that at once, by as
//! much as the ear is behind. What pauses give up need not be taken from speech: the backlog is
//! smaller then, and with it the factor.

use crate::curve::{ONE, Thousandths};
use crate::frame::FRAME_BYTES;

/// Samples of a frame.
pub const FRAME: usize = 320;

/// Samples ahead that are looked at, from the next one on: 300 ms.
pub const LOOK: usize = 4_800;

/// One ear's tempo.
#[derive(Debug)]
pub struct Tempo {
    /// Thousandths of samples to be left out.
    owed: i64,
    /// The factor of the last frame.
    factor: Thousandths,
    /// Mean square of the loudest 10 ms lately.
    loud: f32,
    /// Samples of quiet that were sent last.
    quiet: usize,
}

impl Tempo {
    /// An ear that has heard nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            owed: 0,
            factor: ONE,
            loud: 0.0,
            quiet: 0,
        }
    }

    /// Make the next frame of what is `ahead` ([`FRAME`] samples at least, up to [`LOOK`] of them
    /// are used). `spare` is how many samples the ear is behind: pauses give up no more. Answers how
    /// many samples of `ahead` are done with.
    pub fn frame(
        &mut self,
        ahead: &[i16],
        wanted: Thousandths,
        spare: usize,
        out: &mut [i16; FRAME],
    ) -> usize {
        self.factor = wanted.min(self.factor + SLEW_A_FRAME).max(ONE);
        self.owed = (self.owed + i64::from(self.factor - ONE) * 320).min(MOST_OWED);
        if self.factor == ONE {
            self.owed = 0;
        }
        let (mut at, mut made) = (0, 0);
        while made < FRAME {
            let rest = &ahead[at..];
            let splice = self.splice(rest, FRAME - made, spare.saturating_sub(at - made));
            let length = if let Some(Splice { skip, alike }) = splice {
                fade(rest, skip, alike, &mut out[made..made + OVERLAP_SAMPLES]);
                at += skip;
                OVERLAP_SAMPLES
            } else {
                let length = SPLICE_STEP.min(FRAME - made);
                out[made..made + length].copy_from_slice(&rest[..length]);
                length
            };
            self.hear(&out[made..made + length]);
            at += length;
            made += length;
        }
        at
    }

    /// A frame was sent without [`Tempo::frame`]: nothing was behind.
    pub fn sent(&mut self, pcm: &[u8; FRAME_BYTES]) {
        self.factor = ONE;
        self.owed = 0;
        let mut step = [0; SPLICE_STEP];
        for bytes in pcm.chunks_exact(2 * SPLICE_STEP) {
            for (sample, pair) in step.iter_mut().zip(bytes.chunks_exact(2)) {
                *sample = i16::from_le_bytes([pair[0], pair[1]]);
            }
            self.hear(&step);
        }
    }

    /// That of the last frame.
    #[must_use]
    pub const fn factor(&self) -> Thousandths {
        self.factor
    }

    /// Whether to jump from the next sample on, and how far. `left` of the frame are still to be
    /// made.
    fn splice(&mut self, ahead: &[i16], left: usize, spare: usize) -> Option<Splice> {
        let room = ahead.len().checked_sub(left)?;
        if left < OVERLAP_SAMPLES || room < SHORTEST_JUMP || self.factor == ONE {
            return None;
        }
        if let Some(skip) = self.pause(ahead, room.min(spare)) {
            self.owed = (self.owed - owing(skip)).max(0);
            let alike = alike(ahead, skip);
            return Some(Splice { skip, alike });
        }
        if self.owed < owing(SHORTEST_JUMP) {
            return None;
        }
        // Single periods of a high voice would not be enough for a high factor.
        let half = usize::try_from(self.owed / 2_000).unwrap_or_default();
        let most = room.min(LONGEST_JUMP);
        let best = best(
            ahead,
            half.clamp(SHORTEST_JUMP, LONGEST_JUMP / 2).min(most),
            most,
        );
        if best.alike < self.choosy() {
            return None;
        }
        self.owed -= owing(best.skip);
        Some(best)
    }

    /// How far a pause may be jumped, so that [`PAUSE_EDGE`] of it is heard at both ends.
    fn pause(&self, ahead: &[i16], room: usize) -> Option<usize> {
        if self.quiet < PAUSE_EDGE {
            return None;
        }
        let steps = ahead.chunks_exact(SPLICE_STEP);
        let quiet = steps.take_while(|step| self.is_quiet(power(step))).count() * SPLICE_STEP;
        let skip = quiet.saturating_sub(PAUSE_EDGE + OVERLAP_SAMPLES).min(room);
        (skip >= SHORTEST_JUMP).then_some(skip)
    }

    /// How alike a continuation must be to be taken.
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    fn choosy(&self) -> f32 {
        let more = (self.owed - owing(SHORTEST_JUMP)) as f32;
        CHOOSY_CORRELATION - more / (CHOOSY_UNTIL_OWED * 1_000) as f32
    }

    fn hear(&mut self, step: &[i16]) {
        let power = power(step);
        self.loud = power.max(self.loud * LOUDEST_DECAY);
        if self.is_quiet(power) {
            self.quiet += step.len();
        } else {
            self.quiet = 0;
        }
    }

    fn is_quiet(&self, power: f32) -> bool {
        power <= (self.loud * QUIET_RATIO).clamp(QUIET_ALWAYS, QUIET_AT_MOST)
    }
}

impl Default for Tempo {
    fn default() -> Self {
        Self::new()
    }
}

/// A jump ahead.
#[derive(Clone, Copy, Debug)]
struct Splice {
    skip: usize,
    /// Correlation of what is left and what is joined, −1..=1.
    alike: f32,
}

/// The jump of `least` to `most` samples that is heard least. Every other sample is compared, which finds
/// the same place in half the time.
#[expect(clippy::cast_precision_loss, reason = "320")]
fn best(ahead: &[i16], least: usize, most: usize) -> Splice {
    // Even and odd samples, and the sums of their squares up to each.
    let mut samples = [[0.0_f32; PAIRS_COMPARED]; 2];
    let mut squares = [[0.0_f32; PAIRS_COMPARED + 1]; 2];
    for (n, pair) in ahead.chunks_exact(2).take(PAIRS_COMPARED).enumerate() {
        for side in 0..2 {
            let sample = f32::from(pair[side]) / 32_768.0;
            samples[side][n] = sample;
            squares[side][n + 1] = squares[side][n] + sample * sample;
        }
    }
    let here = &samples[0][..OVERLAP_SAMPLES / 2];
    let own = squares[0][OVERLAP_SAMPLES / 2];
    let mut best = Splice {
        skip: most,
        alike: -1.0,
    };
    let mut best_worth = f32::MIN;
    for skip in least..=most {
        let (side, from) = (skip % 2, skip / 2);
        let to = from + OVERLAP_SAMPLES / 2;
        let power = squares[side][to] - squares[side][from];
        let alike = correlation(dot(here, &samples[side][from..to]), own, power);
        let worth = alike - skip as f32 * LONGER_JUMP_PENALTY;
        if worth > best_worth {
            best_worth = worth;
            best = Splice { skip, alike };
        }
    }
    best
}

fn alike(ahead: &[i16], skip: usize) -> f32 {
    let [mut here, mut there] = [[0.0_f32; OVERLAP_SAMPLES]; 2];
    for n in 0..OVERLAP_SAMPLES {
        here[n] = f32::from(ahead[n]) / 32_768.0;
        there[n] = f32::from(ahead[skip + n]) / 32_768.0;
    }
    correlation(dot(&here, &there), dot(&here, &here), dot(&there, &there))
}

/// So many samples in thousandths.
fn owing(samples: usize) -> i64 {
    i64::try_from(1_000 * samples).unwrap_or(i64::MAX)
}

/// Two silences are alike; silence and sound are not.
fn correlation(product: f32, one: f32, other: f32) -> f32 {
    if one + other < FAINT_POWER {
        return 1.0;
    }
    product / (one * other).sqrt().max(FAINT_POWER)
}

/// Fade from where we are to `skip` later. Sounds that are alike add up to what they were; others
/// would sink by 3 dB half-way, so the sum is raised by as much as they differ.
#[expect(clippy::cast_precision_loss, reason = "160")]
#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn fade(ahead: &[i16], skip: usize, alike: f32, out: &mut [i16]) {
    let alike = alike.clamp(0.0, 1.0);
    for (n, sample) in out.iter_mut().enumerate() {
        let new = (n as f32 + 0.5) / OVERLAP_SAMPLES as f32;
        let old = 1.0 - new;
        let power = old * old + new * new + 2.0 * alike * old * new;
        let sum = old * f32::from(ahead[n]) + new * f32::from(ahead[skip + n]);
        let sum = (sum / power.sqrt()).round();
        *sample = sum.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16;
    }
}

/// Sums kept side by side, so that the compiler may use the machine's wide registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[expect(clippy::cast_precision_loss, reason = "80")]
fn power(step: &[i16]) -> f32 {
    let squares = step.iter().map(|&sample| f32::from(sample).powi(2));
    squares.sum::<f32>() / step.len().max(1) as f32
}

/// Samples across which a splice is faded: 10 ms.
const OVERLAP_SAMPLES: usize = 160;

/// Samples between two places where a splice may begin: 5 ms.
const SPLICE_STEP: usize = 80;

/// The shortest and the longest jump: a period of 400 Hz, and one of 50 Hz.
const SHORTEST_JUMP: usize = 40;
const LONGEST_JUMP: usize = 320;

/// Pairs of samples that are looked at.
const PAIRS_COMPARED: usize = LONGEST_JUMP / 2 + OVERLAP_SAMPLES / 2 + 1;

/// A power of 80 or 160 samples that is none: less than a step of 16 bits.
const FAINT_POWER: f32 = 1e-9;

/// The factor rises by this much a frame at most, from 1 to 1.5 in a second: a sentence that arrives
/// all at once does not jerk the voice.
const SLEW_A_FRAME: Thousandths = 10;

/// What is owed beyond this is forgotten: 60 ms.
const MOST_OWED: i64 = 960_000;

/// The correlation that is asked for at once, and the samples owed until anything will do.
const CHOOSY_CORRELATION: f32 = 0.95;
const CHOOSY_UNTIL_OWED: i64 = 400;

/// A jump must be this much more alike for each sample that it is longer: of a steady voice one
/// period is left out rather than two.
const LONGER_JUMP_PENALTY: f32 = 5e-5;

/// Samples of a pause that are left at each end: 60 ms.
const PAUSE_EDGE: usize = 960;

/// What is this much below the loudest 5 ms lately (36 dB) is quiet, between −70 and −40 dBFS.
const QUIET_RATIO: f32 = 2.5e-4;
const QUIET_ALWAYS: f32 = 10.0 * 10.0;
const QUIET_AT_MOST: f32 = 328.0 * 328.0;

/// What is left of the loudest after 5 ms: half of it after 1.7 s.
const LOUDEST_DECAY: f32 = 0.998;
