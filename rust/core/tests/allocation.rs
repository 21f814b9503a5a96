//! The media thread must not allocate per packet: counted with an allocator that counts.
#![allow(clippy::unwrap_used, clippy::pedantic, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use translink_core::curve::Curve;
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::mix::Original;
use translink_core::output::Output;
use translink_core::volume::Gain;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all requests go to the system's allocator unchanged; the counter needs no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn drain(leg: &mut Leg, now: u64) -> u64 {
    loop {
        if let Output::Timeout(at) = leg.poll(now) {
            return at;
        }
    }
}

/// Talk, gaps, odd bursts, speech for the ear, flushes and calls: all that a leg does.
fn live(leg: &mut Leg, calls: u64) {
    let voice: Vec<u8> = (0..20_000_u32).map(|n| (n * n / 7) as u8).collect();
    let silence = [0; 20_000];
    let before = COUNT.get();
    let mut now = 1_000_000_000;
    for call in 0..calls {
        for n in 0..500_u64 {
            now += 20_000_000;
            let sound = if n / 25 % 2 == 1 {
                &voice[..]
            } else {
                &silence
            };
            let size = [640, 640, 1, 333, 15_870][n as usize % 5];
            leg.handle(
                Input::Datagram {
                    payload: &sound[..size],
                    arrival: now,
                },
                now,
            );
            drain(leg, now);
            if n % 10 == 0 {
                let last = n % 100 == 90;
                leg.handle(
                    Input::Play {
                        utterance: call * 10 + n / 100,
                        pcm: &voice[..12_801],
                        last,
                    },
                    now,
                );
                drain(leg, now);
            }
        }
        leg.handle(Input::Volume(Gain::new(1.5).unwrap()), now);
        leg.handle(Input::Mute(call % 3 == 0), now);
        leg.handle(Input::Paired(true), now);
        let original = if call % 2 == 0 {
            Original::Duck
        } else {
            Original::Replace
        };
        leg.handle(Input::Original(original), now);
        for _ in 0..200 {
            now = drain(leg, now).clamp(now, now + 20_000_000);
            leg.handle(Input::Timeout, now);
        }
        leg.handle(
            if call % 2 == 0 {
                Input::Flush
            } else {
                Input::Reset
            },
            now,
        );
        drain(leg, now);
    }
    let allocated = COUNT.get() - before;
    assert_eq!(allocated, 0, "in {calls} calls");
}

#[test]
fn a_leg_allocates_when_it_is_made_and_never_again() {
    let before = COUNT.get();
    let mut leg = Leg::new(LegConfig {
        tempo: Curve::new(&[(0, 1_000), (100_000_000, 1_500)]).unwrap(),
        ..LegConfig::default()
    })
    .unwrap();
    assert!(COUNT.get() > before, "the allocator counts");
    live(&mut leg, 20);
    let stats = leg.stats();
    assert!(stats.frames_in > 10_000 && stats.frames_padded > 0 && stats.datagrams_out > 1_000);
    assert!(stats.drops_flushed > 0 && stats.frames_filled > 0);
}
