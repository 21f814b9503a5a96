//! Speech at another tempo: s16le mono at 16 kHz from stdin, the same in less time to stdout.
//!
//! `cargo run --release -p translink-core --example stretch -- 1.35 < speech.raw > sooner.raw`
#![allow(clippy::unwrap_used, reason = "a tool")]

use std::io::{Read, Write};

use translink_core::tempo::{FRAME, LOOK, Tempo};

fn main() {
    let factor: f64 = std::env::args().nth(1).unwrap().parse().unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to 2"
    )]
    let factor = (factor * 1e3).round() as u32;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let pcm: Vec<i16> = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let (mut tempo, mut at, mut out) = (Tempo::new(), 0, Vec::new());
    while pcm.len() - at >= FRAME {
        let ahead = &pcm[at..pcm.len().min(at + LOOK)];
        let mut frame = [0; FRAME];
        at += tempo.frame(ahead, factor, 0, &mut frame);
        out.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    out.extend_from_slice(&bytes[2 * at..]);
    std::io::stdout().write_all(&out).unwrap();
}
