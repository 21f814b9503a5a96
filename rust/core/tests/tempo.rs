//! The same speech in less time: how long it becomes, that it keeps its pitch and that nothing
//! clicks.

use crate::common::stretching::{stretched, stretched_by};
use crate::common::{Noise, tone};
use proptest::prelude::*;
use translink_core::curve::Curve;
use translink_core::tempo::{FRAME, LOOK, Tempo};

const RATE: f64 = 16_000.0;

/// A voice: a pitch that glides, its harmonics falling by 6 dB an octave.
fn voice(from: f64, to: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    let mut phase = 0.0_f64;
    (0..samples)
        .map(|n| {
            let pitch = from + (to - from) * n as f64 / samples as f64;
            phase += std::f64::consts::TAU * pitch / RATE;
            let harmonics = 1..=(3_500.0 / pitch) as u32;
            let sound: f64 = harmonics
                .map(|k| (phase * f64::from(k)).sin() / f64::from(k))
                .sum();
            (sound * amplitude / 1.9).round() as i16
        })
        .collect()
}

/// Rising zero crossings a second.
fn hertz(pcm: &[i16]) -> f64 {
    let mut crossings = Vec::new();
    for (n, pair) in pcm.windows(2).enumerate() {
        let (a, b) = (f64::from(pair[0]), f64::from(pair[1]));
        if a < 0.0 && b >= 0.0 {
            crossings.push(n as f64 + a / (a - b));
        }
    }
    let periods = crossings.len().saturating_sub(1) as f64;
    periods * RATE / (crossings.last().unwrap() - crossings[0])
}

/// Samples that are not left out while the factor rises by 0.01 a frame.
fn rise(factor: u32) -> f64 {
    let short = |n| f64::from(factor - 1_000 - 10 * (n + 1)) / 1e3 * 320.0;
    (0..(factor - 1_000) / 10).map(short).sum()
}

fn steepest(pcm: &[i16]) -> i32 {
    let steps = pcm
        .windows(2)
        .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    steps.max().unwrap_or(0)
}

#[test]
fn a_factor_of_one_changes_no_bit_and_holds_nothing_back() {
    let mut noise = Noise(7);
    let pcm: Vec<i16> = (0..48_000).map(|_| noise.next() as i16).collect();
    assert_eq!(stretched(&pcm, 1_000, 16_000), pcm);
    let mut tempo = Tempo::new();
    let mut frame = [0; FRAME];
    assert_eq!(tempo.frame(&pcm[..FRAME], 1_000, 0, &mut frame), FRAME);
    assert_eq!(
        frame,
        pcm[..FRAME],
        "what is due is sent, not what was due before"
    );
}

#[test]
fn the_first_splice_comes_with_the_first_frames_that_owe_it() {
    let pcm = voice(120.0, 120.0, 9_000.0, 16_000);
    let out = stretched(&pcm, 1_350, 0);
    let differs = out.iter().zip(&pcm).position(|(a, b)| a != b).unwrap();
    // A period of 8 ms is owed after some frames of a factor that rises by 0.01 a frame.
    assert!(differs > FRAME && differs < 10 * FRAME, "{differs}");
}

#[test]
fn a_tone_keeps_its_pitch() {
    for pitch in [70.0, 110.0, 173.0, 220.0, 401.0, 1_000.0, 3_150.0] {
        for factor in [1_050, 1_150, 1_350, 1_500, 2_000] {
            let out = stretched(&tone(pitch, RATE, 9_000.0, 64_000), factor, 0);
            let off = hertz(&out) / pitch - 1.0;
            assert!(off.abs() < 3e-3, "{pitch} Hz at {factor}: {off:+.4}");
        }
    }
}

