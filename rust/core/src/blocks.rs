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

/// A run of bytes across blocks: all full but the last.
#[derive(Debug)]
pub(crate) struct Chain {
    head: u32,
    last: u32,
    bytes: usize,
}

impl Chain {
    pub(crate) const fn new() -> Self {
        Self {
            head: NONE,
            last: NONE,
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

    /// Add bytes at the end. There must be blocks enough: one more than full frames per chain.
    pub(crate) fn append(&mut self, chain: &mut Chain, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = chain.bytes % FRAME_BYTES;
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

    /// Move the first block, or the less that there is, to `frame`; answers how many bytes.
    pub(crate) fn take(&mut self, chain: &mut Chain, frame: &mut [u8; FRAME_BYTES]) -> usize {
        let length = chain.bytes.min(FRAME_BYTES);
        if length > 0 {
            let block = chain.head as usize;
            let at = block * FRAME_BYTES;
            frame[..length].copy_from_slice(&self.bytes[at..at + length]);
            chain.bytes -= length;
            chain.head = self.next[block];
            self.next[block] = self.free;
            #[expect(clippy::cast_possible_truncation, reason = "it was a u32")]
            let freed = block as u32;
            self.free = freed;
        }
        length
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
