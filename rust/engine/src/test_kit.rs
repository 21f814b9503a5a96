//! What the tests on loopback share.

use std::time::{Duration, Instant};

use translink_core::leg::LegConfig;

use crate::{Engine, LegPorts, Policy};

/// A leg with a socket of its own and no ear.
pub(crate) fn ports() -> LegPorts {
    LegPorts {
        listen: "127.0.0.1:0".parse().expect("an address"),
        shared: None,
        play_to: None,
        send_from_listen: false,
        receive_buffer: 1 << 20,
        source: Policy::First,
        ledger_samples: 60 * 16_000,
        config: LegConfig {
            tail: 0,
            ..LegConfig::default()
        },
    }
}

/// Waits until `done` says so; false after ten seconds.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Datagrams that a leg has heard.
pub(crate) fn heard(engine: &Engine, leg: u32) -> u64 {
    engine.counters(leg).expect("a leg").datagrams_in
}
