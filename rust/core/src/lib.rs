//! What to do with bytes and time in one call leg, without sockets, threads or clocks.
//!
//! # Theory of operation
//!
//! A [`leg::Leg`] is one side of a call: datagrams of a talker come in and leave as numbered 20 ms
//! frames; speech for their ear comes in and leaves as one datagram every 20 ms. The leg owns no
//! socket and reads no clock. It is given what happened and when ([`leg::Leg::handle`]) and then
//! asked what to do ([`leg::Leg::poll`]):
//!
//! * **datagram** → [`line`] (headerless PCM, or [`rtp`]) → [`framer`] (any length in, 640 bytes out) → [`level`] → [`vad`] →
//!   `Output::Frame`. When datagrams have stopped for 400 ms (600 where RTP may come), the framer pads the
//!   remainder, and [`tail`] fills in silence until the recogniser can have ended the utterance.
//! * **play** → [`playout`] (one queue, absolute deadlines) → [`tempo`] → [`volume`] → [`mix`] →
//!   `Output::Transmit`, with a
//!   `PlayoutEvent` where an utterance begins and ends.
//!
//! Between the two stand [`mix`] (the other talker's own voice under the translation) and [`echo`] (what
//! the ear is sent comes back through the mouth: frames of it are marked).
//!
//! The one rule of use: after every `handle`, `poll` until the answer is `Timeout`, and come back
//! with `Input::Timeout` by then. Before a leg believes in a talker's silence it asks for one more
//! wake-up, 2 ms later, so that a shell that was late itself can read its sockets in between.
//!
//! All times are nanoseconds of one monotonic clock, all audio is signed 16-bit little-endian at
//! 16 kHz, mono. Everything is allocated when the leg is made; every drop is a number in
//! [`stats::LegStats`].
//!
//! A shell keeps the last seconds of a leg's frames in a [`ledger`], where others can read them while
//! the leg goes on. [`g711`] and [`resample`] stand beside the leg: other rates and codings are turned into its own
//! at the edges of the program.
//!
//! # The loop
//!
//! ```
//! use translink_core::leg::{Input, Leg, LegConfig};
//! use translink_core::output::Output;
//!
//! let mut leg = Leg::new(LegConfig::default()).unwrap();
//! let mut now = 1_000_000_000; // CLOCK_MONOTONIC
//! let mut frames = Vec::new();
//! let mut wake = u64::MAX;
//! for payload in [&[0_u8; 510][..], &[0; 640], &[0; 333]] {
//!     // The shell waits for a datagram, a command or `wake`, whichever is first; here 20 ms pass.
//!     now += 20_000_000;
//!     leg.handle(Input::Datagram { payload, arrival: now }, now);
//!     wake = loop {
//!         match leg.poll(now) {
//!             Output::Frame(frame) => frames.push(frame),
//!             Output::Transmit { payload, .. } => { /* socket.send(&payload) */ let _ = payload; }
//!             Output::Playout(event) => { /* tell the orchestrator */ let _ = event; }
//!             Output::Digit { .. } | Output::Rtp { .. } => { /* on RTP legs */ }
//!             Output::Timeout(at) => break at,
//!         }
//!     };
//! }
//! assert_eq!(frames.len(), 2);
//! assert_eq!(frames[1].start, 320);
//! // 203 bytes wait for the next datagram, until the talker has stopped for 400 ms.
//! leg.handle(Input::Timeout, wake);
//! let Output::Timeout(wake) = leg.poll(wake) else { panic!("it looks again first") };
//! leg.handle(Input::Timeout, wake);
//! assert!(matches!(leg.poll(wake), Output::Frame(frame) if frame.filled == 640 - 203));
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod alignment;
pub mod audiosocket;
pub mod beacon;
mod blocks;
pub mod curve;
pub mod digit;
pub mod echo;
pub mod envelope;
pub mod frame;
pub mod framer;
pub mod g711;
pub mod g722;
mod inlet;
pub mod jitter;
pub mod ledger;
pub mod leg;
pub mod level;
pub mod line;
pub mod mix;
pub mod output;
pub mod playout;
pub mod rate;
pub mod resample;
pub mod rtp;
pub mod stats;
pub mod tail;
pub mod tempo;
pub mod vad;
pub mod volume;
pub mod websocket;

pub use stats::LegStats;
