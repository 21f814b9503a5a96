//! The ear's queue in virtual time: order, clock, prebuffer, flush, and what happens when it is
//! full.

use crate::common;
use crate::common::line::{Line, MS, Sent};
use proptest::prelude::*;
use translink_core::curve::Curve;
use translink_core::frame::{FRAME_BYTES, FRAME_NANOS};
use translink_core::leg::{Input, LegConfig};
use translink_core::output::PlayoutEvent::{Finished, Flushed, Started};
use translink_core::playout::MAX_UTTERANCES;

fn line() -> Line {
    Line::new(LegConfig::default())
}

fn ear(prebuffer: u64, capacity: usize, continuous: bool) -> Line {
    Line::new(LegConfig {
        prebuffer,
        playout_capacity: capacity,
        continuous,
        ..LegConfig::default()
    })
}

fn pcm(fill: u8, frames: usize) -> Vec<u8> {
    vec![fill; frames * FRAME_BYTES]
}

fn dues(sent: &[Sent]) -> Vec<u64> {
    sent.iter().map(|sent| sent.due).collect()
}

#[test]
fn all_ears_share_a_grid_after_their_first_datagram() {
    for offset in [0, 1, 300_000, 999_999] {
        let mut line = line();
        line.pass(offset);
        let begin = line.now;
        line.play(1, &[1; 6_400], true);
        line.pass(500 * MS);
        let due: Vec<u64> = line.sent.iter().map(|sent| sent.due).collect();
        assert_eq!(due[0], begin, "the first goes out at once");
        assert_eq!(due[1], begin - offset + 20 * MS, "up to 1 ms early");
        assert!(due[1..].windows(2).all(|pair| pair[1] - pair[0] == 20 * MS));
        assert!(line.sent.iter().all(|sent| sent.at == sent.due));
    }
}

#[test]
fn a_whole_utterance_starts_at_once_and_keeps_twenty_milliseconds() {
    let mut line = line();
    let begin = line.now;
    line.play(7, &pcm(1, 100), true);
    assert_eq!(line.sent.len(), 1, "the first datagram does not wait");
    line.pass(5_000 * MS);
    assert_eq!(
        dues(&line.sent),
        (0..100)
            .map(|n| begin + n * FRAME_NANOS)
            .collect::<Vec<_>>()
    );
    assert!(
        line.sent
            .iter()
            .all(|sent| sent.at == sent.due && sent.utterance == 7)
    );
    assert_eq!(line.played(), pcm(1, 100));
    let end = begin + 99 * FRAME_NANOS;
    assert_eq!(
        line.events,
        [
            Started {
                utterance: 7,
                at: begin
            },
            Finished {
                utterance: 7,
                at: end
            }
        ]
    );
    assert_eq!(line.leg.stats().underruns, 0);
}

#[test]
fn an_hour_does_not_drift_by_a_nanosecond_however_late_the_wakes() {
    let mut line = line();
    line.late = 1_700_000;
    let begin = line.now;
    for second in 0..3_600 {
        line.play(1, &pcm(1, 50), second == 3_599);
        line.pass(1_000 * MS);
    }
    line.pass(100 * MS);
    assert_eq!(line.sent.len(), 3_600 * 50);
    assert_eq!(
        line.sent.last().unwrap().due,
        begin + (3_600 * 50 - 1) * FRAME_NANOS
    );
    let stats = line.leg.stats();
    assert_eq!(
        (stats.underruns, stats.late_wakes, stats.late_max),
        (0, 0, 1_700_000)
    );
}

#[test]
fn utterances_that_stream_in_together_come_out_one_after_the_other() {
    let mut line = line();
    for _ in 0..10 {
        line.play(1, &pcm(1, 5), false);
        line.play(2, &pcm(2, 5), false);
        line.pass(40 * MS);
    }
    line.play(2, &[], true);
    line.play(1, &[], true);
    line.pass(5_000 * MS);
    assert_eq!(line.played(), [pcm(1, 50), pcm(2, 50)].concat());
    let gaps: Vec<u64> = dues(&line.sent)
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(
        gaps.iter().all(|&gap| gap == FRAME_NANOS),
        "no pause in between"
    );
    let order: Vec<_> = line
        .events
        .iter()
        .map(|event| format!("{event:?}"))
        .collect();
    for (event, name) in order.iter().zip([
        "Started { utterance: 1",
        "Finished { utterance: 1",
        "Started { utterance: 2",
        "Finished { utterance: 2",
    ]) {
        assert!(event.starts_with(name), "{event}");
    }
}

