//! The detector on real speech: how much it misses, how much noise it lets through.

use crate::common::{self, Noise};
use translink_core::beacon::{Number, encode};
use translink_core::frame::FRAME_BYTES;
use translink_core::level::Level;
use translink_core::vad::Vad;

const RATE: usize = 16_000;
const SAMPLES: usize = 320;

/// Speech measured per language.
const SECONDS: usize = 240;

/// What a recogniser's segmenter is expected to send ahead of the first frame of speech.
const PREROLL: usize = 15;

/// A call: two seconds of line, then prompts with pauses of 0.8 s.
fn call(prompts: &[Vec<i16>], seconds: usize) -> Vec<f64> {
    let mut line = vec![0.0; 2 * RATE];
    for prompt in prompts {
        line.extend(prompt.iter().map(|&sample| f64::from(sample)));
        line.extend(std::iter::repeat_n(0.0, RATE * 8 / 10));
        if line.len() > seconds * RATE {
            break;
        }
    }
    line
}

fn power(frame: &[f64]) -> f64 {
    frame.iter().map(|x| x * x).sum::<f64>() / frame.len() as f64
}

/// Mean power of the frames above -45 dBFS.
fn active(line: &[f64]) -> f64 {
    let loud: Vec<f64> = line
        .chunks_exact(SAMPLES)
        .map(power)
        .filter(|&p| p > 184.0 * 184.0)
        .collect();
    loud.iter().sum::<f64>() / loud.len() as f64
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Colour {
    White,
    Brown,
}

fn noisy(line: &[f64], level: f64, colour: Colour) -> Vec<i16> {
    let mut noise = Noise(7);
    let mut low = 0.0;
    line.iter()
        .map(|sample| {
            let white = noise.normal();
            // A one-pole low-pass at some 400 Hz, brought back to the power of the white.
            low = 0.85 * low + white * (1.0 - 0.85_f64.powi(2)).sqrt();
            let value = if colour == Colour::White { white } else { low };
            (sample + value * level).round().clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

#[derive(Debug)]
struct Score {
    speech: usize,
    /// Share of frames of speech without a verdict of speech.
    missed: f64,
    /// The same, when each stretch of verdicts is sent with its pre-roll.
    lost: f64,
    /// Share of frames far from speech (more than 0.3 s) that were called speech.
    false_alarm: f64,
}

fn score(truth: &[bool], verdict: &[bool]) -> Score {
    let near = |n: usize, before: usize, after: usize, of: &[bool]| {
        of[n.saturating_sub(after)..(n + before + 1).min(of.len())].contains(&true)
    };
    let frames = truth.len().min(verdict.len());
    let speech: Vec<usize> = (0..frames).filter(|&n| truth[n]).collect();
    let quiet: Vec<usize> = (200..frames).filter(|&n| !near(n, 15, 15, truth)).collect();
    let share = |of: &[usize], bad: &dyn Fn(usize) -> bool| {
        of.iter().filter(|&&n| bad(n)).count() as f64 / of.len().max(1) as f64
    };
    Score {
        speech: speech.len(),
        missed: share(&speech, &|n| !verdict[n]),
        lost: share(&speech, &|n| !near(n, PREROLL, 0, verdict)),
        false_alarm: share(&quiet, &|n| verdict[n]),
    }
}

fn ours(pcm: &[i16]) -> Vec<bool> {
    let mut vad = Vad::new();
    common::bytes(pcm)
        .chunks_exact(FRAME_BYTES)
        .map(|frame| vad.hear(&Level::of(frame.try_into().unwrap())))
        .collect()
}

#[test]
fn real_speech_in_noise_is_not_missed() {
    for language in ["en", "fr"] {
        let Some(prompts) = common::prompts(language, 3) else {
            return;
        };
        let line = call(&prompts, SECONDS);
        let active = active(&line);
        let truth: Vec<bool> = line
            .chunks_exact(SAMPLES)
            .map(|frame| power(frame) > active / 1_000.0)
            .collect();
        for (snr, colour, gain, may_miss) in [
            (60, Colour::White, 1.0, 0.001),
            (60, Colour::White, 0.05, 0.003),
            (20, Colour::White, 1.0, 0.006),
            (20, Colour::Brown, 1.0, 0.004),
            (10, Colour::White, 1.0, 0.014),
            (10, Colour::Brown, 1.0, 0.010),
        ] {
            let quiet: Vec<f64> = line.iter().map(|sample| sample * gain).collect();
            let level = gain * (active / 10_f64.powf(f64::from(snr) / 10.0)).sqrt();
            let pcm = noisy(&quiet, level, colour);
            let score = score(&truth, &ours(&pcm));
            println!("{language} {snr} dB {colour:?} x{gain}: {score:.4?}");
            assert!(score.speech > 1_000, "{score:?}");
            assert!(
                score.missed < may_miss,
                "{language} {snr} {colour:?} {score:?}"
            );
            assert!(score.lost < 0.0015, "{language} {snr} {colour:?} {score:?}");
            assert!(
                score.false_alarm < 0.12,
                "{language} {snr} {colour:?} {score:?}"
            );
        }
    }
}

#[test]
fn bursts_of_a_test_tone_are_speech_for_minutes() {
    let mut burst = common::tone(1_000.0, 16_000.0, 1_000.0, 4 * SAMPLES);
    burst.extend([0; 21 * SAMPLES]);
    let pcm = burst.repeat(60 * 50 / 25);
    let verdicts = ours(&pcm);
    for (period, verdicts) in verdicts.chunks_exact(25).enumerate() {
        assert!(verdicts[..4].iter().all(|&speech| speech), "burst {period}");
        assert!(!verdicts[13..].contains(&true), "pause {period}");
    }
}

#[test]
fn beacon_words_are_speech_also_in_a_long_sentence_on_a_noisy_line() {
    // A minute of words with 60 ms between them, 12 words a breath, 0.6 s between breaths.
    let mut line = vec![0.0; RATE];
    let mut words = Vec::new();
    for n in 0..60 * RATE as u32 / 5_000 {
        let word = encode(Number::new(n * 7_919).unwrap(), 16_000, 4_000);
        words.push(line.len()..line.len() + word.len());
        line.extend(word.into_iter().map(f64::from));
        let gap = if n % 12 == 11 { 600 } else { 60 };
        line.extend(std::iter::repeat_n(0.0, gap * RATE / 1_000));
    }
    for noise in [0.0, 100.0] {
        let verdicts = ours(&noisy(&line, noise, Colour::White));
        for word in &words {
            let frames = word.start / SAMPLES..=(word.end - 1) / SAMPLES;
            let missed = frames
                .filter(|&n| n < verdicts.len() && !verdicts[n])
                .count();
            assert_eq!(missed, 0, "word at {word:?}, noise {noise}");
        }
    }
}

#[test]
fn a_steady_noise_is_no_speech_after_four_seconds() {
    let pcm = noisy(&vec![0.0; 10 * RATE], 300.0, Colour::White);
    let verdicts = ours(&pcm);
    assert!(
        verdicts[..100].iter().all(|&speech| speech),
        "until known, audible is speech"
    );
    assert!(!verdicts[200..].contains(&true));
}

#[test]
fn what_is_very_loud_stays_speech_however_steady() {
    let verdicts = ours(&common::tone(1_000.0, 16_000.0, 4_000.0, 20 * RATE));
    assert!(verdicts.iter().all(|&speech| speech));
}

#[test]
fn an_offset_of_the_line_is_no_sound() {
    assert!(!ours(&vec![2_000; RATE]).contains(&true));
}

#[test]
fn noise_after_digital_silence_is_known_again_after_four_seconds() {
    let noise = noisy(&vec![0.0; 5 * RATE], 300.0, Colour::White);
    let pcm = [noise.clone(), vec![0; 5 * RATE], noise].concat();
    let verdicts = ours(&pcm);
    assert!(!verdicts[210..500].contains(&true));
    assert!(!verdicts[700..].contains(&true));
}

#[test]
fn a_reset_detector_is_a_new_one() {
    let tone = Level::of(
        common::bytes(&common::tone(500.0, 16_000.0, 200.0, SAMPLES))
            .as_slice()
            .try_into()
            .unwrap(),
    );
    let mut vad = Vad::new();
    while vad.hear(&tone) {}
    vad.reset();
    assert!(vad.hear(&tone));
}
