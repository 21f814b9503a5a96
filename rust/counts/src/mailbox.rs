//! The engine's mailbox, as the media thread and Python use it in turns.

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

/// Sixteen items pushed, signalled once, drained. The wake costs nothing here.
pub(crate) fn batch_of_16() -> Box<dyn FnMut()> {
    let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::<Weight>::new(256), Nobody);
    Box::new(move || {
        for _ in 0..16 {
            let full = sender.push(black_box([0; size_of::<Item>()])).is_err();
            assert!(!full, "everything was drained");
        }
        sender.signal();
        receiver.drain(64, |item| {
            black_box(&item);
        });
    })
}