#[test]
fn an_empty_play_reserves_a_place() {
    let mut line = line();
    line.play(1, &[], false);
    line.play(2, &pcm(2, 3), true);
    line.pass(500 * MS);
    assert_eq!(line.sent.len(), 0);
    line.play(1, &pcm(1, 3), true);
    line.pass(500 * MS);
    assert_eq!(line.played(), [pcm(1, 3), pcm(2, 3)].concat());
}

#[test]
fn an_utterance_without_sound_finishes_in_its_turn() {
    let mut line = line();
    line.play(1, &pcm(1, 2), true);
    line.play(2, &[], true);
    let begin = line.now;
    line.pass(100 * MS);
    assert_eq!(
        line.events,
        [
            Started {
                utterance: 1,
                at: begin
            },
            Finished {
                utterance: 1,
                at: begin + 20 * MS
            },
            Finished {
                utterance: 2,
                at: begin + 20 * MS
            },
        ]
    );
}

#[test]
fn odd_pieces_are_one_stream_and_the_last_frame_is_filled_up() {
    let said: Vec<u8> = (0..1_501).map(|n| n as u8).collect();
    let mut line = line();
    for (n, piece) in said.chunks(7).enumerate() {
        line.play(1, piece, (n + 1) * 7 >= said.len());
    }
    line.pass(500 * MS);
    let played = line.played();
    assert_eq!(played.len(), 3 * FRAME_BYTES);
    assert_eq!(played[..1_501], said);
    assert!(played[1_501..].iter().all(|&byte| byte == 0));
}

#[test]
fn an_utterance_waits_for_its_prebuffer_but_not_for_ever() {
    let mut line = line();
    line.play(1, &pcm(1, 2), false);
    line.pass(30 * MS);
    assert_eq!(line.sent.len(), 0);
    line.play(1, &pcm(1, 1), false);
    assert_eq!(line.sent.len(), 1, "60 ms are there");
    line.handle(Input::Flush);

    line.pass(1_000 * MS);
    let begin = line.now;
    line.play(2, &pcm(2, 2), false);
    line.pass(300 * MS);
    assert_eq!(dues(&line.sent[1..]), [begin + 200 * MS, begin + 220 * MS]);
}

#[test]
fn an_utterance_that_runs_dry_resumes_on_the_old_grid() {
    let mut line = line();
    let begin = line.now;
    line.play(1, &pcm(1, 3), false);
    line.pass(67 * MS);
    assert_eq!(line.leg.stats().underruns, 1);
    line.play(1, &pcm(1, 1), false);
    line.pass(10 * MS);
    assert_eq!(line.sent.len(), 3, "one frame is not enough to go on");
    line.play(1, &pcm(1, 5), true);
    line.pass(500 * MS);
    let expected: Vec<u64> = (0..3)
        .chain(4..10)
        .map(|n| begin + n * FRAME_NANOS)
        .collect();
    assert_eq!(dues(&line.sent), expected);
    assert_eq!(line.leg.stats().underruns, 1);
}

#[test]
fn speech_that_follows_an_end_keeps_its_distance() {
    let mut line = line();
    let begin = line.now;
    line.play(1, &pcm(1, 1), true);
    line.pass(7 * MS);
    line.play(2, &pcm(2, 1), true);
    line.pass(50 * MS);
    line.play(3, &pcm(3, 1), true);
    assert_eq!(dues(&line.sent), [begin, begin + 20 * MS, begin + 57 * MS]);
}

