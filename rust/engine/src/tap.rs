//! What an ear was sent, for those who listen in: the last seconds, while somebody does.
//!
//! Samples are numbered by the monotonic clock, 16 to the millisecond (a multiple of 320 begins a
//! slot of [`translink_core::envelope`]). Between two speeches lies the silence that the ear heard
//! there.

use std::collections::TryReserveError;
use std::sync::{Mutex, MutexGuard, PoisonError};

use translink_core::frame::{FRAME_BYTES, FRAME_SAMPLES};
use translink_core::ledger::Ledger;

/// Samples that wait for the listener: 5 s.
const TAPPED_SAMPLES: usize = 5 * 16_000;

/// An ear's tap; closed, it keeps nothing and costs nothing.
#[derive(Debug)]
pub(crate) struct Tap(Mutex<Ledger>);

impl Tap {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Ledger::empty()))
    }

    /// Open or close it. An open one stays as it is.
    pub(crate) fn turn(&self, on: bool) -> Result<(), TryReserveError> {
        let open = self.ledger().capacity() > 0;
        if open != on {
            // Made and dropped by the caller, not by the media thread that waits for the lock.
            let other = Ledger::new(if on { TAPPED_SAMPLES } else { 0 })?;
            let was = std::mem::replace(&mut *self.ledger(), other);
            drop(was);
        }
        Ok(())
    }

    /// The ear was sent a frame in this slot. Media thread only.
    pub(crate) fn sent(&self, slot: u64, pcm: &[u8; FRAME_BYTES]) {
        let mut ledger = self.ledger();
        let capacity = ledger.capacity();
        if capacity == 0 {
            return;
        }
        let start = slot * FRAME_SAMPLES;
        let held = ledger.held();
        if !held.is_empty() {
            let mut silent = held.end.max(start.saturating_sub(capacity));
            while silent < start {
                ledger.append(silent, &[0; FRAME_BYTES]);
                silent += FRAME_SAMPLES;
            }
        }
        ledger.append(start, pcm);
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_closed_tap_keeps_nothing() {
        let tap = Tap::new();
        tap.sent(1, &[1; 640]);
        assert!(tap.ledger().held().is_empty());
        tap.turn(true).expect("memory");
        tap.sent(2, &[2; 640]);
        assert_eq!(tap.ledger().read(0, u64::MAX), (640, vec![2; 640]));
        tap.turn(true).expect("memory");
        assert!(
            !tap.ledger().held().is_empty(),
            "an open one stays as it is"
        );
        tap.turn(false).expect("memory");
        assert_eq!(tap.ledger().capacity(), 0);
    }

    #[test]
    fn a_pause_between_two_speeches_is_heard_as_long_as_it_was() {
        let tap = Tap::new();
        tap.turn(true).expect("memory");
        tap.sent(10, &[1; 640]);
        tap.sent(13, &[2; 640]);
        let (first, heard) = tap.ledger().read(0, u64::MAX);
        assert_eq!(first, 3_200);
        assert_eq!(heard, [[1; 640], [0; 640], [0; 640], [2; 640]].concat());
    }

    #[test]
    fn a_pause_longer_than_the_tap_leaves_its_end() {
        let tap = Tap::new();
        tap.turn(true).expect("memory");
        tap.sent(10, &[1; 640]);
        tap.sent(1_000_000, &[2; 640]);
        let held = tap.ledger().held();
        assert_eq!(held, 1_000_001 * 320 - 80_000..1_000_001 * 320);
        let heard = tap.ledger().read(held.start, held.end).1;
        let pause = heard.len() - 640;
        assert!(heard[..pause].iter().all(|&byte| byte == 0));
        assert_eq!(heard[pause..], [2; 640]);
    }
}
