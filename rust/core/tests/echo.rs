//! The echo guard with speech of people and of speech programs, in rooms and with none.
//!
//! `ECHO_TABLE=1 cargo test -p translink-core --test suite echo:: -- --nocapture` takes every voice in every room, and prints what
//! was measured; else each voice is in a part of the rooms.

use crate::common::voices::{FRAME, START, Voice, bytes, hum, listen, power, room, talk, voices};
use proptest::prelude::*;
use translink_core::beacon::{Number, encode};
use translink_core::echo::EchoGuard;

/// The lags and gains that a speakerphone may have.
fn rooms() -> Vec<(f64, f64)> {
    let lags = [60.0, 120.0, 180.0, 250.0, 400.0];
    let all = lags
        .into_iter()
        .flat_map(|lag| [-10.0, -20.0, -30.0].map(|gain| (lag, gain)));
    // The last ones lie between two frames.
    all.chain([180.0, 187.0, 190.0].map(|lag| (lag, -6.0)))
        .collect()
}

fn all_of_it() -> bool {
    std::env::var_os("ECHO_TABLE").is_some()
}

/// A voice in a room.
struct Sitting {
    voice: &'static str,
    lag: f64,
    gain: f64,
    sent: Vec<f32>,
    heard: Vec<f32>,
    seed: u64,
}

/// So many seconds in each room, and a line's noise of −65 dBFS.
fn sittings(seconds: f64) -> impl Iterator<Item = Sitting> {
    let each = voices().iter().enumerate();
    let each = each.flat_map(|(n, voice)| rooms().into_iter().map(move |room| (n, voice, room)));
    each.enumerate()
        .filter(|(at, (n, ..))| all_of_it() || at % 18 >= 15 || (at + n) % 3 == 0)
        .map(move |(at, (n, voice, (lag, gain)))| {
            let seed = at as u64 + 1;
            let sent = talk(voice, n + at, 0.6, seconds, seed);
            let mut heard = room(&sent, lag, gain, 100.0 + 50.0 * (seed % 9) as f64, seed);
            hum(&mut heard, -65.0, seed);
            Sitting {
                voice: voice.name,
                lag,
                gain,
                sent,
                heard,
                seed,
            }
        })
}

#[test]
fn an_echo_is_known_within_three_seconds_of_speech_and_marked() {
    let mut table = Table::new("known after (s), marked of loud frames");
    for sitting in sittings(14.0) {
        let (lag, gain, heard) = (sitting.lag, sitting.gain, &sitting.heard);
        let judged = listen(&mut EchoGuard::new(true), &sitting.sent, heard);
        let after = judged.after(&sitting.sent);
        let what = format!("{}, {lag} ms, {gain} dB: {after:?} s", sitting.voice);
        assert!(after.is_some_and(|after| after <= 3.0), "{what}");
        let (late, louder) = (judged.lag - lag, judged.gain - gain);
        assert!((-45.0..=85.0).contains(&late), "{what}: {late} ms late");
        assert!((-6.0..=4.0).contains(&louder), "{what}: {louder} dB");
        let known = judged.known.iter().position(|&known| known).unwrap();
        let echo = |n: usize| power(&heard[n * FRAME..][..FRAME]) > 150.0 * 150.0;
        let due: Vec<usize> = (known + 1..judged.marked.len())
            .filter(|&n| echo(n))
            .collect();
        let caught = due.iter().filter(|&&n| judged.marked[n]).count();
        table.add(lag, gain, after.unwrap(), caught, due.len());
    }
    table.print();
    assert!(
        table.part * 100 >= table.whole * 94,
        "{} of {}",
        table.part,
        table.whole
    );
}

/// The words of `tests/test_echo_loop.py` change every 10 ms, so half a frame's error of the lag is another word.
#[test]
fn beacons_are_known_at_any_lag() {
    let mut sent = Vec::new();
    for n in 0..28 {
        let word = encode(Number::new(100 + n).unwrap(), 16_000, 8_000);
        sent.extend(word.into_iter().map(f32::from));
        sent.resize(sent.len() + 80 * 16, 0.0);
    }
    for lag in (60..=400).step_by(5) {
        let heard = room(&sent, f64::from(lag), -6.0, 1.0, 1);
        let judged = listen(&mut EchoGuard::new(true), &sent, &heard);
        let after = judged.after(&sent);
        assert!(
            after.is_some_and(|after| after <= 2.0),
            "{lag} ms: {after:?}"
        );
    }
}

