//! Packets in the order of their sequence numbers, and what is missing for good.
//!
//! A packet that is next is passed on at once. One that is ahead of a gap waits until the gap is filled, or
//! for [`Order::wait`] since the gap was noticed: at least [`SHORTEST`]; longer, up to [`LONGEST`], when
//! packets have come later than that. The wait shortens again by a tenth with every 500 packets.
//!
//! While nothing at all comes the network stands still, and what is missing stands in it, too: it is waited for
//! until [`GRACE`] after the next packet, and for [`TAIL_PATIENCE_RTP`] after the newest at most.
//!
//! Up to [`PLACES`] packets wait. One that is further ahead, or far behind, is a stream that jumped, or a
//! stray: as in RFC 3550, appendix A.1, it is believed when the one after it comes too, and then both are
//! passed on.

use std::collections::TryReserveError;

use crate::frame::Nanos;
use crate::tail::TAIL_PATIENCE_RTP;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is next.
    Next,
    /// It is kept.
    Kept,
    /// It is there already.
    Double,
    /// Its place was given up.
    Late,
    /// So was its place, but nothing else has come for a while: the stream was set back. All that is kept comes
    /// first, then the order is to be forgotten.
    Back,
    /// It belongs somewhere else altogether, and is kept in case that the stream is there now.
    Astray,
    /// It follows one that was astray: the stream is there now. That one and this one are next, after
    /// all that is kept.
    Jump,
    /// It is too large to be kept: what is missing before it is given up, and it is next after what is kept of that.
    Large,
}

/// A packet that was kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Packets before it that never came.
    pub missing: u16,
    /// When it arrived.
    pub arrival: Nanos,
    slot: usize,
}

/// The order of one stream.
#[derive(Debug)]
pub struct Order {
    /// The sequence number that is next.
    next: Option<u16>,
    /// Of the numbers before it, which came: bit 0 is the newest.
    came: u128,
    slots: Vec<Slot>,
    /// Of each slot, as far as the last one that was ever full. All of it is reserved, and most lines never have a gap:
    /// memory that is not touched costs nothing.
    bytes: Vec<u8>,
    kept: usize,
    /// When the oldest gap was noticed.
    noticed: Nanos,
    /// When the newest packet came.
    newest: Nanos,
    /// No gap's time is over before: the network stood still.
    spared: Nanos,
    wait: Nanos,
    /// Packets since the wait was last shortened.
    calm: u32,
    /// The number after a packet that was astray.
    astray: Option<u16>,
    /// Packets in a row whose places had been passed, and when the first of them came.
    lates: u32,
    late_since: Nanos,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    full: bool,
    sequence: u16,
    length: usize,
    arrival: Nanos,
}

