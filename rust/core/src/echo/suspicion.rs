//! A lag that stood out, and whether what came after that, other words, shows it again by itself.

use super::bands::{Levels, Sound};
use super::lags::{Sums, square};
use super::shadow::Gains;

/// One lag, from the frame after the one that it stood out at.
#[derive(Debug)]
pub(super) struct Suspicion {
    /// In half slots.
    pub(super) lag: usize,
    sums: Sums,
    gains: Gains,
    slots: u64,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Too little was heard.
    Open,
    Nothing,
    /// How much louder it comes than it went, in each band and on the whole.
    Echo(Levels, f32),
}

impl Suspicion {
    pub(super) const fn new(lag: usize) -> Self {
        Self {
            lag,
            sums: Sums::NONE,
            gains: Gains::new(),
            slots: 0,
        }
    }

    /// A frame was heard; a lag before that this was sent, and that a slot earlier.
    pub(super) fn hear(
        &mut self,
        heard: (&Sound, &Levels),
        sent: Option<(&Sound, &Levels)>,
        before: &Sound,
    ) -> Verdict {
        self.slots += 1;
        if let Some((sound, shape)) = sent {
            self.sums.add(shape, heard.1, square(heard.1), 1.0);
            self.gains.add(heard.0, sound, before);
        }
        let again = self.sums.correlation(AGAIN_FRAMES);
        if again >= AGAIN {
            match self.gains.middle() {
                Some((gains, gain)) if gain <= LOUDEST_GAIN => Verdict::Echo(gains, gain),
                Some(_) => Verdict::Nothing,
                None => Verdict::Open,
            }
        } else if again != 0.0 || self.slots > PATIENCE_SLOTS {
            Verdict::Nothing
        } else {
            Verdict::Open
        }
    }
}

/// What the frames must show by themselves, and how many of them: 0.5 s.
const AGAIN: f32 = 0.52;
const AGAIN_FRAMES: f32 = 25.0;

/// Slots in which they must have come: 10 s.
const PATIENCE_SLOTS: u64 = 500;

/// No echo is louder than what was sent by more than 6 dB.
const LOUDEST_GAIN: f32 = 6.0;
