//! How long the core takes for 20 ms of a leg: `cargo bench -p translink-core --bench core`.
#![allow(missing_docs, clippy::pedantic, reason = "a bench")]

mod acts;

use criterion::{Criterion, criterion_group, criterion_main};

fn core(criterion: &mut Criterion) {
    for (name, make) in acts::acts() {
        let mut act = make();
        criterion.bench_function(name, |bencher| bencher.iter(&mut act));
    }
}

criterion_group!(benches, core);
criterion_main!(benches);
