//! A whole leg in virtual time: jitter, bursts, stops and starts, calls after calls.

use crate::common::line::{Line, MS};
use crate::common::{Noise, bytes, tone};
use proptest::prelude::*;
use translink_core::frame::{FRAME_BYTES, FRAME_NANOS, FRAME_SAMPLES};
use translink_core::framer::{MAX_DATAGRAM, duration};
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::output::{Output, PlayoutEvent};
use translink_core::tail::TAIL_PATIENCE;

/// So many bytes of a loud tone.
fn speech(length: usize) -> Vec<u8> {
    bytes(&tone(440.0, 16_000.0, 8_000.0, length.div_ceil(2)))[..length].to_vec()
}

fn line() -> Line {
    Line::new(LegConfig::default())
}

#[test]
fn datagrams_of_any_size_come_out_as_the_same_bytes() {
    for size in [160, 320, 510, 640, 7_680, 15_870, 1, 333] {
        let said = speech(64_000);
        let mut line = line();
        for piece in said.chunks(size) {
            line.datagram(piece);
            line.pass(duration(piece.len()));
        }
        let heard = line.heard();
        assert_eq!(heard, said[..heard.len()], "datagrams of {size}");
        assert!(said.len() - heard.len() < FRAME_BYTES);
        assert_eq!(line.leg.stats().frames_padded, 0, "datagrams of {size}");
    }
}

#[test]
fn a_gateway_that_sends_when_a_burst_is_full_is_not_padded() {
    // The length of each datagram is the time *before* it: the first one teaches the pace.
    let said = speech(20 * 15_870);
    let mut line = line();
    for (n, piece) in said.chunks(15_870).enumerate() {
        line.pass(duration(piece.len()) + if n % 2 == 0 { 0 } else { 20 * MS });
        line.datagram(piece);
    }
    assert_eq!(line.leg.stats().frames_padded, 0);
    assert_eq!(line.heard(), said[..line.heard().len()]);
}

#[test]
fn a_gateway_of_long_and_short_datagrams_in_turns_is_taken_for_silent_once_at_most() {
    let mut line = line();
    let mut silence = Vec::new();
    for pair in speech(10 * 16_100).chunks(16_100) {
        for piece in [&pair[..15_870], &pair[15_870..]] {
            line.pass(duration(piece.len()));
            line.datagram(piece);
        }
        let stats = line.leg.stats();
        silence.push((stats.frames_padded, stats.frames_filled));
    }
    assert_eq!(silence[9], silence[1], "the first gap teaches the pace");
}

#[test]
fn a_sender_of_uneven_bursts_is_byte_exact() {
    // `ffmpeg -re` writes 64 ms at a time, as two datagrams; version 7.1 does so up to a quarter of a
    // second late and then catches up. 8 s of it are 400 frames.
    let said = speech(8 * 32_000);
    let mut noise = Noise(71);
    let mut line = line();
    let mut due = line.now;
    for burst in said.chunks(2_048) {
        let late = due + noise.next() % (250 * MS);
        line.pass(late.saturating_sub(line.now));
        for piece in burst.chunks(1_472) {
            line.datagram(piece);
        }
        due += duration(burst.len());
    }
    line.pass(TAIL_PATIENCE - MS);
    let stats = line.leg.stats();
    assert_eq!((stats.frames_padded, stats.frames_filled), (0, 0));
    assert_eq!(line.frames.len(), 400);
    assert_eq!(line.heard(), said);
}

#[test]
fn the_first_short_datagram_of_the_gateway_shifts_nothing() {
    let said = speech(510 + 100 * 640);
    let mut line = line();
    line.datagram(&said[..510]);
    for piece in said[510..].chunks(640) {
        line.pass(20 * MS);
        line.datagram(piece);
    }
    line.pass(TAIL_PATIENCE + 2 * MS);
    assert_eq!(line.heard()[..said.len()], said);
    assert_eq!(line.frames[100].1.filled, 130);
}

#[test]
fn a_remainder_waits_until_the_talker_has_stopped() {
    for size in [2, 640 + 2, 1_000, 1_279] {
        let mut line = line();
        line.datagram(&speech(size));
        let stopped = line.now;
        line.pass(TAIL_PATIENCE);
        assert_eq!(line.frames.len(), size / FRAME_BYTES, "not a moment sooner");
        line.pass(2 * MS);
        let (at, rest) = &line.frames[size / FRAME_BYTES];
        assert_eq!(
            *at,
            stopped + TAIL_PATIENCE + 2 * MS,
            "after the second look"
        );
        assert_eq!(usize::from(rest.filled), FRAME_BYTES - size % FRAME_BYTES);
        assert_eq!(line.heard()[..size], speech(size));
        assert_eq!(line.leg.stats().frames_padded, 1);
    }
}

