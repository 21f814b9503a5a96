//! A lost byte is noticed, and nothing else is taken for one.

use std::sync::OnceLock;

use crate::common::line::{Line, MS};
use crate::common::{Noise, bytes, prompts, tone};
use proptest::prelude::*;
use translink_core::g711;
use translink_core::leg::LegConfig;

/// How often a stream of these samples is realigned, and what comes out.
fn realigned(pcm: &[u8], size: usize) -> (u64, Line) {
    let mut line = Line::new(LegConfig::default());
    for piece in pcm.chunks(size) {
        line.datagram(piece);
        line.pass(20 * MS);
    }
    (line.leg.stats().bytes_realigned, line)
}

/// Real speech, decoded once for all tests.
fn speech() -> &'static [i16] {
    static SPEECH: OnceLock<Vec<i16>> = OnceLock::new();
    SPEECH.get_or_init(|| {
        let mut all = Vec::new();
        for language in ["en", "fr"] {
            all.extend(prompts(language, 80).unwrap_or_default().concat());
        }
        if all.is_empty() {
            // Where there are no prompts: something with a pitch and pauses.
            for n in 0..40 {
                all.extend(tone(110.0 + 7.0 * n as f64, 16_000.0, 4_000.0, 4_000));
                all.extend([0; 2_000]);
            }
        }
        all
    })
}

fn scaled(samples: &[i16], factor: f64) -> Vec<i16> {
    samples
        .iter()
        .map(|&s| (f64::from(s) * factor) as i16)
        .collect()
}

#[test]
fn speech_of_any_loudness_and_coding_is_left_alone() {
    let said = speech();
    for factor in [0.01, 0.1, 0.5, 1.0, 4.0, 40.0] {
        let loud = scaled(said, factor);
        let (mut coded, mut ulaw, mut alaw) = (Vec::new(), Vec::new(), Vec::new());
        g711::ulaw_encode(&bytes(&loud), &mut coded);
        g711::ulaw_decode(&coded, &mut ulaw);
        coded.clear();
        g711::alaw_encode(&bytes(&loud), &mut coded);
        g711::alaw_decode(&coded, &mut alaw);
        let eight: Vec<i16> = loud.iter().map(|&s| s & !0xff).collect();
        for (name, samples) in [
            ("linear", bytes(&loud)),
            ("ulaw", ulaw),
            ("alaw", alaw),
            ("8 bits", bytes(&eight)),
        ] {
            let (count, _) = realigned(&samples, 640);
            assert_eq!(count, 0, "{name} times {factor}");
        }
    }
}

#[test]
fn keys_tones_and_square_waves_are_left_alone() {
    for low in [697.0, 770.0, 852.0, 941.0] {
        for high in [1_209.0, 1_336.0, 1_477.0, 1_633.0] {
            for amplitude in [10.0, 1_000.0, 16_000.0] {
                let pair = tone(low, 16_000.0, amplitude, 3_200);
                let pair: Vec<i16> = pair
                    .iter()
                    .zip(tone(high, 16_000.0, amplitude, 3_200))
                    .map(|(a, b)| a + b)
                    .collect();
                assert_eq!(
                    realigned(&bytes(&pair), 640).0,
                    0,
                    "{low} {high} {amplitude}"
                );
            }
        }
    }
    for hertz in [440.0, 1_000.0, 2_600.0, 3_999.0, 5_333.0, 7_900.0] {
        for amplitude in [100.0, 8_000.0, 32_767.0, 400_000.0] {
            assert_eq!(
                realigned(&bytes(&tone(hertz, 16_000.0, amplitude, 3_200)), 640).0,
                0,
                "{hertz} {amplitude}"
            );
        }
    }
}

#[test]
fn a_byte_lost_in_running_speech_is_noticed_within_a_tenth_of_a_second() {
    let said = speech();
    let frames = said.len() / 320;
    let mut noise = Noise(5);
    let (mut tried, mut worst) = (0, 0);
    while tried < 60 {
        let at = (noise.next() as usize % (frames - 60) + 20) * 320 + noise.next() as usize % 320;
        // Where there is sound in each of the next five frames.
        let loud = |frame: &[i16]| {
            let power: f64 = frame.iter().map(|&s| f64::from(s).powi(2)).sum();
            power >= 320.0 * 50.0 * 50.0
        };
        if !said[at..at + 1_600].chunks(320).all(loud) {
            continue;
        }
        tried += 1;
        let mut stream = bytes(&said[at - 20 * 320..at + 40 * 320]);
        stream.remove(20 * 640 + noise.next() as usize % 2);
        let mut line = Line::new(LegConfig::default());
        let mut noticed = None;
        for (n, piece) in stream.chunks(641).enumerate() {
            line.datagram(piece);
            line.pass(20 * MS);
            if noticed.is_none() && line.leg.stats().bytes_realigned == 1 {
                noticed = Some(n);
            }
        }
        let after = (noticed.expect("it is noticed") + 1).saturating_sub(20);
        worst = worst.max(after);
        assert_eq!(line.leg.stats().bytes_realigned, 1, "once is enough");
        let heard = line.heard();
        let tail = &bytes(&said[at + 20 * 320..at + 22 * 320])[..];
        assert!(
            heard
                .chunks_exact(2)
                .collect::<Vec<_>>()
                .windows(tail.len() / 2)
                .any(|w| w.concat() == tail),
            "what follows is heard as it was said"
        );
    }
    assert!(worst <= 5, "{worst} frames");
    eprintln!("{tried} lost bytes: noticed within {worst} frames");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Noise of any loudness, clipped or not, of any number of bits.
    #[test]
    fn noise_is_left_alone(seed: u64, rms in 1.0_f64..200_000.0, bits in 0_u32..12, uniform: bool) {
        let mut noise = Noise(seed | 1);
        let samples: Vec<i16> = (0..16_000)
            .map(|_| if uniform { noise.uniform() } else { noise.normal() } * rms)
            .map(|x| (x as i16) >> bits << bits)
            .collect();
        prop_assert_eq!(realigned(&bytes(&samples), 640).0, 0);
    }

    /// Bytes that are no samples at all.
    #[test]
    fn random_bytes_are_left_alone(seed: u64, size in 1_usize..2_000) {
        let mut noise = Noise(seed | 1);
        let said: Vec<u8> = (0..32_000).map(|_| noise.next() as u8).collect();
        let (count, line) = realigned(&said, size);
        prop_assert_eq!(count, 0);
        let heard = line.heard();
        prop_assert!(heard.len() > 31_000 && heard[..31_000] == said[..31_000]);
    }
}
