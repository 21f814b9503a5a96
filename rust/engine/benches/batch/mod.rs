//! A batch through the engine's mailbox, as the media thread and Python do: pushed, signalled once,
//! drained; the wake costs nothing here. `mailbox.rs` takes the time (criterion), `rust/counts` lets
//! valgrind count the instructions.
#![allow(unreachable_pub, reason = "a bench")]

use std::hint::black_box;

use translink_engine::Item;
use translink_engine::mailbox::{Wake, mailbox};

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
    fn settle(&self) {}
}

/// As large as what the engine sends through it.
type Weight = [u8; size_of::<Item>()];

/// What sends and receives `size` items.
pub fn batch(size: u64) -> Box<dyn FnMut()> {
    let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::<Weight>::new(8192), Nobody);
    Box::new(move || {
        for _ in 0..size {
            let full = sender.push(black_box([0; size_of::<Item>()])).is_err();
            assert!(!full, "everything was drained");
        }
        sender.signal();
        receiver.drain(256, |item| {
            black_box(&item);
        });
    })
}
