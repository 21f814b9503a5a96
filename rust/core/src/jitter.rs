//! How unevenly datagrams arrive.
//!
//! The estimator of RFC 3550, section 6.4.1, for a stream without time stamps: the sample clock
//! stands in for them. A gateway sends a datagram when its last sample is there, so it should come
//! as long after the one before as it is; the mean of the deviations, each new one weighed 1/16, is
//! the jitter. A stop of more than [`PAUSE`] is silence suppressed, not jitter.

use crate::frame::Nanos;

/// A deviation from here on is a talker who stopped, or one who started again.
pub const PAUSE: Nanos = 200_000_000;

/// The jitter of one stream of datagrams.
#[derive(Debug, Default)]
pub struct Jitter {
    /// Arrival of the newest datagram; 0 = none yet.
    arrival: Nanos,
    /// Sixteen times the mean, so that the integer division loses nothing that matters (RFC 3550,
    /// appendix A.8).
    scaled: u64,
}

impl Jitter {
    /// A datagram with so much audio came.
    pub fn heard(&mut self, arrival: Nanos, length: Nanos) {
        let before = std::mem::replace(&mut self.arrival, arrival);
        if before > 0 {
            self.deviated(arrival.saturating_sub(before).abs_diff(length));
        }
    }

    /// A datagram came so much earlier or later than it should have, by its time stamp.
    pub const fn deviated(&mut self, off: Nanos) {
        if off < PAUSE {
            let forgotten = (self.scaled + 8) / 16;
            self.scaled = self.scaled + off - forgotten;
        }
    }

    /// The mean deviation now.
    #[must_use]
    pub const fn nanos(&self) -> Nanos {
        self.scaled / 16
    }

    /// The call ended.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
