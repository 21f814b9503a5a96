//! Frames hold the bytes of the datagrams, all of them, in order.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::framer::{Fate, Framer};

fuzz_target!(|datagrams: Vec<Vec<u8>>| {
    let (mut framer, mut came, mut left, mut now) = (Framer::new(), Vec::new(), Vec::new(), 0);
    for payload in datagrams {
        now += 1_000_000;
        if framer.push(&payload, now, now) == Fate::Queued {
            came.extend_from_slice(&payload);
        }
        while let Some(frame) = framer.pop() {
            left.extend_from_slice(&frame.pcm);
        }
    }
    assert_eq!(left[..], came[..left.len()]);
    assert!(came.len() - left.len() < 640);
});
