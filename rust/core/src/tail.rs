//! Silence for the recogniser when datagrams stop in mid-utterance.
//!
//! A gateway that mutes, holds or suppresses silence sends nothing. A recogniser that hears nothing
//! cannot tell the end of an utterance, because its clock is the audio. So when the last speech is
//! less than `tail` of audio ago, frames of silence are made, one every 20 ms, until it is.

use crate::frame::{FRAME_NANOS, FRAME_SAMPLES, Nanos};

/// Decides when a frame of silence is fed.
#[derive(Debug)]
pub struct Tail {
    /// Samples of silence that must follow speech.
    samples: u64,
    /// Number of the sample after the last speech.
    speech_end: Option<u64>,
    /// When the next one is fed, if the talker stays silent.
    at: Nanos,
}

impl Tail {
    /// Feeds until `tail` of silence followed speech; 0 never feeds.
    #[must_use]
    pub const fn new(tail: Nanos) -> Self {
        Self {
            samples: tail.div_ceil(FRAME_NANOS) * FRAME_SAMPLES,
            speech_end: None,
            at: Nanos::MAX,
        }
    }

    /// A datagram came; the next one is due at `due`.
    pub const fn postpone(&mut self, due: Nanos) {
        self.at = due + PATIENCE;
    }

    /// The frame from `start` is speech.
    pub const fn heard(&mut self, start: u64) {
        self.speech_end = Some(start + FRAME_SAMPLES);
    }

    /// When to feed the frame that would begin at sample `next`, if at all.
    #[must_use]
    pub fn at(&self, next: u64) -> Option<Nanos> {
        self.speech_end
            .is_some_and(|end| next < end + self.samples)
            .then_some(self.at)
    }

    /// The frame is fed at `now`: answers the time it was due. A wake-up that is late by up to
    /// `CATCH_UP` is made good; by more, the clock starts anew.
    pub const fn feed(&mut self, now: Nanos) -> Nanos {
        if now > self.at + CATCH_UP {
            self.at = now;
        }
        let due = self.at;
        self.at += FRAME_NANOS;
        due
    }

    /// The call ended.
    pub const fn reset(&mut self) {
        self.speech_end = None;
        self.at = Nanos::MAX;
    }
}

/// Ordinary jitter must feed nothing: wait this long after audio was due.
pub const PATIENCE: Nanos = 200_000_000;

/// At most so much is fed at once after a late wake-up.
const CATCH_UP: Nanos = 200_000_000;
