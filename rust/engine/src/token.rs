//! What a sender says first, so that it can be told from all others on a shared port.

use std::fmt;
use std::hint::black_box;

/// Characters of a token.
pub const TOKEN_LENGTH: usize = 32;

/// Characters by which the leg is found; the others are compared in constant time.
const NAME: usize = 8;

/// 32 characters of a leg's own, sent as they are in the first datagram, alone or before other bytes.
///
/// The first eight say which leg is meant. They are looked up, and a filter in the kernel knows them: how long
/// that takes, and whether it finds anything, may show on the outside. The other 24 (96 bits, as they are made)
/// are compared in a time that does not depend on them, and nobody is answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_LENGTH]);

impl Token {
    /// None, unless it is 32 bytes.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }

    /// Which leg is meant.
    pub(crate) fn name(&self) -> u64 {
        named(&self.0).unwrap_or_default()
    }

    /// Whether a datagram begins with it.
    pub(crate) fn begins(&self, datagram: &[u8]) -> bool {
        let Some(head) = datagram.first_chunk::<TOKEN_LENGTH>() else {
            return false;
        };
        let differing = |sum: u8, (one, other): (&u8, &u8)| black_box(sum | (one ^ other));
        self.0.iter().zip(head).fold(0, differing) == 0
    }
}

/// The leg that a datagram would mean, if it began with a token.
pub(crate) fn named(datagram: &[u8]) -> Option<u64> {
    (datagram.len() >= TOKEN_LENGTH)
        .then(|| datagram.first_chunk::<NAME>())
        .flatten()
        .map(|name| u64::from_be_bytes(*name))
}

/// It is a secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_datagram_begins_with_a_token_or_does_not() {
        let token = Token::new(TEXT).expect("32 characters");
        assert!(token.begins(TEXT));
        assert!(token.begins(&[TEXT, &[0; 640]].concat()));
        assert!(!token.begins(&TEXT[..31]));
        assert!(!token.begins(&[0; 640]));
        for at in 0..TOKEN_LENGTH {
            let mut other = TEXT.to_vec();
            other[at] ^= 1;
            assert!(!token.begins(&other), "character {at}");
        }
        assert_eq!(Token::new(&TEXT[1..]), None);
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new(TEXT).expect("32 characters");
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn a_datagram_that_is_too_short_for_a_token_names_no_leg() {
        assert_eq!(named(&TEXT[..31]), None);
        let token = Token::new(TEXT).expect("32 characters");
        assert_eq!(named(TEXT), Some(token.name()));
    }
}
