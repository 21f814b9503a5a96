//! The engine on loopback: what a caller relies on that `core`'s tests cannot show.

use std::net::UdpSocket;
use std::time::Duration;

use translink_core::LegStats;
use translink_core::ledger::Ledger;
use translink_core::leg::LegConfig;
use translink_core::line::Transport;
use translink_core::rtp::format::Formats;

use super::*;
use crate::batch::{self, BATCH, Batch};
use crate::command::Commands;
use crate::socket::Sockets;
use crate::source::Listed;
use crate::test_kit::{eventually, heard, ports};

fn ledger(samples: usize) -> Ledger {
    Ledger::new(samples).expect("memory")
}

fn talker() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a socket")
}

#[test]
fn a_panic_in_one_leg_ends_that_leg_and_no_other() {
    let engine = Engine::start(1024).expect("an engine");
    let sick = engine.add_leg(&ports()).expect("a leg");
    let sound = engine.add_leg(&ports()).expect("a leg");
    assert!(
        engine
            .tell(
                &engine.leg(sick).expect("a leg"),
                Command::Panic { leg: sick }
            )
            .is_ok()
    );
    assert!(eventually(
        || engine.counters(sick).expect("a leg").dead == 1
    ));
    let address = engine.local_address(sound).expect("a leg");
    talker().send_to(&[0; 640], address).expect("sent");
    assert!(eventually(|| heard(&engine, sound) == 1));
    assert!(matches!(
        engine.play(sick, 1, &[0; 640], true),
        Err(Error::Dead(_))
    ));
    let mut reported = Vec::new();
    engine
        .drain(9, |item| {
            if let Item::Dead { leg, .. } = item {
                reported.push(leg);
            }
        })
        .expect("drained");
    assert_eq!(reported, [sick]);
    let freed = engine.local_address(sick).expect("still known");
    assert!(
        eventually(|| UdpSocket::bind(freed).is_ok()),
        "its socket is closed"
    );
    engine.remove_leg(sick).expect("removed");
}

#[test]
fn a_leg_that_does_not_fit_the_memory_is_refused_and_no_other_notices() {
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&ports()).expect("a leg");
    let elsewhere = talker().local_addr().expect("an address");
    let large = |ledger_samples, playout_capacity| LegPorts {
        listen: elsewhere,
        ledger_samples,
        config: LegConfig {
            playout_capacity,
            ..ports().config
        },
        ..ports()
    };
    for wanted in [large(1 << 56, 1_000), large(1_000, usize::MAX)] {
        assert!(matches!(engine.add_leg(&wanted), Err(Error::Memory(_))));
    }
    assert!(UdpSocket::bind(elsewhere).is_ok(), "its address is free");
    let address = engine.local_address(leg).expect("a leg");
    talker().send_to(&[0; 640], address).expect("sent");
    assert!(eventually(|| heard(&engine, leg) == 1));
}

#[test]
fn an_address_is_free_when_remove_returns() {
    let engine = Engine::start(1024).expect("an engine");
    for _ in 0..20 {
        let leg = engine.add_leg(&ports()).expect("a leg");
        let address = engine.local_address(leg).expect("a leg");
        assert!(matches!(
            engine.add_leg(&LegPorts {
                listen: address,
                ..ports()
            }),
            Err(Error::Address { .. })
        ));
        engine.remove_leg(leg).expect("removed");
        assert!(UdpSocket::bind(address).is_ok());
        assert!(matches!(engine.counters(leg), Err(Error::NoLeg(_))));
    }
}

#[test]
fn a_closed_engine_says_so() {
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&ports()).expect("a leg");
    let address = engine.local_address(leg).expect("a leg");
    engine.close();
    engine.close();
    assert!(matches!(engine.add_leg(&ports()), Err(Error::Closed)));
    assert!(matches!(engine.flush(leg), Err(Error::Closed)));
    assert!(UdpSocket::bind(address).is_ok(), "its sockets are closed");
}

#[test]
fn a_datagram_for_nobody_is_counted_and_harmless() {
    let closed = talker().local_addr().expect("an address");
    let engine = Engine::start(1024).expect("an engine");
    let with_ear = LegPorts {
        play_to: Some(closed),
        send_from_listen: true,
        ..ports()
    };
    let leg = engine.add_leg(&with_ear).expect("a leg");
    engine.play(leg, 1, &[0; 6400], true).expect("accepted");
    let address = engine.local_address(leg).expect("a leg");
    std::thread::sleep(Duration::from_millis(100));
    talker().send_to(&[], address).expect("sent");
    talker().send_to(&[0; 640], address).expect("sent");
    assert!(eventually(|| heard(&engine, leg) == 1));
    assert_eq!(
        engine.counters(leg).expect("a leg").errors_receive,
        1,
        "the empty one"
    );
}

