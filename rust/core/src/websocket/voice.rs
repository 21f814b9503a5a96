//! A format by Asterisk's name for it, and the way from there to s16le at 16 kHz and back.

use crate::frame::FRAME_BYTES;
use crate::resample::Resampler;
use crate::{g711, g722};

/// Both ways of one connection.
pub(super) struct Voice {
    coding: Coding,
    /// Bytes of 20 ms on the wire.
    pub(super) frame: usize,
    heard: Resampler,
    said: Resampler,
    decoder: g722::Decoder,
    encoder: g722::Encoder,
    scratch: Vec<u8>,
    /// Bytes for the wire that are no whole 20 ms yet.
    carried: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// s16le: what Asterisk calls host order, on the machines that it runs on.
    Linear,
    Ulaw,
    Alaw,
    G722,
}

const OURS: u32 = 16_000;

impl Voice {
    /// None: a format that nobody here understands.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (coding, rate) = match name {
            "ulaw" => (Coding::Ulaw, 8_000),
            "alaw" => (Coding::Alaw, 8_000),
            "g722" => (Coding::G722, OURS),
            "slin" | "slin8" => (Coding::Linear, 8_000),
            "slin12" => (Coding::Linear, 12_000),
            "slin16" => (Coding::Linear, OURS),
            "slin24" => (Coding::Linear, 24_000),
            "slin32" => (Coding::Linear, 32_000),
            "slin44" => (Coding::Linear, 44_100),
            "slin48" => (Coding::Linear, 48_000),
            "slin96" => (Coding::Linear, 96_000),
            "slin192" => (Coding::Linear, 192_000),
            _ => return None,
        };
        let samples = usize::try_from(rate / 50).ok()?;
        let frame = match coding {
            Coding::Linear => 2 * samples,
            Coding::Ulaw | Coding::Alaw => samples,
            Coding::G722 => samples / 2,
        };
        Some(Self {
            coding,
            frame,
            heard: Resampler::new(rate, OURS).ok()?,
            said: Resampler::new(OURS, rate).ok()?,
            decoder: g722::Decoder::new(),
            encoder: g722::Encoder::new(),
            scratch: Vec::with_capacity(2 * frame.max(FRAME_BYTES)),
            carried: Vec::with_capacity(4 * frame),
        })
    }

    /// Append what `bytes` of any length are.
    pub(super) fn decode(&mut self, bytes: &[u8], pcm: &mut Vec<u8>) {
        self.scratch.clear();
        match self.coding {
            Coding::Linear => return self.heard.push(bytes, pcm),
            Coding::G722 => return self.decoder.decode(bytes, pcm),
            Coding::Ulaw => g711::ulaw_decode(bytes, &mut self.scratch),
            Coding::Alaw => g711::alaw_decode(bytes, &mut self.scratch),
        }
        self.heard.push(&self.scratch, pcm);
    }

    /// 20 ms for the wire, in whole frames of the wire's: none, one, or rarely two.
    pub(super) fn encode(&mut self, frame: &[u8; FRAME_BYTES]) -> Frames<'_> {
        self.scratch.clear();
        match self.coding {
            Coding::Linear => self.said.push(frame, &mut self.carried),
            Coding::G722 => self.encoder.encode(frame, &mut self.carried),
            Coding::Ulaw => {
                self.said.push(frame, &mut self.scratch);
                g711::ulaw_encode(&self.scratch, &mut self.carried);
            }
            Coding::Alaw => {
                self.said.push(frame, &mut self.scratch);
                g711::alaw_encode(&self.scratch, &mut self.carried);
            }
        }
        let whole = self.carried.len() - self.carried.len() % self.frame;
        Frames {
            whole,
            carried: &mut self.carried,
        }
    }
}

/// Whole frames, gone from the voice when this is dropped.
pub(super) struct Frames<'a> {
    whole: usize,
    carried: &'a mut Vec<u8>,
}

impl Frames<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.carried[..self.whole]
    }
}

impl Drop for Frames<'_> {
    fn drop(&mut self) {
        self.carried.drain(..self.whole);
    }
}
