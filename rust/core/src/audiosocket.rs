//! Asterisk's `AudioSocket`: messages of audio in a stream of bytes. Sans-IO.
//!
//! A message is a kind (1 byte), a length (2 bytes, big-endian) and so many bytes. Audio is s16le, and
//! its kind says its rate. Source: `res_audiosocket.c` and its header, Asterisk 22. Measured with
//! 22.10.1: digits, errors, unknown kinds and audio of no length end the channel when *we* send them,
//! and a message of which only a part was sent holds the channel up, even against its deletion.

use crate::digit::Digit;

/// Bytes before a message's own.
pub const HEADER: usize = 3;
/// What ends the call.
pub const HANG_UP: [u8; HEADER] = [0, 0, 0];
/// Rates of audio, in the order of their kinds from 0x10 on.
pub const RATES: [u32; 9] = [
    8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000,
];

const AUDIO: u8 = 0x10;

/// What the other end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// s16le mono at a rate.
    Audio {
        /// In Hz.
        rate: u32,
        /// Any length, perhaps none and perhaps odd.
        pcm: &'a [u8],
    },
    /// Which call this is: the first message of a connection.
    Uuid([u8; 16]),
    /// The talker pressed a key.
    Digit(Digit),
    /// The other end hung up.
    HangUp,
    /// The other end reports an error.
    Error(u8),
    /// Of a kind that nobody has described; to be passed over.
    Unknown(u8),
}

/// The first message in `bytes` and its length; None: it is not complete.
#[must_use]
pub fn first(bytes: &[u8]) -> Option<(Message<'_>, usize)> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let body = rest.get(..length)?;
    let message = match (kind, body) {
        (0x00, _) => Message::HangUp,
        (0x01, _) => match body.try_into() {
            Ok(uuid) => Message::Uuid(uuid),
            Err(_) => Message::Unknown(kind),
        },
        (0x03, &[byte]) => Digit::from_ascii(byte).map_or(Message::Unknown(kind), Message::Digit),
        (0xff, _) => Message::Error(body.first().copied().unwrap_or(0)),
        _ => match rate(kind) {
            Some(rate) => Message::Audio { rate, pcm: body },
            None => Message::Unknown(kind),
        },
    };
    Some((message, HEADER + length))
}

/// Append a message of audio; nothing for no audio, which would end the channel. What is more than
/// one message holds is left out: 20 ms are 7,680 bytes at the most.
pub fn put_audio(rate: u32, pcm: &[u8], out: &mut Vec<u8>) {
    let pcm = &pcm[..pcm.len().min(usize::from(u16::MAX)) & !1];
    let (Some(kind), Ok(length)) = (kind(rate), u16::try_from(pcm.len())) else {
        return;
    };
    if length > 0 {
        out.push(kind);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(pcm);
    }
}

/// Whether audio of that rate has a kind.
#[must_use]
pub fn has_rate(rate: u32) -> bool {
    kind(rate).is_some()
}

fn rate(kind: u8) -> Option<u32> {
    RATES.get(usize::from(kind.checked_sub(AUDIO)?)).copied()
}

fn kind(rate: u32) -> Option<u8> {
    let place = RATES.iter().position(|&known| known == rate)?;
    Some(AUDIO + u8::try_from(place).ok()?)
}
