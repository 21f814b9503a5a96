//! Which of the frames in a leg's ledger are echo, written by the media thread, read from anywhere.
//!
//! One word a frame, which names the frame it is for; so nobody waits, and what is too old says
//! nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use translink_core::frame::FRAME_SAMPLES;

/// As long as the ledger beside it.
#[derive(Debug)]
pub(crate) struct Masks(Box<[AtomicU64]>);

impl Masks {
    pub(crate) fn new(samples: usize) -> Self {
        let frames = (samples as u64).div_ceil(FRAME_SAMPLES);
        Self((0..frames).map(|_| AtomicU64::new(0)).collect())
    }

    /// The frame from `start` on is echo. Media thread only.
    pub(crate) fn mark(&self, start: u64) {
        if let Some(word) = self.word(start / FRAME_SAMPLES) {
            // 0 is no frame's.
            word.store(start / FRAME_SAMPLES + 1, Relaxed);
        }
    }

    /// Silence what of this audio, from sample `first` on, is echo.
    pub(crate) fn apply(&self, first: u64, audio: &mut [u8]) {
        let mut sample = first;
        let mut rest = audio;
        while !rest.is_empty() {
            let frame = sample / FRAME_SAMPLES;
            let next = (frame + 1) * FRAME_SAMPLES;
            let bytes = usize::try_from(2 * (next - sample)).unwrap_or(usize::MAX);
            let (piece, later) = rest.split_at_mut(bytes.min(rest.len()));
            if self
                .word(frame)
                .is_some_and(|word| word.load(Relaxed) == frame + 1)
            {
                piece.fill(0);
            }
            (sample, rest) = (next, later);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than the length")]
    fn word(&self, frame: u64) -> Option<&AtomicU64> {
        let place = frame.checked_rem(self.0.len() as u64)?;
        self.0.get(place as usize)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn echo_is_silenced_and_nothing_else() {
        let masks = Masks::new(10 * 320);
        masks.mark(13 * 320);
        masks.mark(15 * 320);
        let mut audio = vec![1; 2 * 320 * 4];
        masks.apply(12 * 320 + 100, &mut audio);
        let silent = |frame: usize| {
            let at = (frame - 12) * 640;
            audio[(at.max(200) - 200)..(at + 440).min(audio.len())]
                .iter()
                .all(|&byte| byte == 0)
        };
        assert_eq!([12, 13, 14, 15].map(silent), [false, true, false, true]);
        assert_eq!(
            audio.iter().map(|&byte| usize::from(byte)).sum::<usize>(),
            audio.len() - 2 * 640
        );
        // Ten frames later their places are others'.
        let mut later = vec![1; 640];
        masks.apply(23 * 320, &mut later);
        assert_eq!(later, vec![1; 640]);
        Masks::new(0).mark(0);
        Masks::new(0).apply(0, &mut later);
    }
}
