//! Datagrams of any length in, 20 ms frames out, not a byte lost or added while datagrams come.
//!
//! A datagram boundary means nothing: the payloads are one stream of bytes that is cut every 640. A
//! remainder, and with it half a sample, waits for the next datagram. Only when the talker has
//! stopped ([`crate::tail`]) is the remainder completed with silence.
//!
//! When the next datagram is *due* depends on how the gateway sends. Up to 40 ms of audio in a
//! datagram, the last arrival counts as due: the next one follows soon enough. Gateways that coalesce
//! (7,680…15,870 bytes seen) send when that much audio has passed, so due is later by the length of
//! the last datagram, or by the longest of the recent gaps, as far as the datagrams that ended them
//! explain them: a silence between two short datagrams is no reason to wait.

use std::collections::TryReserveError;

use crate::frame::{Extremes, FRAME_BYTES, FRAME_NANOS, FRAME_SAMPLES, Frame, Nanos};

/// The largest payload of a UDP datagram over IPv4.
pub const MAX_DATAGRAM: usize = 65_507;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All of it is in.
    Queued,
    /// All but one byte is in: the other half of a sample that was completed before.
    Realigned,
    /// Nothing in it.
    Empty,
    /// No room, because the frames of the datagrams before were not taken out.
    Refused,
}

/// Cuts a leg's stream of bytes into frames and numbers their samples.
#[derive(Debug)]
pub struct Framer {
    /// Bytes not yet cut begin at `cut`.
    bytes: Vec<u8>,
    cut: usize,
    next: u64,
    /// Kernel time of the newest datagram, and the time it was handled (later when we lag).
    arrival: Nanos,
    handled: Nanos,
    /// Length of the newest datagram, and by how much the recent ones made us wait.
    length: Nanos,
    gaps: [Nanos; RECENT_GAPS],
    newest_gap: usize,
    /// We completed half a sample, and it is not yet known whether the stream goes on with the
    /// other.
    halved: bool,
    /// The next byte is to be left out.
    skip: bool,
}