#[test]
fn after_a_remainder_the_silence_that_is_due_comes_with_it() {
    // What a recogniser hears of a pause, and when, does not depend on where in a frame it began.
    for rest in [0, 2, 320, 638] {
        let mut line = line();
        for piece in speech(6_400 + rest).chunks(640) {
            line.pass(20 * MS);
            line.datagram(piece);
        }
        let (stopped, known) = (line.now, 10 + usize::from(rest > 0));
        line.pass(TAIL_PATIENCE + 2 * MS);
        assert_eq!(line.frames.len(), known + 20, "{rest} bytes more");
        for (n, (at, frame)) in (1..).zip(&line.frames[known..]) {
            assert_eq!((*at, frame.filled), (stopped + TAIL_PATIENCE + 2 * MS, 640));
            assert_eq!(frame.captured, stopped + n * FRAME_NANOS);
        }
    }
}

#[test]
fn after_a_long_datagram_a_remainder_waits_as_long_as_that_lasts_too() {
    let mut line = line();
    line.datagram(&speech(15_870));
    line.pass(duration(15_870) + TAIL_PATIENCE);
    assert_eq!(line.frames.len(), 24);
    line.pass(2 * MS);
    assert_eq!(line.frames[24].1.filled, 130);
}

#[test]
fn our_own_lateness_is_not_the_talkers_silence() {
    // Two datagrams that came 20 ms apart are handled together, 300 ms late.
    let said = speech(1_280);
    let mut line = line();
    let arrival = line.now;
    line.pass(300 * MS);
    line.handle(Input::Datagram {
        payload: &said[..500],
        arrival,
    });
    line.handle(Input::Datagram {
        payload: &said[500..],
        arrival: arrival + 20 * MS,
    });
    assert_eq!(line.heard(), said);
    assert_eq!(line.frames[1].1.captured, arrival + 20 * MS);
}

#[test]
fn a_timer_served_before_the_socket_after_a_stall_pads_and_fills_nothing() {
    let said = speech(64_000);
    let mut line = line();
    let begin = line.now;
    for (second, pieces) in said.chunks(16 * 500).enumerate() {
        // The shell is stalled for the length of 16 datagrams; then it serves its timer, a command
        // and only then the socket.
        line.now = begin + duration((second + 1) * 16 * 500);
        line.handle(Input::Timeout);
        line.play(1, &[0; 640], false);
        for (n, payload) in pieces.chunks(500).enumerate() {
            let arrival = begin + duration((second * 16 + n) * 500);
            line.handle(Input::Datagram { payload, arrival });
        }
    }
    let stats = line.leg.stats();
    assert_eq!((stats.frames_padded, stats.frames_filled), (0, 0));
    assert_eq!(line.heard(), said);
}

#[test]
fn captured_is_the_arrival_less_what_follows_in_the_datagram() {
    let mut line = line();
    line.datagram(&speech(1_600));
    let arrival = line.now;
    assert_eq!(line.frames[0].1.captured, arrival - 30 * MS);
    assert_eq!(line.frames[1].1.captured, arrival - 10 * MS);
    line.pass(18 * MS);
    line.datagram(&speech(320));
    assert_eq!(line.frames[2].1.captured, arrival + 18 * MS);
}

#[test]
fn half_a_sample_that_was_completed_is_not_read_twice() {
    // 641 bytes, a pause, then the byte stream goes on in the middle of a sample.
    let said = speech(641 + 6_399);
    let mut line = line();
    line.datagram(&said[..641]);
    line.pass(500 * MS);
    let before = line.frames.len();
    line.datagram(&said[641..]);
    assert_eq!(line.leg.stats().bytes_realigned, 1);
    assert_eq!(
        line.heard()[before * FRAME_BYTES..],
        said[642..642 + 9 * FRAME_BYTES]
    );
    // A talker who starts at a sample is left alone.
    let mut line = self::line();
    line.datagram(&said[..641]);
    line.pass(500 * MS);
    let before = line.frames.len();
    line.datagram(&said[..6_400]);
    assert_eq!(line.leg.stats().bytes_realigned, 0);
    assert_eq!(line.heard()[before * FRAME_BYTES..], said[..6_400]);
}