#[test]
fn a_late_wake_sends_what_is_due_and_is_counted() {
    let mut line = line();
    line.play(1, &pcm(1, 20), true);
    let begin = line.now;
    line.now += 90 * MS;
    line.handle(Input::Timeout);
    assert_eq!(
        dues(&line.sent),
        (0..5).map(|n| begin + n * FRAME_NANOS).collect::<Vec<_>>()
    );
    assert_eq!(line.leg.stats().late_wakes, 4);
    assert_eq!(line.leg.stats().late_max, 70 * MS);
    line.pass(1_000 * MS);
    assert_eq!(line.sent.last().unwrap().due, begin + 19 * FRAME_NANOS);
    assert_eq!(line.leg.stats().clock_resets, 0);
}

#[test]
fn a_wake_that_is_far_too_late_delays_speech_but_drops_none() {
    let mut line = line();
    line.play(1, &pcm(1, 20), true);
    line.now += 1_000 * MS;
    line.handle(Input::Timeout);
    assert_eq!(line.sent.len(), 2, "no burst");
    line.pass(1_000 * MS);
    assert_eq!(line.played(), pcm(1, 20));
    assert_eq!(line.leg.stats().clock_resets, 1);
}

#[test]
fn flush_drops_all_and_the_pieces_that_still_come() {
    let mut line = line();
    line.play(1, &pcm(1, 10), false);
    line.play(2, &pcm(2, 10), true);
    line.pass(30 * MS);
    line.handle(Input::Flush);
    line.play(1, &pcm(1, 10), false);
    line.play(1, &pcm(1, 1), true);
    line.play(3, &pcm(3, 1), true);
    line.pass(500 * MS);
    assert_eq!(line.played(), [pcm(1, 2), pcm(3, 1)].concat());
    assert_eq!(
        line.events[1],
        Flushed {
            utterance: 1,
            unplayed: 8 * 640
        }
    );
    assert_eq!(
        line.events[2],
        Flushed {
            utterance: 2,
            unplayed: 10 * 640
        }
    );
    let stats = line.leg.stats();
    assert_eq!(
        (stats.drops_flushed, stats.drops_stale),
        (18 * 640, 11 * 640)
    );
    assert_eq!(stats.playout_queued, 0);
    // Its end has come: the number may be used again.
    line.play(1, &pcm(1, 1), true);
    assert_eq!(line.sent.last().unwrap().utterance, 1);
}

#[test]
fn a_full_queue_refuses_the_rest_and_says_how_much() {
    let mut line = ear(60 * MS, 10 * 640, false);
    assert_eq!(line.leg.playout_room(), 6_400);
    line.play(1, &pcm(1, 8), false);
    line.play(2, &pcm(2, 8), true);
    let stats = line.leg.stats();
    assert_eq!(stats.drops_playout, (16 - 11) * 640, "one was sent at once");
    assert_eq!(line.leg.playout_room(), 0);
    line.play(1, &[], true);
    line.pass(1_000 * MS);
    assert_eq!(line.played(), [pcm(1, 8), pcm(2, 3)].concat());
    assert_eq!(line.leg.playout_room(), 6_400);
}

#[test]
fn too_many_utterances_at_once_are_refused_whole() {
    let mut line = line();
    for utterance in 1..=MAX_UTTERANCES as u64 + 1 {
        line.play(utterance, &[1; 100], false);
    }
    let last = MAX_UTTERANCES as u64 + 1;
    assert_eq!(
        line.events,
        [Flushed {
            utterance: last,
            unplayed: 100
        }]
    );
    line.play(last, &[1; 10], true);
    assert_eq!(line.leg.stats().drops_playout, 100);
    assert_eq!(line.leg.stats().drops_stale, 10);
}

#[test]
fn a_continuous_ear_never_pauses() {
    let mut line = ear(60 * MS, 64_000, true);
    let begin = line.now;
    line.handle(Input::Timeout);
    line.pass(105 * MS);
    line.play(1, &pcm(1, 3), false);
    line.pass(100 * MS);
    line.play(1, &pcm(1, 3), true);
    line.pass(195 * MS);
    assert_eq!(
        dues(&line.sent),
        (0..=20)
            .map(|n| begin + n * FRAME_NANOS)
            .collect::<Vec<_>>()
    );
    let spoken: Vec<usize> = (0..=20).filter(|&n| line.sent[n].utterance == 1).collect();
    assert_eq!(spoken, [6, 7, 8, 11, 12, 13]);
    assert!(line.sent[9].payload.iter().all(|&byte| byte == 0));
}

