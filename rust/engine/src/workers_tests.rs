//! Several media threads, as the engine's callers see them.

use std::net::UdpSocket;
use std::os::fd::BorrowedFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use translink_core::mix::Original;

use super::*;
use crate::source::{Listed, Policy};
use crate::test_kit::{eventually, heard, ports};
use crate::{Engine, LegPorts};

fn engine(threads: usize) -> Engine {
    Engine::with_threads(1024, threads).expect("an engine")
}

fn on(engine: &Engine, leg: u32) -> usize {
    engine
        .leg(leg)
        .expect("a leg")
        .worker
        .load(Ordering::Relaxed)
}

fn talker(engine: &Engine, leg: u32) -> UdpSocket {
    let talker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = engine.local_address(leg).expect("a leg");
    talker.connect(address).expect("an address");
    talker
}

/// Whether a loop that watches the engine would be woken.
#[expect(unsafe_code, reason = "the engine's callers have a number")]
fn is_ready(engine: &Engine) -> bool {
    // SAFETY: the engine is borrowed, and keeps it open.
    let watched = unsafe { BorrowedFd::borrow_raw(engine.descriptor()) };
    let mut watched = [PollFd::new(watched, PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO).expect("polled") > 0
}

#[test]
fn legs_are_spread_and_those_of_a_call_are_together() {
    let engine = engine(3);
    let legs: Vec<u32> = (0..12)
        .map(|_| engine.add_leg(&ports()).expect("a leg"))
        .collect();
    for pair in legs.chunks(2) {
        engine.hear(pair[0], Some(pair[1])).expect("together");
        engine.hear(pair[1], Some(pair[0])).expect("together");
        assert_eq!(on(&engine, pair[0]), on(&engine, pair[1]));
    }
    let place = |at: usize| legs.iter().filter(|&&leg| on(&engine, leg) == at).count();
    assert!(
        (0..3).all(|at| place(at) >= 2),
        "{:?}",
        [place(0), place(1), place(2)]
    );
    engine.remove_leg(legs[0]).expect("removed");
    engine.remove_leg(legs[1]).expect("removed");
    let next = engine.add_leg(&ports()).expect("a leg");
    assert!(eventually(|| heard(&engine, next) == 0));
}

#[test]
fn every_leg_is_heard_and_spoken_to_whichever_thread_it_is_on() {
    let engine = engine(2);
    let legs: Vec<u32> = (0..6)
        .map(|_| {
            let both_ways = LegPorts {
                send_from_listen: true,
                ..ports()
            };
            engine.add_leg(&both_ways).expect("a leg")
        })
        .collect();
    let talkers: Vec<UdpSocket> = legs.iter().map(|&leg| talker(&engine, leg)).collect();
    assert!(!is_ready(&engine));
    for talker in &talkers {
        for _ in 0..5 {
            talker.send(&[1; 640]).expect("sent");
        }
    }
    assert!(eventually(|| legs
        .iter()
        .all(|&leg| heard(&engine, leg) == 5)));
    let mut frames = Vec::new();
    assert!(eventually(|| {
        // One at a time: what is left must keep the descriptor ready.
        if is_ready(&engine) {
            let drained = engine.drain(1, |item| {
                if let Item::Frame { leg, .. } = item {
                    frames.push(leg);
                }
            });
            drained.expect("running");
        }
        frames.len() >= 30
    }));
    frames.sort_unstable();
    frames.dedup();
    assert_eq!(frames, legs);
    for (leg, talker) in legs.iter().zip(&talkers) {
        engine.play(*leg, 1, &[7; 640], true).expect("accepted");
        assert_eq!(talker.recv(&mut [0; 2000]).expect("a datagram"), 640);
    }
    engine.close();
    assert!(matches!(engine.flush(legs[0]), Err(Error::Closed)));
}

#[test]
fn a_leg_that_moves_while_its_talker_talks_loses_nothing_and_is_read_in_order() {
    let engine = engine(2);
    let (one, other) = (engine.add_leg(&ports()), engine.add_leg(&ports()));
    let (one, other) = (one.expect("a leg"), other.expect("a leg"));
    assert_ne!(on(&engine, one), on(&engine, other));
    let talker = talker(&engine, one);
    for number in 0..200_u8 {
        talker.send(&[number; 640]).expect("sent");
        if number == 100 {
            engine.hear(one, Some(other)).expect("together");
        }
    }
    assert_eq!(on(&engine, one), on(&engine, other));
    assert!(eventually(|| heard(&engine, one) == 200));
    let mut starts = Vec::new();
    assert!(eventually(|| {
        let drained = engine.drain(7, |item| {
            if let Item::Frame { leg, frame, .. } = item {
                if leg == one {
                    starts.push(frame.start);
                }
            }
        });
        drained.expect("running") == 0 && starts.len() >= 200
    }));
    let wanted: Vec<u64> = (0..).step_by(320).take(starts.len()).collect();
    assert_eq!(starts, wanted);
    // And it hears the other one from now on.
    engine.set_original(one, Original::Through).expect("set");
    let mouth = self::talker(&engine, other);
    mouth.send(&[9; 640]).expect("sent");
    assert!(eventually(|| heard(&engine, other) == 1));
}

#[test]
fn a_leg_that_moves_in_silence_wakes_nobody_for_ever() {
    let engine = engine(2);
    let legs = [0, 1].map(|_| engine.add_leg(&ports()).expect("a leg"));
    assert_ne!(on(&engine, legs[0]), on(&engine, legs[1]));
    engine.hear(legs[0], Some(legs[1])).expect("together");
    assert!(eventually(|| {
        engine.drain(99, drop).expect("running");
        !is_ready(&engine)
    }));
}

#[test]
fn legs_of_a_shared_port_are_on_the_first_and_pull_theirs_along() {
    let engine = engine(2);
    let here = "127.0.0.1:0".parse().expect("an address");
    let port = engine.share(here, 1 << 20).expect("a port");
    let shared = |peer: &str| LegPorts {
        shared: Some(port),
        source: Policy::Listed(Listed::new(vec![peer.parse().expect("a peer")]).expect("one")),
        ..ports()
    };
    let legs: Vec<u32> = (0..3)
        .map(|n| {
            engine
                .add_leg(&shared(&format!("192.0.2.1:{}", n + 1)))
                .expect("a leg")
        })
        .collect();
    assert!(legs.iter().all(|&leg| on(&engine, leg) == 0));
    let own = engine.add_leg(&ports()).expect("a leg");
    assert_eq!(on(&engine, own), 1);
    engine.hear(legs[0], Some(own)).expect("together");
    assert_eq!((on(&engine, legs[0]), on(&engine, own)), (0, 0));
}

#[test]
fn a_thread_that_dies_is_reported_whichever_it_is() {
    for leg in 0..2 {
        let engine = engine(2);
        let legs = [0, 1].map(|_| engine.add_leg(&ports()).expect("a leg"));
        let doomed = engine.leg(legs[leg]).expect("a leg");
        engine.tell(&doomed, Command::Die).expect("sent");
        assert!(eventually(|| is_ready(&engine)));
        assert!(eventually(|| matches!(
            engine.drain(99, drop),
            Err(Error::Died)
        )));
        assert!(matches!(engine.flush(legs[1 - leg]), Err(Error::Died)));
    }
}
