//! Telephones talk RTP to a leg, over networks as they are: the words that arrived are heard.

use std::collections::BTreeSet;

use crate::common::line::{Line, MS};
use crate::common::phone::{Conditions, Phone, hear, leg, numbers, punctual, relay, words};
use crate::common::{Noise, bytes, tone};
use proptest::prelude::*;
use translink_core::frame::FRAME_NANOS;
use translink_core::leg::{Input, LegConfig};
use translink_core::line::Transport;
use translink_core::rtp::format::{Format, Formats};
use translink_core::rtp::order::{GRACE, SHORTEST};

/// Samples of a word and the silence behind it.
const WORD: usize = 2_240 + 1_280;

fn hundred() -> Vec<u32> {
    (1..=100).collect()
}

/// A leg that hears whatever comes.
fn automatic() -> Line {
    Line::new(LegConfig {
        transport: Transport::Auto(Formats::default()),
        ..LegConfig::default()
    })
}

#[test]
fn every_format_is_heard_word_for_word_at_any_packet_length() {
    for format in Format::ALL {
        for packet in [160, 320, 480, 640, 960, 334] {
            let mut phone = Phone::new(format);
            phone.packet = packet;
            let packets = phone.say(&words(1, 100));
            let mut line = leg(format);
            hear(&mut line, &packets, &punctual(packets.len(), phone.time()));
            assert_eq!(numbers(&line.heard()), hundred(), "{format:?} {packet}");
            let stats = line.leg.stats();
            assert_eq!(
                (stats.rtp.lost, stats.rtp.late, stats.rtp.concealed_ns),
                (0, 0, 0)
            );
        }
    }
}

#[test]
fn a_dynamic_payload_type_is_what_the_leg_is_set_to() {
    let mut phone = Phone::new(Format::Slin16);
    phone.payload_type = 96;
    let packets = phone.say(&words(1, 10));
    let mut line = leg(Format::Slin16);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()).len(), 10);
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(line.leg.stats().rtp.refused, packets.len() as u64);
}

#[test]
fn packets_in_order_wait_for_nothing() {
    for format in Format::ALL {
        let mut phone = Phone::new(format);
        let packets = phone.say(&words(1, 20));
        let mut line = leg(format);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        let made = line.frames.iter().filter(|(_, frame)| frame.filled == 0);
        for (at, frame) in made {
            assert_eq!(*at, frame.captured, "{format:?}");
        }
    }
}

#[test]
fn jitter_reordered_and_doubled_packets_cost_no_word() {
    let conditions = Conditions {
        jitter: 40 * MS,
        reorder: 5,
        held_back: 20 * MS,
        double: 5,
        ..Conditions::default()
    };
    for (seed, format) in Format::ALL.into_iter().enumerate() {
        let mut phone = Phone::new(format);
        let packets = phone.say(&words(1, 100));
        let way = relay(
            packets.len(),
            FRAME_NANOS,
            conditions,
            &mut Noise(seed as u64 + 1),
        );
        let mut line = leg(format);
        hear(&mut line, &packets, &way);
        assert_eq!(numbers(&line.heard()), hundred(), "{format:?}");
        let rtp = line.leg.stats().rtp;
        assert_eq!((rtp.lost, rtp.concealed_ns), (0, 0));
        assert!(rtp.reordered > 10 && rtp.duplicates > 10, "{rtp:?}");
    }
}

#[test]
fn a_network_that_stands_still_for_half_a_second_costs_no_word() {
    let mut phone = Phone::new(Format::Alaw);
    let packets = phone.say(&words(1, 100));
    let mut way = punctual(packets.len(), FRAME_NANOS);
    for (at, _) in &mut way {
        let stall = 5_000 * MS..5_500 * MS;
        if stall.contains(at) {
            *at = stall.end;
        }
    }
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &way);
    assert_eq!(numbers(&line.heard()), hundred());
    let said = line.frames.iter().rposition(|(_, frame)| frame.filled == 0);
    assert!(
        line.frames[..said.unwrap()]
            .iter()
            .all(|(_, frame)| frame.filled == 0)
    );
}