#[test]
fn commands_are_bounded() {
    let commands = Commands::new().expect("a queue");
    let mut sent = 0;
    while commands.send(Command::Flush { leg: 1 }).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 4096);
    commands.stop();
    assert!(commands.stopped(), "stopping needs no place in the queue");
}

#[test]
fn the_kernels_drops_and_times_are_reported() {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let sockets = Sockets::open(listen, None, false, 8192).expect("a socket");
    let talker = talker();
    for _ in 0..100 {
        talker.send_to(&[7; 1000], sockets.local).expect("sent");
    }
    let mut batch = Batch::new(batch::room());
    let mut received = 0;
    while let Ok(count) = batch.receive(sockets.receiving(), BATCH) {
        received += count;
    }
    assert!((1..100).contains(&received), "{received} of 100 in 8 KiB");
    talker.send_to(&[7; 1000], sockets.local).expect("sent");
    assert_eq!(batch.receive(sockets.receiving(), BATCH).expect("one"), 1);
    let last = batch.datagram(0);
    assert_eq!(
        last.dropped.map(|count| count as usize),
        Some(100 - received)
    );
    assert_eq!(last.payload, [7; 1000]);
    let conversion = crate::clock::Conversion::read();
    let age = conversion.now - conversion.monotonic(last.stamp, 0);
    assert!((1..1_000_000_000).contains(&age), "{age} ns ago");
}

#[test]
fn any_length_fits_a_batch() {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let sockets = Sockets::open(listen, None, false, 8 << 20).expect("a socket");
    let talker = talker();
    let sizes = [1, 2, 159, 160, 640, 7_680, 15_870, 65_506, 65_507];
    for (seed, size) in (1_u8..).zip(sizes) {
        talker
            .send_to(&vec![seed; size], sockets.local)
            .expect("sent");
    }
    let mut batch = Batch::new(batch::room());
    assert_eq!(
        batch.receive(sockets.receiving(), BATCH).expect("all"),
        sizes.len()
    );
    for (index, (seed, size)) in (1_u8..).zip(sizes).enumerate() {
        let datagram = batch.datagram(index);
        assert_eq!(datagram.payload, vec![seed; size]);
        assert!(datagram.stamp.is_some());
    }
}

#[test]
fn history_is_one_unbroken_stretch() {
    let shared = SharedLeg::new(
        1,
        "127.0.0.1:0".parse().expect("an address"),
        0,
        ledger(16_000),
    );
    for n in 0..100_u8 {
        shared.ledger().append(u64::from(n) * 320, &[n; 640]);
    }
    // 100 frames came, 50 fit.
    let (first, audio) = shared.history(0, u64::MAX).expect("memory");
    assert_eq!((first, audio.len()), (50 * 320, 50 * 640));
    let whole: Vec<u8> = (50..100).flat_map(|n| [n; 640]).collect();
    assert_eq!(audio, whole);
    let (first, audio) = shared.history(60 * 320 + 7, 75 * 320 + 3).expect("memory");
    assert_eq!(first, 60 * 320 + 7);
    assert_eq!(audio, whole[10 * 640 + 14..25 * 640 + 6]);
    assert!(
        shared.history(0, 320).expect("memory").1.is_empty(),
        "long gone"
    );
    assert!(
        shared.history(32_000, 33_000).expect("memory").1.is_empty(),
        "yet to come"
    );
}

#[test]
fn speech_is_reserved_before_it_is_sent() {
    let shared = SharedLeg::new(
        1,
        "127.0.0.1:0".parse().expect("an address"),
        1000,
        ledger(0),
    );
    assert_eq!(shared.reserve(640), 640);
    assert_eq!(shared.reserve(640), 360);
    assert_eq!(shared.reserve(640), 0);
    let counted = shared.counters.snapshot();
    assert_eq!(
        (counted.drops_playout, counted.playout_full),
        (0, 2),
        "the caller has it still"
    );
    shared.release(640);
    assert_eq!(shared.reserve(640), 640);
    assert_eq!(shared.counters.snapshot().playout_queued, 1000);
}

#[test]
fn what_a_call_leaves_behind_is_counted() {
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&ports()).expect("a leg");
    let address = engine.local_address(leg).expect("a leg");
    talker().send_to(&[9; 700], address).expect("sent");
    assert!(eventually(|| heard(&engine, leg) == 1));
    // Not ended and less than the prebuffer: it waits.
    engine.play(leg, 1, &[0; 640], false).expect("accepted");
    engine.reset_leg(leg).expect("reset");
    assert!(eventually(
        || engine.counters(leg).expect("a leg").resets == 1
    ));
    engine.play(leg, 1, &[0; 64], true).expect("accepted");
    assert!(eventually(|| engine
        .counters(leg)
        .expect("a leg")
        .drops_stale
        == 64));
    let counters = engine.counters(leg).expect("a leg");
    // On a machine that stalls, the rest was padded before the call could end.
    let padded = counters.frames_padded == 1 && counters.drops_reset == 0;
    assert!(padded || counters.drops_reset == 60, "{counters:?}");
    assert_eq!(counters.frames_in, 1 + counters.frames_padded);
    assert_eq!(counters.drops_flushed, 640);
    assert_eq!((counters.playout_queued, counters.drops_unpolled), (0, 0));
}