#[test]
fn a_sweep_is_where_it_should_be() {
    // 100 to 400 Hz in 4 s; in windows of 200 ms the pitch is that of the place it came from.
    let pcm = voice(100.0, 400.0, 9_000.0, 64_000);
    let fundamental: Vec<i16> = {
        let mut phase = 0.0_f64;
        (0..64_000)
            .map(|n| {
                phase += std::f64::consts::TAU * (100.0 + 300.0 * f64::from(n) / 64_000.0) / RATE;
                (phase.sin() * 9_000.0) as i16
            })
            .collect()
    };
    for sound in [&fundamental, &pcm] {
        for factor in [1_150, 1_350, 1_500] {
            let out = stretched(sound, factor, 0);
            for (place, window) in out.chunks_exact(3_200).enumerate().skip(6) {
                let middle =
                    (place as f64 + 0.5) * 3_200.0 * f64::from(factor) / 1e3 - rise(factor);
                let wanted = 100.0 + 300.0 * middle / 64_000.0;
                let off = autocorrelated(window, wanted) / wanted - 1.0;
                assert!(off.abs() < 0.03, "{factor}, {wanted:.0} Hz: {off:+.3}");
            }
        }
    }
}

/// The pitch near a guess, by the best lag of the autocorrelation.
fn autocorrelated(pcm: &[i16], guess: f64) -> f64 {
    let (low, high) = ((RATE / guess / 1.2) as usize, (RATE / guess * 1.2) as usize);
    let at = |lag: usize| -> f64 {
        let pairs = pcm.iter().zip(&pcm[lag..]);
        let product: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        product / (pcm.len() - lag) as f64
    };
    let best = (low..=high)
        .max_by(|&a, &b| at(a).total_cmp(&at(b)))
        .unwrap();
    let (left, middle, right) = (at(best - 1), at(best), at(best + 1));
    let between = (left - right) / (2.0 * (left - 2.0 * middle + right));
    RATE / (best as f64 + between)
}

#[test]
fn pauses_shrink_to_what_is_left_at_their_ends_and_no_more_than_the_ear_is_behind() {
    let talk = voice(120.0, 140.0, 9_000.0, 16_000);
    let pause = vec![0_i16; 12_800]; // 0.8 s
    let pcm = [&talk[..], &pause, &talk].concat();
    let quiet = |pcm: &[i16]| pcm.iter().filter(|&&sample| sample == 0).count();
    // A factor barely above 1 takes no speech worth mentioning.
    let out = stretched(&pcm, 1_001, 16_000);
    let left = quiet(&out) as f64 / 16_000.0;
    assert!(
        (0.12..0.18).contains(&left),
        "{left} s of the pause is left"
    );
    let out = stretched(&pcm, 1_001, 3_200);
    let gone = (pcm.len() - out.len()) as f64 / 16_000.0;
    assert!((0.19..=0.21).contains(&gone), "{gone} s");
    assert_eq!(
        stretched(&pcm, 1_000, 16_000),
        pcm,
        "an ear that is not behind"
    );
}

#[test]
fn a_stop_within_a_word_is_no_pause() {
    let talk = voice(120.0, 140.0, 9_000.0, 8_000);
    let stop = vec![0_i16; 1_600]; // 100 ms, the closure of a long "t"
    let pcm = [&talk[..], &stop, &talk].concat();
    let out = stretched(&pcm, 1_001, 16_000);
    assert!(pcm.len() - out.len() < 400, "{}", pcm.len() - out.len());
}

