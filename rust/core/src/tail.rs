//! Silence for the recogniser when datagrams stop in mid-utterance.
//!
//! A gateway that mutes, holds or suppresses silence sends nothing. A recogniser that hears nothing
//! cannot tell the end of an utterance, because its clock is the audio. So when the last speech is
//! less than `tail` of audio ago, frames of silence are made, one every 20 ms, until it is.
//!
//! But a gateway that stalls looks like one that stops, and silence put into its stall splits the
//! word it was sending. So nothing of ours comes for [`TAIL_PATIENCE`], neither a frame of silence nor the
//! rest of a frame that the talker began; and then at once all that has become due since the last
//! audio: the audio's clock is where it would be without the patience, and an utterance ends `tail`
//! after its last sound. Datagrams that come after that are later audio.
//!
//! Until then a stream that keeps coming, however unevenly, is byte-exact. (A remainder was once
//! completed 40 ms after its time. `ffmpeg -re`, version 7.1, sends in bursts: 400 frames became 438,
//! with silence in mid-word, and of ten words two were understood.)

use crate::frame::{FRAME_NANOS, FRAME_SAMPLES, Nanos};

/// Decides when a frame of silence is filled in.
#[derive(Debug)]
pub struct Tail {
    /// Samples of silence that must follow speech.
    samples: u64,
    /// How long audio may be late before its talker is believed to have stopped.
    patience: Nanos,
    /// Number of the sample after the last speech.
    speech_end: Option<u64>,
    /// When the talker is believed to have stopped, if they stay silent.
    believed: Nanos,
    /// When the next frame of silence ends, on the clock that began with the last audio.
    at: Nanos,
}

impl Tail {
    /// Fills until `tail` of silence followed speech; 0 never fills.
    #[must_use]
    pub const fn new(tail: Nanos, patience: Nanos) -> Self {
        Self {
            patience,
            samples: tail.div_ceil(FRAME_NANOS) * FRAME_SAMPLES,
            speech_end: None,
            believed: Nanos::MAX,
            at: Nanos::MAX,
        }
    }

    /// A datagram came; the next one is due at `due`.
    pub const fn postpone(&mut self, due: Nanos) {
        self.believed = due + self.patience;
        self.at = due + FRAME_NANOS;
    }

    /// The talker says that they have stopped: there is nothing to wait for.
    pub fn stopped(&mut self, now: Nanos) {
        self.believed = self.believed.min(now);
    }

    /// The frame from `start` is speech.
    pub const fn heard(&mut self, start: u64) {
        self.speech_end = Some(start + FRAME_SAMPLES);
    }

    /// When the talker has stopped, if nothing comes until then.
    #[must_use]
    pub const fn believed(&self) -> Nanos {
        self.believed
    }

    /// When to fill in the frame that would begin at sample `next`, if at all.
    #[must_use]
    pub fn at(&self, next: u64) -> Option<Nanos> {
        self.speech_end
            .is_some_and(|end| next < end + self.samples)
            .then_some(self.at.max(self.believed))
    }

    /// A frame is filled in; answers the time its last sample would have reached us. What a late wake-up
    /// missed is filled at once: `tail` bounds it.
    pub const fn fill(&mut self) -> Nanos {
        let captured = self.at;
        self.at += FRAME_NANOS;
        captured
    }

    /// The call ended.
    pub const fn reset(&mut self) {
        self.speech_end = None;
        self.believed = Nanos::MAX;
        self.at = Nanos::MAX;
    }
}

/// Ordinary jitter, and a gateway or a machine that stands still for a moment in mid-word, must
/// add nothing: wait this long after audio was due.
pub const TAIL_PATIENCE: Nanos = 400_000_000;

/// Where packets have numbers, late ones are no silence, and time stamps say how long it was: a
/// gateway that stands still for half a second costs no word.
pub const TAIL_PATIENCE_RTP: Nanos = 600_000_000;