#[test]
fn of_what_is_lost_time_stays_and_no_word_is_made_up() {
    for (loss, format) in [(1, Format::Alaw), (5, Format::Slin16), (5, Format::G722)] {
        let mut phone = Phone::new(format);
        let packets = phone.say(&words(1, 400));
        let conditions = Conditions {
            loss,
            ..Conditions::default()
        };
        let way = relay(packets.len(), FRAME_NANOS, conditions, &mut Noise(loss));
        let came: BTreeSet<usize> = way.iter().map(|&(_, index)| index).collect();
        // Words of which every packet came; G.722's decoder and the filters reach 2 packets back.
        let whole = |word: usize| {
            let (from, to) = (word * WORD / 320, (word * WORD + 2_240).div_ceil(320));
            (from.saturating_sub(2)..=to).all(|packet| came.contains(&packet))
        };
        let mut line = leg(format);
        hear(&mut line, &packets, &way);
        let heard = numbers(&line.heard());
        let mut unique = heard.clone();
        unique.dedup();
        assert_eq!(heard, unique, "none doubled, all in order");
        assert!(heard.is_sorted() && heard.iter().all(|word| (1..=400).contains(word)));
        for word in (0..400).filter(|&word| whole(word)) {
            assert!(
                heard.contains(&(word as u32 + 1)),
                "{format:?}: {word} was whole"
            );
        }
        let rtp = line.leg.stats().rtp;
        assert_eq!(rtp.lost as usize, packets.len() - came.len());
        assert_eq!(rtp.concealed_ns, rtp.lost * FRAME_NANOS, "time is kept");
        let samples = line
            .frames
            .iter()
            .filter(|(_, frame)| frame.filled == 0)
            .count();
        assert!(
            packets.len().abs_diff(samples) <= 1,
            "{} {samples}",
            packets.len()
        );
        eprintln!("{format:?}, {loss} % lost: {} of 400 words", heard.len());
    }
}

#[test]
fn what_is_made_up_for_a_lost_packet_goes_on_as_the_voice_did() {
    let sound = tone(210.0, 8_000.0, 8_000.0, 16_000);
    let mut phone = Phone::new(Format::Slin);
    let sound: Vec<i16> = sound.iter().flat_map(|&sample| [sample, sample]).collect();
    let mut packets = phone.say(&sound);
    packets.remove(30);
    let mut line = leg(Format::Slin);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    let levels: Vec<u16> = line.frames.iter().map(|(_, frame)| frame.rms).collect();
    assert!(levels[30] > levels[20] / 2, "{levels:?}");
    assert_eq!(line.leg.stats().rtp.concealed_ns, FRAME_NANOS);
}

#[test]
fn a_gap_is_waited_for_and_then_given_up() {
    let mut phone = Phone::new(Format::Alaw);
    let packets = phone.say(&words(1, 4));
    let mut line = leg(Format::Alaw);
    for packet in &packets[..5] {
        line.datagram(packet);
        line.pass(20 * MS);
    }
    let before = line.frames.len();
    line.datagram(&packets[6]);
    line.pass(60 * MS);
    line.datagram(&packets[7]);
    line.pass(SHORTEST - 60 * MS);
    assert_eq!(line.frames.len(), before);
    // What is in the socket is looked at before.
    line.pass(3 * MS);
    assert_eq!(line.frames.len(), before + 3);
    line.datagram(&packets[5]);
    assert_eq!(
        (line.frames.len(), line.leg.stats().rtp.late),
        (before + 3, 1)
    );
    assert!(line.leg.stats().rtp.wait_ns >= SHORTEST);
}

#[test]
fn the_next_call_has_neither_the_wait_nor_the_last_sound_of_the_one_before() {
    let mut phone = Phone::new(Format::Slin);
    let packets = phone.say(&[8_000; 12 * 320]);
    let mut line = leg(Format::Slin);
    // The sixth comes more than 100 ms late.
    let order = packets[..5].iter().chain(&packets[6..]);
    for packet in order.chain(&packets[5..6]) {
        line.datagram(packet);
        line.pass(20 * MS);
    }
    assert!(line.leg.stats().rtp.wait_ns > SHORTEST);
    line.handle(Input::Reset);
    assert_eq!(line.leg.stats().rtp.wait_ns, 0);
    line.datagram(&phone.say(&[0; 320])[0]);
    assert_eq!(line.leg.stats().rtp.wait_ns, SHORTEST);
    let (at, frame) = line.frames.last().unwrap();
    assert_eq!((*at, &frame.pcm), (line.now, &[0; 640]));
}

#[test]
fn an_automatic_leg_waits_for_gaps_only_while_rtp_comes() {
    for ends in [true, false] {
        let mut line = automatic();
        for packet in Phone::new(Format::Alaw).say(&words(1, 5)) {
            line.datagram(&packet);
            line.pass(20 * MS);
        }
        assert_eq!(line.leg.stats().rtp.wait_ns, SHORTEST);
        if ends {
            line.handle(Input::Reset);
        }
        for _ in 0..50 {
            line.datagram(&[0; 640]);
            line.pass(20 * MS);
        }
        assert_eq!(line.leg.stats().rtp.wait_ns, 0, "{ends}");
    }
}

