//! The echo guard in synthetic rooms, and with none.
#![allow(clippy::unwrap_used, clippy::pedantic, reason = "tests")]

mod common;

use common::Noise;
use proptest::prelude::*;
use translink_core::echo::EchoGuard;

const FRAME: usize = 320;
const TICK: u64 = 20_000_000;
const START: u64 = 1_000_000_000_000;

/// Somebody speaks: syllables of a pitched voice and of hiss, pauses between words and sentences.
/// Peaks about −15 dBFS.
fn speech(seed: u64, seconds: f64) -> Vec<f32> {
    // Seeds that are neighbours would begin alike.
    let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (mut noise, mut random) = (Noise(seed), Noise(seed.rotate_left(29) ^ 0x5DEE_CE66));
    let length = (seconds * 16e3) as usize;
    let mut pcm = Vec::with_capacity(length);
    while pcm.len() < length {
        let words = 3 + (random.uniform().abs() * 8.0) as usize;
        for _ in 0..words {
            let syllables = 1 + (random.uniform().abs() * 3.0) as usize;
            for _ in 0..syllables {
                let loud = 5_000.0 * 10_f64.powf(-random.uniform().abs() * 0.7);
                let pitch = 110.0 + 40.0 * random.uniform();
                let samples = 1_600 + (random.uniform().abs() * 2_400.0) as usize;
                let hiss = (random.uniform().abs() * 900.0) as usize;
                for n in 0..hiss {
                    let _ = n;
                    pcm.push((noise.normal() * loud * 0.08) as f32);
                }
                for n in 0..samples {
                    let phase = std::f64::consts::TAU * pitch * n as f64 / 16e3;
                    let tone: f64 = (1..12)
                        .map(|k| (phase * f64::from(k)).sin() / f64::from(k))
                        .sum();
                    let shape = (std::f64::consts::PI * n as f64 / samples as f64).sin();
                    pcm.push((tone * loud * shape) as f32);
                }
            }
            let gap = (random.uniform().abs() * 2_000.0) as usize;
            pcm.resize(pcm.len() + gap, 0.0);
        }
        let pause = 4_000 + (random.uniform().abs() * 16_000.0) as usize;
        pcm.resize(pcm.len() + pause, 0.0);
    }
    pcm.truncate(length);
    pcm
}

/// What a microphone hears of a loudspeaker: `delay` ms later, `decibels` softer, with the reflections
/// of a room of `reverberation` ms.
fn room(sent: &[f32], delay: f64, decibels: f64, reverberation: f64, seed: u64) -> Vec<f32> {
    let mut noise = Noise(seed);
    let taps = (reverberation * 16.0) as usize;
    // 60 dB over the reverberation; sparse, as early reflections are.
    let mut response: Vec<(usize, f64)> = vec![(0, 1.0)];
    for tap in (40..taps).step_by(37) {
        let fall = 10_f64.powf(-3.0 * tap as f64 / taps as f64);
        response.push((tap, noise.normal() * 0.35 * fall));
    }
    let energy: f64 = response.iter().map(|(_, gain)| gain * gain).sum();
    let scale = 10_f64.powf(decibels / 20.0) / energy.sqrt();
    let shift = (delay * 16.0) as usize;
    let mut heard = vec![0.0; sent.len()];
    for (tap, gain) in response {
        let (from, gain) = (shift + tap, (gain * scale) as f32);
        let Some(late) = heard.get_mut(from..) else {
            continue;
        };
        for (out, sample) in late.iter_mut().zip(sent) {
            *out += sample * gain;
        }
    }
    heard
}

/// A line is never quite silent: −62 dBFS.
fn hum(pcm: &mut [f32], seed: u64) {
    let mut noise = Noise(seed);
    for sample in pcm {
        *sample += noise.normal() as f32 * 26.0;
    }
}

fn power(frame: &[f32]) -> f32 {
    frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32
}

struct Heard {
    /// By frame: marked, and whether an echo is known by then.
    marked: Vec<bool>,
    known: Vec<bool>,
    lag: u64,
    gain: i32,
}

fn listen(guard: &mut EchoGuard, sent: &[f32], heard: &[f32]) -> Heard {
    let (mut marked, mut known) = (Vec::new(), Vec::new());
    let (mut lag, mut gain) = (0, 0);
    for (n, (out, back)) in sent
        .chunks_exact(FRAME)
        .zip(heard.chunks_exact(FRAME))
        .enumerate()
    {
        let now = START + n as u64 * TICK;
        guard.sent(now, power(out));
        marked.push(guard.heard(now + TICK, power(back)));
        known.push(guard.learned().is_some());
        if let Some(echo) = guard.learned() {
            (lag, gain) = (echo.lag, echo.gain);
        }
    }
    Heard {
        marked,
        known,
        lag,
        gain,
    }
}

