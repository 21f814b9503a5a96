//! Frames hold the bytes of the datagrams, all of them, in order, and else only what is marked as
//! filled.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::framer::{Fate, Framer};

fuzz_target!(|datagrams: Vec<(Vec<u8>, bool)>| {
    let (mut framer, mut came, mut left, mut now) =
        (Framer::new().expect("memory"), Vec::new(), Vec::new(), 0);
    for (number, (payload, stops)) in datagrams.iter().enumerate() {
        now += 1_000_000;
        let fate = framer.push(payload, now, now);
        match fate {
            Fate::Queued | Fate::Realigned => came.extend_from_slice(payload),
            Fate::Empty => assert!(payload.is_empty()),
            Fate::Refused => assert!(payload.len() > 65_507, "datagram {number}"),
        }
        if fate == Fate::Realigned {
            came.remove(left.len());
        }
        let mut next = framer.next_sample();
        while let Some(frame) = if *stops { framer.pad() } else { framer.pop() } {
            assert_eq!(frame.start, next);
            next += 320;
            left.extend_from_slice(&frame.pcm[..640 - usize::from(frame.filled)]);
        }
        // A datagram that is not taken is no sign of the talker.
        if matches!(fate, Fate::Queued | Fate::Realigned) {
            assert!(framer.due() >= now);
        }
    }
    left.extend(
        framer
            .pad()
            .iter()
            .flat_map(|f| &f.pcm[..640 - usize::from(f.filled)]),
    );
    assert_eq!(left, came);
});