#[test]
fn what_stands_still_with_the_network_is_not_given_up() {
    let mut phone = Phone::new(Format::Slin16);
    let said: Vec<i16> = (0..16_000).map(|n| (n * 7_919 % 9_001) as i16).collect();
    let packets = phone.say(&said);
    let mut line = leg(Format::Slin16);
    for (n, packet) in packets.iter().enumerate() {
        match n {
            10 => {}
            // 500 ms, in which the one that is missing stands, too.
            13 => {
                line.pass(500 * MS);
                line.datagram(packet);
                line.pass(GRACE / 2);
                line.datagram(&packets[10]);
            }
            _ => line.datagram(packet),
        }
        line.pass(20 * MS);
    }
    assert!(line.heard().starts_with(&bytes(&said)));
    let rtp = line.leg.stats().rtp;
    assert_eq!((rtp.lost, rtp.late, rtp.wait_ns), (0, 0, SHORTEST));
}

#[test]
fn the_last_packet_behind_a_lost_one_is_heard_when_silence_is_believed() {
    let mut phone = Phone::new(Format::Slin16);
    let packets = phone.say(&[1_000; 3_200]);
    let mut line = leg(Format::Slin16);
    for packet in packets[..8].iter().chain(&packets[9..]) {
        line.datagram(packet);
        line.pass(20 * MS);
    }
    line.pass(570 * MS);
    assert_eq!(line.frames.len(), 8);
    line.pass(20 * MS);
    assert_eq!(line.frames.len(), 10);
}

#[test]
fn what_still_waits_when_the_call_ends_is_counted() {
    let mut phone = Phone::new(Format::Slin16);
    let packets = phone.say(&[1_000; 3_200]);
    let mut line = leg(Format::Slin16);
    for packet in packets[..5].iter().chain(&packets[6..8]) {
        line.datagram(packet);
        line.pass(20 * MS);
    }
    line.handle(Input::Reset);
    assert_eq!(line.leg.stats().drops_reset as usize, 2 * packets[0].len());
    // Not enough yet to be believed to be RTP.
    let mut line = Line::new(LegConfig::default());
    for packet in &packets[..5] {
        line.datagram(packet);
    }
    line.handle(Input::Reset);
    assert_eq!(line.leg.stats().drops_reset as usize, 5 * packets[0].len());
}

#[test]
fn an_hour_of_a_clock_that_is_200_ppm_off_adds_nothing_and_loses_nothing() {
    for every in [19_996_000, 20_004_000] {
        let mut phone = Phone::new(Format::Alaw);
        let second = phone.say(&words(1, 5)[..16_000]);
        let mut line = leg(Format::Alaw);
        let mut packets = 0;
        while packets < 180_000 {
            for packet in &second {
                let packet = phone.header(8, &packet[12..]);
                phone.timestamp = phone.timestamp.wrapping_add(160);
                line.datagram(&packet);
                assert_eq!(line.frames.last().unwrap().1.captured, line.now);
                line.pass(every);
                packets += 1;
            }
            line.frames.truncate(1);
        }
        let stats = line.leg.stats();
        assert_eq!((stats.frames_in, stats.frames_filled), (packets, 0));
        assert_eq!((stats.rtp.lost, stats.rtp.concealed_ns), (0, 0));
        assert!(stats.jitter_ns < 100_000, "{}", stats.jitter_ns);
    }
}

#[test]
fn a_packet_too_large_to_be_kept_gives_up_what_is_before_it_and_nothing_behind_it() {
    let said: Vec<i16> = (0..16_000).map(|n| (n * 7_919 % 9_001) as i16).collect();
    let said = [said.clone(), said].concat();
    let mut phone = Phone::new(Format::Slin16);
    let mut packets = phone.say(&said[..3_200]);
    phone.packet = 1_600;
    packets.extend(phone.say(&said[3_200..4_800]));
    phone.packet = 320;
    packets.extend(phone.say(&said[4_800..]));
    // The ninth is lost; the large one, the eleventh, comes behind the two that follow it.
    let order = (0..8).chain([9, 11, 12, 10]).chain(13..packets.len());
    let mut line = leg(Format::Slin16);
    for index in order {
        line.datagram(&packets[index]);
        line.pass(20 * MS);
    }
    line.pass(1_000 * MS);
    let (heard, said) = (line.heard(), bytes(&said));
    assert_eq!(heard[..8 * 640], said[..8 * 640]);
    assert!(heard[9 * 640..].starts_with(&said[9 * 640..]));
    let rtp = line.leg.stats().rtp;
    assert_eq!((rtp.lost, rtp.late), (1, 0));
    assert_eq!(rtp.concealed_ns, FRAME_NANOS);
}

