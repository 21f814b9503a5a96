//! A talker's frames on their way to the ear that hears their own voice, within one round of the thread.

use std::collections::VecDeque;

use translink_core::frame::{FRAME_BYTES, Frame};
use translink_core::mix::MOST_FRAMES;

/// What a leg delivered since the last look; more than an ear can keep is not kept here either.
#[derive(Debug)]
pub(crate) struct Handed {
    frames: VecDeque<Frame>,
    missed: u64,
}

impl Handed {
    pub(crate) fn new() -> Self {
        Self {
            frames: VecDeque::with_capacity(MOST_FRAMES),
            missed: 0,
        }
    }

    /// The newest frame. One of our own silence is not worth the way.
    pub(crate) fn push(&mut self, frame: &Frame) {
        if usize::from(frame.filled) == FRAME_BYTES {
            return;
        }
        if self.frames.len() == MOST_FRAMES {
            self.frames.pop_front();
            self.missed += 1;
        }
        self.frames.push_back(frame.clone());
    }

    /// The oldest, and how many were not kept before it.
    pub(crate) fn pop(&mut self) -> Option<(Frame, u64)> {
        let frame = self.frames.pop_front()?;
        Some((frame, std::mem::take(&mut self.missed)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}
