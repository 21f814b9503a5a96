//! Any rates and any bytes are converted or refused; in pieces of any length as at once.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::resample::{Resampler, resample};

fuzz_target!(|input: (u8, u8, u8, Vec<u8>)| {
    // Whole kilohertz keep the filters small: most of the time is not theirs. 0..=3 are refused.
    let (source, target) = (u32::from(input.0) * 1000, u32::from(input.1) * 1000);
    let (length, pcm) = (usize::from(input.2) + 1, input.3);
    let whole = resample(&pcm, source, target);
    if let (Ok(whole), Ok(mut pieces)) = (whole, Resampler::new(source, target)) {
        let mut out = Vec::new();
        for piece in pcm.chunks(length) {
            pieces.push(piece, &mut out);
        }
        pieces.finish(&mut out);
        assert_eq!(out, whole);
        let samples = (pcm.len() as u64 / 2 * u64::from(target)).div_ceil(source.into());
        assert_eq!(whole.len() as u64, samples * 2);
    }
});
