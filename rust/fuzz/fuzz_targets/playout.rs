//! An ear hears each utterance whole and in order, and gets back every block it lent.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::curve::Curve;
use translink_core::output::Output;
use translink_core::playout::{CATCH_UP, Playout};
use translink_core::stats::LegStats;

const CAPACITY: usize = 20 * 640;

fuzz_target!(|steps: Vec<(u8, u16, bool, u8)>| {
    let mut playout = Playout::new(60_000_000, CAPACITY, false, Curve::OFF).expect("memory");
    let (mut stats, mut now, mut accepted, mut sent) = (LegStats::default(), 1, 0, 0);
    for (utterance, bytes, last, wait) in steps {
        if utterance == 255 {
            playout.flush(&mut stats);
        } else {
            let pcm = vec![utterance.max(1); usize::from(bytes)];
            let id = u64::from(utterance.max(1));
            accepted += playout.push(id, &pcm, last, now, &mut stats) as u64;
        }
        loop {
            match playout.poll(now, &mut stats) {
                Output::Transmit {
                    utterance,
                    payload,
                    due,
                } => {
                    assert!(due <= now && now - due <= CATCH_UP);
                    let own = payload.iter().take_while(|&&b| u64::from(b) == utterance);
                    let own = own.count();
                    assert!(payload[own..].iter().all(|&byte| byte == 0));
                    sent += own as u64;
                }
                Output::Timeout(at) => break assert!(at > now),
                Output::Playout(_) => {}
                Output::Frame(_) | Output::Digit { .. } | Output::Rtp { .. } => {
                    unreachable!("an ear does not speak")
                }
            }
        }
        let waiting = stats.playout_queued;
        assert_eq!(waiting, (CAPACITY - playout.room()) as u64);
        assert_eq!(accepted, sent + stats.drops_flushed + waiting);
        now += u64::from(wait) * 4_000_000;
    }
});
