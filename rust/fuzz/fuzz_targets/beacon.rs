//! Whatever is heard, a decoded word lies inside of it (its edges are good to some ten samples).
#![no_main]
use libfuzzer_sys::fuzz_target;
use translink_core::beacon::Decoder;

fuzz_target!(|samples: Vec<i16>| {
    let (mut decoder, mut heard) = (Decoder::new(), Vec::new());
    for piece in samples.chunks(97) {
        decoder.push(piece, &mut heard);
    }
    decoder.finish(&mut heard);
    assert!(
        heard
            .iter()
            .all(|word| word.start < word.end && word.end <= samples.len() as u64 + 16)
    );
});