#[test]
fn digital_silence_after_half_a_sample_leaves_the_question_open_until_there_is_sound() {
    // A gateway of odd datagrams stalls once; what comes next is silence, which reads alike either
    // way. The words after it must not come out as noise for the rest of the call.
    for stop in [637, 3 * 637, 4 * 637] {
        let mut said = speech(stop);
        said.resize(stop + 12_740 + stop % 2, 0);
        said.extend(speech(32_000));
        let mut line = line();
        for piece in said[..stop].chunks(637) {
            line.datagram(piece);
            line.pass(duration(637));
        }
        line.pass(500 * MS);
        for piece in said[stop..].chunks(637) {
            line.datagram(piece);
            line.pass(duration(637));
        }
        let heard = line.heard();
        let loud: Vec<i16> = heard[heard.len() - 16_000..]
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let peak = loud.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(peak < 9_000, "noise after {stop} bytes: {peak}");
    }
}

#[test]
fn half_a_sample_completed_in_silence_is_settled_by_the_first_word() {
    // Silence up to the middle of a sample, a pause, more silence, then speech: whether the stream
    // goes on in mid-sample or begins anew shows only in the speech.
    for (before, after, apart) in [
        (641, 640, true),
        (333, 0, true),
        (333, 2, true),
        (1_281, 4, false),
        (27, 1_252, false),
    ] {
        for (goes_on, after) in [(true, after + 1), (false, after)] {
            let said = speech(6_400);
            let mut line = line();
            line.datagram(&vec![0; before]);
            line.pass(500 * MS);
            if apart {
                line.datagram(&vec![0; after]);
                line.pass(20 * MS);
                line.datagram(&said);
            } else {
                line.datagram(&[&vec![0; after], &said[..]].concat());
            }
            line.pass(1_000 * MS);
            let heard = line.heard();
            let begun = heard.windows(said.len()).position(|part| part == said);
            assert!(
                begun.is_some_and(|at| at % 2 == 0),
                "{before} and {after} bytes of silence, goes on: {goes_on}"
            );
        }
    }
}

#[test]
fn silence_is_fed_until_the_recogniser_can_end_the_utterance() {
    let mut line = line();
    for piece in speech(32_000).chunks(640) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    let last = line.now - 20 * MS;
    line.pass(5_000 * MS);
    let filled: Vec<_> = line
        .frames
        .iter()
        .filter(|(_, f)| f.filled == 640)
        .collect();
    assert_eq!(filled.len(), 75, "1.5 s");
    for (n, (at, frame)) in (1..).zip(filled) {
        let due = last + n * FRAME_NANOS;
        assert_eq!(*at, due.max(last + TAIL_PATIENCE) + 2 * MS);
        assert_eq!((frame.captured, frame.speech, frame.peak), (due, false, 0));
    }
    assert_eq!(line.leg.stats().frames_filled, 75);
    assert_eq!(line.leg.stats().frames_in, 50);
    let starts: Vec<u64> = line.frames.iter().map(|(_, frame)| frame.start).collect();
    assert_eq!(
        starts,
        (0..125).map(|n| n * FRAME_SAMPLES).collect::<Vec<_>>()
    );
}

#[test]
fn silence_that_the_talker_sent_himself_counts() {
    let mut line = line();
    let said = [speech(6_400), vec![0; 32_000]].concat();
    for piece in said.chunks(640) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    line.pass(5_000 * MS);
    // 1 s of their own, of which the detector's hang-over still counts as speech.
    assert_eq!(line.leg.stats().frames_filled, 75 - 50 + 9);
}

#[test]
fn ordinary_jitter_and_a_talker_who_goes_on_fill_nothing_more() {
    let mut line = line();
    for piece in speech(64_000).chunks(640) {
        line.datagram(piece);
        line.pass(TAIL_PATIENCE - 10 * MS);
    }
    assert_eq!(line.leg.stats().frames_filled, 0);
    line.pass(60 * MS);
    let filled = line.leg.stats().frames_filled;
    assert!(filled > 0);
    line.datagram(&speech(640));
    line.pass(100 * MS);
    assert_eq!(line.leg.stats().frames_filled, filled);
}

#[test]
fn a_gateway_that_stands_still_in_mid_word_and_then_sends_all_at_once_splits_nothing() {
    let said = speech(64_000);
    let mut line = line();
    for (n, piece) in said.chunks(640).enumerate() {
        line.datagram(piece);
        // Every second, 380 ms of standing still; then what was due meanwhile.
        let still = if n % 50 == 25 {
            TAIL_PATIENCE - 20 * MS
        } else {
            0
        };
        let catching_up = (26..=44).contains(&(n % 50));
        line.pass(if catching_up { 0 } else { 20 * MS + still });
    }
    assert_eq!(line.leg.stats().frames_filled, 0);
    assert_eq!(line.heard(), said);
}

