//! A key of the telephone that was pressed, whichever way it came: as an event of RFC 4733
//! ([`crate::rtp::digits`]) or in a message of `AudioSocket` ([`crate::audiosocket`]).

use crate::frame::Nanos;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// `0`–`9`, `*`, `#`, `A`–`D`, `!` for the hook flash.
    pub key: char,
    /// How long; 0 = not known.
    pub duration: Nanos,
}

impl Digit {
    /// As ASCII writes it, small letters too; None: it is no key.
    #[must_use]
    pub const fn from_ascii(byte: u8) -> Option<Self> {
        let key = byte.to_ascii_uppercase();
        match key {
            b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'!' => Some(Self {
                key: key as char,
                duration: 0,
            }),
            _ => None,
        }
    }
}
