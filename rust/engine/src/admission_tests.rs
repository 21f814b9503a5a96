//! Which senders are let in, in virtual time.

use std::net::IpAddr;

use proptest::prelude::*;
use translink_core::framer::MAX_DATAGRAM;
use translink_core::framer::duration;

use super::*;
use crate::source::{Listed, MAX_PEERS};

const MS: Nanos = 1_000_000;
const FRAME: [u8; 640] = [7; 640];

fn from(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

fn admission(policy: Policy) -> Admission {
    Admission::new(
        policy,
        Newcomer::new().expect("memory"),
        Transport::default(),
    )
}

/// Whether a frame of it is heard, kept or not.
fn admits(entry: &mut Admission, source: Option<SocketAddr>, at: Nanos) -> bool {
    !matches!(
        entry.look(source, &FRAME, at),
        Sender::Stranger | Sender::Kept
    )
}

fn listed(peers: &[&str]) -> Policy {
    let peers = peers.iter().map(|text| text.parse().expect("a peer"));
    Policy::Listed(Listed::new(peers.collect()).expect("1 to 8"))
}

fn any_source() -> impl Strategy<Value = SocketAddr> {
    // Few enough to meet again.
    (0..4_u8, 1..4_u16).prop_map(|(host, port)| SocketAddr::from(([192, 0, 2, host], port)))
}

/// Frames every 20 ms from `at` on until it takes over; how many it sent by then, and how many of
/// them were kept.
fn frames_until_moved(entry: &mut Admission, source: &str, mut at: Nanos) -> (usize, usize) {
    for sent in 1..1_000 {
        match entry.look(from(source), &FRAME, at) {
            Sender::Moved(_) => return (sent, entry.take_kept().datagrams().count()),
            Sender::Kept => {}
            other => panic!("{other:?} at frame {sent}"),
        }
        at += 20 * MS;
    }
    panic!("it never took over");
}

#[test]
fn reports_are_a_strangers_only_where_their_host_cannot_be_heard() {
    let (here, above, other) = (
        from("192.0.2.1:4000"),
        from("192.0.2.1:4001"),
        from("192.0.2.2:4001"),
    );
    let mut first = admission(Policy::First);
    assert!(first.may_know(other), "it may be the first");
    assert!(admits(&mut first, here, MS));
    assert!(first.may_know(above) && !first.may_know(other));
    let by_list = admission(listed(&["192.0.2.1:4000"]));
    assert!(by_list.may_know(above) && !by_list.may_know(other));
    assert!(!admission(Policy::Nobody).may_know(above));
    assert!(admission(Policy::Any).may_know(other));
    assert!(!admission(Policy::Any).may_know(None));
}

#[test]
fn a_gateway_whose_port_moves_is_heard_after_60_ms_and_nothing_is_lost() {
    let mut entry = admission(Policy::First);
    let old = from("192.0.2.1:4000");
    assert_eq!(entry.look(old, &FRAME, 5_000 * MS), Sender::New);
    let moved = frames_until_moved(&mut entry, "192.0.2.1:4002", 5_020 * MS);
    assert_eq!(
        moved,
        (4, 4),
        "80 ms after the old one's last datagram began"
    );
    assert_eq!(entry.dropped().0, 0);
    assert_eq!(
        entry.look(from("192.0.2.1:4002"), &FRAME, 5_100 * MS),
        Sender::Known
    );
    assert_eq!(
        entry.look(old, &FRAME, 5_110 * MS),
        Sender::Kept,
        "the pin has moved"
    );
}

#[test]
fn another_host_is_heard_after_a_second_and_nothing_is_lost() {
    let mut entry = admission(Policy::First);
    assert!(admits(&mut entry, from("192.0.2.1:4000"), 5_000 * MS));
    let moved = frames_until_moved(&mut entry, "192.0.2.2:4000", 5_020 * MS);
    assert_eq!(moved, (51, 51));
    assert_eq!(entry.dropped().0, 0);
}

#[test]
fn a_stranger_with_two_bytes_now_and_then_never_gets_a_silent_leg() {
    for stranger in ["192.0.2.1:9", "192.0.2.66:9"] {
        let mut entry = admission(Policy::First);
        let talker = from("192.0.2.1:4000");
        assert!(admits(&mut entry, talker, 5_000 * MS));
        let mut dropped = 0;
        for n in 2..20 {
            let said = entry.look(from(stranger), &[1, 2], (5_000 + n * 500) * MS);
            assert!(matches!(said, Sender::Kept | Sender::Stranger));
            dropped += entry.dropped().0;
        }
        assert_eq!(entry.look(talker, &FRAME, 20_000 * MS), Sender::Known);
        entry.expire(30_000 * MS);
        assert_eq!(dropped + entry.dropped().0, 18, "each is counted");
    }
}

#[test]
fn a_stranger_who_was_first_with_two_bytes_does_not_keep_the_talker_out() {
    let mut entry = admission(Policy::First);
    assert_eq!(
        entry.look(from("192.0.2.66:9"), &[1, 2], 5_000 * MS),
        Sender::New
    );
    let talker = from("192.0.2.1:4000");
    let mut heard_at = None;
    for n in 1..200_u64 {
        let at = (5_000 + 20 * n) * MS;
        if n % 25 == 0 {
            entry.look(from("192.0.2.66:9"), &[1, 2], at);
        }
        if matches!(entry.look(talker, &FRAME, at), Sender::Moved(_)) {
            heard_at = Some(n);
            break;
        }
    }
    assert!(heard_at.is_some_and(|n| n <= 52), "{heard_at:?}");
}

#[test]
fn two_who_talk_at_once_are_no_move() {
    let mut entry = admission(Policy::First);
    let (one, two) = (from("192.0.2.1:4000"), from("192.0.2.1:4002"));
    for n in 0..50 {
        let at = (5_000 + 20 * n) * MS;
        assert!(admits(&mut entry, one, at));
        assert!(!admits(&mut entry, two, at + 7 * MS));
    }
    // The first one stalls: the other, who was there all the time, does not take its place.
    for n in 50..80 {
        assert!(
            !admits(&mut entry, two, (5_007 + 20 * n) * MS),
            "a stall of 0.6 s"
        );
    }
    assert_eq!(entry.look(one, &FRAME, 6_610 * MS), Sender::Known);
}

#[test]
fn a_gateway_of_long_datagrams_is_not_silent_between_them() {
    let mut entry = admission(Policy::First);
    let long = [1; 15_870];
    for n in 0..10 {
        let at = (5_000 + 496 * n) * MS;
        let said = entry.look(from("192.0.2.1:4000"), &long, at);
        assert!(matches!(said, Sender::New | Sender::Known));
        for k in 1..24 {
            let other = entry.look(from("192.0.2.1:4002"), &FRAME, at + k * 20 * MS);
            assert!(!matches!(other, Sender::Moved(_)), "{n} {k}");
        }
    }
}

#[test]
fn a_flood_is_no_talker() {
    let mut entry = admission(Policy::First);
    assert!(admits(&mut entry, from("192.0.2.1:4000"), 5_000 * MS));
    for (source, size) in [("192.0.2.1:9", 640), ("192.0.2.66:9", MAX_DATAGRAM)] {
        let payload = vec![0; size];
        for n in 0..2_000 {
            let said = entry.look(from(source), &payload, 8_000 * MS + n * 20_000);
            assert!(matches!(said, Sender::Kept | Sender::Stranger), "{n}");
        }
    }
}

#[test]
fn everybody_is_heard_where_nobody_else_is() {
    let (one, two) = (from("192.0.2.1:4000"), from("192.0.2.2:4000"));
    let mut entry = admission(Policy::Any);
    assert!(admits(&mut entry, one, 1) && admits(&mut entry, two, 2) && admits(&mut entry, one, 3));
    assert_eq!(entry.heard(), one, "the newest");
}

#[test]
fn the_next_call_may_come_from_elsewhere_at_once() {
    let mut entry = admission(Policy::First);
    assert!(admits(&mut entry, from("192.0.2.1:4000"), 5_000 * MS));
    entry.forget();
    assert_eq!(entry.heard(), None);
    assert!(admits(&mut entry, from("192.0.2.2:4000"), 5_001 * MS));
}

#[test]
fn an_ipv4_sender_is_the_same_one_on_a_socket_for_both_families() {
    let mut entry = admission(listed(&["192.0.2.1:4000"]));
    assert!(admits(&mut entry, from("[::ffff:192.0.2.1]:4000"), 1));
    assert!(!admits(&mut entry, from("[::ffff:192.0.2.1]:4001"), 1));
    let mut entry = admission(listed(&["::ffff:192.0.2.1"]));
    assert!(admits(&mut entry, from("192.0.2.1:4000"), 1));
}

proptest! {
    /// Whatever others send and whenever: nobody takes the place of a sender whose talk goes on with
    /// gaps of up to 40 ms.
    #[test]
    fn nobody_takes_the_place_of_a_sender_who_goes_on(
        gaps in prop::collection::vec(0..40 * MS, 1..100),
        others in prop::collection::vec((any_source(), 1..40 * MS, 1_usize..16_000), 1..100),
    ) {
        let mut entry = admission(Policy::First);
        let talker = from("192.0.2.1:4000");
        let mut arrivals: Vec<(Nanos, Option<SocketAddr>, usize)> = Vec::new();
        let mut at = 1;
        for gap in &gaps {
            arrivals.push((at, talker, 640));
            at += 20 * MS + gap;
        }
        let mut other_at = 2;
        for (source, gap, size) in others {
            arrivals.push((other_at, Some(source), size));
            other_at += gap;
        }
        arrivals.retain(|arrival| arrival.0 < at);
        arrivals.sort_unstable();
        for (at, source, size) in arrivals {
            let said = entry.look(source, &vec![1; size], at);
            if source == talker {
                prop_assert!(matches!(said, Sender::New | Sender::Known));
            } else {
                prop_assert!(matches!(said, Sender::Kept | Sender::Stranger));
            }
        }
    }

    /// Any sender, anything, at any time: the present sender is never turned away, one who takes
    /// over has talked for so long, and each datagram is heard once or counted once.
    #[test]
    fn each_datagram_is_heard_once_or_counted_once(
        sent in prop::collection::vec((any_source(), 0..600 * MS, 1_usize..4_000), 1..200),
    ) {
        let mut entry = admission(Policy::First);
        let (mut pinned, mut now) = (None::<SocketAddr>, 1);
        let (mut heard, mut turned) = (0_u64, 0);
        for (source, gap, size) in &sent {
            now += gap;
            let payload = vec![1; *size];
            match entry.look(Some(*source), &payload, now) {
                Sender::Known => {
                    prop_assert_eq!(pinned, Some(*source));
                    heard += 1;
                }
                Sender::New => {
                    prop_assert_eq!(pinned, None);
                    pinned = Some(*source);
                    heard += 1;
                }
                Sender::Moved(old) => {
                    prop_assert_eq!(pinned, Some(old));
                    let needed = if old.ip() == source.ip() { SAME_HOST } else { ANOTHER_HOST };
                    let kept = entry.take_kept();
                    let bytes: usize = kept.datagrams().map(|(piece, _)| piece.len()).sum();
                    prop_assert!(duration(bytes) >= needed);
                    heard += kept.datagrams().count() as u64;
                    entry.give_back(kept);
                    pinned = Some(*source);
                }
                Sender::Kept => prop_assert!(pinned != Some(*source)),
                Sender::Stranger => {
                    prop_assert!(pinned != Some(*source));
                    turned += 1;
                }
            }
            prop_assert_eq!(entry.heard(), pinned);
            turned += entry.dropped().0;
        }
        entry.expire(Nanos::MAX - 1);
        prop_assert_eq!(heard + turned + entry.dropped().0, sent.len() as u64);
    }

    /// A list lets in exactly those whom it names, in whatever order they come.
    #[test]
    fn a_list_is_kept_to_the_letter(
        names in prop::collection::vec((0..4_u8, prop::option::of(1..4_u16)), 1..=MAX_PEERS),
        sent in prop::collection::vec(any_source(), 1..50),
    ) {
        let text: Vec<String> = names.iter().map(|(host, port)| match port {
            Some(port) => format!("192.0.2.{host}:{port}"),
            None => format!("192.0.2.{host}"),
        }).collect();
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        let mut entry = admission(listed(&text));
        for (at, source) in (1..).zip(sent) {
            let named = names.iter().any(|&(host, port)| {
                source.ip() == IpAddr::from([192, 0, 2, host])
                    && port.is_none_or(|port| port == source.port())
            });
            prop_assert_eq!(admits(&mut entry, Some(source), at), named);
        }
    }
}
