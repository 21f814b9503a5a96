//! The outlines of the last 20 s of a lane, written by the media thread, read from anywhere.
//!
//! One word a slot, which names the slot it is for: so the writer waits for nobody, a reader that is
//! overtaken sees nothing instead of something wrong, and a slot that nothing was drawn in needs no
//! writing to be empty.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use translink_core::frame::Extremes;

/// What of a leg is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What its talker said.
    Said,
    /// What its ear was sent.
    Heard,
}

/// Slots that can be read: 20 s.
const HELD: u64 = 1_000;

/// Words of the ring. What is more than [`HELD`] is the start a slow reader has.
const WORDS: u64 = 1_024;

/// The ring of one lane.
#[derive(Debug)]
pub(crate) struct Envelope {
    words: Box<[AtomicU32]>,
    /// One past the newest slot.
    next: AtomicU64,
}

impl Envelope {
    pub(crate) fn new() -> Self {
        Self {
            words: (0..WORDS).map(|_| AtomicU32::new(0)).collect(),
            next: AtomicU64::new(0),
        }
    }

    /// Draw into a slot; on top of what it shows, if it is the newest one. Media thread only.
    pub(crate) fn draw(&self, slot: u64, extremes: Extremes) {
        let word = &self.words[place(slot)];
        let shown = read(word.load(Ordering::Relaxed), slot);
        word.store(written(shown.join(extremes), slot), Ordering::Relaxed);
        if slot >= self.next.load(Ordering::Relaxed) {
            self.next.store(slot + 1, Ordering::Release);
        }
    }

    /// What was drawn from slot `from` on: the number of the first slot, and for each its lowest
    /// and highest sample. Slots that are too old are left out; where nothing was drawn is 0, 0.
    pub(crate) fn read(&self, from: u64) -> (u64, Vec<u8>) {
        let next = self.next.load(Ordering::Acquire);
        let first = from.clamp(next.saturating_sub(HELD), next);
        let pairs = (first..next).flat_map(|slot| {
            let shown = read(self.words[place(slot)].load(Ordering::Relaxed), slot);
            [shown.low, shown.high].map(unsigned)
        });
        (first, pairs.collect())
    }
}

const fn place(slot: u64) -> usize {
    (slot % WORDS) as usize
}

/// How many times the ring had gone round before the slot, modulo 2^16: 15 days.
#[expect(clippy::cast_possible_truncation, reason = "that is the modulo")]
const fn round(slot: u64) -> u16 {
    (slot / WORDS) as u16
}

const fn written(extremes: Extremes, slot: u64) -> u32 {
    let [a, b] = round(slot).to_be_bytes();
    u32::from_be_bytes([a, b, unsigned(extremes.low), unsigned(extremes.high)])
}

const fn unsigned(byte: i8) -> u8 {
    let [byte] = byte.to_ne_bytes();
    byte
}

/// What a word shows of a slot: nothing, if it is another one's.
fn read(word: u32, slot: u64) -> Extremes {
    let [a, b, low, high] = word.to_be_bytes();
    if u16::from_be_bytes([a, b]) == round(slot) {
        Extremes {
            low: i8::from_ne_bytes([low]),
            high: i8::from_ne_bytes([high]),
        }
    } else {
        Extremes::default()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 4_000_000;

    fn extremes(low: i8, high: i8) -> Extremes {
        Extremes { low, high }
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped() {
        let envelope = Envelope::new();
        envelope.draw(START, extremes(-1, 2));
        envelope.draw(START + 1, extremes(-3, 4));
        let (first, pairs) = envelope.read(START);
        assert_eq!((first, pairs), (START, vec![255, 2, 253, 4]));
        assert_eq!(envelope.read(START + 2), (START + 2, vec![]));
        envelope.draw(START + 4, extremes(-5, 6));
        assert_eq!(
            envelope.read(START + 2),
            (START + 2, vec![0, 0, 0, 0, 251, 6])
        );
        assert_eq!(envelope.read(u64::MAX), (START + 5, vec![]));
    }

    #[test]
    fn a_slot_drawn_twice_shows_both() {
        let envelope = Envelope::new();
        envelope.draw(START, extremes(-9, 1));
        envelope.draw(START, extremes(-2, 8));
        assert_eq!(envelope.read(START).1, [247, 8]);
    }

    #[test]
    fn a_lane_in_which_nothing_happened_is_empty() {
        assert_eq!(Envelope::new().read(0), (0, vec![]));
        assert_eq!(Envelope::new().read(7), (0, vec![]));
    }

    proptest! {
        /// Whatever is drawn with whatever pauses: what is read is what was drawn there in the last
        /// 20 s, and nothing of what the ring showed before.
        #[test]
        fn what_is_read_is_what_was_drawn(
            drawn in prop::collection::vec((0_u64..2_500, -128_i8..=0, 0_i8..=127), 1..300),
            asked in 0_u64..3_000,
        ) {
            let envelope = Envelope::new();
            let (mut slot, mut shown) = (START, std::collections::BTreeMap::new());
            for (gap, low, high) in drawn {
                slot += gap / 100;
                envelope.draw(slot, extremes(low, high));
                let before: &mut Extremes = shown.entry(slot).or_default();
                *before = before.join(extremes(low, high));
            }
            let (first, pairs) = envelope.read(START + asked);
            prop_assert_eq!(first, (START + asked).clamp(slot + 1 - HELD, slot + 1));
            prop_assert_eq!(pairs.len() as u64, 2 * (slot + 1 - first));
            for (slot, pair) in (first..).zip(pairs.chunks(2)) {
                let shown = shown.get(&slot).copied().unwrap_or_default();
                prop_assert_eq!(pair, [unsigned(shown.low), unsigned(shown.high)]);
            }
        }
    }
}