#[test]
fn reports_of_strangers_are_counted_with_all_that_is_kept_out() {
    let here = Listed::new(vec!["127.0.0.1".parse().expect("a peer")]);
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&LegPorts {
        source: Policy::Listed(here.expect("a list")),
        config: LegConfig {
            transport: Transport::Rtp(Formats::default()),
            ..LegConfig::default()
        },
        ..ports()
    });
    let leg = leg.expect("a leg");
    let address = engine.local_address(leg).expect("a leg");
    let stranger = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    let report = [0x80_u8, 200, 0, 1, 0, 0, 0, 1];
    for hundreds in 1..=6 {
        for _ in 0..100 {
            stranger.send_to(&report, address).expect("sent");
        }
        // The kernel tells of those that it kept out with the next one that it lets in.
        assert!(eventually(|| {
            talker().send_to(&report, address).expect("sent");
            engine.counters(leg).expect("a leg").strangers == 100 * hundreds
        }));
    }
    let last = engine.stranger(leg).expect("a leg");
    assert_eq!(last, stranger.local_addr().ok());
}

#[test]
fn a_flood_of_empty_datagrams_is_kept_out_by_the_kernel() {
    let here = Listed::new(vec!["127.0.0.1".parse().expect("a peer")]);
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&LegPorts {
        source: Policy::Listed(here.expect("a list")),
        ..ports()
    });
    let leg = leg.expect("a leg");
    let address = engine.local_address(leg).expect("a leg");
    let (talker, stranger) = (talker(), UdpSocket::bind("127.0.0.2:0"));
    let stranger = stranger.expect("a socket");
    // They are strangers where the kernel drops them, and here only counted as empty.
    assert!(eventually(|| {
        for _ in 0..1_000 {
            stranger.send_to(&[], address).expect("sent");
        }
        talker.send_to(&[0; 640], address).expect("sent");
        engine.counters(leg).expect("a leg").strangers > 0
    }));
    assert!(engine.counters(leg).expect("a leg").errors_receive > 0);
}

#[test]
fn every_counter_of_the_core_is_published() {
    let stats = LegStats {
        datagrams_in: 1,
        bytes_in: 2,
        last_datagram: 3,
        frames_in: 4,
        frames_padded: 5,
        frames_filled: 6,
        frames_speech: 7,
        bytes_realigned: 8,
        drops_unpolled: 9,
        drops_reset: 10,
        drops_flushed: 11,
        drops_stale: 12,
        underruns: 13,
        late_wakes: 14,
        late_max: 15,
        clock_resets: 16,
        resets: 17,
        jitter_ns: 18,
        ..LegStats::default()
    };
    let shared = SharedLeg::new(1, "127.0.0.1:0".parse().expect("an address"), 0, ledger(0));
    shared.counters.publish(&stats);
    let mut values: Vec<u64> = shared
        .counters
        .snapshot()
        .fields()
        .iter()
        .map(|f| f.1)
        .collect();
    values.sort_unstable();
    values.retain(|&value| value > 0);
    assert_eq!(values, (1..=18).collect::<Vec<_>>());
}

#[test]
fn commands_beyond_a_rounds_share_are_obeyed_in_the_next() {
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&ports()).expect("a leg");
    for _ in 0..3_000 {
        engine.reset_leg(leg).expect("reset");
    }
    assert!(eventually(
        || engine.counters(leg).expect("a leg").resets == 3_000
    ));
}

#[test]
fn ears_keep_time_while_legs_come_and_go() {
    let ear = talker();
    let with_ear = LegPorts {
        play_to: Some(ear.local_addr().expect("an address")),
        ..ports()
    };
    let engine = Engine::start(1024).expect("an engine");
    let leg = engine.add_leg(&with_ear).expect("a leg");
    engine.play(leg, 1, &[1; 640 * 10], true).expect("accepted");
    for _ in 0..10 {
        let other = engine.add_leg(&ports()).expect("a leg");
        engine.remove_leg(other).expect("removed");
    }
    ear.set_read_timeout(Some(Duration::from_secs(2)))
        .expect("a time-out");
    for _ in 0..10 {
        assert_eq!(ear.recv(&mut [0; 2000]).expect("a datagram"), 640);
    }
}