/// Sounds of a voice that stand apart, as frames: about words.
fn words(own: &[f32]) -> Vec<Vec<usize>> {
    let mut words: Vec<Vec<usize>> = Vec::new();
    for (n, frame) in own.chunks_exact(FRAME).enumerate() {
        if power(frame) < 800.0 * 800.0 {
            continue;
        }
        match words.last_mut() {
            Some(word) if n - word[word.len() - 1] <= 2 => word.push(n),
            _ => words.push(vec![n]),
        }
    }
    words.retain(|word| word.len() >= 4);
    words
}

#[test]
fn a_talker_over_an_echo_keeps_every_word() {
    let mut table = Table::new("most frames marked of a sitting's words, words lost");
    for sitting in sittings(24.0) {
        let others: Vec<&Voice> = voices()
            .iter()
            .filter(|one| one.name != sitting.voice)
            .collect();
        let other = others[sitting.seed as usize * 5 % others.len()];
        let mut own = vec![0.0; 16_000 * 8];
        own.extend(talk(
            other,
            sitting.seed as usize,
            0.4,
            16.0,
            sitting.seed + 77,
        ));
        let mut heard = sitting.heard;
        for (sample, said) in heard.iter_mut().zip(&own) {
            *sample += said;
        }
        let judged = listen(&mut EchoGuard::new(true), &sitting.sent, &heard);
        assert!(judged.known[1_190], "it stays known while both talk");
        let words = words(&own);
        let marked = |word: &[usize]| word.iter().filter(|&&n| judged.marked[n]).count();
        let lost = words
            .iter()
            .filter(|word| 2 * marked(word) > word.len())
            .count();
        let all: usize = words.iter().map(Vec::len).sum();
        let most = words.iter().map(|word| marked(word)).sum::<usize>() as f64 / all as f64;
        table.add(sitting.lag, sitting.gain, most, lost, words.len());
        assert_eq!(
            lost, 0,
            "{} over {}, {} ms, {} dB",
            other.name, sitting.voice, sitting.lag, sitting.gain
        );
    }
    table.print();
}

#[test]
fn without_an_echo_there_is_no_alarm() {
    let (mut minutes, mut alarms) = ([0.0; 4], [0; 4]);
    for (m, mouth) in voices().iter().enumerate() {
        for (e, ear) in voices().iter().enumerate() {
            let seed = (m * 8 + e) as u64;
            for (kind, (sent, mut heard)) in conversations(mouth, ear, seed).into_iter().enumerate()
            {
                if !all_of_it() && (m + e + kind) % 2 == 0 {
                    continue;
                }
                hum(&mut heard, -65.0, seed + 1);
                let judged = listen(&mut EchoGuard::new(true), &sent, &heard);
                minutes[kind] += sent.len() as f64 / 16e3 / 60.0;
                alarms[kind] += judged.alarms();
                if judged.alarms() > 0 {
                    eprintln!(
                        "{kind}: {} hears {}: {} ms",
                        mouth.name, ear.name, judged.lag
                    );
                }
            }
        }
    }
    eprintln!(
        "alarms {alarms:?} in {minutes:.1?} minutes: at once, in turns, demo, the same words"
    );
    assert_eq!(alarms, [0; 4]);
    assert!(voices().len() < 8 || minutes.iter().sum::<f64>() > 30.0);
}