#[test]
fn an_ear_that_is_behind_is_spoken_to_faster_and_its_events_stay_true() {
    let mut line = Line::new(LegConfig {
        tempo: Curve::USUAL,
        ..LegConfig::default()
    });
    let voice = common::bytes(&common::tone(150.0, 16e3, 9e3, 16_000 * 6));
    line.play(1, &voice, true);
    line.play(2, &voice, true);
    let (begin, behind) = (line.now, line.leg.stats().behind);
    assert!(
        (8_000 * MS..8_800 * MS).contains(&behind),
        "{} ms of 12 s",
        behind / MS
    );
    line.pass(15_000 * MS);
    let times = |wanted: u64| {
        let sent = line.sent.iter().filter(|sent| sent.utterance == wanted);
        let dues: Vec<u64> = sent.map(|sent| sent.due).collect();
        (dues[0], *dues.last().unwrap())
    };
    let ((first, _), (second, end)) = (times(1), times(2));
    assert!(
        line.events.contains(&Started {
            utterance: 1,
            at: first
        }) && first == begin
    );
    assert!(line.events.contains(&Started {
        utterance: 2,
        at: second
    }));
    assert!(line.events.contains(&Finished {
        utterance: 2,
        at: end
    }));
    let took = end + FRAME_NANOS - begin;
    assert!(
        took.abs_diff(behind) < 600 * MS,
        "{} ms, behind {}",
        took / MS,
        behind / MS
    );
    let stats = line.leg.stats();
    let sent = (line.sent.len() * FRAME_BYTES) as u64;
    assert!(sent + stats.tempo_saved - 2 * voice.len() as u64 <= 2 * FRAME_BYTES as u64);
    assert_eq!(
        (
            stats.playout_queued,
            stats.behind,
            stats.tempo,
            stats.underruns
        ),
        (0, 0, 1_000, 0)
    );
}

#[test]
fn an_ear_for_which_nothing_waits_is_spoken_to_at_the_usual_tempo() {
    let mut line = Line::new(LegConfig {
        tempo: Curve::USUAL,
        ..LegConfig::default()
    });
    assert_eq!(line.leg.stats().tempo, 1_000);
    let voice = common::bytes(&common::tone(150.0, 16e3, 9e3, 16_000 * 6));
    line.play(1, &voice, true);
    line.pass(2_000 * MS);
    assert!(line.leg.stats().tempo > 1_000);
    line.handle(Input::Flush);
    assert_eq!(line.leg.stats().tempo, 1_000);
}

#[test]
fn an_ear_that_is_not_behind_hears_every_bit_at_once() {
    let mut line = Line::new(LegConfig {
        tempo: Curve::USUAL,
        ..LegConfig::default()
    });
    let voice = common::bytes(&common::tone(150.0, 16e3, 9e3, 16_000 * 3));
    for (n, piece) in voice.chunks(3_200).enumerate() {
        line.play(1, piece, (n + 1) * 3_200 == voice.len());
        line.pass(100 * MS);
    }
    line.pass(500 * MS);
    assert_eq!(line.played(), voice);
    assert_eq!(line.leg.stats().tempo_saved, 0);
}

