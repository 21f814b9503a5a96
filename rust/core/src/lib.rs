//! What to do with bytes and time in one call leg, without sockets, threads or clocks.
#![forbid(unsafe_code)]

pub mod beacon;
pub mod frame;
pub mod g711;
pub mod ledger;
pub mod leg;
pub mod resample;
