//! The ear's volume: no click, no overflow, nothing changed that was not asked for.

use crate::common::line::{Line, MS};
use crate::common::{bytes, tone};
use proptest::prelude::*;
use translink_core::frame::FRAME_BYTES;
use translink_core::leg::{Input, LegConfig};
use translink_core::volume::{Gain, Volume};

fn gain(factor: f64) -> Gain {
    Gain::new(factor).unwrap()
}

fn samples(pcm: &[u8]) -> Vec<i16> {
    let pairs = pcm.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A constant of 10,000 shows every step of the factor.
fn flat(frames: usize) -> Vec<u8> {
    bytes(&vec![10_000; frames * FRAME_BYTES / 2])
}

#[test]
fn a_factor_is_from_nothing_to_double() {
    for refused in [-0.01, 2.01, f64::NAN, f64::INFINITY] {
        assert_eq!(Gain::new(refused), None);
    }
    assert_eq!(Gain::new(1.0), Some(Gain::UNITY));
    assert!(Gain::new(0.0).is_some() && Gain::new(2.0).is_some());
}

#[test]
fn a_change_in_mid_sentence_is_a_slope_and_not_a_step() {
    let mut line = Line::new(LegConfig::default());
    line.play(1, &flat(30), true);
    line.pass(100 * MS);
    let before = line.sent.len();
    line.handle(Input::Volume(gain(0.5)));
    line.pass(1_000 * MS);
    let heard = samples(&line.played());
    let at = before * 320;
    assert!(heard[..at].iter().all(|&sample| sample == 10_000));
    assert!(heard[at + 320..].iter().all(|&sample| sample == 5_000));
    for pair in heard[at - 1..at + 321].windows(2) {
        let step = i32::from(pair[0]) - i32::from(pair[1]);
        assert!((0..=17).contains(&step), "{step} of 5,000 in one sample");
    }
}

#[test]
fn a_speech_that_comes_after_the_change_has_the_new_volume_from_its_first_sample() {
    for continuous in [false, true] {
        let mut line = Line::new(LegConfig {
            continuous,
            ..LegConfig::default()
        });
        line.play(1, &flat(3), true);
        line.pass(300 * MS);
        line.handle(Input::Volume(gain(0.0)));
        line.pass(50 * MS);
        line.play(2, &flat(5), true);
        line.pass(300 * MS);
        let second = line.sent.iter().filter(|sent| sent.utterance == 2);
        let heard: Vec<u8> = second.flat_map(|sent| sent.payload.clone()).collect();
        assert_eq!(heard, [0; 5 * FRAME_BYTES], "continuous: {continuous}");
    }
}

#[test]
fn what_would_be_louder_than_a_sample_can_say_is_cut_and_does_not_wrap() {
    let mut volume = Volume::new();
    volume.set(gain(2.0));
    volume.settle();
    let loud: [u8; FRAME_BYTES] = bytes(&tone(440.0, 16_000.0, 32_767.0, 320))
        .try_into()
        .unwrap();
    let mut heard = loud;
    volume.apply(&mut heard);
    for (was, is) in samples(&loud).into_iter().zip(samples(&heard)) {
        assert_eq!(is, was.saturating_mul(2));
    }
}

#[test]
fn the_volume_stays_when_a_call_ends() {
    let mut line = Line::new(LegConfig::default());
    line.handle(Input::Volume(gain(0.5)));
    line.handle(Input::Reset);
    line.play(1, &flat(2), true);
    line.pass(100 * MS);
    assert_eq!(samples(&line.played()), vec![5_000; 640]);
}

proptest! {
    /// Whatever is set whenever: each sample lies between what the old and the new factor make of
    /// it, and at the factor 1 nothing is changed.
    #[test]
    fn every_sample_is_between_the_old_factor_and_the_new(
        factors in prop::collection::vec(0.0_f64..=2.0, 1..8),
        said in prop::collection::vec(any::<i16>(), 320),
    ) {
        let pcm: [u8; FRAME_BYTES] = bytes(&said).try_into().unwrap();
        let mut volume = Volume::new();
        let mut before = 1.0;
        for factor in factors {
            volume.set(gain(factor));
            for old in [before, factor] {
                let mut heard = pcm;
                volume.apply(&mut heard);
                for (&was, is) in said.iter().zip(samples(&heard)) {
                    let ends = [old, factor].map(|f| (f64::from(was) * f).clamp(-32_768.0, 32_767.0));
                    let [least, most] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
                    // One for rounding, and 2^-14 of the sample for each factor's own rounding.
                    prop_assert!((least - 3.5..=most + 3.5).contains(&f64::from(is)), "{was} to {is}");
                }
            }
            before = factor;
        }
        volume.set(Gain::UNITY);
        let mut heard = pcm;
        volume.apply(&mut heard);
        let mut heard = pcm;
        volume.apply(&mut heard);
        prop_assert_eq!(heard, pcm);
    }
}
