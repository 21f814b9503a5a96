//! What a leg wants done, and what it tells of its ear.

use crate::digit::Digit;
use crate::frame::{FRAME_BYTES, Frame, Nanos};
use crate::rtp::watch::Found;

/// What a leg wants done.
#[derive(Debug)]
pub enum Output {
    /// A frame is complete.
    Frame(Frame),
    /// Send this datagram to the ear now; it was due at `due`.
    Transmit {
        /// The utterance it belongs to (0 = silence between utterances).
        utterance: u64,
        /// One frame.
        payload: [u8; FRAME_BYTES],
        /// The absolute deadline it was scheduled for.
        due: Nanos,
    },
    /// Something the orchestrator wants to know about playout.
    Playout(PlayoutEvent),
    /// The talker pressed a key.
    Digit {
        /// Which, and how long.
        digit: Digit,
        /// Arrival of the packet that settled it.
        at: Nanos,
    },
    /// RTP comes into a leg that was not set to it.
    Rtp {
        /// What was found.
        found: Found,
        /// It is heard; else it is dropped.
        taken: bool,
    },
    /// Nothing more now; wake the leg at this time (`Nanos::MAX` = only on input).
    Timeout(Nanos),
}

/// Life of an utterance in the ear's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayoutEvent {
    /// Its first datagram goes out.
    Started {
        /// The utterance.
        utterance: u64,
        /// Due time of that datagram.
        at: Nanos,
    },
    /// Its last datagram went out.
    Finished {
        /// The utterance.
        utterance: u64,
        /// Due time of that datagram.
        at: Nanos,
    },
    /// It was flushed before its end.
    Flushed {
        /// The utterance.
        utterance: u64,
        /// Bytes not played.
        unplayed: u64,
    },
}
