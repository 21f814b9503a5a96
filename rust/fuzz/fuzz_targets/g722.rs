//! Any bytes are decoded, any samples are coded, both to their length.
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::g722::{Decoder, Encoder};

fuzz_target!(|bytes: &[u8]| {
    let (mut pcm, mut code) = (Vec::new(), Vec::new());
    Decoder::new().decode(bytes, &mut pcm);
    assert_eq!(pcm.len(), 4 * bytes.len());
    Encoder::new().encode(bytes, &mut code);
    assert_eq!(code.len(), bytes.len() / 4);
});
