//! The last seconds of a leg's audio by absolute sample number, so that it can be played again.

use std::collections::TryReserveError;

use crate::frame::{FRAME_BYTES, FRAME_SAMPLES};

/// Bytes of one sample.
const SAMPLE_BYTES: usize = 2;

/// A ring of whole frames that never reallocates; the oldest audio makes way for the newest.
///
/// The audio it holds is one unbroken stretch of sample numbers. A frame that does not follow the
/// one before (after a `Reset`, or when the caller skipped some) starts a new stretch: what was
/// held before is forgotten, because a stretch with a hole could not be played truthfully.
#[derive(Debug)]
pub struct Ledger {
    /// Grows in its first lap, within what was reserved: memory that no audio reached costs nothing.
    ring: Vec<u8>,
    /// Bytes of the ring when it is full.
    size: usize,
    /// Where sample `next` will lie.
    head: usize,
    /// Held stretch: samples `first..next`.
    first: u64,
    next: u64,
}

impl Ledger {
    /// A ledger that keeps nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ring: Vec::new(),
            size: 0,
            head: 0,
            first: 0,
            next: 0,
        }
    }

    /// A ledger that keeps the last `samples`, rounded up to whole frames; 0 keeps nothing.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new(samples: usize) -> Result<Self, TryReserveError> {
        let frames = samples.div_ceil(FRAME_BYTES / SAMPLE_BYTES);
        let mut ledger = Self::empty();
        ledger.size = frames.saturating_mul(FRAME_BYTES);
        ledger.ring.try_reserve_exact(ledger.size)?;
        Ok(ledger)
    }

    /// Add the frame whose first sample has the absolute number `start`.
    pub fn append(&mut self, start: u64, pcm: &[u8; FRAME_BYTES]) {
        if self.size == 0 {
            return;
        }
        if start != self.next {
            self.first = start;
        }
        self.next = start + FRAME_SAMPLES;
        self.first = self.first.max(self.next.saturating_sub(self.capacity()));
        // The head is at a multiple of a frame, and so is the ring's end.
        if self.head == self.ring.len() {
            self.ring.extend_from_slice(pcm);
        } else {
            self.ring[self.head..self.head + FRAME_BYTES].copy_from_slice(pcm);
        }
        self.head = (self.head + FRAME_BYTES) % self.size;
    }

    /// Samples `start..end` as far as they are held: the number of the first one and the bytes
    /// (s16le). Asking for what is not held any more, or not yet, shortens the answer; when nothing
    /// is left the bytes are empty and the number is the end of `start..end` that is nearer to what
    /// is held.
    #[must_use]
    pub fn read(&self, start: u64, end: u64) -> (u64, Vec<u8>) {
        let mut bytes = Vec::new();
        let first = self.read_into(start, end, &mut bytes);
        (first, bytes)
    }

    /// Like [`Ledger::read`], into a buffer of the caller's (which is cleared first).
    pub fn read_into(&self, start: u64, end: u64, bytes: &mut Vec<u8>) -> u64 {
        bytes.clear();
        let from = start.max(self.first);
        let to = end.min(self.next);
        if from >= to {
            return start.max(self.first).min(end.max(start));
        }
        let length = bytes_of(to - from);
        let at = (self.head + self.size - bytes_of(self.next - from)) % self.size;
        let head = length.min(self.ring.len() - at);
        bytes.reserve_exact(length);
        bytes.extend_from_slice(&self.ring[at..at + head]);
        bytes.extend_from_slice(&self.ring[..length - head]);
        from
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        self.first = self.next;
    }

    /// Forget what lies before a sample.
    pub fn forget_before(&mut self, sample: u64) {
        self.first = self.first.max(sample.min(self.next));
    }

    /// The sample numbers held.
    #[must_use]
    pub const fn held(&self) -> std::ops::Range<u64> {
        self.first..self.next
    }

    /// Samples it can hold.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        (self.size / SAMPLE_BYTES) as u64
    }
}

/// Bytes of so many samples of the ring.
#[expect(clippy::cast_possible_truncation, reason = "at most the ring's length")]
const fn bytes_of(samples: u64) -> usize {
    samples as usize * SAMPLE_BYTES
}