#[test]
fn a_process_that_was_stopped_fills_the_tail_and_no_more() {
    let mut line = line();
    for piece in speech(6_400).chunks(640) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    let last = line.now - 20 * MS;
    line.now += 10_000 * MS;
    line.pass(5_000 * MS);
    assert_eq!(line.leg.stats().frames_filled, 75);
    let (_, end) = line.frames.last().unwrap();
    assert_eq!(end.captured, last + 1_500 * MS);
}

#[test]
fn a_leg_that_heard_no_speech_is_fed_nothing() {
    let mut line = line();
    for _ in 0..50 {
        line.datagram(&[0; 640]);
        line.pass(20 * MS);
    }
    line.pass(5_000 * MS);
    assert_eq!(line.frames.len(), 50);
    assert_eq!(line.leg.poll(line.now).timeout(), u64::MAX);
}

trait Timeout {
    fn timeout(&self) -> u64;
}

impl Timeout for Output {
    fn timeout(&self) -> u64 {
        match self {
            Self::Timeout(at) => *at,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nothing_of_one_call_reaches_the_next() {
    let mut line = line();
    line.datagram(&speech(999));
    line.play(1, &[1; 64_000], false);
    line.pass(30 * MS);
    line.handle(Input::Reset);
    assert_eq!(
        line.events.last(),
        Some(&PlayoutEvent::Flushed {
            utterance: 1,
            unplayed: 64_000 - 2 * 640
        })
    );
    let (frames, sent) = (line.frames.len(), line.sent.len());
    line.play(1, &[2; 6_400], true);
    line.pass(5_000 * MS);
    assert_eq!(
        (line.frames.len(), line.sent.len()),
        (frames, sent),
        "nothing filled, no late piece"
    );
    line.datagram(&[0, 0, 0, 0]);
    line.pass(500 * MS);
    let (_, frame) = line.frames.last().unwrap();
    assert_eq!(frame.pcm, [0; FRAME_BYTES]);
    assert_eq!(
        frame.start,
        frames as u64 * FRAME_SAMPLES,
        "sample numbers go on"
    );
    assert!(!frame.speech);
    let stats = line.leg.stats();
    assert_eq!(
        (stats.drops_reset, stats.drops_stale, stats.resets),
        (999 - 640, 6_400, 1)
    );
}

#[test]
fn a_shell_that_does_not_poll_loses_counted_datagrams_not_memory() {
    let mut leg = Leg::new(LegConfig::default()).unwrap();
    let payload = vec![1; MAX_DATAGRAM];
    for _ in 0..5 {
        leg.handle(
            Input::Datagram {
                payload: &payload,
                arrival: 1,
            },
            1,
        );
    }
    assert_eq!(leg.stats().drops_unpolled, 3);
    let mut frames = 0;
    while let Output::Frame(_) = leg.poll(1) {
        frames += 1;
    }
    assert_eq!(frames, 2 * MAX_DATAGRAM / FRAME_BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Byte-exact and gapless, whatever the sizes, while no gap is as long as `TAIL_PATIENCE`; then all
    /// of it, completed with silence.
    #[test]
    fn frames_are_the_payloads(
        sent in prop::collection::vec(
            (prop_oneof![1_usize..=1_600, 1_usize..=MAX_DATAGRAM], 0..TAIL_PATIENCE), 1..60,
        ),
        seed: u64,
    ) {
        let mut noise = Noise(seed | 1);
        let mut line = line();
        let mut said = Vec::new();
        for (size, gap) in sent {
            let piece: Vec<u8> = (0..size).map(|_| noise.next() as u8).collect();
            line.pass(gap);
            line.datagram(&piece);
            said.extend(piece);
            let whole = said.len() / FRAME_BYTES * FRAME_BYTES;
            prop_assert!(line.heard() == said[..whole], "after {} bytes", said.len());
        }
        let stats = line.leg.stats();
        prop_assert_eq!((stats.frames_padded, stats.frames_filled), (0, 0));
        line.pass(10_000 * MS);
        prop_assert!(line.heard()[..said.len()] == said[..]);
        for (n, (at, frame)) in line.frames.iter().enumerate() {
            prop_assert_eq!(frame.start, n as u64 * FRAME_SAMPLES);
            prop_assert!(frame.captured <= *at);
        }
    }

    /// A talker who stops now and then, for however long, and goes on with what they would have said
    /// meanwhile or with something new: nothing is filled before its time, all that is due is filled at
    /// it, and what they said is all there.
    #[test]
    fn silence_is_filled_in_on_the_clock_of_the_audio(
        stretches in prop::collection::vec((1_u64..40, 0_u64..2_500, any::<bool>()), 1..12),
    ) {
        let mut line = line();
        let mut said = Vec::new();
        for (frames, stop, burst) in stretches {
            for n in 0..frames {
                let piece = speech(640);
                line.datagram(&piece);
                said.extend(piece);
                line.pass(if burst && n + 1 < frames { 0 } else { 20 * MS });
            }
            let (last, known) = (line.now - 20 * MS, line.frames.len());
            line.pass(stop * MS);
            let filled = &line.frames[known..];
            // The second look takes 2 ms.
            let due = (line.now - last - 2 * MS) / FRAME_NANOS;
            let due = if line.now - last < TAIL_PATIENCE + 2 * MS { 0 } else { due.min(75) };
            prop_assert_eq!(filled.len() as u64, due, "{} ms of silence", (line.now - last) / MS);
            for (n, (at, frame)) in (1..).zip(filled) {
                prop_assert!(*at >= last + TAIL_PATIENCE);
                prop_assert_eq!(frame.captured, last + n * FRAME_NANOS);
                prop_assert_eq!(frame.filled, 640);
            }
        }
        let heard: Vec<u8> = line.frames.iter().filter(|(_, frame)| frame.filled == 0)
            .flat_map(|(_, frame)| frame.pcm).collect();
        prop_assert!(heard == said);
        for (n, pair) in line.frames.windows(2).enumerate() {
            prop_assert_eq!(pair[1].1.start, (n as u64 + 1) * FRAME_SAMPLES);
            prop_assert!(pair[0].1.captured <= pair[1].1.captured);
        }
    }

    /// Whatever happens, in whatever order: time goes forward, counts add up, calls do not mix.
    #[test]
    fn any_order_of_events_keeps_the_books(steps in prop::collection::vec((0_u8..7, 0_u64..400, 0_usize..3_000), 1..120)) {
        let mut line = line();
        let (mut bytes_in, mut offered, mut call) = (0, 0, 1_u8);
        for (what, time, size) in steps {
            match what {
                0..=2 => { line.datagram(&vec![call; size]); bytes_in += size as u64; }
                3 => { line.play(time % 5 + u64::from(call) * 10, &vec![call; size], size % 3 == 0); offered += size as u64; }
                4 => line.handle(Input::Flush),
                5 if time < 100 => {
                    line.handle(Input::Reset);
                    let (frames, sent) = (line.frames.len(), line.sent.len());
                    call += 1;
                    prop_assert!(line.frames[..frames].iter().all(|(_, f)| f.pcm.iter().all(|&b| b < call)));
                    prop_assert!(line.sent[..sent].iter().all(|s| s.payload.iter().all(|&b| b < call)));
                    line.frames.clear();
                    line.sent.clear();
                }
                _ => line.pass(time * MS),
            }
            for (_, frame) in &line.frames {
                prop_assert!(frame.pcm.iter().all(|&b| b == call || b == 0));
            }
            for sent in &line.sent {
                prop_assert!(sent.payload.iter().all(|&b| b == call || b == 0));
                prop_assert!(sent.at >= sent.due);
            }
        }
        let stats = *line.leg.stats();
        prop_assert_eq!(stats.bytes_in, bytes_in);
        let refused = stats.drops_playout + stats.drops_flushed + stats.drops_stale + stats.playout_queued;
        prop_assert!(refused <= offered);
        prop_assert!(stats.bytes_out >= offered - refused, "what was not dropped was sent");
        prop_assert_eq!(stats.late_wakes, 0);
    }
}

#[test]
fn a_muted_talker_is_heard_as_silence_while_time_goes_on() {
    let mut line = line();
    let said = speech(64_000);
    let say = |line: &mut Line| {
        for piece in said.chunks(640) {
            line.datagram(piece);
            line.pass(20 * MS);
        }
    };
    say(&mut line);
    line.handle(Input::Mute(true));
    let from = line.frames.len();
    say(&mut line);
    line.handle(Input::Mute(false));
    let to = line.frames.len();
    say(&mut line);
    assert!(line.frames[..from].iter().any(|(_, f)| f.speech));
    for (_, frame) in &line.frames[from..to] {
        assert_eq!(frame.pcm, [0; FRAME_BYTES]);
        assert_eq!((frame.peak, frame.rms, frame.speech), (0, 0, false));
        assert_eq!(frame.extremes, Default::default());
    }
    for (n, (_, frame)) in line.frames.iter().enumerate() {
        assert_eq!(frame.start, n as u64 * FRAME_SAMPLES);
    }
    assert!(
        line.frames[to + 1].1.speech,
        "a talker who is unmuted is heard at once"
    );
}
