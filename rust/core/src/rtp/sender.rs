//! What an ear is sent becomes RTP: a packet for every 20 ms, on the clock of their deadlines.
//!
//! The marker is set on the first packet and on the first after a pause (RFC 3551, section 4.1); the time stamp
//! goes on by the time that has passed, so that a pause is one for the listener, too.

use crate::frame::{FRAME_BYTES, FRAME_NANOS, Nanos};
use crate::g722::Encoder;
use crate::rate::Converter;
use crate::rtp::control::Sent;
use crate::rtp::format::Format;

/// One stream to one ear.
#[derive(Debug)]
pub struct Sender {
    format: Format,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Deadline of the newest packet.
    newest: Option<Nanos>,
    g722: Encoder,
    down: Converter,
    narrow: Vec<u8>,
    datagram: Vec<u8>,
    packets: u64,
    octets: u64,
}

impl Sender {
    /// `seed`: where its numbers begin, which nobody should be able to guess (RFC 3550, section 5.1).
    ///
    /// # Panics
    /// Never: 8 and 16 kHz can be converted.
    #[must_use]
    pub fn new(format: Format, seed: u64) -> Self {
        #[expect(clippy::expect_used, reason = "the rates are constants")]
        let down = Converter::down(FRAME_BYTES / 2).expect("16 to 8 kHz");
        Self {
            format,
            ssrc: part(seed, 32),
            sequence: short(seed),
            timestamp: part(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), 32),
            newest: None,
            g722: Encoder::new(),
            down,
            narrow: Vec::with_capacity(FRAME_BYTES),
            datagram: Vec::with_capacity(HEADER + FRAME_BYTES),
            packets: 0,
            octets: 0,
        }
    }

    /// The datagram for a frame that is due at `due`, in a format.
    pub fn packet(&mut self, pcm: &[u8; FRAME_BYTES], due: Nanos, format: Format) -> &[u8] {
        if format != self.format {
            self.format = format;
            self.g722 = Encoder::new();
            self.down.restart();
        }
        let passed = self.newest.map_or(0, |newest| {
            let frames = due.saturating_sub(newest) + FRAME_NANOS / 2;
            (frames / FRAME_NANOS).max(1)
        });
        self.newest = Some(due);
        #[expect(clippy::cast_possible_truncation, reason = "time stamps wrap")]
        let frames = passed as u32;
        let units = self.format.clock() / 50;
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(units));
        self.sequence = self.sequence.wrapping_add(u16::from(passed > 0));
        self.datagram.clear();
        let marker = if passed == 1 { 0 } else { 0x80 };
        self.datagram.push(0x80);
        self.datagram.push(marker | format.payload_type());
        self.datagram
            .extend_from_slice(&self.sequence.to_be_bytes());
        self.datagram
            .extend_from_slice(&self.timestamp.to_be_bytes());
        self.datagram.extend_from_slice(&self.ssrc.to_be_bytes());
        if format.is_wide() {
            format.encode(pcm, &mut self.g722, &mut self.datagram);
        } else {
            self.narrow.clear();
            self.down.push(pcm, &mut self.narrow);
            format.encode(&self.narrow, &mut self.g722, &mut self.datagram);
        }
        self.packets += 1;
        self.octets += (self.datagram.len() - HEADER) as u64;
        &self.datagram
    }

    /// What has been sent.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        Sent {
            ssrc: self.ssrc,
            timestamp: self.timestamp,
            packets: self.packets,
            octets: self.octets,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "meant")]
const fn part(seed: u64, from: u32) -> u32 {
    (seed >> from) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "meant")]
const fn short(seed: u64) -> u16 {
    seed as u16
}

/// Without contributing sources and extension.
pub const HEADER: usize = 12;
