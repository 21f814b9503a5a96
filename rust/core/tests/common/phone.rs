//! A telephone that talks RTP, and a network that does to its packets what networks do.

use translink_core::beacon::{Decoder, Number, encode};
use translink_core::frame::Nanos;
use translink_core::g722;
use translink_core::leg::LegConfig;
use translink_core::line::Transport;
use translink_core::resample::resample;
use translink_core::rtp::format::{Format, Formats};

use super::line::{Line, MS};
use super::{Noise, bytes};

/// 80 ms between two words.
pub(crate) const GAP: usize = 1_280;

/// Words from `first` on, 16 kHz. Louder than this, G.722's predictor cannot follow tones that change every 10 ms:
/// of 300 words at a peak of 8,000 ffmpeg's own codec leaves 266.
pub(crate) fn words(first: u32, count: u32) -> Vec<i16> {
    let word = |number| encode(Number::new(number).unwrap(), 16_000, 4_000);
    (first..first + count)
        .flat_map(|number| [word(number), vec![0; GAP]].concat())
        .collect()
}

/// The numbers that are heard in s16le, 16 kHz.
pub(crate) fn numbers(pcm: &[u8]) -> Vec<u32> {
    let samples: Vec<i16> = pcm
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let (mut decoder, mut heard) = (Decoder::new(), Vec::new());
    decoder.push(&samples, &mut heard);
    decoder.finish(&mut heard);
    heard.iter().map(|beacon| beacon.number.get()).collect()
}

/// An RTP leg.
pub(crate) fn leg(hears: Format) -> Line {
    let says = None;
    Line::new(LegConfig {
        transport: Transport::Rtp(Formats { hears, says }),
        ..LegConfig::default()
    })
}

/// One stream.
pub(crate) struct Phone {
    pub(crate) format: Format,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Samples at 16 kHz in a packet.
    pub(crate) packet: usize,
    g722: g722::Encoder,
}

impl Phone {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            payload_type: format.payload_type(),
            sequence: 65_530,
            timestamp: u32::MAX - 500,
            ssrc: 0x1234_5678,
            packet: 320,
            g722: g722::Encoder::new(),
        }
    }

    /// Packets of a whole sound.
    pub(crate) fn say(&mut self, pcm: &[i16]) -> Vec<Vec<u8>> {
        let pcm = if self.format.is_wide() {
            bytes(pcm)
        } else {
            resample(&bytes(pcm), 16_000, 8_000).unwrap()
        };
        let size = self.packet * if self.format.is_wide() { 2 } else { 1 };
        pcm.chunks(size).map(|piece| self.send(piece)).collect()
    }

    fn send(&mut self, pcm: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        self.format.encode(pcm, &mut self.g722, &mut payload);
        let units = self.format.units(payload.len());
        let packet = self.header(self.payload_type, &payload);
        self.timestamp = self.timestamp.wrapping_add(units);
        packet
    }

    /// A packet of another kind, in the same stream.
    pub(crate) fn header(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    /// Nothing is sent for so long.
    pub(crate) fn pause(&mut self, time: Nanos) {
        let units = time * u64::from(self.format.clock()) / 1_000_000_000;
        self.timestamp = self.timestamp.wrapping_add(units as u32);
    }

    /// How long a packet is.
    pub(crate) const fn time(&self) -> Nanos {
        self.packet as Nanos * 62_500
    }
}

/// What becomes of packets on their way, in hundredths.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions {
    pub(crate) loss: u64,
    /// Of these, one is held back by so much more than the jitter.
    pub(crate) reorder: u64,
    pub(crate) held_back: Nanos,
    pub(crate) double: u64,
    pub(crate) jitter: Nanos,
}

/// When each packet arrives: pairs of time since the first was sent and its index, in order of arrival.
pub(crate) fn relay(
    count: usize,
    every: Nanos,
    conditions: Conditions,
    noise: &mut Noise,
) -> Vec<(Nanos, usize)> {
    let mut way = Vec::new();
    for index in 0..count {
        let mut dice = || noise.next() >> 40;
        if dice() % 100 < conditions.loss {
            continue;
        }
        let jitter = if index < 5 { 0 } else { conditions.jitter };
        let mut at = index as Nanos * every + dice() * 977 % (jitter + 1);
        // What comes before the first packet is not waited for.
        if index >= 5 && dice() % 100 < conditions.reorder {
            at += conditions.held_back;
        }
        way.push((at, index));
        if dice() % 100 < conditions.double {
            way.push((at + dice() * 977 % (30 * MS), index));
        }
    }
    way.sort();
    way
}

/// Let a leg hear packets as they arrive, and then silence until it has believed in it.
pub(crate) fn hear(line: &mut Line, packets: &[Vec<u8>], way: &[(Nanos, usize)]) {
    let begin = line.now;
    for &(at, index) in way {
        line.pass((begin + at).saturating_sub(line.now));
        line.datagram(&packets[index]);
    }
    line.pass(1_000 * MS);
}

/// Packets in order, one every `every`.
pub(crate) fn punctual(count: usize, every: Nanos) -> Vec<(Nanos, usize)> {
    (0..count)
        .map(|index| (index as Nanos * every, index))
        .collect()
}
