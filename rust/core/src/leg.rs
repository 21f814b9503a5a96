//! One call leg: datagrams in, frames out; speech in, paced datagrams out. Sans-IO.
//!
//! Rule of use: after every `handle`, call `poll` until it answers `Output::Timeout`; call
//! `handle(Input::Timeout, now)` no later than that time.

use crate::frame::{FRAME_BYTES, Frame, Nanos};

/// What happens to a leg.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came in; `arrival` is the kernel's receive time.
    Datagram {
        /// Any length, 1..=65507, also odd.
        payload: &'a [u8],
        /// Receive time on the monotonic clock.
        arrival: Nanos,
    },
    /// Queue speech for this leg's ear. `last` ends the utterance.
    Play {
        /// Whose speech; chosen by the caller, rising.
        utterance: u64,
        /// Any length, also odd and empty.
        pcm: &'a [u8],
        /// No more of this utterance will come.
        last: bool,
    },
    /// Drop what waits to be played.
    Flush,
    /// The call ended: forget carried bytes, queued speech and detector state. Sample numbers go on.
    Reset,
    /// The time that `poll` asked for has come.
    Timeout,
}

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