#[test]
fn another_stream_is_heard_at_once_and_stragglers_of_the_old_one_are_not() {
    let mut one = Phone::new(Format::Alaw);
    let mut two = Phone::new(Format::Ulaw);
    (two.ssrc, two.sequence, two.timestamp) = (99, 7, 123);
    let mut packets = one.say(&words(1, 50));
    let straggler = packets.last().unwrap().clone();
    let more = two.say(&words(51, 50));
    packets.extend_from_slice(&more[..2]);
    packets.push(straggler);
    packets.extend_from_slice(&more[2..]);
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()), hundred());
    let rtp = line.leg.stats().rtp;
    assert_eq!((rtp.streams, rtp.late, rtp.lost), (1, 1, 0));
}

#[test]
fn a_sequence_that_jumps_is_followed_and_no_packet_is_lost_by_it() {
    for jump in [5_000_u16, 60_000, 40_000] {
        let mut phone = Phone::new(Format::Alaw);
        let mut packets = phone.say(&words(1, 50));
        phone.sequence = phone.sequence.wrapping_add(jump);
        packets.extend(phone.say(&words(51, 50)));
        let mut line = leg(Format::Alaw);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(numbers(&line.heard()), hundred(), "{jump}");
        let rtp = line.leg.stats().rtp;
        assert_eq!((rtp.late, rtp.lost), (0, 0), "{jump}");
    }
}

#[test]
fn a_stream_that_was_set_back_a_little_is_heard_again_after_ten_packets() {
    let mut phone = Phone::new(Format::Alaw);
    let mut packets = phone.say(&words(1, 50));
    phone.sequence = phone.sequence.wrapping_sub(500);
    packets.extend(phone.say(&words(51, 50)));
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()).len(), 100);
    let again = packets.len() - 20;
    // Numbers that have been there, but not lately enough to be known as doubles.
    phone.sequence = phone.sequence.wrapping_sub(110);
    let mut rest = packets[again..].to_vec();
    rest.clear();
    rest.extend(phone.say(&words(101, 50)));
    let before = line.frames.len();
    hear(&mut line, &rest, &punctual(rest.len(), FRAME_NANOS));
    assert!(line.frames.len() > before + 300);
}

#[test]
fn packets_that_were_held_up_together_do_not_turn_the_stream_back() {
    for held_up in [10, 11, 30] {
        let mut phone = Phone::new(Format::Slin16);
        let packets = phone.say(&words(1, 100));
        let mut way = punctual(packets.len(), FRAME_NANOS);
        let behind = 100 + held_up;
        // They come when a packet waits behind one that is lost.
        for (at, _) in &mut way[100..behind] {
            *at = (behind + 31) as u64 * FRAME_NANOS + 5 * MS;
        }
        way.remove(behind + 30);
        way.sort();
        let mut line = leg(Format::Slin16);
        hear(&mut line, &packets, &way);
        let heard = numbers(&line.heard());
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "{heard:?}");
        let rtp = line.leg.stats().rtp;
        let lost = held_up as u64 + 1;
        assert_eq!((rtp.lost, rtp.late), (lost, lost - 1), "{rtp:?}");
        assert!(rtp.reordered < 5, "{rtp:?}");
    }
}

#[test]
fn a_stream_that_was_set_back_to_numbers_that_never_came_leaves_nothing_behind() {
    let mut phone = Phone::new(Format::Slin16);
    let packets = phone.say(&words(1, 10));
    let mut line = leg(Format::Slin16);
    let say = |line: &mut Line, packet: &[u8]| {
        line.datagram(packet);
        line.pass(20 * MS);
    };
    for packet in packets[..20]
        .iter()
        .chain(&packets[40..60])
        .chain(&packets[61..62])
    {
        say(&mut line, packet);
    }
    phone.sequence = phone.sequence.wrapping_sub(packets.len() as u16 - 25);
    for packet in phone.say(&words(11, 10)) {
        say(&mut line, &packet);
    }
    line.pass(1_000 * MS);
    let heard = numbers(&line.heard());
    assert!((12..=20).all(|word| heard.contains(&word)), "{heard:?}");
    let rtp = line.leg.stats().rtp;
    assert_eq!((rtp.late, rtp.lost), (10, 21), "{rtp:?}");
}

