//! The outline of a sound, for drawing it: the lowest and the highest sample of each 20 ms.
//!
//! Outlines are drawn in *slots*: slot `n` is the 20 ms of the monotonic clock from `n` × 20 ms on.
//! So what a leg said and what it heard, both legs of a call, and everything that carries a time lie
//! above each other without any further reckoning. Numbering by samples would not do that: a
//! talker's sample clock stands still while their gateway suppresses silence.
//!
//! Datagrams are not punctual, slots are: [`Slots`] takes out up to [`SLACK`] slots of jitter, so
//! that an unbroken stream is drawn without a hole.

use crate::frame::{FRAME_NANOS, Nanos};

/// Slots by which sound may be drawn beside its time: 200 ms.
pub const SLACK: u64 = 10;

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
