#![no_main]
//! Any bytes are messages or none: nothing panics, nothing stands still.

use libfuzzer_sys::fuzz_target;
use translink_core::audiosocket::{HEADER, Message, first, put_audio};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Some((message, length)) = first(rest) {
        assert!(length >= HEADER);
        if let Message::Audio { rate, pcm } = message {
            let mut out = Vec::new();
            put_audio(rate, pcm, &mut out);
        }
        rest = &rest[length..];
    }
});
