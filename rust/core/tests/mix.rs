//! What an ear hears of the other talker: how loud, how late, and that nothing clicks.

use crate::common::line::{Line, MS};
use crate::common::{bytes, tone};
use proptest::prelude::*;
use translink_core::frame::{Extremes, FRAME_BYTES, Frame};
use translink_core::leg::{Input, LegConfig};
use translink_core::mix::Original::{self, Captions, Consecutive, Duck, Replace, Through};
use translink_core::output::PlayoutEvent::Flushed;
use translink_core::volume::Gain;

fn line(original: Original) -> Line {
    let mut line = Line::new(LegConfig::default());
    line.handle(Input::Paired(true));
    line.handle(Input::Original(original));
    line
}

fn frame(pcm: &[u8], captured: u64, speech: bool) -> Frame {
    Frame {
        start: 0,
        captured,
        peak: 0,
        rms: 0,
        extremes: Extremes::default(),
        speech,
        echo: false,
        filled: 0,
        pcm: pcm.try_into().unwrap(),
    }
}

/// The other talker says this, 20 ms at a time.
fn talk(line: &mut Line, pcm: &[u8], speech: bool) {
    for piece in pcm.chunks_exact(FRAME_BYTES) {
        let frame = frame(piece, line.now, speech);
        line.handle(Input::Other {
            frame: &frame,
            missed: 0,
        });
        line.pass(20 * MS);
    }
}

