//! From the media thread to the thread that drains: a bounded ring, a flag, and one wake per batch.
//!
//! The protocol, modelled in `tests/loom_mailbox.rs`:
//!
//! * sender: push any number of items, then [`Sender::signal`]: if the flag was not yet up, wake.
//! * receiver: take the wake, put the flag down, *then* drain; if items are left at the limit,
//!   signal itself.
//!
//! No wake is lost: both sides change the flag by `swap`, so their changes are in one order. A
//! sender's `swap(true)` that comes before the receiver's `swap(false)` is read by it, and with it
//! (acquire/release) everything pushed before; one that comes after finds the flag down and wakes.
//!
//! When full: [`Sender::push`] hands the item back; nothing is overwritten. The caller counts it.

use std::sync::Arc;

use sync::{AtomicBool, Ordering};

/// Makes the receiver look, and takes that back. In the engine: an eventfd.
pub trait Wake {
    /// Make the receiver's watch ready.
    fn wake(&self);
    /// Make it unready again.
    fn settle(&self);
}

/// The sending end of a bounded single-producer, single-consumer ring.
pub trait Push {
    /// What goes through.
    type Item;
    /// Append; gives the item back when the ring is full.
    ///
    /// # Errors
    /// The item itself, when there is no room.
    fn push(&mut self, item: Self::Item) -> Result<(), Self::Item>;
    /// Free places, as seen by the sender (there may be more by now).
    fn room(&self) -> usize;
}

/// The receiving end of such a ring.
pub trait Pop {
    /// What goes through.
    type Item;
    /// The oldest item.
    fn pop(&mut self) -> Option<Self::Item>;
    /// Whether nothing waits.
    fn is_empty(&self) -> bool;
}

/// A flag and a wake: any number of `raise` between two `lower` wake once.
#[derive(Debug)]
pub struct Signal<W> {
    raised: AtomicBool,
    wake: W,
}

impl<W: Wake> Signal<W> {
    /// A lowered signal.
    pub fn new(wake: W) -> Self {
        Self {
            raised: AtomicBool::new(false),
            wake,
        }
    }

    /// To be called *after* the item was made visible.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.wake.wake();
        }
    }

    /// To be called *before* looking for items.
    pub fn lower(&self) {
        self.wake.settle();
        self.raised.swap(false, Ordering::AcqRel);
    }

    /// What is woken.
    pub fn target(&self) -> &W {
        &self.wake
    }
}

/// The media thread's end.
#[derive(Debug)]
pub struct Sender<P, W> {
    ring: P,
    signal: Arc<Signal<W>>,
    pushed: bool,
}

impl<P: Push, W: Wake> Sender<P, W> {
    /// Queue an item without waking: call [`Self::signal`] at the end of the batch.
    ///
    /// # Errors
    /// The item itself, when the ring is full.
    pub fn push(&mut self, item: P::Item) -> Result<(), P::Item> {
        self.ring.push(item)?;
        self.pushed = true;
        Ok(())
    }

    /// Free places at least.
    pub fn room(&self) -> usize {
        self.ring.room()
    }

    /// Wake the receiver, even if nothing was pushed.
    pub fn wake(&self) {
        self.signal.raise();
    }

    /// Wake the receiver if anything was pushed since the last time.
    pub fn signal(&mut self) {
        if std::mem::take(&mut self.pushed) {
            self.signal.raise();
        }
    }
}

/// The draining end.
#[derive(Debug)]
pub struct Receiver<P, W> {
    ring: P,
    signal: Arc<Signal<W>>,
}

impl<P: Pop, W: Wake> Receiver<P, W> {
    /// Hand up to `limit` items to `take`, oldest first. Signals itself when more is left.
    pub fn drain(&mut self, limit: usize, mut take: impl FnMut(P::Item)) -> usize {
        self.signal.lower();
        let mut taken = 0;
        while taken < limit {
            let Some(item) = self.ring.pop() else {
                return taken;
            };
            take(item);
            taken += 1;
        }
        if !self.ring.is_empty() {
            self.signal.raise();
        }
        taken
    }

    /// What is woken.
    pub fn target(&self) -> &W {
        self.signal.target()
    }
}

/// Join a ring's two ends by a signal.
pub fn mailbox<P: Push, C: Pop<Item = P::Item>, W: Wake>(
    (producer, consumer): (P, C),
    wake: W,
) -> (Sender<P, W>, Receiver<C, W>) {
    let signal = Arc::new(Signal::new(wake));
    let sender = Sender {
        ring: producer,
        signal: Arc::clone(&signal),
        pushed: false,
    };
    let receiver = Receiver {
        ring: consumer,
        signal,
    };
    (sender, receiver)
}

impl<T> Push for rtrb::Producer<T> {
    type Item = T;

    fn push(&mut self, item: T) -> Result<(), T> {
        Self::push(self, item).map_err(|rtrb::PushError::Full(item)| item)
    }

    fn room(&self) -> usize {
        self.slots()
    }
}

impl<T> Pop for rtrb::Consumer<T> {
    type Item = T;

    fn pop(&mut self) -> Option<T> {
        Self::pop(self).ok()
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

#[cfg(loom)]
mod sync {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
}

#[cfg(not(loom))]
mod sync {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn settle(&self) {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    fn wakes(receiver: &Receiver<rtrb::Consumer<u32>, Count>) -> usize {
        receiver.target().0.load(Ordering::Relaxed)
    }

    #[test]
    fn a_batch_wakes_once() {
        let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::new(8), Count::default());
        for n in 0..3 {
            sender.push(n).expect("room");
            sender.signal();
        }
        assert_eq!(wakes(&receiver), 1);
        let mut got = Vec::new();
        assert_eq!(receiver.drain(8, |n| got.push(n)), 3);
        assert_eq!((got, wakes(&receiver)), (vec![0, 1, 2], 0));
    }

    #[test]
    fn a_signal_without_a_push_wakes_nobody() {
        let (mut sender, receiver) = mailbox(rtrb::RingBuffer::<u32>::new(8), Count::default());
        sender.signal();
        assert_eq!(wakes(&receiver), 0);
    }

    #[test]
    fn a_drain_that_meets_its_limit_wakes_itself() {
        let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::new(8), Count::default());
        for n in 0..5 {
            sender.push(n).expect("room");
        }
        sender.signal();
        assert_eq!(receiver.drain(4, drop), 4);
        assert_eq!(wakes(&receiver), 1);
        assert_eq!(receiver.drain(4, drop), 1);
        assert_eq!(wakes(&receiver), 0);
    }

    #[test]
    fn a_full_ring_gives_the_item_back() {
        let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::new(2), Count::default());
        sender.push(1).expect("room");
        sender.push(2).expect("room");
        assert_eq!(sender.push(3), Err(3));
        assert_eq!(sender.room(), 0);
        let mut got = Vec::new();
        receiver.drain(9, |n| got.push(n));
        assert_eq!(got, [1, 2]);
    }
}
