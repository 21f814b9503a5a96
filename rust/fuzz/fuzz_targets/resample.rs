//! Any rates and any bytes are converted or refused; in pieces as at once, within a sample's length.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::resample::{Resampler, resample};

fuzz_target!(|input: (u32, u32, Vec<u8>)| {
    let (source, target, pcm) = input;
    let whole = resample(&pcm, source, target);
    if let (Ok(whole), Ok(mut pieces)) = (whole, Resampler::new(source, target)) {
        let mut out = Vec::new();
        for piece in pcm.chunks(7) {
            pieces.push(piece, &mut out);
        }
        pieces.finish(&mut out);
        assert_eq!(out.len(), whole.len());
    }
});
