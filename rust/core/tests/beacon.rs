//! Beacon words survive what a telephone does to them, and nothing else is taken for one.

use proptest::prelude::*;
use translink_core::beacon::{Beacon, Decoder, NUMBERS, Number, WORD_SAMPLES, encode};

const GAP: usize = 1280;

proptest! {
    #[test]
    fn words_come_back_in_order_with_their_times(
        numbers in prop::collection::vec(0..NUMBERS, 1..8),
        lead in 0_usize..3000,
        gap in 0_usize..GAP,
        gain in 0.5_f32..2.0,
    ) {
        let mut audio = vec![0; lead];
        let mut starts = Vec::new();
        for &number in &numbers {
            starts.push(audio.len() as u64);
            audio.extend(word(number).iter().map(|&s| (f32::from(s) * gain) as i16));
            audio.extend(std::iter::repeat_n(0, gap));
        }
        let heard = decode(&audio);
        prop_assert_eq!(values(&heard), numbers);
        for (beacon, start) in heard.iter().zip(starts) {
            prop_assert!(beacon.start.abs_diff(start) <= 20, "{} for {start}", beacon.start);
            prop_assert_eq!(beacon.end - beacon.start, WORD_SAMPLES);
        }
    }

    #[test]
    fn the_cuts_of_the_stream_do_not_matter(
        numbers in prop::collection::vec(0..NUMBERS, 1..4),
        cuts in prop::collection::vec(1_usize..900, 1..40),
    ) {
        let audio: Vec<i16> = numbers.iter().flat_map(|&n| [word(n), vec![0; GAP]].concat()).collect();
        let (mut decoder, mut heard, mut rest) = (Decoder::new(), Vec::new(), audio.as_slice());
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            decoder.push(piece, &mut heard);
            rest = left;
        }
        decoder.finish(&mut heard);
        prop_assert_eq!(heard, decode(&audio));
    }

    #[test]
    fn a_word_with_a_piece_missing_is_rejected(
        number in 0..NUMBERS,
        at in 0_usize..1840,
        lost in 400_usize..2240,
    ) {
        let mut audio = word(number);
        audio.drain(at..(at + lost).min(2240));
        prop_assert_eq!(decode(&audio), []);
    }

    #[test]
    fn two_halves_of_different_words_are_no_word(one in 0..NUMBERS, other in 0..NUMBERS, at in 320_usize..1900) {
        prop_assume!(one != other);
        let heard = decode(&[&word(one)[..at], &word(other)[at..]].concat());
        prop_assert!(values(&heard).iter().all(|&n| n == one || n == other));
    }

    #[test]
    fn words_spoken_over_each_other_are_never_a_third(
        one in 0..NUMBERS,
        other in 0..NUMBERS,
        lag in 0_usize..2000,
    ) {
        let mut audio = word(one);
        audio.resize(2240 + lag, 0);
        for (sample, add) in audio[lag..].iter_mut().zip(word(other)) {
            *sample += add;
        }
        prop_assert!(values(&decode(&audio)).iter().all(|&n| n == one || n == other));
    }

    #[test]
    fn noise_twelve_decibels_below_does_not_hurt(number in 0..NUMBERS, seed in any::<u64>()) {
        // Tone RMS 8000/sqrt 2 = 5657; uniform noise within ±2450 has RMS 1414: 12 dB below.
        let audio: Vec<i16> = word(number).iter().zip(noise(2240, seed, 2450)).map(|(a, b)| a + b).collect();
        prop_assert_eq!(values(&decode(&audio)), vec![number]);
    }
}

proptest! {
    #[test]
    fn finishing_at_any_moment_gives_each_word_once(
        numbers in prop::collection::vec(0..NUMBERS, 1..5),
        piece in 20_usize..400,
        lead in 0_usize..40,
    ) {
        let mut audio = vec![0; lead];
        audio.extend(numbers.iter().flat_map(|&n| [word(n), vec![0; 160]].concat()));
        audio.truncate(audio.len() - 160);
        let (mut decoder, mut heard) = (Decoder::new(), Vec::new());
        for samples in audio.chunks(piece) {
            decoder.push(samples, &mut heard);
            decoder.finish(&mut heard);
        }
        prop_assert_eq!(values(&heard), numbers);
    }
}

#[test]
fn noise_alone_is_no_word() {
    assert_eq!(decode(&noise(16_000 * 60, 7, 8000)), []);
}

#[test]
fn numbers_have_twenty_four_bits() {
    assert!(Number::new(NUMBERS - 1).is_some());
    assert!(Number::new(NUMBERS).is_none());
}

fn word(value: u32) -> Vec<i16> {
    encode(Number::new(value).unwrap(), 16_000, 8000)
}

fn decode(samples: &[i16]) -> Vec<Beacon> {
    let mut heard = Vec::new();
    let mut decoder = Decoder::new();
    decoder.push(samples, &mut heard);
    decoder.finish(&mut heard);
    heard
}

fn values(heard: &[Beacon]) -> Vec<u32> {
    heard.iter().map(|beacon| beacon.number.get()).collect()
}

/// Deterministic noise, uniform within ±`peak`.
fn noise(length: usize, seed: u64, peak: i32) -> Vec<i16> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 33) as i32).rem_euclid(2 * peak + 1) as i16 - peak as i16
        })
        .collect()
}
