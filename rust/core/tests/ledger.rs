//! The ledger against a plain list of samples.

use proptest::prelude::*;
use translink_core::frame::{FRAME_BYTES, FRAME_SAMPLES};
use translink_core::ledger::Ledger;

fn frame(fill: u8) -> [u8; FRAME_BYTES] {
    [fill; FRAME_BYTES]
}

#[test]
fn an_empty_ledger_has_nothing_to_tell() {
    let ledger = Ledger::new(16_000).unwrap();
    assert_eq!(ledger.read(0, u64::MAX), (0, vec![]));
    assert_eq!(ledger.read(5, 3), (5, vec![]));
    assert_eq!(ledger.held(), 0..0);
}

#[test]
fn a_ledger_of_no_length_keeps_nothing() {
    let mut ledger = Ledger::new(0).unwrap();
    ledger.append(0, &frame(1));
    assert_eq!(ledger.read(0, u64::MAX), (0, vec![]));
    assert_eq!(ledger.capacity(), 0);
}

#[test]
fn the_oldest_makes_way() {
    let mut ledger = Ledger::new(1_000).unwrap();
    assert_eq!(ledger.capacity(), 1_280, "whole frames");
    for n in 0..10 {
        ledger.append(n * FRAME_SAMPLES, &frame(n as u8));
    }
    assert_eq!(ledger.held(), 6 * 320..10 * 320);
    let (first, bytes) = ledger.read(0, u64::MAX);
    assert_eq!(first, 6 * 320);
    assert_eq!(bytes, [frame(6), frame(7), frame(8), frame(9)].concat());
    assert_eq!(ledger.read(0, 100), (100, vec![]), "not any more");
    assert_eq!(ledger.read(9_999, 10_000), (9_999, vec![]), "not yet");
}

#[test]
fn a_jump_forgets_what_was_before_it() {
    let mut ledger = Ledger::new(16_000).unwrap();
    ledger.append(0, &frame(1));
    ledger.clear();
    assert_eq!(ledger.read(0, 320), (320, vec![]));
    ledger.append(100_000, &frame(2));
    assert_eq!(ledger.read(0, u64::MAX), (100_000, frame(2).to_vec()));
}

#[test]
fn a_ledger_that_does_not_fit_the_memory_is_refused() {
    assert!(Ledger::new(usize::MAX).is_err());
    assert!(Ledger::new(1 << 56).is_err());
}

#[test]
fn what_lies_before_a_sample_can_be_forgotten() {
    let mut ledger = Ledger::new(16_000).unwrap();
    for n in 0..3 {
        ledger.append(n * FRAME_SAMPLES, &frame(n as u8));
    }
    ledger.forget_before(321);
    assert_eq!(ledger.read(0, 640), (321, vec![1; 638]));
    ledger.forget_before(5);
    assert_eq!(ledger.held(), 321..960, "once is for ever");
    ledger.forget_before(u64::MAX);
    ledger.append(960, &frame(3));
    assert_eq!(ledger.read(0, u64::MAX), (960, frame(3).to_vec()));
}

proptest! {
    #[test]
    fn it_tells_what_a_list_would(
        steps in prop::collection::vec((0_u8..20, any::<u8>()), 1..200),
        capacity in 1_usize..5_000,
        origin in 0_u64..1 << 40,
        (from, length) in (0_u64..70_000, 0_u64..6_000),
    ) {
        let mut ledger = Ledger::new(capacity).unwrap();
        let keep = capacity.div_ceil(320) * 640;
        let (mut next, mut jump, mut first, mut list) = (origin, 0, origin, Vec::new());
        for (what, fill) in steps {
            match what {
                0 => {
                    ledger.clear();
                    list.clear();
                    first = next;
                }
                1 => jump += u64::from(fill) * 7,
                _ => {
                    if jump > 0 {
                        list.clear();
                        next += std::mem::take(&mut jump);
                        first = next;
                    }
                    let pcm: [u8; FRAME_BYTES] = std::array::from_fn(|n| fill.wrapping_add(n as u8));
                    ledger.append(next, &pcm);
                    list.extend(pcm);
                    next += FRAME_SAMPLES;
                }
            }
        }
        let held = list.len().min(keep);
        let list = &list[list.len() - held..];
        first = first.max(next - held as u64 / 2);
        let (start, end) = (origin + from, origin + from + length);
        let (read_from, read) = ledger.read(start, end);
        let (low, high) = (start.max(first), end.min(next));
        if held > 0 && low < high {
            prop_assert_eq!(read_from, low);
            let (low, high) = (2 * (low - first) as usize, 2 * (high - first) as usize);
            prop_assert!(read == list[low..high]);
        } else {
            prop_assert!(read.is_empty());
            prop_assert!((start..=end).contains(&read_from));
        }
    }
}
