//! The jitter of datagrams that carry no time stamps.

use crate::common::Noise;
use crate::common::line::{Line, MS};
use proptest::prelude::*;
use translink_core::framer::duration;
use translink_core::jitter::Jitter;
use translink_core::leg::{Input, LegConfig};
use translink_core::line::Transport;
use translink_core::rtp::format::Formats;

#[test]
fn a_punctual_stream_has_none_whatever_its_lengths() {
    let mut jitter = Jitter::default();
    let mut now = 1_000 * MS;
    for bytes in [640, 320, 15_870, 1, 333, 7_680, 640, 640] {
        now += duration(bytes);
        jitter.heard(now, duration(bytes));
    }
    assert_eq!(jitter.nanos(), 0);
}

#[test]
fn the_estimate_is_that_of_the_rfc() {
    // RFC 3550, 6.4.1, in floating point.
    let (mut expected, mut jitter) = (0.0, Jitter::default());
    let (mut noise, mut before) = (Noise(7), None);
    for n in 0..2_000_u64 {
        let arrival = 1_000 * MS + n * 20 * MS + noise.next() % (8 * MS);
        jitter.heard(arrival, 20 * MS);
        if let Some(before) = before {
            let off = (arrival as f64 - before as f64 - 20e6).abs();
            expected += (off - expected) / 16.0;
        }
        before = Some(arrival);
    }
    assert!(expected > 1e6);
    assert!((jitter.nanos() as f64 - expected).abs() < 100.0);
}

#[test]
fn silence_suppressed_is_not_jitter_and_a_new_call_begins_at_none() {
    let mut line = Line::new(LegConfig::default());
    for n in 0..200 {
        line.datagram(&[0; 640]);
        line.pass(if n % 50 == 49 { 3_000 } else { 20 } * MS);
    }
    assert_eq!(line.leg.stats().jitter_ns, 0);
    for n in 0..200 {
        line.datagram(&[0; 640]);
        line.pass(if n % 2 == 0 { 15 } else { 25 } * MS);
    }
    let settled = line.leg.stats().jitter_ns;
    assert!((4_900_000..=5_000_000).contains(&settled), "{settled}");
    line.handle(Input::Reset);
    assert_eq!(line.leg.stats().jitter_ns, 0);
}

#[test]
fn a_connection_has_its_own_on_a_leg_for_rtp_too() {
    let mut line = Line::new(LegConfig {
        transport: Transport::Rtp(Formats::default()),
        ..LegConfig::default()
    });
    for n in 0..200 {
        line.handle(Input::Pcm {
            pcm: &[0; 640],
            arrival: line.now,
        });
        line.pass(if n % 2 == 0 { 15 } else { 25 } * MS);
    }
    let settled = line.leg.stats().jitter_ns;
    assert!((4_900_000..=5_000_000).contains(&settled), "{settled}");
    assert_eq!(line.leg.stats().rtp.wait_ns, 0);
}

proptest! {
    #[test]
    fn no_arrival_can_overflow_it(steps in prop::collection::vec((any::<u64>(), 0_u64..3_000 * MS), 1..50)) {
        let mut jitter = Jitter::default();
        for (arrival, length) in steps {
            jitter.heard(arrival, length);
            prop_assert!(jitter.nanos() <= 200 * MS);
        }
    }
}
