//! The two clocks of the kernel, and the way from one to the other.

use nix::time::{ClockId, clock_gettime};
use translink_core::frame::Nanos;

/// `CLOCK_MONOTONIC`, what Python's `time.monotonic_ns()` reads.
pub(crate) fn now() -> Nanos {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Receive timestamps come in real time; everything else here is monotonic. Read once per batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conversion {
    /// Monotonic time of the reading: no datagram of the batch can have come later.
    pub(crate) now: Nanos,
    realtime: Nanos,
}

impl Conversion {
    pub(crate) fn read() -> Self {
        let realtime = read(ClockId::CLOCK_REALTIME);
        Self {
            now: now(),
            realtime,
        }
    }

    /// Monotonic time of a kernel timestamp; `earliest` is the arrival of the datagram before.
    ///
    /// A step of the real-time clock between stamp and reading may not reach the audio's time line:
    /// the answer stays between `earliest` and now, and an age beyond [`OLD_STAMP`] is believed to be a
    /// step. (Else the first datagram after a pause could seem to have come before it, and end a
    /// call as idle.)
    pub(crate) fn monotonic(&self, stamp: Option<Nanos>, earliest: Nanos) -> Nanos {
        let age = stamp.map_or(0, |stamp| self.realtime.saturating_sub(stamp));
        let age = if age > OLD_STAMP { 0 } else { age };
        self.now
            .saturating_sub(age)
            .clamp(earliest.min(self.now), self.now)
    }
}

/// The media thread does not let a datagram wait so long, unless the whole process was stopped;
/// then all that waited came "now", which is as good a time as any.
const OLD_STAMP: Nanos = 2_000_000_000;

#[expect(clippy::cast_sign_loss, reason = "neither clock is before its epoch")]
fn read(clock: ClockId) -> Nanos {
    // Cannot fail: both clocks exist on every Linux, and the pointer is nix's own.
    clock_gettime(clock).map_or(0, |time| {
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const CONVERSION: Conversion = Conversion {
        now: 1_000,
        realtime: 50_000,
    };

    const LATER: Conversion = Conversion {
        now: 100 * OLD_STAMP,
        realtime: 1_000 * OLD_STAMP,
    };

    #[test]
    fn a_stamp_is_as_old_on_both_clocks() {
        assert_eq!(CONVERSION.monotonic(Some(49_900), 0), 900);
    }

    #[test]
    fn no_datagram_comes_from_the_future() {
        assert_eq!(CONVERSION.monotonic(Some(60_000), 0), 1_000);
        assert_eq!(CONVERSION.monotonic(None, 0), 1_000);
    }

    #[test]
    fn datagrams_arrive_in_order_even_when_the_wall_clock_jumps() {
        assert_eq!(CONVERSION.monotonic(Some(1), 800), 800);
        assert_eq!(CONVERSION.monotonic(Some(49_900), 950), 950);
        assert_eq!(CONVERSION.monotonic(Some(49_900), 2_000), 1_000);
    }

    #[test]
    fn a_wall_clock_set_forward_makes_no_datagram_old() {
        let stamp = LATER.realtime - OLD_STAMP - 1;
        assert_eq!(LATER.monotonic(Some(stamp), 7), LATER.now);
        assert_eq!(LATER.monotonic(Some(0), 7), LATER.now);
        let stamp = LATER.realtime - OLD_STAMP;
        assert_eq!(LATER.monotonic(Some(stamp), 7), LATER.now - OLD_STAMP);
    }
}
