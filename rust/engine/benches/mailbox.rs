//! What the mailbox costs: `cargo bench -p translink-engine --bench mailbox`. Batches of frames are
//! pushed, signalled once and drained, as the media thread and Python do; the wake costs nothing here.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "a bench"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use translink_engine::mailbox::{Wake, mailbox};

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
    fn settle(&self) {}
}

/// As large as what the engine sends through it.
type Item = [u8; size_of::<translink_engine::Item>()];

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    for size in [1, 16, 256_u64] {
        let (mut sender, mut receiver) = mailbox(rtrb::RingBuffer::<Item>::new(8192), Nobody);
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("batch of {size}"), |bencher| {
            bencher.iter(|| {
                for _ in 0..size {
                    sender.push(black_box([0; size_of::<Item>()])).unwrap();
                }
                sender.signal();
                receiver.drain(256, |item| {
                    black_box(&item);
                })
            });
        });
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
