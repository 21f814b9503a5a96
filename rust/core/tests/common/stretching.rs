//! Stretching a whole recording, as an ear that is behind would hear it.

use translink_core::tempo::{FRAME, LOOK, Tempo};

/// At one factor (thousandths), with the ear `spare` samples behind at first.
pub(crate) fn stretched(pcm: &[i16], factor: u32, spare: usize) -> Vec<i16> {
    stretched_by(pcm, spare, |_| factor)
}

/// At the factor that belongs to each frame.
pub(crate) fn stretched_by(pcm: &[i16], spare: usize, factor: impl Fn(usize) -> u32) -> Vec<i16> {
    let (mut tempo, mut at, mut out) = (Tempo::new(), 0, Vec::new());
    for number in 0.. {
        let ahead = &pcm[at..pcm.len().min(at + LOOK)];
        if ahead.len() < FRAME {
            out.extend_from_slice(ahead);
            break;
        }
        let mut frame = [0; FRAME];
        let spare = (spare + out.len()).saturating_sub(at);
        at += tempo.frame(ahead, factor(number), spare, &mut frame);
        out.extend_from_slice(&frame);
    }
    out
}