#[test]
fn a_stray_packet_moves_nothing() {
    let mut phone = Phone::new(Format::Alaw);
    let mut packets = phone.say(&words(1, 100));
    let mut stray = packets[3].clone();
    stray[2] ^= 0x40;
    packets.insert(100, stray);
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()), hundred());
    assert_eq!(line.leg.stats().rtp.late, 1, "it is counted");
    // The last one of a call, too.
    let stray = packets[100].clone();
    line.datagram(&stray);
    assert_eq!(line.leg.stats().rtp.late, 1, "it may be followed");
    line.handle(Input::Reset);
    assert_eq!(line.leg.stats().rtp.late, 2);
}

#[test]
fn what_an_outage_swallowed_is_lost_and_the_peer_is_told_but_nothing_of_strays() {
    let mut packets = Phone::new(Format::Alaw).say(&words(1, 100));
    // Three seconds are lost.
    packets.drain(100..250);
    let mut stray = packets[50].clone();
    stray[2] ^= 0x40;
    packets.insert(60, stray);
    let mut way = punctual(packets.len(), FRAME_NANOS);
    for (at, index) in &mut way {
        if *index > 100 {
            *at += 3_000 * MS;
        }
    }
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &way);
    let rtp = line.leg.stats().rtp;
    assert_eq!((rtp.lost, rtp.late), (150, 1), "{rtp:?}");
    // A sender's report, and its answer: the loss in all is in the first block.
    let mut report = vec![0x80, 200, 0, 6];
    report.resize(28, 0);
    line.datagram(&report);
    let now = line.now;
    let answer = line.leg.report(now).unwrap();
    assert_eq!(answer[33..36], [0, 0, 150]);
}

#[test]
fn padding_extension_and_contributing_sources_are_no_sound() {
    let mut phone = Phone::new(Format::Slin16);
    let packets: Vec<Vec<u8>> = phone
        .say(&words(1, 100))
        .iter()
        .map(|packet| {
            let mut rich = packet[..12].to_vec();
            rich[0] |= 0x32; // padding, extension, two sources
            rich.extend([1, 2, 3, 4, 5, 6, 7, 8]);
            rich.extend([0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
            rich.extend_from_slice(&packet[12..]);
            rich.extend([0, 0, 0, 4]);
            rich
        })
        .collect();
    let mut line = leg(Format::Slin16);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()), hundred());
    assert_eq!(line.leg.stats().rtp.refused, 0);
}

#[test]
fn comfort_noise_ends_an_utterance_at_once_and_the_next_one_is_whole() {
    for noise in [13, 19] {
        let mut phone = Phone::new(Format::Alaw);
        let mut packets = phone.say(&words(1, 20));
        packets.push(phone.header(noise, &[30]));
        let mut line = leg(Format::Alaw);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        let stopped = line
            .frames
            .iter()
            .find(|(_, frame)| frame.filled == 640)
            .unwrap()
            .0;
        let said = line
            .frames
            .iter()
            .rfind(|(_, frame)| frame.filled == 0)
            .unwrap()
            .0;
        assert!(stopped - said < 60 * MS, "{} ms", (stopped - said) / MS);
        phone.pause(30_000 * MS);
        line.pass(29_000 * MS);
        let more = phone.say(&words(21, 80));
        hear(&mut line, &more, &punctual(more.len(), FRAME_NANOS));
        assert_eq!(numbers(&line.heard()), hundred());
        assert_eq!(line.leg.stats().rtp.refused, 0);
    }
}

#[test]
fn a_talker_who_suppresses_short_silences_is_heard_in_time() {
    let mut phone = Phone::new(Format::Alaw);
    let mut line = leg(Format::Alaw);
    for word in 1..=100 {
        let sound = words(word, 1);
        let packets = phone.say(&sound[..2_240]);
        for packet in &packets {
            line.datagram(packet);
            line.pass(20 * MS);
        }
        phone.pause(200 * MS);
        line.pass(200 * MS);
    }
    line.pass(1_000 * MS);
    assert_eq!(numbers(&line.heard()), hundred());
    let time = line.leg.next_sample() / 16;
    let real = 100 * 340;
    assert!(time.abs_diff(real) < 1_400, "{time} of {real} ms");
}

#[test]
fn keys_are_reported_once_each_and_never_heard() {
    let event = |code: u8, end: bool, units: u16| {
        let [high, low] = units.to_be_bytes();
        [code, if end { 0x8A } else { 0x0A }, high, low]
    };
    for payload_type in [101, 100] {
        let mut phone = Phone::new(Format::Alaw);
        let mut packets = phone.say(&words(1, 50));
        for (code, ends) in [(5, 3), (11, 3), (5, 0), (10, 1)] {
            for n in 1..8 {
                packets.push(phone.header(payload_type, &event(code, false, n * 160)));
            }
            for _ in 0..ends {
                packets.push(phone.header(payload_type, &event(code, true, 8 * 160)));
            }
            phone.pause(200 * MS);
        }
        packets.extend(phone.say(&words(51, 50)));
        let mut line = leg(Format::Alaw);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(line.keys, "5#5*");
        assert_eq!(numbers(&line.heard()), hundred());
        assert_eq!(line.leg.stats().digits, 4);
    }
}

