//! What is measured, once for both ways of measuring it: `core.rs` takes the time (criterion),
//! `rust/counts` lets valgrind count the instructions. Every act is what one 20 ms of a leg needs.
#![allow(
    clippy::unwrap_used,
    clippy::pedantic,
    unreachable_pub,
    reason = "a bench"
)]

use std::hint::black_box;

use translink_core::LegStats;
use translink_core::echo::EchoGuard;
use translink_core::frame::Extremes;
use translink_core::framer::Framer;
use translink_core::ledger::Ledger;
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::level::Level;
use translink_core::line::Transport;
use translink_core::mix::{Mix, Original};
use translink_core::output::Output;
use translink_core::resample::Resampler;
use translink_core::rtp::format::{Format, Formats};
use translink_core::tempo::{FRAME, LOOK, Tempo};
use translink_core::vad::Vad;
use translink_core::volume::{Gain, Volume};

const TICK: u64 = 20_000_000;
const START: u64 = 1_000_000_000;

/// A name, and what makes the act that is to be repeated.
pub type Act = (&'static str, fn() -> Box<dyn FnMut()>);

/// All of them.
pub fn acts() -> Vec<Act> {
    vec![
        ("framer", framer),
        ("level", level),
        ("vad", vad),
        ("ledger", ledger),
        ("outline of what an ear hears", outline),
        ("volume other than 1", volume),
        ("leg, datagram of 640 bytes", || leg(640)),
        ("leg, datagrams of 320 bytes", || leg(320)),
        ("leg, packet of slin16", || packet(Format::Slin16)),
        ("leg, packet of A-law", || packet(Format::Alaw)),
        ("ear, raw", || ear(None)),
        ("ear, A-law", || ear(Some(Format::Alaw))),
        ("ear, A-law, silence", quiet_ear),
        ("ear, G.722", || ear(Some(Format::G722))),
        ("tempo at 1.35", || tempo(1_350)),
        ("tempo at 1.5", || tempo(1_500)),
        ("original under a translation", original),
        ("echo guard", echo),
        ("playout", playout),
        ("resample 8 to 16 kHz", || resample(8_000)),
        ("resample 24 to 16 kHz", || resample(24_000)),
    ]
}

fn speech() -> [u8; 640] {
    std::array::from_fn(|n| (n * n / 7) as u8)
}

/// Of a voice, without end.
fn tempo(factor: u32) -> Box<dyn FnMut()> {
    let voice: Vec<i16> = (0..40_000)
        .map(|n| {
            let phase = f64::from(n) / 16e3 * std::f64::consts::TAU * 130.0;
            let sound: f64 = (1..20)
                .map(|k| (phase * f64::from(k)).sin() / f64::from(k))
                .sum();
            (sound * 4_000.0) as i16
        })
        .collect();
    let (mut tempo, mut at, mut frame) = (Tempo::new(), 0, [0; FRAME]);
    Box::new(move || {
        at += tempo.frame(&voice[at..at + LOOK], factor, 0, &mut frame);
        if at + LOOK > voice.len() {
            at = 0;
        }
        black_box(&frame);
    })
}

fn original() -> Box<dyn FnMut()> {
    let (pcm, mut mix, mut stats) = (speech(), Mix::new(), LegStats::default());
    mix.pair(true);
    mix.set(Original::Duck);
    Box::new(move || {
        mix.hear(&pcm, true, 0, &mut stats);
        let mut out = pcm;
        mix.apply(&mut out, true);
        black_box(&out);
    })
}

/// Both sound all the time, and nothing is an echo.
fn echo() -> Box<dyn FnMut()> {
    let (mut guard, mut now, pcm) = (EchoGuard::new(true), START, speech());
    let power = Level::of(&pcm).power;
    Box::new(move || {
        now += TICK;
        guard.sent(now, black_box(&pcm), power);
        black_box(guard.heard(now, black_box(&pcm)));
    })
}

fn framer() -> Box<dyn FnMut()> {
    let (pcm, mut framer, mut now) = (speech(), Framer::new().unwrap(), START);
    Box::new(move || {
        now += TICK;
        black_box(framer.push(black_box(&pcm), now, now));
        black_box(framer.pop());
    })
}

fn level() -> Box<dyn FnMut()> {
    let pcm = speech();
    Box::new(move || {
        black_box(Level::of(black_box(&pcm)));
    })
}

fn vad() -> Box<dyn FnMut()> {
    let (level, mut vad) = (Level::of(&speech()), Vad::new());
    Box::new(move || {
        black_box(vad.hear(black_box(&level)));
    })
}

fn ledger() -> Box<dyn FnMut()> {
    let (pcm, mut ledger, mut start) = (speech(), Ledger::new(960_000).unwrap(), 0);
    Box::new(move || {
        ledger.append(start, black_box(&pcm));
        start += 320;
        black_box(&ledger);
    })
}

fn outline() -> Box<dyn FnMut()> {
    let pcm = speech();
    Box::new(move || {
        black_box(Extremes::of(black_box(&pcm)));
    })
}

fn volume() -> Box<dyn FnMut()> {
    let (pcm, mut volume) = (speech(), Volume::new());
    volume.set(Gain::new(0.7).unwrap());
    Box::new(move || {
        let mut pcm = black_box(pcm);
        volume.apply(&mut pcm);
        black_box(&pcm);
    })
}

/// All that happens to 20 ms of a talker's sound, in datagrams of so many bytes.
fn leg(bytes: usize) -> Box<dyn FnMut()> {
    let (pcm, mut leg, mut now) = (speech(), Leg::new(LegConfig::default()).unwrap(), START);
    Box::new(move || {
        for payload in pcm.chunks(bytes) {
            now += TICK * bytes as u64 / 640;
            let payload = black_box(payload);
            leg.handle(
                Input::Datagram {
                    payload,
                    arrival: now,
                },
                now,
            );
            settle(&mut leg, now);
        }
    })
}

/// 20 ms of a talker's sound, as a packet of RTP.
fn packet(hears: Format) -> Box<dyn FnMut()> {
    let (mut leg, mut now) = (rtp(hears), START);
    let bytes = if hears == Format::Slin16 { 640 } else { 160 };
    let mut datagram = vec![0x80, hears.payload_type(), 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    datagram.extend_from_slice(&speech()[..bytes]);
    let (mut sequence, mut timestamp) = (0_u16, 0_u32);
    Box::new(move || {
        now += TICK;
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(hears.clock() / 50);
        datagram[2..4].copy_from_slice(&sequence.to_be_bytes());
        datagram[4..8].copy_from_slice(&timestamp.to_be_bytes());
        let payload = black_box(&datagram);
        leg.handle(
            Input::Datagram {
                payload,
                arrival: now,
            },
            now,
        );
        settle(&mut leg, now);
    })
}

/// The datagram of a frame for an ear: of RTP, or raw.
fn ear(says: Option<Format>) -> Box<dyn FnMut()> {
    let raw = || Leg::new(LegConfig::default()).unwrap();
    let (pcm, mut leg, mut now) = (speech(), says.map_or_else(raw, rtp), START);
    Box::new(move || {
        now += TICK;
        black_box(leg.wire(black_box(&pcm), now));
    })
}

fn quiet_ear() -> Box<dyn FnMut()> {
    let (mut leg, mut now) = (rtp(Format::Alaw), START);
    Box::new(move || {
        now += TICK;
        black_box(leg.wire(black_box(&[0; 640]), now));
    })
}

fn rtp(format: Format) -> Leg {
    Leg::new(LegConfig {
        transport: Transport::Rtp(Formats {
            hears: format,
            says: Some(format),
        }),
        ..LegConfig::default()
    })
    .unwrap()
}

/// 20 ms queued for an ear and sent.
fn playout() -> Box<dyn FnMut()> {
    let (pcm, mut leg, mut now) = (speech(), Leg::new(LegConfig::default()).unwrap(), START);
    Box::new(move || {
        let pcm = black_box(&pcm);
        leg.handle(
            Input::Play {
                utterance: 1,
                pcm,
                last: false,
            },
            now,
        );
        settle(&mut leg, now);
        now += TICK;
    })
}

fn resample(rate: u32) -> Box<dyn FnMut()> {
    let mut resampler = Resampler::new(rate, 16_000).unwrap();
    // No two samples are the same: what is all the same is not computed.
    let bytes = (0..rate as usize / 25)
        .map(|n| (n * n / 7) as u8)
        .collect::<Vec<u8>>();
    let (input, mut out) = (bytes, Vec::new());
    Box::new(move || {
        out.clear();
        resampler.push(black_box(&input), &mut out);
    })
}

fn settle(leg: &mut Leg, now: u64) {
    while !matches!(black_box(leg.poll(now)), Output::Timeout(_)) {}
}
