//! The mailbox's ring-flag-wake protocol under every interleaving that loom finds.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p translink-engine --test loom_mailbox --release`
#![cfg(loom)]

use std::sync::Arc as StdArc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use translink_engine::mailbox::{Pop, Push, Wake, mailbox};

/// A ring with rtrb's orderings: the tail is released by the producer, acquired by the consumer.
struct Ring {
    slots: [AtomicUsize; 4],
    head: AtomicUsize,
    tail: AtomicUsize,
}

#[derive(Clone)]
struct End(Arc<Ring>);

impl Push for End {
    type Item = usize;

    fn push(&mut self, item: usize) -> Result<(), usize> {
        if self.room() == 0 {
            return Err(item);
        }
        let tail = self.0.tail.load(Ordering::Relaxed);
        self.0.slots[tail % 4].store(item, Ordering::Relaxed);
        self.0.tail.store(tail + 1, Ordering::Release);
        Ok(())
    }

    fn room(&self) -> usize {
        let tail = self.0.tail.load(Ordering::Relaxed);
        4 - (tail - self.0.head.load(Ordering::Acquire))
    }
}

impl Pop for End {
    type Item = usize;

    fn pop(&mut self) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let head = self.0.head.load(Ordering::Relaxed);
        let item = self.0.slots[head % 4].load(Ordering::Relaxed);
        self.0.head.store(head + 1, Ordering::Release);
        Some(item)
    }

    fn is_empty(&self) -> bool {
        self.0.head.load(Ordering::Relaxed) == self.0.tail.load(Ordering::Acquire)
    }
}

/// An eventfd: a counter that can be waited for.
#[derive(Default)]
struct Eventfd {
    count: Mutex<u64>,
    ready: Condvar,
}

#[derive(Clone)]
struct Handle(StdArc<Eventfd>);

impl Handle {
    fn wait(&self) {
        let mut count = self.0.count.lock().expect("not poisoned");
        while *count == 0 {
            count = self.0.ready.wait(count).expect("not poisoned");
        }
    }
}

impl Wake for Handle {
    fn wake(&self) {
        *self.0.count.lock().expect("not poisoned") += 1;
        self.0.ready.notify_one();
    }

    fn settle(&self) {
        *self.0.count.lock().expect("not poisoned") = 0;
    }
}

/// The receiver sleeps whenever the eventfd is not ready: a lost wake would leave it asleep for
/// ever, which loom reports as a deadlock.
fn run(batches: &'static [&'static [usize]], limit: usize) {
    loom::model(move || {
        let ring = End(Arc::new(Ring {
            slots: Default::default(),
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
        }));
        let eventfd = Handle(StdArc::new(Eventfd::default()));
        let (mut sender, mut receiver) = mailbox((ring.clone(), ring), eventfd.clone());
        let producer = thread::spawn(move || {
            for batch in batches {
                for item in *batch {
                    sender.push(*item).expect("the ring holds them all");
                }
                sender.signal();
            }
        });
        let expected: Vec<usize> = batches
            .iter()
            .flat_map(|batch| batch.iter().copied())
            .collect();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            eventfd.wait();
            receiver.drain(limit, |item| got.push(item));
        }
        producer.join().expect("producer");
        assert_eq!(got, expected);
    });
}

#[test]
fn no_wake_is_lost_between_single_items() {
    run(&[&[1], &[2]], 8);
}

#[test]
fn no_wake_is_lost_between_batches() {
    run(&[&[1, 2], &[3]], 8);
}

#[test]
fn no_item_is_left_behind_by_a_drain_with_a_limit() {
    run(&[&[1, 2], &[3]], 1);
}