fn sounds() -> impl Strategy<Value = Vec<i16>> {
    let voiced = (70.0_f64..400.0, 70.0_f64..400.0, 500.0_f64..16_000.0)
        .prop_map(|(from, to, amplitude)| voice(from, to, amplitude, 32_000));
    let hiss = (1_u64.., 10.0_f64..5_000.0).prop_map(|(seed, amplitude)| {
        let mut noise = Noise(seed);
        (0..32_000)
            .map(|_| (noise.normal() * amplitude) as i16)
            .collect()
    });
    let loud = (1_u64..).prop_map(|seed| {
        let mut noise = Noise(seed);
        (0..32_000).map(|_| noise.next() as i16).collect()
    });
    prop_oneof![4 => voiced, 2 => hiss, 1 => loud]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any sound, any factor: it takes the time it should, to within what may be owed.
    #[test]
    fn the_length_is_the_factor(pcm in sounds(), factor in 1_000_u32..=2_000) {
        let out = stretched(&pcm, factor, 0);
        let wanted = (pcm.len() as f64 + rise(factor)) * 1e3 / f64::from(factor);
        let off = (out.len() as f64 - wanted).abs();
        prop_assert!(off <= 960.0, "{} instead of {wanted}", out.len());
    }

    /// A change of factor makes no step that was not in the sound.
    #[test]
    fn nothing_clicks_when_the_factor_changes(
        pitch in 70.0_f64..500.0,
        factors in prop::collection::vec(prop_oneof![Just(1_000_u32), 1_000_u32..=2_000], 1..60),
        every in 1_usize..20,
    ) {
        let pcm = tone(pitch, RATE, 12_000.0, 48_000);
        let out = stretched_by(&pcm, 0, |frame| factors[frame / every % factors.len()]);
        prop_assert!(
            steepest(&out) <= steepest(&pcm) * 5 / 4 + 150,
            "{} and was {}", steepest(&out), steepest(&pcm)
        );
    }

    /// Silence has nothing that could become a sound.
    #[test]
    fn silence_stays_silence(factor in 1_000_u32..=2_000, spare in 0_usize..20_000) {
        let out = stretched(&vec![0; 32_000], factor, spare);
        prop_assert!(out.iter().all(|&sample| sample == 0));
    }

    /// Whatever waits, a frame is made of it and never of more than that.
    #[test]
    fn no_more_is_used_than_there_is(
        pcm in sounds(), waits in FRAME..LOOK, factor in 1_000_u32..=2_000, spare in 0_usize..9_000,
    ) {
        let (mut tempo, mut frame) = (Tempo::new(), [0; FRAME]);
        for start in (0..16_000).step_by(FRAME) {
            let used = tempo.frame(&pcm[start..start + waits], factor, spare, &mut frame);
            prop_assert!((FRAME..=waits).contains(&used));
        }
    }

    /// The time to say what waits is what it takes, frame by frame.
    #[test]
    fn the_time_it_takes_is_given(backlog in 0_u64..20_000_000_000) {
        let curve = Curve::USUAL;
        let (mut left, mut time) = (backlog as f64, 0.0);
        while left > 0.0 {
            left -= 1e6 * f64::from(curve.factor(left as u64)) / 1e3;
            time += 1e6;
        }
        let given = curve.time(backlog) as f64;
        prop_assert!((given - time).abs() < 2e6 + time * 1e-3, "{given} and {time}");
    }
}

#[test]
fn the_usual_curve_is_the_one_that_was_measured() {
    let seconds = |backlog: f64| Curve::USUAL.factor((backlog * 1e9) as u64);
    let given: Vec<u32> = [0.0, 0.3, 0.9, 1.5, 2.75, 4.0, 60.0].map(seconds).to_vec();
    assert_eq!(given, [1_000, 1_000, 1_175, 1_350, 1_425, 1_500, 1_500]);
    let points = [
        (300_000_000, 1_000),
        (1_500_000_000, 1_350),
        (4_000_000_000, 1_500),
    ];
    assert_eq!(Curve::new(&points).unwrap().factor(900_000_000), 1_175);
}

#[test]
fn a_curve_that_makes_no_sense_is_refused() {
    assert_eq!(Curve::new(&[]), Some(Curve::OFF));
    for points in [
        &[(0, 1_100)][..],
        &[(0, 1_000), (5, 2_001)],
        &[(0, 1_000), (5, 1_200), (9, 1_100)],
        &[(5, 1_000), (5, 1_200)],
        &[(0, 1_000), (1, 1_100), (2, 1_200), (3, 1_300), (4, 1_400)],
    ] {
        assert_eq!(Curve::new(points), None, "{points:?}");
    }
}
