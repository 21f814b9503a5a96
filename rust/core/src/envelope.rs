//! The outline of a sound, for drawing it: the lowest and the highest sample of each 20 ms.
//!
//! Outlines are drawn in *slots*: slot `n` is the 20 ms of the monotonic clock from `n` × 20 ms on.
//! So what a leg said and what it heard, both legs of a call, and everything that carries a time lie
//! above each other without any further reckoning. Numbering by samples would not do that: a
//! talker's sample clock stands still while his gateway suppresses silence.
//!
//! Datagrams are not punctual, slots are: [`Slots`] takes out up to [`SLACK`] slots of jitter, so
//! that an unbroken stream is drawn without a hole.

use crate::frame::{FRAME_BYTES, FRAME_NANOS, Nanos};

/// Slots by which sound may be drawn beside its time: 200 ms.
pub const SLACK: u64 = 10;

/// The lowest and the highest sample of a stretch, their upper 8 bits; 0 is always between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extremes {
    /// −128..=0.
    pub low: i8,
    /// 0..=127.
    pub high: i8,
}

impl Extremes {
    /// Of one frame.
    #[must_use]
    pub fn of(pcm: &[u8; FRAME_BYTES]) -> Self {
        let mut samples = [0_i16; FRAME_BYTES / 2];
        for (sample, pair) in samples.iter_mut().zip(pcm.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        let low = samples.iter().fold(0, |low, &sample| low.min(sample));
        let high = samples.iter().fold(0, |high, &sample| high.max(sample));
        Self::new(low, high)
    }

    /// From samples. An excursion of less than 256 below 0 is −1: silence is told from near-silence.
    #[must_use]
    pub fn new(low: i16, high: i16) -> Self {
        let [_, low] = low.min(0).to_le_bytes();
        let [_, high] = high.max(0).to_le_bytes();
        Self {
            low: i8::from_le_bytes([low]),
            high: i8::from_le_bytes([high]),
        }
    }

    /// Of this stretch and another one together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }
}

/// Gives each frame of a stream the slot it is drawn in.
#[derive(Debug, Default)]
pub struct Slots {
    next: u64,
}

impl Slots {
    /// The slot of a frame whose sound reached us at `captured`: the one after the last frame's, or
    /// the one of its time if that is more than [`SLACK`] later (the talker had stopped). A stream
    /// that is ahead of the clock by more than that waits: its frames share a slot.
    pub fn place(&mut self, captured: Nanos) -> u64 {
        let due = captured / FRAME_NANOS;
        let slot = if self.next + SLACK < due {
            due
        } else if self.next > due + SLACK {
            self.next - 1
        } else {
            self.next
        };
        self.next = slot + 1;
        slot
    }
}
