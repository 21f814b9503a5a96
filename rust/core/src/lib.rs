//! What to do with bytes and time in one call leg, without sockets, threads or clocks.
#![forbid(unsafe_code)]

pub mod beacon;
mod blocks;
pub mod frame;
pub mod framer;
pub mod g711;
pub mod ledger;
pub mod leg;
pub mod level;
pub mod playout;
pub mod resample;
pub mod stats;
pub mod tail;
pub mod vad;

pub use stats::LegStats;
