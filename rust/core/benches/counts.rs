//! How many instructions the core needs for 20 ms of a leg, on machines that are never quiet.
//!
//! Without arguments it tells its acts, one a line. With the name of one and a count it does that, so
//! often, and nothing else: run it under `valgrind --tool=callgrind` with two counts, and the
//! difference of the two totals is without start and end. `benches/rows/bench_core.py` does.
#![allow(
    clippy::unwrap_used,
    clippy::pedantic,
    clippy::print_stdout,
    reason = "a bench"
)]

mod acts;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    for (name, mut act) in acts::acts() {
        match &arguments[..] {
            [only, times] if only == name => (0..times.parse().unwrap()).for_each(|_| act()),
            [_, _] => {}
            _ => println!("{name}"),
        }
    }
}