impl Order {
    /// Allocates all it will ever need.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new() -> Result<Self, TryReserveError> {
        let (mut slots, mut bytes) = (Vec::new(), Vec::new());
        slots.try_reserve_exact(PLACES + 1)?;
        slots.resize(PLACES + 1, Slot::default());
        bytes.try_reserve_exact((PLACES + 1) * LARGEST)?;
        Ok(Self {
            slots,
            bytes,
            ..Self::nothing()
        })
    }

    /// In place of an order that is being read.
    pub(crate) const fn nothing() -> Self {
        Self {
            next: None,
            came: 0,
            slots: Vec::new(),
            bytes: Vec::new(),
            kept: 0,
            noticed: Nanos::MAX,
            newest: 0,
            spared: 0,
            wait: SHORTEST,
            calm: 0,
            astray: None,
            lates: 0,
            late_since: 0,
        }
    }

    /// A packet came; all of its datagram is kept if it must be.
    pub fn place(&mut self, sequence: u16, datagram: &[u8], arrival: Nanos) -> Place {
        self.arrived(arrival);
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next);
        if usize::from(ahead) < PLACES {
            self.astray = None;
            self.lates = 0;
            self.relax();
        }
        match usize::from(ahead) {
            0 => {
                if self.kept > 0 && arrival >= self.spared {
                    self.learn(arrival);
                }
                self.step(0);
                Place::Next
            }
            1..PLACES => self.keep(sequence, datagram, arrival),
            _ => {
                let behind = u32::from(next.wrapping_sub(sequence));
                if behind <= u128::BITS {
                    self.behind(behind, arrival)
                } else {
                    self.stray(sequence, datagram, arrival)
                }
            }
        }
    }

    /// The oldest packet that is kept, if the one before it came, or its time is over at `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Kept> {
        self.pop_within(PLACES, now)
    }

    /// The oldest packet that is kept, if it is before this one.
    pub fn pop_before(&mut self, sequence: u16) -> Option<Kept> {
        let ahead = sequence.wrapping_sub(self.next?);
        self.pop_within(PLACES.min(ahead.into()), Nanos::MAX)
    }

    fn pop_within(&mut self, places: usize, now: Nanos) -> Option<Kept> {
        let next = self.next.filter(|_| self.kept > 0)?;
        let missing = (0..places).find(|&ahead| {
            let sequence = next.wrapping_add(short(ahead));
            let slot = &self.slots[usize::from(sequence) % PLACES];
            slot.full && slot.sequence == sequence
        })?;
        if missing > 0 && now < self.deadline() {
            return None;
        }
        let slot = usize::from(next.wrapping_add(short(missing))) % PLACES;
        let arrival = self.slots[slot].arrival;
        self.slots[slot].full = false;
        self.kept -= 1;
        self.step(missing);
        // The next gap is as old as the oldest packet behind it.
        let oldest = self.slots[..PLACES].iter().filter(|slot| slot.full);
        self.noticed = oldest.map(|slot| slot.arrival).min().unwrap_or(Nanos::MAX);
        Some(Kept {
            missing: short(missing),
            arrival,
            slot,
        })
    }

    /// The datagram of a packet that was popped, until the next one is placed.
    #[must_use]
    pub fn datagram(&self, kept: Kept) -> &[u8] {
        let from = kept.slot * LARGEST;
        &self.bytes[from..from + self.slots[kept.slot].length]
    }

    /// After [`Place::Jump`]: the packet that was astray, if it was not too large. The order goes on behind
    /// the one that came after it.
    pub fn jump(&mut self, sequence: u16) -> Option<Kept> {
        let slot = self.slots[PLACES];
        self.slots[PLACES].full = false;
        self.next = Some(sequence.wrapping_add(1));
        self.came = 0b11;
        self.astray = None;
        let before = slot.full && slot.sequence == sequence.wrapping_sub(1);
        before.then_some(Kept {
            missing: 0,
            arrival: slot.arrival,
            slot: PLACES,
        })
    }

    /// After [`Place::Large`], and all that was kept before it: give up what is missing before it; how many that is.
    pub fn skip_to(&mut self, sequence: u16) -> u16 {
        let missing = self.missing_before(sequence);
        self.step(usize::from(missing));
        missing
    }

    /// How many places are empty before a packet, when all that was kept before it has been passed on.
    #[must_use]
    pub fn missing_before(&self, sequence: u16) -> u16 {
        self.next.map_or(0, |next| sequence.wrapping_sub(next))
    }

    /// When a gap's time is over; `Nanos::MAX`: there is none.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        let over = self.noticed.saturating_add(self.wait).max(self.spared);
        if self.noticed < Nanos::MAX && over > self.newest + STILL {
            self.newest + TAIL_PATIENCE_RTP
        } else {
            over
        }
    }

    /// Whether packets wait behind a gap.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.kept > 0
    }

    /// Bytes of the packets that wait behind a gap.
    #[must_use]
    pub fn held(&self) -> usize {
        let full = self.slots[..PLACES].iter().filter(|slot| slot.full);
        full.map(|slot| slot.length).sum()
    }

    /// How long a gap is waited for.
    #[must_use]
    pub const fn wait(&self) -> Nanos {
        self.wait
    }

    /// Another stream begins. Pop all that is kept before, at `Nanos::MAX`.
    pub fn forget(&mut self) {
        self.next = None;
        self.came = 0;
        self.astray = None;
        self.lates = 0;
        self.kept = 0;
        self.noticed = Nanos::MAX;
        self.newest = 0;
        self.spared = 0;
        for slot in &mut self.slots {
            slot.full = false;
        }
    }

    /// Another line begins: how late packets came on the one before says nothing of it.
    pub fn begin_anew(&mut self) {
        self.forget();
        self.wait = SHORTEST;
        self.calm = 0;
    }

    fn arrived(&mut self, arrival: Nanos) {
        if self.kept > 0 && arrival > self.newest + STILL {
            self.spared = arrival + GRACE;
        }
        self.newest = self.newest.max(arrival);
    }

    fn keep(&mut self, sequence: u16, datagram: &[u8], arrival: Nanos) -> Place {
        let at = usize::from(sequence) % PLACES;
        if self.slots[at].full && self.slots[at].sequence == sequence {
            return Place::Double;
        }
        if datagram.len() > LARGEST {
            return Place::Large;
        }
        self.fill(at, sequence, datagram, arrival);
        self.kept += 1;
        self.noticed = self.noticed.min(arrival);
        Place::Kept
    }

    fn stray(&mut self, sequence: u16, datagram: &[u8], arrival: Nanos) -> Place {
        if self.astray == Some(sequence) {
            return Place::Jump;
        }
        self.astray = Some(sequence.wrapping_add(1));
        self.keep_astray(sequence, datagram, arrival);
        Place::Astray
    }

    fn keep_astray(&mut self, sequence: u16, datagram: &[u8], arrival: Nanos) {
        self.slots[PLACES].full = false;
        if datagram.len() <= LARGEST {
            self.fill(PLACES, sequence, datagram, arrival);
        }
    }

    fn fill(&mut self, at: usize, sequence: u16, datagram: &[u8], arrival: Nanos) {
        let from = at * LARGEST;
        if self.bytes.len() < from + LARGEST {
            self.bytes.resize(from + LARGEST, 0);
        }
        self.bytes[from..from + datagram.len()].copy_from_slice(datagram);
        self.slots[at] = Slot {
            full: true,
            sequence,
            length: datagram.len(),
            arrival,
        };
    }

    /// `missing` packets are given up, and the one after them is passed on.
    fn step(&mut self, missing: usize) {
        let steps = missing + 1;
        self.came = if steps < u128::BITS as usize {
            (self.came << steps) | 1
        } else {
            1
        };
        self.next = self.next.map(|next| next.wrapping_add(short(steps)));
    }

    /// A gap was filled in time, so late after it was noticed.
    fn learn(&mut self, arrival: Nanos) {
        self.lengthen(arrival.saturating_sub(self.noticed) + MARGIN);
    }

    /// A packet whose place has been passed, so many before the next one. When nothing else comes any more,
    /// the stream goes on there. Some that come all at once were held up on their way together.
    fn behind(&mut self, behind: u32, arrival: Nanos) -> Place {
        let bit = 1_u128 << (behind - 1);
        if self.came & bit != 0 {
            return Place::Double;
        }
        self.came |= bit;
        self.lengthen(Nanos::from(behind) * 20_000_000 + MARGIN);
        if self.lates == 0 {
            self.late_since = arrival;
        }
        self.lates += 1;
        if self.lates >= TURNED_BACK && arrival >= self.late_since + SHORTEST {
            Place::Back
        } else {
            Place::Late
        }
    }

    fn lengthen(&mut self, wait: Nanos) {
        self.wait = self.wait.max(wait.min(LONGEST));
        self.calm = 0;
    }

    fn relax(&mut self) {
        self.calm += 1;
        if self.calm == CALM {
            self.calm = 0;
            self.wait = (self.wait - self.wait / 10).max(SHORTEST);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "less than 65")]
