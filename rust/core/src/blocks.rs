//! Storage for queued speech: blocks of one frame, allocated once, chained as they fill.

use std::collections::TryReserveError;

use crate::frame::FRAME_BYTES;

/// All blocks of one ear; those in no chain are free.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Block after block, as far as they were ever lent; it grows within what was reserved. They are
    /// lent last in, first out: memory that no speech ever reached costs nothing (an ear is 1.9 MB,
    /// mostly empty).
    bytes: Vec<u8>,
    /// The block after each one, in its chain or in the list of free ones. Those that were never lent
    /// are the end of that list, in order.
    next: Vec<u32>,
    free: u32,
}

/// A run of bytes across blocks: all full but the first and the last.
#[derive(Debug)]
pub(crate) struct Chain {
    head: u32,
    last: u32,
    /// Bytes of the first block that were taken already.
    taken: usize,
    bytes: usize,
}

impl Chain {
    pub(crate) const fn new() -> Self {
        Self {
            head: NONE,
            last: NONE,
            taken: 0,
            bytes: 0,
        }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Blocks {
    pub(crate) fn new(count: usize) -> Result<Self, TryReserveError> {
        let count = u32::try_from(count).unwrap_or(NONE).min(NONE - 1);
        let (mut bytes, mut next) = (Vec::new(), Vec::new());
        bytes.try_reserve_exact((count as usize).saturating_mul(FRAME_BYTES))?;
        next.try_reserve_exact(count as usize)?;
        next.extend((1..count).chain([NONE]));
        Ok(Self {
            bytes,
            next,
            free: 0,
        })
    }

    /// Add bytes at the end. There must be blocks enough: one more than full frames
    /// per chain, and another one for a chain that was taken from in mid-block.
    pub(crate) fn append(&mut self, chain: &mut Chain, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = (chain.taken + chain.bytes) % FRAME_BYTES;
            if filled == 0 {
                self.lengthen(chain);
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(FRAME_BYTES - filled));
            let at = chain.last as usize * FRAME_BYTES + filled;
            self.bytes[at..at + piece.len()].copy_from_slice(piece);
            chain.bytes += piece.len();
            bytes = rest;
        }
    }

    /// Move the first frame, or the less that there is, to `frame`; answers how many bytes.
    pub(crate) fn take(&mut self, chain: &mut Chain, frame: &mut [u8; FRAME_BYTES]) -> usize {
        let length = chain.bytes.min(FRAME_BYTES);
        let head = length.min(FRAME_BYTES - chain.taken);
        let (first, second) = frame[..length].split_at_mut(head);
        if length > 0 {
            first.copy_from_slice(&self.block(chain.head)[chain.taken..][..head]);
        }
        if !second.is_empty() {
            let next = self.next[chain.head as usize];
            second.copy_from_slice(&self.block(next)[..length - head]);
        }
        self.drop_first(chain, length);
        length
    }

    /// Copy the first samples, as many as there are and fit; answers how many.
    pub(crate) fn peek(&self, chain: &Chain, samples: &mut [i16]) -> usize {
        let count = samples.len().min(chain.bytes / 2);
        let (mut block, mut from, mut done) = (chain.head, chain.taken, 0);
        while done < count {
            let pairs = self.block(block)[from..].chunks_exact(2);
            for (sample, pair) in samples[done..count].iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes([pair[0], pair[1]]);
            }
            done += (FRAME_BYTES - from) / 2;
            block = self.next[block as usize];
            from = 0;
        }
        count
    }

    /// Free the first bytes, of which there must be as many.
    pub(crate) fn drop_first(&mut self, chain: &mut Chain, bytes: usize) {
        chain.bytes -= bytes;
        chain.taken += bytes;
        while chain.taken >= FRAME_BYTES || chain.bytes == 0 && chain.taken > 0 {
            let block = chain.head;
            chain.head = self.next[block as usize];
            self.next[block as usize] = self.free;
            self.free = block;
            chain.taken = chain.taken.saturating_sub(FRAME_BYTES);
        }
    }

    fn block(&self, block: u32) -> &[u8] {
        let at = block as usize * FRAME_BYTES;
        &self.bytes[at..at + FRAME_BYTES]
    }

    /// Free the whole chain.
    pub(crate) fn release(&mut self, chain: &mut Chain) {
        if chain.bytes > 0 {
            self.next[chain.last as usize] = self.free;
            self.free = chain.head;
        }
        *chain = Chain::new();
    }

    fn lengthen(&mut self, chain: &mut Chain) {
        let block = self.free;
        self.free = self.next[block as usize];
        self.next[block as usize] = NONE;
        let end = (block as usize + 1) * FRAME_BYTES;
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if chain.bytes == 0 {
            chain.head = block;
        } else {
            self.next[chain.last as usize] = block;
        }
        chain.last = block;
    }
}

const NONE: u32 = u32::MAX;
