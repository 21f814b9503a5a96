//! What one 20 ms costs, in nanoseconds: `cargo bench -p translink-core`.
//!
//! A plain loop instead of a statistics crate: the figures wanted are of the order "less than a
//! microsecond", on machines that are never quiet. The best of ten rounds is told.
//!
//! To judge a change on a noisy machine, count instructions instead: with the beginning of a name and
//! a count as arguments nothing but that is run, so the difference of two counts is without start-up:
//!
//! ```sh
//! for n in 1000 3000; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!         target/release/deps/leg-… --bench "datagram of 640" $n
//! done
//! ```
//!
//! Instructions each (2026-11-22, rustc 1.95.0, x86-64 without target features, valgrind 3.19.0):
//!
//! | what | instructions |
//! |---|---|
//! | datagram of 640 bytes to frame, all of it | 3,360 |
//! | of that: level | 2,267 |
//! | detector | 146 |
//! | ledger | 162 |
//! | datagram of 320 bytes, all of it | 1,903 |
//! | one frame queued and sent | 1,012 |
//! | 20 ms from 8,000 to 16,000 Hz | 64,734 |
#![allow(
    clippy::unwrap_used,
    clippy::pedantic,
    clippy::print_stdout,
    reason = "a bench"
)]

use std::hint::black_box;
use std::time::Instant;

use translink_core::ledger::Ledger;
use translink_core::leg::{Input, Leg, LegConfig, Output};
use translink_core::level::Level;
use translink_core::resample::Resampler;
use translink_core::vad::Vad;

fn main() {
    let pcm: [u8; 640] = std::array::from_fn(|n| (n * n / 7) as u8);
    let mut vad = Vad::new();
    let mut ledger = Ledger::new(960_000);
    let mut start = 0;

    best("level of a frame", || {
        black_box(Level::of(black_box(&pcm)));
    });
    let level = Level::of(&pcm);
    best("verdict of the detector", || {
        black_box(vad.hear(black_box(&level)));
    });
    best("ledger, one frame", || {
        ledger.append(start, black_box(&pcm));
        start += 320;
        black_box(&ledger);
    });

    let mut leg = Leg::new(LegConfig::default());
    let mut now = 1_000_000_000;
    best("datagram of 640 bytes to frame, all of it", || {
        now += 20_000_000;
        leg.handle(
            Input::Datagram {
                payload: black_box(&pcm),
                arrival: now,
            },
            now,
        );
        settle(&mut leg, now);
    });
    best("datagram of 320 bytes, all of it", || {
        now += 10_000_000;
        leg.handle(
            Input::Datagram {
                payload: black_box(&pcm[..320]),
                arrival: now,
            },
            now,
        );
        settle(&mut leg, now);
    });

    let mut ear = Leg::new(LegConfig::default());
    let mut now = 1_000_000_000;
    best("one frame queued and sent", || {
        ear.handle(
            Input::Play {
                utterance: 1,
                pcm: black_box(&pcm),
                last: false,
            },
            now,
        );
        settle(&mut ear, now);
        now += 20_000_000;
    });

    for (source, target) in [
        (8_000, 16_000),
        (22_050, 16_000),
        (24_000, 16_000),
        (48_000, 16_000),
    ] {
        let mut resampler = Resampler::new(source, target).unwrap();
        let input = vec![1; source as usize / 25];
        let mut out = Vec::new();
        best(&format!("20 ms from {source} to {target} Hz"), || {
            out.clear();
            resampler.push(black_box(&input), &mut out);
        });
    }
}

fn settle(leg: &mut Leg, now: u64) {
    while !matches!(black_box(leg.poll(now)), Output::Timeout(_)) {}
}

/// The best of ten rounds; or, with a name and a count as arguments, just that and so many times.
fn best(name: &str, mut act: impl FnMut()) {
    const TIMES: u32 = 20_000;
    let arguments: Vec<String> = std::env::args().filter(|a| a != "--bench").collect();
    if let [_, only, times] = &arguments[..] {
        if name.starts_with(only.as_str()) {
            (0..times.parse().unwrap()).for_each(|_| act());
        }
        return;
    }
    let round = || {
        let begin = Instant::now();
        for _ in 0..TIMES {
            act();
        }
        begin.elapsed().as_nanos() as f64 / f64::from(TIMES)
    };
    let best = std::iter::repeat_with(round)
        .take(10)
        .fold(f64::MAX, f64::min);
    println!("{name:<45} {best:9.1} ns");
}
