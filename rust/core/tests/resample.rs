//! The resampler: lengths, faithfulness, pieces.

use crate::common::{bytes, tone};
use proptest::prelude::*;
use translink_core::resample::{ResampleError, Resampler, resample};

const RATES: [u32; 8] = [
    8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

fn samples(pcm: &[u8]) -> Vec<i16> {
    pcm.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Power of what differs from the ideal tone, in dB below it; the ends are left out.
fn snr(heard: &[i16], hertz: f64, rate: f64, amplitude: f64) -> f64 {
    let ideal: Vec<f64> = (0..heard.len())
        .map(|n| (std::f64::consts::TAU * hertz * n as f64 / rate).sin() * amplitude)
        .collect();
    let middle = heard.len() / 5..heard.len() * 4 / 5;
    let signal: f64 = ideal[middle.clone()].iter().map(|x| x * x).sum();
    let error: f64 = middle
        .map(|n| (f64::from(heard[n]) - ideal[n]).powi(2))
        .sum();
    10.0 * (signal / error).log10()
}

#[test]
fn tones_of_speech_keep_their_place_and_height_between_all_usual_rates() {
    for source in RATES {
        for target in RATES {
            for hertz in [100.0, 1_000.0, 3_300.0] {
                let said = tone(hertz, f64::from(source), 20_000.0, source as usize);
                let heard = samples(&resample(&bytes(&said), source, target).unwrap());
                assert_eq!(heard.len(), target as usize);
                let snr = snr(&heard, hertz, f64::from(target), 20_000.0);
                assert!(
                    snr > 70.0,
                    "{hertz} Hz from {source} to {target}: {snr:.1} dB"
                );
            }
        }
    }
}

#[test]
fn what_the_target_cannot_carry_is_gone() {
    for (source, target, hertz) in [
        (48_000, 16_000, 9_000.0),
        (16_000, 8_000, 5_000.0),
        (44_100, 16_000, 12_000.0),
    ] {
        let said = tone(hertz, f64::from(source), 20_000.0, source as usize);
        let heard = samples(&resample(&bytes(&said), source, target).unwrap());
        let middle = &heard[heard.len() / 5..heard.len() * 4 / 5];
        let peak = middle.iter().map(|x| x.unsigned_abs()).max().unwrap();
        assert!(peak < 6, "{hertz} Hz from {source} to {target}: {peak}");
    }
}

#[test]
fn a_constant_stays_constant_and_full_scale_does_not_wrap() {
    for level in [0, 1_000, i16::MIN, i16::MAX] {
        let heard = samples(&resample(&bytes(&[level; 4_000]), 22_050, 16_000).unwrap());
        assert!(
            heard[100..heard.len() - 100]
                .iter()
                .all(|&x| x.abs_diff(level) <= 1)
        );
    }
    let square: Vec<i16> = (0..4_000)
        .map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let heard = samples(&resample(&bytes(&square), 8_000, 16_000).unwrap());
    let wrapped = heard
        .windows(2)
        .filter(|pair| pair[0] > 30_000 && pair[1] < -30_000)
        .count();
    assert_eq!(wrapped, 0, "an overshoot is clipped");
}

#[test]
fn the_same_rate_changes_nothing() {
    let pcm: Vec<u8> = (0..1_000).map(|n| n as u8).collect();
    assert_eq!(resample(&pcm, 16_000, 16_000).unwrap(), pcm);
}

#[test]
fn wrong_wishes_are_refused_by_name() {
    assert_eq!(
        resample(&[0; 3], 8_000, 16_000),
        Err(ResampleError::OddLength(3))
    );
    for rate in [0, 3_999, 192_001] {
        assert_eq!(
            Resampler::new(rate, 16_000).unwrap_err(),
            ResampleError::Rate(rate)
        );
        assert_eq!(
            Resampler::new(16_000, rate).unwrap_err(),
            ResampleError::Rate(rate)
        );
    }
    assert_eq!(
        ResampleError::Rate(7).to_string(),
        "sample rate 7 Hz is outside 4000..=192000 Hz"
    );
}

#[test]
fn a_stream_waits_for_three_milliseconds_only() {
    let mut resampler = Resampler::new(8_000, 16_000).unwrap();
    let mut heard = Vec::new();
    resampler.push(&bytes(&tone(500.0, 8_000.0, 1_000.0, 160)), &mut heard);
    assert_eq!(heard.len() / 2, 2 * (160 - 24));
}

#[test]
fn a_finished_resampler_begins_anew() {
    let said = bytes(&tone(500.0, 22_050.0, 1_000.0, 2_205));
    let mut resampler = Resampler::new(22_050, 16_000).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    resampler.push(&said, &mut first);
    resampler.push(&[1], &mut first);
    resampler.finish(&mut first);
    resampler.push(&said, &mut second);
    resampler.finish(&mut second);
    assert_eq!(first, second);
    assert_eq!(first.len(), 3_200);
}

/// Of 20 ms that are all the same nothing is computed: it must not be heard where that begins and ends.
#[test]
fn silence_between_sounds_is_what_it_is_when_all_is_converted_at_once() {
    for (source, target) in [
        (8_000, 16_000),
        (16_000, 8_000),
        (24_000, 16_000),
        (44_100, 16_000),
    ] {
        let sound = tone(700.0, f64::from(source), 20_000.0, source as usize / 10);
        let said: Vec<i16> = [0, 8, -32_768, 32_767]
            .into_iter()
            .flat_map(|quiet| [vec![quiet; source as usize / 7], sound.clone()].concat())
            .collect();
        let whole = resample(&bytes(&said), source, target).unwrap();
        let (mut resampler, mut heard) = (Resampler::new(source, target).unwrap(), Vec::new());
        for piece in bytes(&said).chunks(2 * source as usize / 50) {
            resampler.push(piece, &mut heard);
        }
        resampler.finish(&mut heard);
        assert!(heard == whole, "{source} to {target}");
    }
}

#[test]
fn odd_rates_with_more_phases_than_the_table_are_good_enough() {
    let said = tone(1_000.0, 15_999.0, 20_000.0, 15_999);
    let heard = samples(&resample(&bytes(&said), 15_999, 16_000).unwrap());
    assert_eq!(heard.len(), 16_000);
    assert!(snr(&heard, 1_000.0, 16_000.0, 20_000.0) > 55.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_make_the_same_whole(
        pcm in prop::collection::vec(any::<u8>(), 0..3_000),
        cuts in prop::collection::vec(1_usize..700, 1..40),
        source in 4_000_u32..=48_000,
        target in prop::sample::select(&RATES[..]),
    ) {
        let pcm = &pcm[..pcm.len() / 2 * 2];
        let whole = resample(pcm, source, target).unwrap();
        let frames = pcm.len() as u64 / 2;
        prop_assert_eq!(whole.len() as u64 / 2, (frames * u64::from(target)).div_ceil(u64::from(source)));
        let mut resampler = Resampler::new(source, target).unwrap();
        let mut heard = Vec::new();
        let mut rest = pcm;
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            resampler.push(piece, &mut heard);
            rest = others;
        }
        resampler.finish(&mut heard);
        prop_assert!(heard == whole);
    }
}