/// What an ear is sent, and what its mouth says: both at once; in turns at an even beat; as in the demonstration, line
/// after line, the answer a set time after it; and the very same words, half a second later.
fn conversations(mouth: &Voice, ear: &Voice, seed: u64) -> Vec<(Vec<f32>, Vec<f32>)> {
    let n = seed as usize;
    let at_once = (
        talk(ear, n, 0.6, 20.0, seed),
        talk(mouth, n + 3, 0.6, 20.0, seed + 9),
    );
    let beat = ((0.3 + 0.1 * (seed % 9) as f64) * 16e3) as usize;
    let turn = |pcm: Vec<f32>, odd: usize| -> Vec<f32> {
        let gated = pcm.into_iter().enumerate();
        gated
            .map(|(n, sample)| if n / beat % 2 == odd { sample } else { 0.0 })
            .collect()
    };
    let even = (
        turn(talk(ear, n, 0.1, 20.0, seed), 0),
        turn(talk(mouth, n + 5, 0.1, 20.0, seed), 1),
    );
    let (mut sent, mut heard) = (Vec::new(), Vec::new());
    let lines = ear
        .said
        .iter()
        .cycle()
        .zip(mouth.said.iter().cycle().skip(1));
    let gap = [6_400, 12_800, 25_600][n % 3];
    for (line, said) in lines.skip(n % 5).take(5) {
        sent.extend_from_slice(line);
        heard.resize(sent.len() - line.len() / 2 + gap, 0.0);
        heard.extend_from_slice(said);
        sent.resize(heard.len() + gap, 0.0);
        heard.resize(sent.len(), 0.0);
    }
    let mut all = vec![at_once, even, (sent, heard)];
    // espeak-ng says the same words the same way in all its voices: that is an echo.
    let one = |voice: &Voice| voice.name.starts_with("espeak");
    if mouth.name != ear.name && !(one(mouth) && one(ear)) {
        let mut later = vec![0.0; 8_000];
        later.extend(talk(mouth, n, 0.5, 19.5, seed));
        all.push((talk(ear, n, 0.5, 20.0, seed), later));
    }
    all
}

#[test]
fn an_echo_that_is_gone_is_forgotten() {
    for voice in voices() {
        let sent = talk(voice, 3, 0.5, 40.0, 3);
        let mut heard = room(&sent, 120.0, -12.0, 250.0, 3);
        heard[15 * 16_000..].fill(0.0); // they take up the receiver
        hum(&mut heard, -65.0, 3);
        let mut guard = EchoGuard::new(true);
        let judged = listen(&mut guard, &sent, &heard);
        assert!(judged.known[749], "{}", voice.name);
        assert!(!judged.known[1_100], "{}: 7 s later", voice.name);
        guard.reset();
        assert_eq!(guard.learned(), None);
    }
}

#[test]
fn a_guard_that_is_off_marks_nothing_and_a_new_call_knows_nothing() {
    for voice in voices() {
        let sent = talk(voice, 5, 0.5, 8.0, 5);
        let heard = room(&sent, 100.0, -6.0, 200.0, 5);
        let mut guard = EchoGuard::new(true);
        assert!(listen(&mut guard, &sent, &heard).known[399]);
        guard.set(false);
        assert_eq!(guard.learned(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes in whatever order, nothing overflows and nothing is marked without an echo known.
    #[test]
    fn nothing_is_marked_that_nothing_was_learned_of(
        steps in prop::collection::vec((any::<bool>(), 0_u64..3_000, 0.0_f32..32_767.0), 1..400),
    ) {
        let mut guard = EchoGuard::new(true);
        let (mut now, mut sign) = (START, 1.0);
        for (sends, later, loud) in steps {
            now += later * 100_000;
            let frame: [f32; FRAME] = std::array::from_fn(|n| {
                sign = if n % (1 + loud as usize % 40) == 0 { -sign } else { sign };
                sign * loud
            });
            if sends {
                guard.sent(now, &bytes(&frame), power(&frame));
            } else {
                let marked = guard.heard(now, &bytes(&frame));
                prop_assert!(!marked || guard.learned().is_some());
            }
        }
    }
}

/// What was measured, by room: the worst figure, and parts of wholes.
struct Table {
    head: &'static str,
    rows: Vec<(f64, f64, f64, usize, usize)>,
    part: usize,
    whole: usize,
}

impl Table {
    fn new(head: &'static str) -> Self {
        let rows = rooms()
            .into_iter()
            .map(|(lag, gain)| (lag, gain, 0.0, 0, 0))
            .collect();
        Self {
            head,
            rows,
            part: 0,
            whole: 0,
        }
    }

    fn add(&mut self, lag: f64, gain: f64, figure: f64, part: usize, whole: usize) {
        let row = self
            .rows
            .iter_mut()
            .find(|row| (row.0, row.1) == (lag, gain))
            .unwrap();
        (row.2, row.3, row.4) = (row.2.max(figure), row.3 + part, row.4 + whole);
        (self.part, self.whole) = (self.part + part, self.whole + whole);
    }

    fn print(&self) {
        eprintln!(
            "| lag | gain | {} | | of |\n|---|---|---|---|---|",
            self.head
        );
        for (lag, gain, figure, part, whole) in &self.rows {
            eprintln!("| {lag} ms | {gain} dB | {figure:.2} | {part} | {whole} |");
        }
    }
}
