//! One call leg: datagrams in, frames out; speech in, paced datagrams out. Sans-IO.
//!
//! Rule of use: after every `handle`, call `poll` until it answers `Output::Timeout`; call
//! `handle(Input::Timeout, now)` no later than that time.

use crate::frame::{FRAME_BYTES, Frame, Nanos};
use crate::ledger::Ledger;

/// What happens to a leg.
#[derive(Clone, Copy, Debug)]
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

/// How a leg behaves. All times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegConfig {
    /// Audio that must wait before an utterance starts to play.
    pub prebuffer: Nanos,
    /// Silence that must have followed the last speech before feeding stops; 0 = never feed.
    pub tail: Nanos,
    /// Bytes that may wait for the ear; what does not fit is refused and counted.
    pub playout_capacity: usize,
    /// Send silence to the ear between utterances.
    pub continuous: bool,
    /// Samples the ledger keeps; 0 = no ledger (the shell keeps its own from `Output::Frame`).
    pub ledger_samples: usize,
}

impl Default for LegConfig {
    fn default() -> Self {
        Self {
            prebuffer: 60_000_000,
            tail: 1_500_000_000,
            playout_capacity: 60 * 32_000,
            continuous: false,
            ledger_samples: 60 * 16_000,
        }
    }
}

/// Everything that was counted, from the creation of the leg; plain numbers, `Copy`, cheap to snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    /// Datagrams handled.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Arrival of the newest datagram; 0 = none yet.
    pub last_datagram: Nanos,
    /// Frames made from datagrams, padded ones included, fed ones not.
    pub frames_in: u64,
    /// Of these, frames that were completed with silence because datagrams stopped.
    pub frames_padded: u64,
    /// Frames of nothing but silence, fed after datagrams stopped in mid-utterance.
    pub frames_filled: u64,
    /// Frames the detector called speech.
    pub frames_speech: u64,
    /// Bytes skipped to find the sample boundary again after an odd byte had to be padded.
    pub bytes_realigned: u64,
    /// Datagrams refused because `poll` was not called between `handle`s (a bug in the shell).
    pub drops_unpolled: u64,
    /// Datagrams given to the shell to send.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Bytes refused because the ear's queue was full.
    pub drops_playout: u64,
    /// Bytes dropped by `Flush` or `Reset`.
    pub drops_flushed: u64,
    /// Bytes that came for an utterance after it had been flushed.
    pub drops_stale: u64,
    /// Times an utterance that was not finished ran out of audio.
    pub underruns: u64,
    /// Playout ticks handed out more than 2 ms after their deadline.
    pub late_wakes: u64,
    /// The longest such delay.
    pub late_max: Nanos,
    /// Times the playout clock was set anew because the wake came too late to catch up.
    pub clock_resets: u64,
    /// Bytes waiting for the ear right now.
    pub playout_queued: u64,
    /// Calls ended with `Input::Reset`.
    pub resets: u64,
}

/// One call leg.
#[derive(Debug)]
pub struct Leg {
    config: LegConfig,
    stats: LegStats,
    ledger: Ledger,
}

impl Leg {
    /// A leg that has heard nothing. Allocates everything it will ever need.
    #[must_use]
    pub fn new(config: LegConfig) -> Self {
        let ledger = Ledger::new(config.ledger_samples);
        Self {
            config,
            stats: LegStats::default(),
            ledger,
        }
    }

    /// Something happened at `now`. Call [`Leg::poll`] next, until it answers `Timeout`.
    pub fn handle(&mut self, input: Input<'_>, now: Nanos) {
        let _ = now;
        if let Input::Datagram { payload, arrival } = input {
            self.stats.datagrams_in += 1;
            self.stats.bytes_in += payload.len() as u64;
            self.stats.last_datagram = arrival;
        }
    }

    /// What to do next at `now`.
    pub fn poll(&mut self, now: Nanos) -> Output {
        let _ = now;
        Output::Timeout(Nanos::MAX)
    }

    /// Bytes `Input::Play` would accept now.
    #[must_use]
    pub fn playout_room(&self) -> usize {
        self.config.playout_capacity
    }

    /// Everything that was counted.
    #[must_use]
    pub const fn stats(&self) -> &LegStats {
        &self.stats
    }

    /// The last seconds of this leg's audio (empty when `ledger_samples` is 0).
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number the next sample will get.
    #[must_use]
    pub const fn next_sample(&self) -> u64 {
        0
    }
}
