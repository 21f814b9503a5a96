//! How often the media thread may wake up.
//!
//! What a datagram costs is mostly the wake-up for it: the thread goes to sleep, the processor with
//! it, and both come back (measured in a virtual machine: some 14 µs; receiving is 1.3 µs). So a
//! thread that is woken often lets datagrams gather and serves many in one round. Whether it is woken
//! often is known by a budget: it refills by one wake-up a [`ROUND`] and holds [`SPARE`] of them.
//! While there is one left, the thread waits as eagerly as ever; a few calls never spend it.
//!
//! The more there is, the longer a round: 1 ms below 16 datagrams a millisecond (160 calls), [`LONGEST`] from 32 on.
//! At 400 legs × 100/s that is a wake-up for 160 datagrams instead of 40, here and in the drainer, whose
//! code and tables stay in the cache for all of them.
//!
//! Only the sockets wait for the budget. Deadlines are kept and commands obeyed whatever it says.

use translink_core::frame::Nanos;
use translink_core::playout::GRID;

/// The budget, as the time at which it would be full again.
#[derive(Debug)]
pub(crate) struct Pace {
    full: Nanos,
    round: Nanos,
    /// The last wake-up, and how many datagrams came lately, old ones forgotten within [`MEMORY`]; times 1,024.
    last: Nanos,
    lately: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            full: 0,
            round: ROUND,
            last: 0,
            lately: 0,
        }
    }
}

impl Pace {
    /// The thread was woken, and has taken so many datagrams since it was the last time. Commands may wake it
    /// beyond the budget; nobody waits for that later.
    pub(crate) fn woken(&mut self, now: Nanos, datagrams: u64) {
        let passed = now.saturating_sub(self.last).min(MEMORY);
        self.last = now;
        // Bounded, so that no flood overflows it.
        self.lately = self.lately.min(1 << 32);
        self.lately -= self.lately * passed / MEMORY;
        self.lately += datagrams << 10;
        let rounds = (self.lately >> 10) / (MEMORY / ROUND * A_ROUND);
        self.round = (rounds * ROUND).clamp(ROUND, LONGEST);
        self.full = self.full.clamp(now, now + SPARE) + self.round;
    }

    /// Until when the sockets are left alone; in the past: not at all. Rounds begin where ears are
    /// served ([`translink_core::playout::GRID`]), so that one wake-up does for both.
    pub(crate) const fn until(&self) -> Nanos {
        let at = self.full.saturating_sub(SPARE);
        at - at % GRID
    }
}

/// A datagram of a busy thread waits so long at most, half of it on average.
const ROUND: Nanos = 1_000_000;

/// The same where there are very many of them.
const LONGEST: Nanos = 4_000_000;

/// Datagrams a millisecond for which a round is a millisecond longer.
const A_ROUND: u64 = 8;

/// How long a datagram counts: a gateway's bunch of some dozen is no flood.
const MEMORY: Nanos = 32_000_000;

/// Rounds in a row that nobody has to wait for: 16 short ones.
const SPARE: Nanos = 16 * ROUND;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_woken_now_and_then_never_waits() {
        let mut pace = Pace::default();
        for n in 1..10_000 {
            let now = n * 1_100_000;
            assert!(pace.until() <= now);
            pace.woken(now, 1);
        }
    }

    #[test]
    fn a_bunch_of_wakes_is_free() {
        let mut pace = Pace::default();
        let mut now = 1_000 * ROUND;
        for _ in 0..100 {
            for _ in 0..SPARE / ROUND {
                assert!(pace.until() <= now);
                pace.woken(now, 1);
                now += 10_000;
            }
            now += SPARE;
        }
    }

    #[test]
    fn what_commands_wake_holds_up_no_datagram_for_more_than_a_round() {
        let mut pace = Pace::default();
        let now = 1_000 * ROUND;
        for n in 0..4_000 {
            pace.woken(now + n, 0);
            assert!(pace.until() <= now + n + ROUND);
        }
    }

    #[test]
    fn a_thread_that_would_be_woken_all_the_time_wakes_once_a_round() {
        let mut pace = Pace::default();
        let begin = 1_000 * ROUND;
        let mut now = begin;
        for wakes in 0..10_000 {
            now = now.max(pace.until());
            assert!(now <= begin + wakes * ROUND);
            pace.woken(now, 1);
        }
        assert_eq!(now, begin + (9_999 - SPARE / ROUND) * ROUND);
    }

    /// The distance of wake-ups after a second of so many datagrams a millisecond, ns.
    fn distance(each_ms: u64) -> Nanos {
        let mut pace = Pace::default();
        let (mut now, mut before) = (1_000 * ROUND, 0);
        let mut taken = 0;
        for _ in 0..2_000 {
            before = now;
            now = (now + 1).max(pace.until());
            let come = (now - 1_000 * ROUND) * each_ms / ROUND;
            pace.woken(now, come - taken);
            taken = come;
        }
        now - before
    }

    #[test]
    fn the_more_comes_the_longer_a_round() {
        assert_eq!(distance(1), ROUND);
        assert_eq!(distance(10), ROUND, "50 calls");
        assert_eq!(distance(20), 2 * ROUND);
        assert_eq!(distance(40), LONGEST);
        assert_eq!(distance(4_000), LONGEST);
    }

    #[test]
    fn a_bunch_makes_no_round_longer() {
        let mut pace = Pace::default();
        let mut now = 1_000 * ROUND;
        for _ in 0..100 {
            pace.woken(now, 64);
            assert_eq!(pace.round, ROUND);
            now += 40 * ROUND;
        }
    }

    #[test]
    fn after_a_flood_rounds_are_short_again() {
        let mut pace = Pace::default();
        let now = 1_000 * ROUND;
        pace.woken(now, u64::from(u32::MAX));
        assert_eq!(pace.round, LONGEST);
        pace.woken(now + MEMORY, 1);
        assert_eq!(pace.round, ROUND);
    }
}
