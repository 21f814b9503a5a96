//! The core's tests in one program: each of their own would be linked by itself, which takes longer than
//! they run. `allocation` is another one, for it counts what its whole process allocates.
#![allow(
    clippy::unwrap_used,
    clippy::pedantic,
    clippy::print_stdout,
    reason = "tests"
)]

mod common;

mod alignment;
mod audiosocket;
mod beacon;
mod echo;
mod envelope;
mod g722;
mod jitter;
mod ledger;
mod leg;
mod level;
mod mix;
mod playout;
mod resample;
mod rtp;
mod tempo;
mod vad;
mod volume;
mod websocket;
