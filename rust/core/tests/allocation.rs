//! The media thread must not allocate per packet: counted with an allocator that counts.
#![allow(clippy::unwrap_used, clippy::pedantic, reason = "tests")]

#[path = "common/counting.rs"]
mod counting;

use counting::allocations;
use translink_core::curve::Curve;
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::line::Transport;
use translink_core::mix::Original;
use translink_core::output::Output;
use translink_core::rtp::format::{Format, Formats};
use translink_core::volume::Gain;
use translink_core::websocket::{Connection, Dialect};

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
    let before = allocations();
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
    let allocated = allocations() - before;
    assert_eq!(allocated, 0, "in {calls} calls");
}

/// RTP in every format, out of order, lost and doubled, other streams, keys and noise; and what is sent.
fn telephone(leg: &mut Leg, packets: u32) {
    let before = allocations();
    let mut now = 1_000_000_000;
    let mut datagram = [0_u8; 12 + 640];
    let (mut timestamp, mut ssrc) = (0_u32, 1_u32);
    for n in 0..packets {
        let format = Format::ALL[(n / 500) as usize % 5];
        let bytes = if format == Format::Slin16 { 640 } else { 160 };
        timestamp = timestamp.wrapping_add(format.units(bytes));
        ssrc += u32::from(n % 700 == 699);
        // Now and then two change places, one is lost, one comes twice.
        let sequence = (n ^ u32::from(n % 50 < 2)) as u16;
        let (payload_type, length) = match n % 97 {
            5 => (13, 1),
            6..9 => (101, 4),
            _ => (format.payload_type(), bytes),
        };
        datagram[..2].copy_from_slice(&[0x80, payload_type]);
        datagram[2..4].copy_from_slice(&sequence.to_be_bytes());
        datagram[4..8].copy_from_slice(&timestamp.to_be_bytes());
        datagram[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let length = if n % 31 == 7 { 5 } else { 12 + length };
        for _ in 0..u32::from(n % 41 != 3) + u32::from(n % 43 == 3) {
            let payload = &datagram[..length];
            leg.handle(
                Input::Datagram {
                    payload,
                    arrival: now,
                },
                now,
            );
            drain(leg, now);
        }
        leg.wire(&[7; 640], now);
        now += 20_000_000;
        leg.handle(Input::Timeout, now);
        drain(leg, now);
    }
    let allocated = allocations() - before;
    assert_eq!(allocated, 0, "in {packets} packets");
}

#[test]
fn a_line_allocates_when_it_is_made_and_never_again() {
    let formats = Formats::default();
    for transport in [
        Transport::Rtp(formats),
        Transport::Auto(formats),
        Transport::Raw { narrow: false },
        Transport::Raw { narrow: true },
    ] {
        let mut leg = Leg::new(LegConfig {
            transport,
            ..LegConfig::default()
        })
        .unwrap();
        telephone(&mut leg, 10_000);
        let (rtp, digits) = (leg.stats().rtp, leg.stats().digits);
        if let Transport::Rtp(_) = transport {
            assert!(
                rtp.lost > 100 && rtp.reordered > 100 && rtp.duplicates > 100,
                "{rtp:?}"
            );
            assert!(
                rtp.streams > 10 && digits > 50 && rtp.refused > 100,
                "{rtp:?}"
            );
        }
        live(&mut leg, 2);
    }
}

#[test]
fn a_leg_allocates_when_it_is_made_and_never_again() {
    let before = allocations();
    let mut leg = Leg::new(LegConfig {
        tempo: Curve::new(&[(0, 1_000), (100_000_000, 1_500)]).unwrap(),
        ..LegConfig::default()
    })
    .unwrap();
    assert!(allocations() > before, "the allocator counts");
    live(&mut leg, 20);
    let stats = leg.stats();
    assert!(stats.frames_in > 10_000 && stats.frames_padded > 0 && stats.datagrams_out > 1_000);
    assert!(stats.drops_flushed > 0 && stats.frames_filled > 0);
}

/// Asterisk's audio and ours, both ways, a minute of it; the far end's frames are masked with zeros.
fn connected(connection: &mut Connection, frames: u32) {
    let (mut pcm, mut text, mut out) = (Vec::with_capacity(4_096), String::new(), Vec::new());
    out.reserve(4_096);
    let mut message = vec![0x82, 0xfe, 2, 128, 0, 0, 0, 0];
    message.resize(8 + 640, 7);
    let mut before = 0;
    for n in 0..frames {
        if n == 100 {
            before = allocations(); // by then, every buffer has its size
        }
        connection.take(&message);
        while connection.next(&mut pcm, &mut text, &mut out).is_some() {}
        assert!(!pcm.is_empty());
        pcm.clear();
        connection.put(&[7; 640], &mut out);
        out.clear();
    }
    let allocated = allocations() - before;
    assert_eq!(allocated, 0, "in {frames} frames");
}

#[test]
fn a_websocket_allocates_when_it_begins_and_never_again() {
    connected(&mut Connection::new(Dialect::Browser), 3_000);
    let mut asterisk = Connection::new(Dialect::Asterisk);
    let start = b"MEDIA_START format:slin";
    let mut message = vec![0x81, 0x80 | start.len() as u8, 0, 0, 0, 0];
    message.extend_from_slice(start);
    asterisk.take(&message);
    connected(&mut asterisk, 3_000);
}