fn samples(pcm: &[u8]) -> Vec<i16> {
    pcm.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn decibels(pcm: &[i16], full: f64) -> f64 {
    let power: f64 = pcm.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / pcm.len() as f64;
    20.0 * (power.sqrt() / (full / 2_f64.sqrt())).log10()
}

#[test]
fn replace_sends_nothing_of_the_original() {
    let mut line = line(Replace);
    talk(&mut line, &bytes(&tone(400.0, 16e3, 9e3, 16_000)), true);
    assert!(line.sent.is_empty());
}

#[test]
fn duck_is_18_decibels_under_a_translation_and_6_without_one() {
    let mut line = line(Duck);
    let voice = bytes(&tone(400.0, 16e3, 9e3, 32_000));
    talk(&mut line, &voice, true);
    let alone = samples(&line.played());
    let level = decibels(&alone[16_000..], 9e3);
    assert!((level + 6.0).abs() < 0.1, "{level}");
    let before = line.sent.len();
    line.play(1, &[0; 32_000], true);
    talk(&mut line, &voice[..48_000], true);
    let ducked = samples(
        &line.sent[before..before + 50]
            .iter()
            .flat_map(|s| s.payload.clone())
            .collect::<Vec<_>>(),
    );
    let level = decibels(&ducked[1_000..14_000], 9e3);
    assert!((level + 18.0).abs() < 0.1, "{level}");
    // 50 ms down: half-way it is in between.
    let attack = decibels(&ducked[320..480], 9e3);
    assert!((-12.0..-7.0).contains(&attack), "{attack}");
    // 300 ms up.
    let after = samples(
        &line.sent[before + 50..]
            .iter()
            .flat_map(|s| s.payload.clone())
            .collect::<Vec<_>>(),
    );
    let (rising, risen) = (
        decibels(&after[1_600..1_920], 9e3),
        decibels(&after[5_000..8_000], 9e3),
    );
    assert!((-14.0..-7.0).contains(&rising), "{rising}");
    assert!((risen + 6.0).abs() < 0.1, "{risen}");
}

#[test]
fn the_ear_gets_a_datagram_every_20_ms_while_an_original_may_come() {
    let mut line = line(Through);
    line.pass(1_000 * MS);
    assert!((49..=51).contains(&line.sent.len()), "{}", line.sent.len());
    assert_eq!(line.leg.stats().clock_resets, 0);
    line.handle(Input::Original(Replace));
    let sent = line.sent.len();
    line.pass(1_000 * MS);
    assert!(line.sent.len() <= sent + 4, "faded out, and no more");
    // An ear that was quiet for a minute starts a new clock, not a storm.
    line.pass(60_000 * MS);
    line.handle(Input::Original(Through));
    line.pass(100 * MS);
    assert_eq!(
        (line.leg.stats().clock_resets, line.leg.stats().late_wakes),
        (0, 0)
    );
}

#[test]
fn through_is_what_was_said_within_60_ms_and_bit_by_bit() {
    let mut line = line(Through);
    let voice = bytes(&tone(333.0, 16e3, 9e3, 32_000));
    talk(&mut line, &voice, true);
    let heard = samples(&line.played());
    let said = samples(&voice);
    // Past the first 300 ms, in which it rises.
    let window = &heard[8_000..12_000];
    let delay = (0..8_000)
        .find(|&at| &said[at..at + 4_000] == window)
        .unwrap();
    assert!(8_000 - delay <= 960, "{} ms", (8_000 - delay) / 16);
}

#[test]
fn jitter_of_a_frame_and_bunches_of_three_lose_nothing() {
    for bunch in [1, 2, 3] {
        let mut line = line(Through);
        let voice = bytes(&tone(333.0, 16e3, 9e3, 64_000));
        for (n, piece) in voice.chunks_exact(FRAME_BYTES).enumerate() {
            let frame = frame(piece, line.now, true);
            line.handle(Input::Other {
                frame: &frame,
                missed: 0,
            });
            if n % bunch == bunch - 1 {
                line.pass(20 * bunch as u64 * MS);
            }
        }
        assert_eq!(line.leg.stats().drops_original, 0, "bunches of {bunch}");
    }
}

#[test]
fn a_talker_whose_clock_is_faster_loses_frames_without_a_click() {
    let mut line = line(Through);
    let voice = tone(200.0, 16e3, 9e3, 160_000);
    for piece in bytes(&voice).chunks_exact(FRAME_BYTES) {
        let frame = frame(piece, line.now, true);
        line.handle(Input::Other {
            frame: &frame,
            missed: 0,
        });
        line.pass(19 * MS);
    }
    assert!((15..=30).contains(&line.leg.stats().drops_original));
    let steep = |pcm: &[i16]| {
        pcm.windows(2)
            .map(|p| (i32::from(p[1]) - i32::from(p[0])).abs())
            .max()
            .unwrap()
    };
    let (was, is) = (steep(&voice), steep(&samples(&line.played())));
    assert!(is < was * 2, "{is}, was {was}");
}

#[test]
fn consecutive_waits_until_the_talker_was_quiet() {
    let mut line = line(Consecutive);
    let voice = bytes(&tone(400.0, 16e3, 3e3, 16_000));
    talk(&mut line, &voice, true);
    line.play(1, &[1; 6_400], true);
    talk(&mut line, &voice, true);
    assert!(
        line.sent.iter().all(|sent| sent.utterance == 0),
        "they speak"
    );
    let quiet = line.now;
    // The detector's hang-over: what it calls speech ends 160 ms after the sound.
    talk(&mut line, &[0; 8 * 640], true);
    talk(&mut line, &[0; 40 * 640], false);
    let first = line.sent.iter().find(|sent| sent.utterance == 1).unwrap();
    let waited = (first.at - quiet) / MS;
    assert!((660..=720).contains(&waited), "{waited} ms");
    assert_eq!(
        line.sent.iter().filter(|sent| sent.utterance == 1).count(),
        10
    );
}

#[test]
fn consecutive_does_not_wait_for_a_talker_who_sends_nothing() {
    let mut line = line(Consecutive);
    talk(&mut line, &[1; 640], true);
    line.play(1, &[1; 640], true);
    line.pass(700 * MS);
    assert!(line.sent.iter().any(|sent| sent.utterance == 1));
}

#[test]
fn captions_speak_nothing_and_say_what_was_dropped() {
    let mut line = line(Replace);
    line.play(1, &[1; 6_400], false);
    line.handle(Input::Original(Captions));
    line.play(1, &[1; 640], true);
    line.play(2, &[1; 640], true);
    let sent = line.sent.len();
    talk(&mut line, &[9; 6_400], true);
    assert_eq!(line.sent.len(), sent);
    let flushed: Vec<u64> = line
        .events
        .iter()
        .filter_map(|event| match event {
            Flushed { utterance, .. } => Some(*utterance),
            _ => None,
        })
        .collect();
    assert_eq!(flushed, [1, 2]);
    let stats = line.leg.stats();
    assert_eq!(
        stats.drops_flushed + stats.drops_stale,
        6_400 - 640 + 640 + 640
    );
    line.handle(Input::Original(Replace));
    line.play(3, &[1; 640], true);
    assert_eq!(line.sent.last().unwrap().utterance, 3);
}

#[test]
fn the_volume_is_the_translations_and_the_sum_does_not_wrap() {
    let mut line = line(Through);
    line.handle(Input::Volume(Gain::new(0.0).unwrap()));
    let loud = bytes(&vec![30_000; 32_000]);
    talk(&mut line, &loud, true);
    assert_eq!(samples(&line.sent.last().unwrap().payload)[9], 30_000);
    line.handle(Input::Volume(Gain::new(2.0).unwrap()));
    line.play(1, &loud[..32_000], true);
    talk(&mut line, &loud[..6_400], true);
    assert_eq!(samples(&line.sent.last().unwrap().payload)[9], i16::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However often it is switched and however the frames come: no step that was not in the sounds.
    #[test]
    fn switching_never_clicks(
        switches in prop::collection::vec((0_usize..4, 1_u64..40, any::<bool>()), 1..30),
    ) {
        let mut line = line(Replace);
        let voice = bytes(&tone(200.0, 16e3, 8e3, 16_000 * 10));
        let mut pieces = voice.chunks_exact(FRAME_BYTES).cycle();
        for (original, frames, talks) in switches {
            line.handle(Input::Original([Replace, Duck, Consecutive, Through][original]));
            for _ in 0..frames {
                let piece = pieces.next().unwrap();
                if talks {
                    let frame = frame(piece, line.now, true);
                    line.handle(Input::Other { frame: &frame, missed: 0 });
                }
                line.pass(20 * MS);
            }
        }
        let heard = samples(&line.played());
        let steepest = heard.windows(2).map(|p| (i32::from(p[1]) - i32::from(p[0])).abs()).max();
        prop_assert!(steepest.unwrap_or(0) < 1_300, "{:?}", steepest);
    }
}
