//! One RTP packet, taken apart (RFC 3550, section 5.1), and what kind it is.

use rtp_types::RtpPacket;

use crate::frame::Nanos;
use crate::rtp::format::Format;

/// Header and payload, less padding, extension and contributing sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// 7 bits.
    pub payload_type: u8,
    /// Place in the stream.
    pub sequence: u16,
    /// When its first sample was taken, in units of its format.
    pub timestamp: u32,
    /// Which stream.
    pub ssrc: u32,
    /// What is in it.
    pub payload: &'a [u8],
}

/// What is in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sound.
    Audio(Format),
    /// The talker is silent, and would sound so (RFC 3389).
    Noise,
    /// A key of the telephone (RFC 4733).
    Event,
    /// Nothing a leg understands.
    Unknown,
}

impl<'a> Packet<'a> {
    /// Of a datagram; None: it is none.
    #[must_use]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let packet = RtpPacket::parse(datagram).ok()?;
        let (at, length) = (packet.payload_offset(), packet.payload_len());
        Some(Self {
            payload_type: packet.payload_type(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload: datagram.get(at..at + length)?,
        })
    }

    /// What is in it, where `hears` is what dynamic types mean that are nobody's.
    #[must_use]
    pub fn kind(&self, hears: Format) -> Kind {
        match (self.payload_type, Format::of(self.payload_type)) {
            (_, Some(format)) => Kind::Audio(format),
            (13 | 19, _) => Kind::Noise,
            // An event is four bytes; no sound of a stream is that short for long.
            (101, _) => Kind::Event,
            (96..=127, _) if self.payload.len() == EVENT_BYTES => Kind::Event,
            // A dynamic type can only be a format that has no static one.
            (96..=127, _) if !hears.is_static() => Kind::Audio(hears),
            _ => Kind::Unknown,
        }
    }

    /// How long it sounds; what is no sound counts as long as packets usually are.
    #[must_use]
    pub fn time(&self, hears: Format) -> Nanos {
        match self.kind(hears) {
            Kind::Audio(format) => format.time(format.units(self.payload.len())),
            Kind::Noise | Kind::Event => 20_000_000,
            Kind::Unknown => 0,
        }
    }
}

/// Whether it is RTCP on the port of RTP (RFC 5761, section 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 8 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

/// Length of a telephone event's payload.
pub const EVENT_BYTES: usize = 4;
