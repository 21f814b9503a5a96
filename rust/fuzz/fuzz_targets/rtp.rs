//! Whatever a network delivers to a leg of any transport: it answers, numbers its frames without a gap and
//! never asks to be woken in the past; and what is made of a packet is as long as its packet says.
#![no_main]
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::line::Transport;
use translink_core::output::Output;
use translink_core::rtp::format::{Format, Formats};
use translink_core::rtp::packet::Packet;

#[derive(Arbitrary, Debug)]
struct Step {
    /// Over the header of a packet that would be next; none: nothing of it.
    header: Option<[u8; 2]>,
    /// Added to the sequence number.
    step: i8,
    payload: Vec<u8>,
    wait: u8,
    reset: bool,
}

fuzz_target!(|script: (u8, u8, Vec<Step>)| {
    let (transport, format, steps) = script;
    let formats = Formats {
        hears: Format::ALL[usize::from(format) % 5],
        says: None,
    };
    let transport = match transport % 4 {
        0 => Transport::Rtp(formats),
        1 => Transport::Auto(formats),
        2 => Transport::Raw { narrow: true },
        _ => Transport::Raw { narrow: false },
    };
    let mut leg = Leg::new(LegConfig {
        transport,
        ..LegConfig::default()
    })
    .expect("memory");
    let (mut now, mut next, mut sequence) = (1_000_000_000, None, 65_530_u16);
    for step in &steps {
        sequence = sequence
            .wrapping_add(1)
            .wrapping_add_signed(step.step.into());
        let mut datagram = Vec::new();
        if let Some([first, second]) = step.header {
            let [high, low] = sequence.to_be_bytes();
            datagram.extend([0x80 | first & 0x3F, second, high, low]);
            datagram.extend((u32::from(sequence) * 160).to_be_bytes());
            datagram.extend([0, 0, 0, second & 1]);
        }
        datagram.extend(&step.payload);
        if let Some(packet) = Packet::parse(&datagram) {
            assert!(packet.payload.len() <= datagram.len() - 12);
        }
        now += u64::from(step.wait) * 1_000_000;
        let input = if step.reset {
            Input::Reset
        } else {
            Input::Datagram {
                payload: &datagram,
                arrival: now,
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
                    assert!(leg.wire(&payload, due).len() >= 160);
                }
                Output::Playout(_) | Output::Digit { .. } | Output::Rtp { .. } => {}
            }
        }
    }
});