impl Framer {
    /// A framer that has seen nothing; sample numbers begin at 0.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new() -> Result<Self, TryReserveError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(MAX_WAITING)?;
        Ok(Self {
            bytes,
            cut: 0,
            next: 0,
            arrival: 0,
            handled: 0,
            length: 0,
            gaps: [0; RECENT_GAPS],
            newest_gap: 0,
            halved: false,
            skip: false,
        })
    }

    /// Take in a datagram that arrived at `arrival` and is handled at `now`.
    pub fn push(&mut self, payload: &[u8], arrival: Nanos, now: Nanos) -> Fate {
        if payload.is_empty() {
            return Fate::Empty;
        }
        self.bytes.copy_within(self.cut.., 0);
        self.bytes.truncate(self.bytes.len() - self.cut);
        self.cut = 0;
        if self.bytes.len() + payload.len() > MAX_WAITING {
            return Fate::Refused;
        }
        self.bytes.extend_from_slice(payload);
        self.cut += usize::from(std::mem::take(&mut self.skip));
        self.note_arrival(duration(payload.len()), arrival, now);
        if self.halved && self.realign() {
            Fate::Realigned
        } else {
            Fate::Queued
        }
    }

    /// More of what the newest datagram brought. What there is no room for is dropped.
    pub fn add(&mut self, pcm: &[u8]) {
        let room = MAX_WAITING - self.bytes.len();
        self.bytes.extend_from_slice(&pcm[..pcm.len().min(room)]);
    }

    /// After half a sample was completed: does the stream go on with its other half? Judged by
    /// which of the two readings of what waits makes the smoother wave. Speech, tones and
    /// near-silence read one byte off are noise at full scale, hundreds of times rougher; a factor
    /// of 4 leaves real noise alone, where neither is wrong. Digital silence says nothing: the
    /// doubt waits for sound.
    fn realign(&mut self) -> bool {
        let waiting = &self.bytes[self.cut..];
        // A long datagram may begin with silence and go on with the first word.
        let silence = waiting.iter().take_while(|&&b| b == waiting[0]).count();
        let head = &waiting[silence.saturating_sub(2) & !1..];
        let head = &head[..head.len().min(FRAME_BYTES)];
        if head.len() < 8 {
            return false;
        }
        let straight = roughness(head);
        let shifted = roughness(&head[1..]);
        let off = shifted.saturating_mul(4) < straight;
        if off {
            self.cut += 1;
        }
        self.halved = !(off || straight.saturating_mul(4) < shifted);
        off
    }

    /// The next whole frame; its level and verdict are still to be filled in.
    pub fn pop(&mut self) -> Option<Frame> {
        if self.bytes.len() - self.cut < FRAME_BYTES {
            return None;
        }
        let end = self.cut + FRAME_BYTES;
        let follows = duration(self.bytes.len() - end);
        let mut frame = self.blank(self.arrival.saturating_sub(follows), 0);
        frame.pcm.copy_from_slice(&self.bytes[self.cut..end]);
        self.cut = end;
        Some(frame)
    }

    /// What is left, completed with silence. Half a sample gets the upper half of the sample before
    /// it, which keeps the wave within 255 of where it was; when the other half comes after all,
    /// the next datagram begins with it and [`Framer::push`] notices.
    pub fn pad(&mut self) -> Option<Frame> {
        let length = self.bytes.len() - self.cut;
        if length == 0 || length >= FRAME_BYTES {
            return self.pop();
        }
        let mut frame = self.blank(self.arrival, FRAME_BYTES - length);
        frame.pcm[..length].copy_from_slice(&self.bytes[self.cut..]);
        let halved = length % 2 == 1;
        self.halved |= halved;
        if halved && length > 1 {
            frame.pcm[length] = frame.pcm[length - 2];
        }
        self.bytes.clear();
        self.cut = 0;
        Some(frame)
    }

    /// The stream is read one byte off: leave out the next byte.
    pub fn skip_byte(&mut self) {
        if self.waits() {
            self.cut += 1;
        } else {
            self.skip = true;
        }
    }

    /// Whole samples follow, whatever came before: half a sample that waits for its other half is dropped. True: there
    /// was one.
    pub fn make_even(&mut self) -> bool {
        self.skip = false;
        let odd = (self.bytes.len() - self.cut) % 2 == 1;
        if odd {
            self.bytes.pop();
        }
        odd
    }

    /// A frame of silence of ours, as if captured at `captured`.
    pub fn silence(&mut self, captured: Nanos) -> Frame {
        self.blank(captured, FRAME_BYTES)
    }

    /// Forget carried bytes and arrivals; returns how many bytes. Sample numbers go on.
    pub fn reset(&mut self) -> usize {
        let forgotten = self.bytes.len() - self.cut;
        self.bytes.clear();
        self.cut = 0;
        self.gaps = [0; RECENT_GAPS];
        self.length = 0;
        self.arrival = 0;
        self.handled = 0;
        self.halved = false;
        self.skip = false;
        forgotten
    }

    /// When the next datagram is due, never earlier than the last one was handled: our own lateness
    /// must not look like the talker's silence.
    #[must_use]
    pub fn due(&self) -> Nanos {
        let wait = self.gaps.iter().fold(self.length, |a, &b| a.max(b));
        let wait = if wait > LONG_DATAGRAM { wait } else { 0 };
        self.handled.max(self.arrival + wait)
    }

    /// Whether bytes wait for the rest of their frame.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.cut < self.bytes.len()
    }

    /// The number the next sample will get.
    #[must_use]
    pub const fn next_sample(&self) -> u64 {
        self.next
    }

    /// The next frame of the leg, silent so far.
    fn blank(&mut self, captured: Nanos, filled: usize) -> Frame {
        let start = self.next;
        self.next += FRAME_SAMPLES;
        #[expect(clippy::cast_possible_truncation, reason = "at most 640")]
        let filled = filled as u16;
        Frame {
            start,
            captured,
            peak: 0,
            rms: 0,
            extremes: Extremes::default(),
            speech: false,
            echo: false,
            filled,
            pcm: [0; FRAME_BYTES],
        }
    }

    fn note_arrival(&mut self, length: Nanos, arrival: Nanos, now: Nanos) {
        let gap = match self.arrival {
            0 => 0,
            before => arrival.saturating_sub(before),
        };
        self.newest_gap = (self.newest_gap + 1) % RECENT_GAPS;
        self.gaps[self.newest_gap] = gap.min(length);
        self.length = length;
        self.arrival = self.arrival.max(arrival);
        self.handled = now;
    }
}

/// How long so many bytes of audio last.
#[must_use]
pub const fn duration(bytes: usize) -> Nanos {
    bytes as u64 * (FRAME_NANOS / FRAME_BYTES as u64)
}

fn roughness(pcm: &[u8]) -> u64 {
    let sample = |pair: &[u8]| i32::from(i16::from_le_bytes([pair[0], pair[1]]));
    let later = pcm.get(2..).unwrap_or_default();
    let pairs = pcm.chunks_exact(2).zip(later.chunks_exact(2));
    pairs
        .map(|(a, b)| u64::from(sample(a).abs_diff(sample(b))))
        .sum()
}

/// Bytes that may wait: the largest datagram and a remainder would do; twice that lets a shell that
/// forgot to poll once get away with it.
const MAX_WAITING: usize = 2 * (MAX_DATAGRAM + FRAME_BYTES);

/// A datagram longer than this is followed by the next one no sooner than its own length.
const LONG_DATAGRAM: Nanos = 40_000_000;

/// Gaps remembered: a gateway whose datagrams are long and short in turns is not taken for one that
/// stopped after a short one.
const RECENT_GAPS: usize = 16;