#[test]
fn a_key_whose_end_was_lost_is_reported_whatever_event_comes_next() {
    const FAX: u8 = 36;
    // What comes after it: an event that is no key, and the end of one of which nothing else came.
    for (next, keys) in [(FAX, "5"), (6, "56")] {
        let mut phone = Phone::new(Format::Alaw);
        let mut packets = phone.say(&words(1, 5));
        for units in [160, 320] {
            let [high, low] = u16::to_be_bytes(units);
            packets.push(phone.header(101, &[5, 0x0A, high, low]));
        }
        phone.pause(200 * MS);
        for _ in 0..3 {
            packets.push(phone.header(101, &[next, 0x8A, 1, 0]));
        }
        phone.pause(200 * MS);
        packets.extend(phone.say(&words(6, 5)));
        let mut line = leg(Format::Alaw);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(line.keys, keys);
    }
}

#[test]
fn rtp_on_a_raw_leg_is_reported_once_and_never_heard() {
    for format in Format::ALL {
        let mut phone = Phone::new(format);
        let packets = phone.say(&words(1, 20));
        let mut line = Line::new(LegConfig::default());
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(line.frames.len(), 0);
        let [(found, taken)] = line.found[..] else {
            panic!("{format:?}: {:?}", line.found)
        };
        assert_eq!((found.format, taken), (Some(format), false));
        assert_eq!(line.leg.stats().drops_rtp, packets.len() as u64);
        line.handle(Input::Reset);
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(line.found.len(), 1);
        // And PCM is heard when somebody has mended it.
        let pcm = bytes(&words(1, 20));
        for piece in pcm.chunks(640) {
            line.datagram(piece);
            line.pass(20 * MS);
        }
        assert_eq!(numbers(&line.heard()).len(), 20);
    }
}

#[test]
fn an_automatic_leg_hears_what_comes_and_answers_alike() {
    for format in Format::ALL {
        let mut phone = Phone::new(format);
        let packets = phone.say(&words(1, 100));
        let mut line = automatic();
        hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
        assert_eq!(numbers(&line.heard()), hundred(), "{format:?}");
        assert!(line.found[0].1);
        let sent = line.leg.wire(&[0; 640], line.now).to_vec();
        assert_eq!(sent[1] & 0x7F, format.answer().payload_type());
    }
    let mut line = automatic();
    for piece in bytes(&words(1, 100)).chunks(510) {
        line.datagram(piece);
        line.pass(16 * MS);
    }
    line.pass(500 * MS);
    assert_eq!(numbers(&line.heard()), hundred());
    assert_eq!(line.leg.wire(&[7; 640], line.now), [7; 640]);
}

#[test]
fn rtp_whose_second_packet_comes_late_is_found_again() {
    let packets = Phone::new(Format::Ulaw).say(&words(1, 100));
    let mut line = automatic();
    line.datagram(&packets[0]);
    // Longer than a datagram that may be either waits for the next one.
    line.pass(150 * MS);
    let rest = &packets[1..];
    hear(&mut line, rest, &punctual(rest.len(), FRAME_NANOS));
    let heard = numbers(&line.heard());
    assert!(heard.ends_with(&hundred()[2..]), "{heard:?}");
    assert_eq!(line.found.len(), 1);
}

#[test]
fn rtp_after_pcm_in_one_call_is_heard_whole_though_half_a_sample_was_before_it() {
    let mut line = automatic();
    for piece in bytes(&words(1, 5)).chunks(640) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    line.datagram(&[0; 333]);
    line.pass(20 * MS);
    let packets = Phone::new(Format::Alaw).say(&words(6, 95));
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    let heard = numbers(&line.heard());
    assert!(heard.starts_with(&[1, 2, 3, 4, 5]), "{heard:?}");
    assert!(heard.ends_with(&hundred()[7..]), "{heard:?}");
    assert_eq!(line.found.len(), 1);
    assert!(line.leg.stats().bytes_realigned > 0);
}

#[test]
fn what_keeps_a_way_through_a_nat_open_is_no_sound_and_ends_no_rtp() {
    let mut packets = Phone::new(Format::Alaw).say(&words(1, 100));
    let stun = b"\x00\x01\x00\x00\x21\x12\xA4\x42twelve bytes".to_vec();
    packets.insert(550, stun);
    packets.insert(551, vec![0]);
    let mut line = automatic();
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    assert_eq!(numbers(&line.heard()), hundred());
    assert_eq!((line.found.len(), line.leg.stats().rtp.refused), (1, 2));
}

