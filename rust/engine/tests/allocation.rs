//! While datagrams come and go on a shared port, the media thread allocates nothing: counted with an
//! allocator that counts.
#![cfg(not(loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use translink_core::leg::LegConfig;
use translink_engine::{Engine, LegPorts, Listed, Policy};

struct Counting;

/// Of all threads: what the test's own thread does in the meantime allocates nothing either.
static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: all requests go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
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

const LEGS: usize = 8;

#[test]
fn datagrams_of_legs_and_of_strangers_and_those_for_ears_allocate_nothing() {
    let engine = Engine::start(8192).expect("an engine");
    let here = "127.0.0.1:0".parse().expect("an address");
    let port = engine.share(here, 1 << 20).expect("a port");
    let address = engine.port_address(port).expect("a port");
    let talkers: Vec<UdpSocket> = (0..=LEGS)
        .map(|_| UdpSocket::bind(here).expect("a socket"))
        .collect();
    // The last one is a stranger.
    let legs: Vec<u32> = talkers[..LEGS]
        .iter()
        .map(|talker| {
            let peer = talker.local_addr().expect("bound").to_string();
            let peer = peer.parse().expect("a peer");
            let leg = engine.add_leg(&LegPorts {
                listen: here,
                shared: Some(port),
                play_to: None,
                send_from_listen: true,
                receive_buffer: 1 << 20,
                source: Policy::Listed(Listed::new(vec![peer]).expect("a list")),
                ledger_samples: 5 * 16_000,
                config: LegConfig::default(),
            });
            leg.expect("a leg")
        })
        .collect();
    let heard = || -> u64 {
        let counters = legs.iter().map(|&leg| engine.counters(leg).expect("a leg"));
        counters.map(|counters| counters.datagrams_in).sum()
    };
    let spoken = || -> u64 {
        let counters = legs.iter().map(|&leg| engine.counters(leg).expect("a leg"));
        counters.map(|counters| counters.datagrams_out).sum()
    };
    let (mut before, mut said, mut sent) = (0, 0, 0);
    for round in 0..60_u64 {
        if round == 20 {
            // Every buffer has its size; what the ears are to hear is theirs already.
            for &leg in &legs {
                engine.play(leg, 1, &[1; 640 * 25], true).expect("accepted");
            }
            let end = Instant::now() + Duration::from_secs(10);
            while spoken() < LEGS as u64 {
                assert!(Instant::now() < end, "the ears are sent nothing");
                std::thread::sleep(Duration::from_millis(1));
            }
            (before, sent) = (COUNT.load(Ordering::Relaxed), spoken());
        }
        for talker in &talkers {
            talker.send_to(&[7; 500], address).expect("sent");
        }
        said += LEGS as u64;
        let end = Instant::now() + Duration::from_secs(10);
        while heard() < said {
            assert!(Instant::now() < end, "{} of {said}", heard());
            std::thread::sleep(Duration::from_millis(1));
        }
        engine.drain(8192, drop).expect("drained");
    }
    let allocated = COUNT.load(Ordering::Relaxed) - before;
    assert!(spoken() > sent, "ears were sent something meanwhile");
    assert_eq!(engine.port_counters(port).expect("a port").strangers, 60);
    assert_eq!(allocated, 0, "in 40 rounds of {LEGS} legs");
}
