//! Outlines for drawing: true extremes, in the slots of their time, without holes that are not
//! there.

use crate::common::line::{Line, MS};
use crate::common::{bytes, tone};
use proptest::prelude::*;
use translink_core::envelope::{SLACK, Slots};
use translink_core::frame::{Extremes, FRAME_BYTES, FRAME_NANOS};
use translink_core::leg::LegConfig;

const START: u64 = 5_000_000 * FRAME_NANOS;

#[test]
fn a_frame_tells_its_own_extremes() {
    let mut line = Line::new(LegConfig::default());
    line.datagram(&bytes(&tone(440.0, 16_000.0, 16_000.0, 320)));
    line.datagram(&[0; 640]);
    let outlines: Vec<_> = line.frames.iter().map(|(_, f)| f.extremes).collect();
    assert_eq!(
        outlines,
        [Extremes { low: -63, high: 62 }, Extremes::default()]
    );
}

#[test]
fn a_stop_is_drawn_as_long_as_it_was() {
    let mut slots = Slots::default();
    let first = slots.place(START);
    assert_eq!(first, 5_000_000);
    assert_eq!(slots.place(START + FRAME_NANOS), first + 1);
    assert_eq!(slots.place(START + 100 * FRAME_NANOS), first + 100);
    assert_eq!(slots.place(START + 101 * FRAME_NANOS), first + 101);
}

#[test]
fn a_flood_does_not_run_ahead_of_time() {
    let mut slots = Slots::default();
    let drawn: Vec<_> = (0..1_000).map(|_| slots.place(START)).collect();
    assert_eq!(drawn.last(), Some(&(5_000_000 + SLACK)));
    assert_eq!(slots.place(START + 2 * FRAME_NANOS), 5_000_000 + SLACK + 1);
}

#[test]
fn joined_stretches_have_the_extremes_of_both() {
    let one = Extremes { low: -5, high: 90 };
    let two = Extremes { low: -50, high: 9 };
    assert_eq!(one.join(two), Extremes { low: -50, high: 90 });
}

proptest! {
    #[test]
    fn extremes_are_the_upper_bytes_of_the_lowest_and_the_highest_sample(
        said in prop::collection::vec(any::<i16>(), 320), divisor in 1_i16..2_000,
    ) {
        let said: Vec<i16> = said.iter().map(|sample| sample / divisor).collect();
        let pcm: [u8; FRAME_BYTES] = bytes(&said).try_into().unwrap();
        let low = *said.iter().min().unwrap();
        let high = *said.iter().max().unwrap();
        let extremes = Extremes::of(&pcm);
        prop_assert_eq!(i16::from(extremes.low), low.min(0).div_euclid(256));
        prop_assert_eq!(i16::from(extremes.high), high.max(0) / 256);
    }

    /// Up to 200 ms of jitter (each datagram on its own) leave no hole and no overlap.
    #[test]
    fn an_uneven_stream_is_drawn_without_a_hole(
        late in prop::collection::vec(0..SLACK * FRAME_NANOS, 2..200),
    ) {
        let mut slots = Slots::default();
        let mut drawn = Vec::new();
        let mut captured = 0;
        for (n, late) in (0_u64..).zip(late) {
            captured = captured.max(START + n * FRAME_NANOS + late);
            drawn.push(slots.place(captured));
        }
        for pair in drawn.windows(2) {
            prop_assert_eq!(pair[1], pair[0] + 1);
        }
    }

    /// Whatever comes whenever: nothing is drawn before what came before it, nor far from its time.
    #[test]
    fn slots_go_forward_and_stay_near_their_time(
        gaps in prop::collection::vec(prop_oneof![0..3 * MS, 15 * MS..25 * MS, 0..4_000 * MS], 1..300),
    ) {
        let mut slots = Slots::default();
        let (mut captured, mut last) = (START, 0);
        for gap in gaps {
            captured += gap;
            let slot = slots.place(captured);
            prop_assert!(slot >= last);
            prop_assert!(slot.abs_diff(captured / FRAME_NANOS) <= SLACK);
            last = slot;
        }
    }
}
