//! The codings of RTP audio that a leg understands, and their payload types (RFC 3551, section 6).

use crate::frame::Nanos;
use crate::{g711, g722};

/// How samples are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// 16 bits, big-endian, 16 kHz. Asterisk sends it as type 118, which is its own.
    #[default]
    Slin16,
    /// 16 bits, big-endian, 8 kHz. Asterisk's type 10, which RFC 3551 has as 44.1 kHz stereo.
    Slin,
    /// G.711 A-law, 8 kHz.
    Alaw,
    /// G.711 µ-law, 8 kHz.
    Ulaw,
    /// G.722 at 64 kbit/s: 16 kHz, with a time stamp's clock of 8 kHz (RFC 3551, section 4.5.2).
    G722,
}

impl Format {
    /// By the name that Asterisk has for it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Asterisk's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slin16 => "slin16",
            Self::Slin => "slin",
            Self::Alaw => "alaw",
            Self::Ulaw => "ulaw",
            Self::G722 => "g722",
        }
    }

    /// Its payload type. All but that of `Slin16` are static.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Slin16 => 118,
            Self::Slin => 10,
            Self::Alaw => 8,
            Self::Ulaw => 0,
            Self::G722 => 9,
        }
    }

    /// What a payload type means where nobody has said it.
    #[must_use]
    pub const fn of(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Ulaw),
            8 => Some(Self::Alaw),
            9 => Some(Self::G722),
            // RFC 3551 has mono as 11; Asterisk takes either.
            10 | 11 => Some(Self::Slin),
            118 => Some(Self::Slin16),
            _ => None,
        }
    }

    /// What a peer who sends this is answered in: the same if its payload type is static, else
    /// G.722, which is as wide.
    #[must_use]
    pub const fn answer(self) -> Self {
        match self {
            Self::Slin16 => Self::G722,
            other => other,
        }
    }

    /// Whether peers know its payload type without having agreed on it. `Slin` is none for others than
    /// Asterisk: they have it on a dynamic type.
    #[must_use]
    pub const fn is_static(self) -> bool {
        matches!(self, Self::Alaw | Self::Ulaw | Self::G722)
    }

    /// Whether the samples are 16,000 a second, and not 8,000.
    #[must_use]
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::Slin16 | Self::G722)
    }

    /// Units of the time stamps in a second.
    #[must_use]
    pub const fn clock(self) -> u32 {
        match self {
            Self::Slin16 => 16_000,
            _ => 8_000,
        }
    }

    /// Units of the time stamps in a payload of so many bytes.
    #[must_use]
    pub const fn units(self, bytes: usize) -> u32 {
        let units = match self {
            Self::Slin16 | Self::Slin => bytes / 2,
            _ => bytes,
        };
        #[expect(clippy::cast_possible_truncation, reason = "a datagram's")]
        let units = units as u32;
        units
    }

    /// How long so many units last.
    #[must_use]
    pub const fn time(self, units: u32) -> Nanos {
        units as Nanos * 1_000_000_000 / self.clock() as Nanos
    }

    /// Append the s16le samples of a payload, at the format's own rate.
    pub fn decode(self, payload: &[u8], g722: &mut g722::Decoder, out: &mut Vec<u8>) {
        match self {
            Self::Slin16 | Self::Slin => {
                out.extend(payload.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]));
            }
            Self::Alaw => g711::alaw_decode(payload, out),
            Self::Ulaw => g711::ulaw_decode(payload, out),
            Self::G722 => g722.decode(payload, out),
        }
    }

    /// Append the payload of s16le samples at the format's own rate.
    pub fn encode(self, pcm: &[u8], g722: &mut g722::Encoder, out: &mut Vec<u8>) {
        match self {
            Self::Slin16 | Self::Slin => {
                out.extend(pcm.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]));
            }
            Self::Alaw => g711::alaw_encode(pcm, out),
            Self::Ulaw => g711::ulaw_encode(pcm, out),
            Self::G722 => g722.encode(pcm, out),
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] = [Self::Slin16, Self::Slin, Self::Alaw, Self::Ulaw, Self::G722];
}

/// What an RTP leg hears and says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// What dynamic payload types mean that are nobody's. Static ones mean what they always do.
    pub hears: Format,
    /// What the ear is sent; None: what fits the newest packet, and until there is one, `hears`.
    pub says: Option<Format>,
}
