//! A leg answers every input with finitely many outputs, numbers its frames without a gap, and
//! never asks to be woken in the past.
#![no_main]
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::output::Output;
use translink_core::volume::Gain;

#[derive(Arbitrary, Debug)]
enum Step {
    Datagram(Vec<u8>),
    Play(u8, Vec<u8>, bool),
    Flush,
    Volume(u8),
    Mute(bool),
    Reset,
    Wait(u16),
}

fuzz_target!(|script: (bool, Vec<Step>)| {
    let (continuous, steps) = script;
    let mut leg = Leg::new(LegConfig {
        continuous,
        ..LegConfig::default()
    })
    .expect("memory");
    let (mut now, mut next) = (1_000_000_000, None);
    for step in &steps {
        let input = match step {
            Step::Datagram(payload) => Input::Datagram {
                payload,
                arrival: now,
            },
            Step::Play(utterance, pcm, last) => Input::Play {
                utterance: u64::from(*utterance) + 1,
                pcm,
                last: *last,
            },
            Step::Flush => Input::Flush,
            Step::Volume(factor) => {
                Gain::new(f64::from(*factor) / 127.5).map_or(Input::Flush, Input::Volume)
            }
            Step::Mute(muted) => Input::Mute(*muted),
            Step::Reset => Input::Reset,
            Step::Wait(ms) => {
                now += u64::from(*ms) * 20_000;
                Input::Timeout
            }
        };
        leg.handle(input, now);
        for outputs in 0.. {
            assert!(outputs < 10_000, "{input:?} is never done");
            match leg.poll(now) {
                Output::Frame(frame) => {
                    assert_eq!(*next.get_or_insert(frame.start), frame.start);
                    next = Some(frame.start + 320);
                }
                Output::Timeout(at) => {
                    assert!(at > now, "wake at {at}, now is {now}");
                    break;
                }
                Output::Transmit { payload, due, .. } => {
                    leg.wire(&payload, due);
                }
                Output::Playout(_) | Output::Digit { .. } | Output::Rtp { .. } => {}
            }
        }
    }
});