#[test]
fn the_echo_of_a_loud_speakerphone_is_known_within_three_seconds_and_marked() {
    for seed in 1..=20 {
        let sent = speech(seed, 12.0);
        let mut heard = room(&sent, 180.0, -6.0, 300.0, seed);
        hum(&mut heard, seed);
        let mut guard = EchoGuard::new(true);
        let told = listen(&mut guard, &sent, &heard);
        let known = told.known.iter().position(|&known| known).unwrap();
        assert!(known <= 150, "seed {seed}: after {} ms", known * 20);
        assert!(
            (160_000_000..=240_000_000).contains(&told.lag),
            "{}",
            told.lag
        );
        assert!(
            (-12 * 4..=-2 * 4).contains(&told.gain),
            "{} quarters",
            told.gain
        );
        let loud = |n: usize| power(&heard[n * FRAME..][..FRAME]) > 200.0 * 200.0;
        let due: Vec<usize> = (known + 1..600).filter(|&n| loud(n)).collect();
        let caught = due.iter().filter(|&&n| told.marked[n]).count();
        assert!(
            caught * 100 >= due.len() * 90,
            "seed {seed}: {caught} of {}",
            due.len()
        );
    }
}

#[test]
fn who_talks_over_his_echo_is_heard() {
    for seed in 1..=10 {
        let sent = speech(seed, 30.0);
        let mut heard = room(&sent, 180.0, -15.0, 300.0, seed);
        let own = speech(seed + 100, 18.0);
        for (sample, said) in heard[12 * 16_000..].iter_mut().zip(&own) {
            *sample += said;
        }
        hum(&mut heard, seed);
        let mut guard = EchoGuard::new(true);
        let told = listen(&mut guard, &sent, &heard);
        assert!(told.known[599], "seed {seed}");
        assert!(
            told.known[600..].iter().all(|&known| known),
            "it stays known while both talk"
        );
        let loud = |n: usize| power(&own[(n - 600) * FRAME..][..FRAME]) > 2_000.0 * 2_000.0;
        let said: Vec<usize> = (600..1_499).filter(|&n| loud(n)).collect();
        let lost = said.iter().filter(|&&n| told.marked[n]).count();
        assert!(
            lost * 100 <= said.len() * 2,
            "seed {seed}: {lost} of {}",
            said.len()
        );
    }
}

#[test]
fn an_echo_that_is_gone_is_forgotten() {
    let sent = speech(3, 40.0);
    let mut heard = room(&sent, 120.0, -12.0, 250.0, 3);
    // They take up the receiver.
    heard[15 * 16_000..].fill(0.0);
    hum(&mut heard, 3);
    let mut guard = EchoGuard::new(true);
    let told = listen(&mut guard, &sent, &heard);
    assert!(told.known[749]);
    assert!(!told.known[1_000], "5 s later");
    guard.reset();
    assert_eq!(guard.learned(), None);
}

#[test]
fn a_guard_that_is_off_marks_nothing_and_a_new_call_knows_nothing() {
    let sent = speech(5, 8.0);
    let heard = room(&sent, 100.0, -6.0, 200.0, 5);
    let mut guard = EchoGuard::new(true);
    assert!(listen(&mut guard, &sent, &heard).known[399]);
    guard.set(false);
    assert!(guard.learned().is_none() && !guard.is_on());
}

/// Levels of a talk whose words have times: a syllable every 180 ms, none between words.
fn levels(words: &[(f64, f64)], seconds: f64, seed: u64) -> Vec<f32> {
    let mut random = Noise(seed);
    let mut powers: Vec<f32> = (0..(seconds * 50.0) as usize)
        .map(|_| 30_f32.powi(2) * (1.0 + random.uniform().abs() as f32))
        .collect();
    for &(start, end) in words {
        let syllables = ((end - start) / 0.18).ceil().max(1.0);
        let loud: Vec<f64> = (0..syllables as usize)
            .map(|_| 3_000.0 * 10_f64.powf(-random.uniform().abs() * 0.6))
            .collect();
        for n in (start * 50.0) as usize..((end * 50.0) as usize).min(powers.len()) {
            let place = (n as f64 / 50.0 - start).max(0.0) / (end - start) * syllables;
            let shape = (std::f64::consts::PI * place.fract()).sin().max(0.05);
            let amplitude = loud[(place as usize).min(loud.len() - 1)] * shape;
            powers[n] += (amplitude * amplitude) as f32;
        }
    }
    powers
}

