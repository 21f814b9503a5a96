//! Is what comes into a raw leg RTP?
//!
//! Somebody who points Asterisk's `ExternalMedia` at a leg that expects headerless PCM is heard as a healthy
//! stream of noise, in which nobody finds a word. So the first datagrams of a call are held against what RTP looks
//! like: version 2, a known payload type, a payload of whole 10 ms, then the same stream with rising numbers.
//! As long as they are that, they are kept; the first that is not sends all of them on as PCM, which is nearly
//! always at once. Later ones are looked at, and not kept. So RTP that comes later is found, too; of its first packets
//! all but the last one needed are heard as PCM.

use std::collections::TryReserveError;

use crate::frame::Nanos;
use crate::rtp::format::Format;
use crate::rtp::packet::{Kind, Packet, is_rtcp};

/// What is to become of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It is PCM.
    Pcm,
    /// It may be either, and is kept.
    Kept,
    /// It is PCM, and so is all that was kept.
    AllPcm,
    /// It is RTP, and so is all that was kept, this one included.
    AllRtp,
    /// It is RTP.
    Rtp,
}

/// What RTP was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Of its newest packet.
    pub payload_type: u8,
    /// What that means, if it means anything by itself.
    pub format: Option<Format>,
}

/// Looks at the datagrams of one leg.
#[derive(Debug)]
pub struct Watch {
    needed: u32,
    verdict: Verdict,
    newest: Option<Newest>,
    run: u32,
    bytes: Vec<u8>,
    ends: Vec<(usize, Nanos)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    Pcm,
    Rtp,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    sequence: u16,
    payload_type: u8,
}

impl Watch {
    /// So many packets are believed. Allocates all it will ever need.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new(needed: u32) -> Result<Self, TryReserveError> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        bytes.try_reserve_exact(needed as usize * LARGEST)?;
        ends.try_reserve_exact(needed as usize)?;
        Ok(Self {
            needed,
            verdict: Verdict::Open,
            newest: None,
            run: 0,
            bytes,
            ends,
        })
    }

    /// The next datagram.
    pub fn look(&mut self, datagram: &[u8], arrival: Nanos) -> Sort {
        let packet = Packet::parse(datagram);
        if self.verdict == Verdict::Rtp && (packet.is_some() || datagram.len() < SHORTEST_PCM) {
            return Sort::Rtp;
        }
        if self.verdict != Verdict::Pcm && self.run > 0 && is_rtcp(datagram) {
            // The control packets of a stream come among the others, and are of no use to anybody.
            return Sort::Kept;
        }
        let goes_on = packet.is_some_and(|packet| self.goes_on(&packet));
        if !goes_on || datagram.len() > LARGEST {
            self.run = 0;
            let open = std::mem::replace(&mut self.verdict, Verdict::Pcm) == Verdict::Open;
            let kept = open && !self.ends.is_empty();
            return if kept { Sort::AllPcm } else { Sort::Pcm };
        }
        self.run += 1;
        let open = self.verdict == Verdict::Open;
        if open {
            self.bytes.extend_from_slice(datagram);
            self.ends.push((self.bytes.len(), arrival));
        }
        if self.run >= self.needed {
            self.verdict = Verdict::Rtp;
            return if open { Sort::AllRtp } else { Sort::Rtp };
        }
        if open { Sort::Kept } else { Sort::Pcm }
    }

    /// What was found; none: nothing, or not yet.
    #[must_use]
    pub fn found(&self) -> Option<Found> {
        let newest = self.newest.filter(|_| self.verdict == Verdict::Rtp)?;
        Some(Found {
            payload_type: newest.payload_type,
            format: Format::of(newest.payload_type),
        })
    }

    /// When what is kept is to be given up as PCM, because no more comes.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        self.ends
            .last()
            .map_or(Nanos::MAX, |&(_, arrival)| arrival + PATIENCE)
    }

    /// No more came: it was PCM.
    pub const fn give_up(&mut self) {
        self.verdict = Verdict::Pcm;
        self.run = 0;
    }

    /// What was kept, oldest first. To be followed by `empty`.
    pub fn kept(&self) -> impl Iterator<Item = (&[u8], Nanos)> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|&(end, _)| end));
        let pieces = begins.zip(&self.ends);
        pieces.map(|(begin, &(end, at))| (&self.bytes[begin..end], at))
    }

    /// What was kept has been passed on; how many datagrams that were.
    pub fn empty(&mut self) -> usize {
        let kept = self.ends.len();
        self.bytes.clear();
        self.ends.clear();
        kept
    }

    /// The call ended, or somebody else is heard: look anew. How many bytes had been kept.
    pub fn forget(&mut self) -> usize {
        let kept = self.bytes.len();
        self.verdict = Verdict::Open;
        self.newest = None;
        self.run = 0;
        self.empty();
        kept
    }

    /// Whether it may be the next packet of the stream that is suspected, or the first of one.
    fn goes_on(&mut self, packet: &Packet<'_>) -> bool {
        let plain = match packet.kind(Format::Slin16) {
            Kind::Audio(format) => {
                let bytes = packet.payload.len();
                let whole = format.units(bytes) % (format.clock() / 100) == 0;
                bytes > 0 && whole
            }
            Kind::Noise | Kind::Event => self.newest.is_some(),
            Kind::Unknown => false,
        };
        let newest = Newest {
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            payload_type: match packet.kind(Format::Slin16) {
                Kind::Audio(_) => packet.payload_type,
                _ => self.newest.map_or(0, |newest| newest.payload_type),
            },
        };
        let before = self.newest.replace(newest).filter(|_| self.run > 0);
        let follows = before.is_none_or(|before| {
            let step = packet.sequence.wrapping_sub(before.sequence);
            // Up to 16 on, or back: some packets are lost, some overtake others.
            before.ssrc == packet.ssrc && step.wrapping_add(16) <= 32
        });
        plain && follows
    }
}

/// What is shorter is no PCM where RTP comes: STUN, and what else keeps a way through a NAT open. 5 ms at 16 kHz.
const SHORTEST_PCM: usize = 160;

/// The largest datagram that is looked at.
const LARGEST: usize = 2_048;

/// A datagram that may be either waits for the next one.
const PATIENCE: Nanos = 100_000_000;
