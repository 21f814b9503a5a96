//! How often the media thread may wake up.
//!
//! What a datagram costs is mostly the wake-up for it: the thread goes to sleep, the processor with
//! it, and both come back (measured in a virtual machine: some 14 µs; receiving is 1.3 µs). So a
//! thread that is woken often lets datagrams gather and serves many in one round. Whether it is woken
//! often is known by a budget: it refills by one wake-up a [`ROUND`] and holds [`SPARE`] of them.
//! While there is one left, the thread waits as eagerly as ever; a few calls never spend it.
//!
//! Only the sockets wait for the budget. Deadlines are kept and commands obeyed whatever it says.

use translink_core::frame::Nanos;
use translink_core::playout::GRID;

/// The budget, as the time at which it would be full again.
#[derive(Debug, Default)]
pub(crate) struct WakeUps {
    full: Nanos,
}

impl WakeUps {
    /// The thread was woken. Commands may wake it beyond the budget; nobody waits for that later.
    pub(crate) fn woken(&mut self, now: Nanos) {
        self.full = self.full.clamp(now, now + SPARE * ROUND) + ROUND;
    }

    /// Until when the sockets are left alone; in the past: not at all. Rounds begin where ears are
    /// served ([`translink_core::playout::GRID`]), so that one wake-up does for both.
    pub(crate) const fn until(&self) -> Nanos {
        let at = self.full.saturating_sub(SPARE * ROUND);
        at - at % GRID
    }
}

/// A datagram of a busy thread waits so long at most, half of it on average.
const ROUND: Nanos = 1_000_000;

/// Wake-ups in a row that nobody has to wait for.
const SPARE: u64 = 16;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_woken_now_and_then_never_waits() {
        let mut wakeups = WakeUps::default();
        for n in 1..10_000 {
            let now = n * 1_100_000;
            assert!(wakeups.until() <= now);
            wakeups.woken(now);
        }
    }

    #[test]
    fn a_bunch_of_wakes_is_free() {
        let mut wakeups = WakeUps::default();
        let mut now = 1_000 * ROUND;
        for _ in 0..100 {
            for _ in 0..SPARE {
                assert!(wakeups.until() <= now);
                wakeups.woken(now);
                now += 10_000;
            }
            now += SPARE * ROUND;
        }
    }

    #[test]
    fn what_commands_wake_holds_up_no_datagram_for_more_than_a_round() {
        let mut wakeups = WakeUps::default();
        let now = 1_000 * ROUND;
        for n in 0..4_000 {
            wakeups.woken(now + n);
            assert!(wakeups.until() <= now + n + ROUND);
        }
    }

    #[test]
    fn a_thread_that_would_be_woken_all_the_time_wakes_once_a_round() {
        let mut wakeups = WakeUps::default();
        let begin = 1_000 * ROUND;
        let mut now = begin;
        for wakes in 0..10_000 {
            now = now.max(wakeups.until());
            assert!(now <= begin + wakes * ROUND);
            wakeups.woken(now);
        }
        assert_eq!(now, begin + (9_999 - SPARE) * ROUND);
    }
}
