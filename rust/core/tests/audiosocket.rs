//! Messages of `AudioSocket`, as Asterisk writes and reads them.

use proptest::prelude::*;
use translink_core::audiosocket::{HANG_UP, HEADER, Message, RATES, first, put_audio};
use translink_core::digit::Digit;

#[test]
fn what_asterisk_says_is_understood() {
    let uuid = *b"0123456789abcdef";
    let mut bytes = vec![0x01, 0, 16];
    bytes.extend_from_slice(&uuid);
    assert_eq!(first(&bytes), Some((Message::Uuid(uuid), 19)));
    let digit = |byte| Digit::from_ascii(byte).map_or(Message::Unknown(3), Message::Digit);
    assert_eq!(first(&[3, 0, 1, b'#']), Some((digit(b'#'), 4)));
    assert_eq!(first(&[3, 0, 1, b'd']), Some((digit(b'D'), 4)));
    assert_eq!(first(&[3, 0, 1, b'x']), Some((Message::Unknown(3), 4)));
    assert_eq!(first(&HANG_UP), Some((Message::HangUp, HEADER)));
    assert_eq!(first(&[0xff, 0, 1, 2]), Some((Message::Error(2), 4)));
    assert_eq!(first(&[0x77, 0, 0]), Some((Message::Unknown(0x77), 3)));
    let audio = Message::Audio {
        rate: 16_000,
        pcm: &[1, 2],
    };
    assert_eq!(first(&[0x12, 0, 2, 1, 2, 9, 9]), Some((audio, 5)));
}

#[test]
fn no_audio_makes_no_message() {
    let mut out = Vec::new();
    put_audio(8_000, &[], &mut out);
    put_audio(8_000, &[1], &mut out);
    put_audio(11_025, &[1, 2], &mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn audio_comes_back_as_it_went(
        rate in prop::sample::select(&RATES[..]),
        pcm in prop::collection::vec(any::<u8>(), 1..4_000),
        cut in 0_usize..4_000,
    ) {
        let mut out = Vec::new();
        put_audio(rate, &pcm, &mut out);
        let whole = pcm.len() & !1;
        if whole > 0 {
            let expected = Message::Audio { rate, pcm: &pcm[..whole] };
            prop_assert_eq!(first(&out), Some((expected, out.len())));
            prop_assert_eq!(first(&out[..cut % out.len()]), None);
        }
    }

    #[test]
    fn anything_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut rest = &bytes[..];
        while let Some((_, length)) = first(rest) {
            prop_assert!(length >= HEADER);
            rest = &rest[length..];
        }
    }
}