const fn short(count: usize) -> u16 {
    count as u16
}

/// Packets that may wait behind a gap: 1.28 s of 20 ms.
pub const PLACES: usize = 64;

/// The largest datagram that can be kept: a jumbo frame's is none that telephones send.
pub const LARGEST: usize = 2_048;

/// A gap is waited for at least so long.
pub const SHORTEST: Nanos = 80_000_000;

/// And at most so long.
pub const LONGEST: Nanos = 200_000_000;

/// When nothing has come for so long the network stands still. A packet that was no more than 60 ms late had come
/// before, by the wait that is left then.
const STILL: Nanos = 30_000_000;

/// After a network that stood still all comes at once, in any order. Shorter than [`STILL`], so that packets that
/// come a long time from each other spare no gap for ever.
pub const GRACE: Nanos = 20_000_000;

/// What a packet that was late before may be later the next time.
const MARGIN: Nanos = 20_000_000;

/// Packets without a late one after which the wait shortens.
const CALM: u32 = 500;

/// So many late packets in a row, for as long as [`SHORTEST`], are a stream that was set back.
const TURNED_BACK: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_come_in_order_touch_no_memory_and_others_allocate_none() {
        let Ok(mut order) = Order::new() else {
            panic!("no memory");
        };
        for sequence in 0..200 {
            assert_eq!(order.place(sequence, &[1; 172], 1), Place::Next);
        }
        assert_eq!(order.bytes.len(), 0);
        let (room, memory) = (order.bytes.capacity(), order.bytes.as_ptr());
        for sequence in 201..264 {
            assert_eq!(order.place(sequence, &[2; LARGEST], 1), Place::Kept);
        }
        assert_eq!(order.place(9_000, &[3; LARGEST], 1), Place::Astray);
        assert_eq!(
            (order.bytes.capacity(), order.bytes.as_ptr()),
            (room, memory)
        );
        let Some(kept) = order.pop(Nanos::MAX) else {
            panic!("none was kept");
        };
        assert_eq!((kept.missing, order.datagram(kept)), (1, &[2; LARGEST][..]));
    }
}
