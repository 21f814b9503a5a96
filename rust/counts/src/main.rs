//! How many instructions, and how many allocations, the core needs for 20 ms of a leg.
//!
//! * without arguments: the names of the acts, one a line;
//! * `ACT COUNT`: does that act so often, and nothing else. Run it under `valgrind --tool=callgrind`
//!   with two counts: the difference of the two totals is without start and end;
//! * `allocations COUNT`: each act's allocations in so many rounds after as many to warm up, as
//!   `number name`, one a line.
//!
//! `benches/kit/counting.py` does all of it.
#![allow(clippy::print_stdout, reason = "a program that prints numbers")]

#[path = "../../core/benches/acts/mod.rs"]
mod acts;
#[path = "../../engine/benches/batch/mod.rs"]
mod batch;
#[path = "../../core/tests/common/counting.rs"]
mod counting;

use std::process::ExitCode;

use acts::Act;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut all = acts::acts();
    all.push(("mailbox, a batch of 16", || batch::batch(16)));
    match &arguments[..] {
        [] => {
            for (name, _) in &all {
                println!("{name}");
            }
        }
        [wanted, times] => {
            let Ok(times) = times.parse() else {
                return refused("COUNT is a number");
            };
            if wanted == "allocations" {
                print_allocations(&all, times);
            } else if let Some((_, make)) = all.iter().find(|(name, _)| name == wanted) {
                repeat(times, &mut make());
            } else {
                return refused("there is no such act");
            }
        }
        _ => return refused("counts [ACT COUNT | allocations COUNT]"),
    }
    ExitCode::SUCCESS
}

fn print_allocations(all: &[Act], times: u32) {
    for (name, make) in all {
        let mut act = make();
        repeat(times, &mut act);
        let before = counting::allocations();
        repeat(times, &mut act);
        println!("{} {name}", counting::allocations() - before);
    }
}

fn repeat(times: u32, act: &mut dyn FnMut()) {
    for _ in 0..times {
        act();
    }
}

fn refused(what: &str) -> ExitCode {
    eprintln!("{what}");
    ExitCode::FAILURE
}