#[test]
fn rtp_that_comes_to_a_raw_leg_after_pcm_is_reported_once_and_no_longer_heard() {
    let mut line = Line::new(LegConfig::default());
    for piece in bytes(&words(1, 1)).chunks(640).take(5) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    let packets = Phone::new(Format::Alaw).say(&words(1, 20));
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    let taken: Vec<bool> = line.found.iter().map(|&(_, taken)| taken).collect();
    assert_eq!(taken, [false]);
    // The tenth settles it: the nine before it were PCM, as far as anybody knew.
    assert_eq!(line.leg.stats().drops_rtp, packets.len() as u64 - 9);
}

#[test]
fn a_raw_leg_at_8_khz_hears_and_speaks_at_8_khz() {
    let mut line = Line::new(LegConfig {
        transport: Transport::Raw { narrow: true },
        ..LegConfig::default()
    });
    let narrow = translink_core::resample::resample(&bytes(&words(1, 100)), 16_000, 8_000).unwrap();
    for piece in narrow.chunks(320) {
        line.datagram(piece);
        assert_eq!(line.frames.last().unwrap().0, line.now, "nothing waits");
        line.pass(20 * MS);
    }
    line.pass(500 * MS);
    assert_eq!(numbers(&line.heard()), hundred());
    let mut sent = Vec::new();
    for (n, piece) in bytes(&words(1, 100)).chunks_exact(640).enumerate() {
        let frame = piece.try_into().unwrap();
        let datagram = line.leg.wire(frame, n as u64 * FRAME_NANOS);
        assert_eq!(datagram.len(), 320);
        sent.extend_from_slice(datagram);
    }
    let back = translink_core::resample::resample(&sent, 8_000, 16_000).unwrap();
    assert_eq!(numbers(&back), hundred());
}

#[test]
fn what_the_ear_is_sent_is_understood_by_another_leg() {
    for format in [Format::Slin, Format::Alaw, Format::Ulaw, Format::G722] {
        let mut speaker = leg(format);
        let mut line = leg(format);
        let mut before = None;
        for (n, piece) in bytes(&words(1, 100)).chunks_exact(640).enumerate() {
            // A pause after each ten words.
            let due = (n as u64 + n as u64 / 110 * 40) * FRAME_NANOS;
            let packet = speaker.leg.wire(piece.try_into().unwrap(), due).to_vec();
            let sequence = u16::from_be_bytes([packet[2], packet[3]]);
            let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
            let paused = n % 110 == 0;
            assert_eq!(
                packet[1],
                format.payload_type() | if paused { 0x80 } else { 0 }
            );
            if let Some((before, at)) = before.replace((sequence, timestamp)) {
                assert_eq!(sequence.wrapping_sub(before), 1);
                assert_eq!(
                    timestamp.wrapping_sub(at),
                    if paused { 41 * 160 } else { 160 }
                );
            }
            line.pass((1_000 * MS + due).saturating_sub(line.now));
            line.datagram(&packet);
        }
        line.pass(1_000 * MS);
        assert_eq!(numbers(&line.heard()), hundred(), "{format:?}");
    }
}

