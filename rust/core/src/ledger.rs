//! The last seconds of a leg's audio by absolute sample number, so that it can be told again.

use crate::frame::{FRAME_BYTES, FRAME_SAMPLES};

/// Bytes of one sample.
const SAMPLE_BYTES: usize = 2;

/// A ring of whole frames that never reallocates; the oldest audio makes way for the newest.
///
/// The audio it holds is one unbroken stretch of sample numbers. A frame that does not follow the
/// one before (after a `Reset`, or when the caller skipped some) starts a new stretch: what was
/// held before is forgotten, because a stretch with a hole could not be told truthfully.
#[derive(Debug)]
pub struct Ledger {
    ring: Box<[u8]>,
    /// Held stretch: samples `first..next`.
    first: u64,
    next: u64,
}

impl Ledger {
    /// A ledger that keeps the last `samples`, rounded up to whole frames; 0 keeps nothing.
    #[must_use]
    pub fn new(samples: usize) -> Self {
        let frames = samples.div_ceil(FRAME_BYTES / SAMPLE_BYTES);
        Self {
            ring: vec![0; frames * FRAME_BYTES].into_boxed_slice(),
            first: 0,
            next: 0,
        }
    }

    /// Add the frame whose first sample has the absolute number `start`.
    pub fn append(&mut self, start: u64, pcm: &[u8; FRAME_BYTES]) {
        let capacity = self.capacity();
        if capacity == 0 {
            return;
        }
        if start != self.next {
            self.first = start;
        }
        self.next = start + FRAME_SAMPLES;
        self.first = self.first.max(self.next.saturating_sub(capacity));
        let at = self.offset(start);
        let head = FRAME_BYTES.min(self.ring.len() - at);
        self.ring[at..at + head].copy_from_slice(&pcm[..head]);
        self.ring[..FRAME_BYTES - head].copy_from_slice(&pcm[head..]);
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
        #[expect(clippy::cast_possible_truncation, reason = "at most the ring's length")]
        let length = (to - from) as usize * SAMPLE_BYTES;
        let at = self.offset(from);
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

    /// The sample numbers held.
    #[must_use]
    pub const fn held(&self) -> std::ops::Range<u64> {
        self.first..self.next
    }

    /// Samples it can hold.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        (self.ring.len() / SAMPLE_BYTES) as u64
    }

    /// Where a sample lies in the ring.
    fn offset(&self, sample: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "less than the ring's length"
        )]
        let at = (sample % self.capacity()) as usize;
        at * SAMPLE_BYTES
    }
}
