//! G.722 against the codec that others wrote, and what it does to sound.

use std::process::Command;

use crate::common::{Noise, bytes, tone};
use proptest::prelude::*;
use translink_core::g722::{Decoder, Encoder};

fn coded(pcm: &[i16]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().encode(&bytes(pcm), &mut out);
    out
}

fn decoded(code: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    Decoder::new().decode(code, &mut out);
    out.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Of a coded and decoded sound, less the delay of both mirror filters.
fn signal_to_noise(pcm: &[i16]) -> f64 {
    const DELAY: usize = 22;
    let back = decoded(&coded(pcm));
    let pairs = pcm.iter().zip(&back[DELAY..]).skip(1_600);
    let (mut signal, mut noise) = (0.0, 0.0);
    for (&a, &b) in pairs {
        signal += f64::from(a).powi(2);
        noise += (f64::from(a) - f64::from(b)).powi(2);
    }
    10.0 * (signal / noise).log10()
}

/// Words in noise, tones, a sweep through all loudnesses.
fn material() -> Vec<i16> {
    let mut noise = Noise(7);
    let mut pcm = tone(440.0, 16_000.0, 12_000.0, 16_000);
    pcm.extend(tone(3_100.0, 16_000.0, 6_000.0, 16_000));
    pcm.extend(tone(6_300.0, 16_000.0, 3_000.0, 16_000));
    pcm.extend(
        (0..32_000)
            .map(|n| (noise.normal() * f64::from(n) / 4.0).clamp(-32_768.0, 32_767.0) as i16),
    );
    pcm.extend([0; 4_000]);
    pcm
}

#[test]
fn tones_come_back_as_clear_as_the_recommendation_wants() {
    for (hertz, at_least) in [
        (300.0, 36.0),
        (1_000.0, 36.0),
        (3_000.0, 30.0),
        (6_000.0, 16.0),
    ] {
        let ratio = signal_to_noise(&tone(hertz, 16_000.0, 10_000.0, 32_000));
        eprintln!("{hertz} Hz: {ratio:.1} dB");
        assert!(ratio > at_least, "{hertz} Hz: {ratio:.1} dB");
    }
}

fn ffmpeg(args: &[&str], input: &[u8], name: &str) -> Option<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("translink-g722-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("in"), input).unwrap();
    let command = format!("ffmpeg -nostdin -v error {} out", args.join(" "));
    let run = Command::new("sh")
        .args(["-c", &command])
        .current_dir(&folder)
        .status();
    let out = std::fs::read(folder.join("out"));
    std::fs::remove_dir_all(&folder).unwrap();
    if !run.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no ffmpeg with G.722");
        return None;
    }
    out.ok()
}

#[test]
fn what_ffmpeg_encodes_is_decoded_as_ffmpeg_decodes_it() {
    let pcm = bytes(&material());
    let encode = ["-f s16le -ar 16000 -ac 1 -i in -c:a g722 -f g722"];
    let Some(code) = ffmpeg(&encode, &pcm, "enc") else {
        return;
    };
    let decode = ["-f g722 -i in -f s16le"];
    let Some(theirs) = ffmpeg(&decode, &code, "dec") else {
        return;
    };
    let mut ours = Vec::new();
    Decoder::new().decode(&code, &mut ours);
    assert_eq!(ours.len(), theirs.len());
    assert!(ours == theirs, "bit for bit");
}

#[test]
fn what_is_encoded_here_is_decoded_by_ffmpeg_to_the_same_samples() {
    let code = coded(&material());
    let Some(theirs) = ffmpeg(&["-f g722 -i in -f s16le"], &code, "ours") else {
        return;
    };
    assert!(bytes(&decoded(&code)) == theirs);
}

proptest! {
    #[test]
    fn any_bytes_decode_to_twice_as_many_samples(code in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(decoded(&code).len(), 2 * code.len());
    }

    #[test]
    fn any_samples_encode_to_half_as_many_bytes(pcm in proptest::collection::vec(any::<i16>(), 0..2_000)) {
        prop_assert_eq!(coded(&pcm).len(), pcm.len() / 2);
    }
}