/// What a play, a pause or a flush may be.
#[derive(Clone, Debug)]
enum Step {
    Play(u64, usize, bool),
    Pass(u64),
    Late(u64),
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u64..8, 0_usize..4_000, prop::bool::weighted(0.3)).prop_map(|(u, n, last)| Step::Play(u, n, last)),
        4 => (0_u64..300).prop_map(Step::Pass),
        1 => (0_u64..400).prop_map(Step::Late),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_byte_is_played_or_counted_whatever_the_tempo(steps in steps(), capacity in 1_000_usize..80_000) {
        let mut line = Line::new(LegConfig {
            playout_capacity: capacity,
            tempo: Curve::new(&[(0, 1_000), (500_000_000, 2_000)]).unwrap(),
            ..LegConfig::default()
        });
        let mut offered = 0_u64;
        for step in steps {
            match step {
                Step::Play(utterance, length, last) => {
                    offered += 5 * length as u64;
                    line.play(utterance, &vec![7; 5 * length], last);
                }
                Step::Pass(time) => line.pass(time * MS),
                Step::Late(time) => line.now += time * MS,
                Step::Flush => line.handle(Input::Flush),
            }
            prop_assert_eq!(line.leg.stats().playout_queued, (capacity - line.leg.playout_room()) as u64);
        }
        for utterance in 1..8 {
            line.play(utterance, &[], true);
        }
        line.pass(60_000 * MS);
        let stats = *line.leg.stats();
        prop_assert_eq!((stats.playout_queued, line.leg.playout_room()), (0, capacity));
        let sounding: u64 = line.sent.iter().map(|sent| sent.payload.iter().filter(|&&byte| byte != 0).count() as u64).sum();
        prop_assert_eq!(offered, sounding + stats.tempo_saved + stats.drops_playout + stats.drops_stale + stats.drops_flushed);
    }

    #[test]
    fn every_byte_is_played_in_order_or_counted(steps in steps(), capacity in 1_000_usize..40_000, continuous: bool) {
        let mut line = ear(60 * MS, capacity, continuous);
        let mut next = 0_u8;
        let mut offered = 0_u64;
        let mut accepted = Vec::<(u64, Vec<u8>)>::new();
        for step in steps {
            match step {
                Step::Play(utterance, length, last) => {
                    let piece: Vec<u8> = (0..length).map(|_| { next = next.wrapping_add(1).max(1); next }).collect();
                    let before = *line.leg.stats();
                    line.play(utterance, &piece, last);
                    let after = *line.leg.stats();
                    let dropped = after.drops_playout + after.drops_stale - before.drops_playout - before.drops_stale;
                    offered += length as u64;
                    accepted.push((utterance, piece[..length - dropped as usize].to_vec()));
                }
                Step::Pass(time) => line.pass(time * MS),
                Step::Late(time) => line.now += time * MS,
                Step::Flush => line.handle(Input::Flush),
            }
            prop_assert!(line.leg.stats().playout_queued <= capacity as u64);
        }
        // End them all and let them play out.
        for utterance in 1..8 {
            line.play(utterance, &[], true);
        }
        line.pass(60_000 * MS);
        let stats = *line.leg.stats();
        prop_assert_eq!(stats.playout_queued, 0);
        let sounding: u64 = line.sent.iter().map(|sent| sent.payload.iter().filter(|&&byte| byte != 0).count() as u64).sum();
        prop_assert_eq!(offered, sounding + stats.drops_playout + stats.drops_stale + stats.drops_flushed);

        // One utterance's bytes come in the order they were given.
        for utterance in 1..8 {
            let given: Vec<u8> = accepted.iter().filter(|(u, _)| *u == utterance).flat_map(|(_, piece)| piece.clone()).collect();
            let played = line.sent.iter().filter(|sent| sent.utterance == utterance).flat_map(|sent| sent.payload.iter().copied().filter(|&byte| byte != 0));
            let mut given = given.into_iter();
            for byte in played {
                prop_assert!(given.any(|other| other == byte), "a byte nobody gave, or out of order");
            }
        }
        // Deadlines rise by 20 ms at least and nothing goes out early.
        for pair in line.sent.windows(2) {
            prop_assert!(pair[1].due >= pair[0].due + FRAME_NANOS);
        }
        prop_assert!(line.sent.iter().all(|sent| sent.at >= sent.due));
        // Between its start and its end, an utterance has the ear for itself.
        let mut open: Option<u64> = None;
        for event in &line.events {
            match *event {
                Started { utterance, .. } => { prop_assert_eq!(open, None); open = Some(utterance); }
                Finished { utterance, .. } | Flushed { utterance, .. } => {
                    if open == Some(utterance) { open = None; }
                }
            }
        }
        prop_assert_eq!(open, None);
    }
}