#[test]
fn a_peer_that_reports_is_reported_to_and_no_other_is() {
    use rtcp_types::{Compound, Packet};

    let mut phone = Phone::new(Format::Alaw);
    let mut packets = phone.say(&words(1, 100));
    packets.drain(40..50);
    let mut line = leg(Format::Alaw);
    hear(&mut line, &packets, &punctual(packets.len(), FRAME_NANOS));
    line.leg.wire(&[0; 640], line.now);
    assert_eq!(line.leg.report(line.now), None);
    let report = rtcp_types::SenderReport::builder(phone.ssrc).ntp_timestamp(0x1122_3344_5566_7788);
    let mut bytes = [0; 28];
    rtcp_types::RtcpPacketWriter::write_into_unchecked(&report, &mut bytes);
    // The silence after the last word is over.
    line.pass(2_000 * MS);
    let frames = line.frames.len();
    line.datagram(&bytes);
    line.pass(500 * MS);
    assert_eq!(line.frames.len(), frames);
    let now = line.now;
    let sent = line.leg.report(now).unwrap().to_vec();
    assert_eq!(line.leg.report(now + 4_999 * MS), None);
    assert!(line.leg.report(now + 5_000 * MS).is_some());
    assert_eq!(line.leg.report(now + 60_000 * MS), None);
    let parts: Vec<Packet<'_>> = Compound::parse(&sent)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let [Packet::Sr(report), Packet::Sdes(names)] = &parts[..] else {
        panic!("{parts:?}")
    };
    assert_eq!((report.packet_count(), report.octet_count()), (1, 160));
    let block = report.report_blocks().next().unwrap();
    assert_eq!((block.ssrc(), block.cumulative_lost()), (phone.ssrc, 10));
    let all = packets.len() as u32 + 10;
    assert_eq!(u32::from(block.fraction_lost()), 10 * 256 / all);
    assert_eq!(block.extended_sequence_number(), 65_530 + all - 1);
    assert_eq!(block.last_sender_report_timestamp(), 0x3344_5566);
    assert_eq!(block.delay_since_last_sender_report_timestamp(), 65_536 / 2);
    let name = names.chunks().next().unwrap().items().next().unwrap();
    assert_eq!(name.value(), b"translink");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the network does within its means, the words whose packets came in time are heard once and in order.
    #[test]
    fn no_weather_invents_doubles_or_turns_words(
        seed in 1_u64.., loss in 0_u64..10, reorder in 0_u64..20, double in 0_u64..20, jitter in 0_u64..60,
        format in 0_usize..5,
    ) {
        let conditions = Conditions { loss, reorder, double, jitter: jitter * MS, held_back: 40 * MS };
        let mut phone = Phone::new(Format::ALL[format]);
        let packets = phone.say(&words(1, 30));
        let way = relay(packets.len(), FRAME_NANOS, conditions, &mut Noise(seed));
        let mut line = leg(Format::ALL[format]);
        hear(&mut line, &packets, &way);
        let heard = numbers(&line.heard());
        prop_assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "{heard:?}");
        prop_assert!(heard.iter().all(|word| (1..=30).contains(word)));
        prop_assert!(loss > 0 || heard.len() == 30, "{heard:?}");
    }

    /// Every sample of what came is heard as it was said and at its own place, however late, twice or out of order its
    /// packets came, and however long they all stood still: in running speech nothing is put in, left out or moved.
    #[test]
    fn what_arrives_is_heard_sample_for_sample(
        seed in 1_u64.., reorder in 0_u64..20, double in 0_u64..20, jitter in 0_u64..40, held_back in 0_u64..40,
        packet in prop::sample::select(vec![160_usize, 320, 480, 640, 334]), stalled_at in 0_u64..4_000,
        stall in 0_u64..500, late in 0_u64..10,
    ) {
        let conditions = Conditions { loss: 0, reorder, double, jitter: jitter * MS, held_back: held_back * MS };
        let mut noise = Noise(seed);
        // Any sound at all, without a silence in which something could be mended unseen.
        let said: Vec<i16> = (0..64_000).map(|_| (noise.next() >> 50) as i16).collect();
        let mut phone = Phone::new(Format::Slin16);
        phone.packet = packet;
        let packets = phone.say(&said);
        let mut way = relay(packets.len(), phone.time(), conditions, &mut noise);
        let stalled = stalled_at * MS..(stalled_at + stall) * MS;
        for (at, _) in way.iter_mut().filter(|(at, _)| stalled.contains(at)) {
            *at = stalled.end;
        }
        let mut line = leg(Format::Slin16);
        line.late = late * MS;
        hear(&mut line, &packets, &way);
        let heard = line.heard();
        prop_assert!(heard.len() >= bytes(&said).len());
        prop_assert!(heard.starts_with(&bytes(&said)), "{:?}", line.leg.stats().rtp);
        let rtp = line.leg.stats().rtp;
        prop_assert_eq!((rtp.lost, rtp.late, rtp.concealed_ns), (0, 0, 0));
    }

    /// Nothing that a network can deliver breaks a leg, whatever it is set to.
    #[test]
    fn any_datagrams_are_survived(
        datagrams in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), 0_u64..50), 0..60),
        transport in 0_u8..4,
    ) {
        let formats = Formats::default();
        let transport = [Transport::Raw { narrow: true }, Transport::Rtp(formats), Transport::Auto(formats), Transport::default()][transport as usize];
        let mut line = Line::new(LegConfig { transport, ..LegConfig::default() });
        for (mut datagram, wait) in datagrams {
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | *first & 0x3F;
            }
            line.datagram(&datagram);
            line.pass(wait * MS);
        }
        line.pass(3_000 * MS);
        let starts: Vec<u64> = line.frames.iter().map(|(_, frame)| frame.start).collect();
        prop_assert!(starts.windows(2).all(|pair| pair[1] == pair[0] + 320));
    }
}
