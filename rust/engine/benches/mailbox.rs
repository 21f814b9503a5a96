//! What the mailbox costs: `cargo bench -p translink-engine --bench mailbox`.
#![allow(missing_docs, clippy::pedantic, reason = "a bench")]

mod batch;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    for size in [1, 16, 256] {
        let mut act = batch::batch(size);
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("batch of {size}"), |bencher| {
            bencher.iter(&mut act);
        });
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