/// False alarms: times at which an echo was newly believed in.
fn alarms(sent: &[f32], heard: &[f32]) -> usize {
    let mut guard = EchoGuard::new(true);
    let mut known = false;
    let mut alarms = 0;
    for (n, (&out, &back)) in sent.iter().zip(heard).enumerate() {
        let now = START + n as u64 * TICK;
        guard.sent(now, out);
        guard.heard(now + TICK, back);
        let knows = guard.learned().is_some();
        alarms += usize::from(knows && !known);
        known = knows;
    }
    alarms
}

/// The words of a talk, as `../shared/talks` has them.
fn talk(name: &str) -> Option<Vec<(f64, f64)>> {
    let path = format!(
        "{}/../../../shared/talks/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {name}.json beside the checkout");
        return None;
    };
    // `["word", start, end, filler]`, first talker only.
    let text = text.split("\"A\":").nth(1)?;
    let words = text.split("[\"").skip(1).filter_map(|word| {
        let (_, rest) = word.split_once("\",")?;
        let mut figures = rest.split(',');
        Some((figures.next()?.parse().ok()?, figures.next()?.parse().ok()?))
    });
    Some(words.collect())
}

#[test]
fn talks_without_echo_raise_no_alarm() {
    let names = ["mono", "fast", "hesitant", "dialog"];
    let talks: Vec<Vec<(f64, f64)>> = names.iter().filter_map(|name| talk(name)).collect();
    let mut hours = 0.0;
    let mut count = 0;
    for (one, said) in talks.iter().enumerate() {
        for (other, told) in talks.iter().enumerate() {
            // The translation of somebody else's talk, a while later; also of a talk as like as can be.
            let seconds = said.last().unwrap().1.min(told.last().unwrap().1);
            let late: Vec<_> = told
                .iter()
                .map(|word| (word.0 + 3.1, word.1 + 3.1))
                .collect();
            let seed = (one * 10 + other) as u64 + 1;
            count += alarms(
                &levels(&late, seconds, seed),
                &levels(said, seconds, seed + 50),
            );
            hours += seconds / 3600.0;
        }
    }
    assert_eq!(count, 0, "in {:.0} minutes", hours * 60.0);
    assert!(talks.is_empty() || hours > 0.5);
}

#[test]
fn two_who_speak_at_once_raise_no_alarm() {
    let mut count = 0;
    for seed in 1..=12 {
        let sent = speech(seed, 60.0);
        let mut heard = speech(seed + 1_000, 60.0);
        hum(&mut heard, seed);
        let frames = |pcm: &[f32]| pcm.chunks_exact(FRAME).map(power).collect::<Vec<f32>>();
        count += alarms(&frames(&sent), &frames(&heard));
    }
    assert_eq!(count, 0, "in 12 minutes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any room that a speakerphone may stand in.
    #[test]
    fn every_room_is_found(
        seed in 1_u64..1_000_000,
        delay in 60.0_f64..400.0,
        decibels in -30.0_f64..-10.0,
        reverberation in 100.0_f64..500.0,
    ) {
        let sent = speech(seed, 15.0);
        let mut heard = room(&sent, delay, decibels, reverberation, seed);
        let mut noise = Noise(seed);
        for sample in &mut heard {
            *sample += noise.normal() as f32 * 8.0; // −72 dBFS: −30 dB are heard at all
        }
        let mut guard = EchoGuard::new(true);
        let told = listen(&mut guard, &sent, &heard);
        let known = told.known.iter().position(|&known| known);
        prop_assert!(known.is_some_and(|known| known <= 500), "after {:?}", known);
        prop_assert!((told.lag as f64 / 1e6 - delay).abs() <= 80.0, "{} for {delay}", told.lag);
    }

    /// Whatever comes in whatever order, nothing overflows and nothing is marked without an echo known.
    #[test]
    fn nothing_is_marked_that_nothing_was_learned_of(
        steps in prop::collection::vec((any::<bool>(), 0_u64..3_000, 0.0_f32..1.1e9), 1..400),
    ) {
        let mut guard = EchoGuard::new(true);
        let mut now = START;
        for (sends, later, power) in steps {
            now += later * 100_000;
            if sends {
                guard.sent(now, power);
            } else {
                let marked = guard.heard(now, power);
                prop_assert!(!marked || guard.learned().is_some());
            }
        }
    }
}
