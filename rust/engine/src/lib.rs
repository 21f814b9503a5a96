//! The media thread: sockets, clock, mailbox.
//!
//! # Theory of operation
//!
//! One thread owns every leg. It sleeps in `epoll` until a socket has datagrams, the clock (a
//! timerfd set to the earliest *absolute* deadline of any leg) fires, or a command rings its
//! eventfd. It never touches the interpreter, never logs, and allocates nothing while datagrams
//! flow.
//!
//! *In*: `recvmmsg` takes up to 32 datagrams with their kernel receive times → those of strangers
//! are dropped ([`Policy`], `strangers`) → the leg's sans-IO logic ([`translink_core::leg`]) →
//! frames → the leg's ledger, then the [`mailbox`] → one wake for the round. When it is woken more
//! often than a thousand times a second, datagrams gather for up to 1 ms and are served together
//! (`wakeups`); deadlines and commands do not wait.
//!
//! *A shared port* (`port`) has many legs: one `recvmmsg` takes what waits for all of them, a table tells
//! whose each datagram is by its sender, and what a wake makes for their ears leaves by one `sendmmsg`. A sender
//! that is in no table may show the pass of a leg that waits ([`Pass`], `waiting`).
//!
//! *Back*: [`Engine::play`] reserves room in the ear's queue and sends a command → the leg's
//! playout → 640 bytes every 20 ms → `sendto`.
//!
//! *More cores*: [`Engine::with_threads`] starts several such threads, each with its own `epoll`, clock and mailbox
//! (`workers`). A leg is on one of them, the two of a call on the same, shared ports on the first (`moving`).
//!
//! # What may be full, and then
//!
//! | queue | when full | counted as |
//! |---|---|---|
//! | socket receive buffer | the kernel drops the newest datagram | `drops_kernel` |
//! | mailbox, frames | the frame is not reported; it is in the ledger, and the next frame's `start` shows the gap | `drops_ring` |
//! | mailbox, events (its last sixteenth) | the event is not reported | `drops_events` |
//! | a shared port's buffer | the same, for all its legs: whose it was is not known | the port's `drops_kernel` |
//! | an ear's queue | [`Engine::play`] accepts fewer bytes, the caller keeps the rest | `playout_full` (times); not a drop |
//! | an ear's utterances (64) | the newest is refused whole and reported as flushed | `drops_playout` |
//! | the other talker's frames (3) | the oldest goes | `drops_original` |
//! | a connection, frames | a frame that finds the one before it unsent, or Asterisk's queue full, is dropped | `errors_send` |
//! | a connection, messages: 64 kB out; in, 10 a second of 512 bytes | the newest is dropped | `drops_text` |
//! | a connection, keys: 50 a second | the newest is dropped | `drops_events` |
//! | commands | [`Error::Busy`] | by the caller |
//!
//! Datagram errors are to be expected: counted (`errors_receive`, `errors_send`), never fatal. A panic in
//! one leg's logic ends that leg ([`Item::Dead`]) and no other.
//!
//! # One rule of use
//!
//! Watch [`Engine::descriptor`]; when it is readable, [`Engine::drain`].
//!
//! ```
//! use translink_engine::{Engine, LegPorts, Policy};
//! # use translink_core::leg::LegConfig;
//!
//! let engine = Engine::start(1024)?;
//! let leg = engine.add_leg(&LegPorts {
//!     listen: "127.0.0.1:0".parse().unwrap(),
//!     shared: None,
//!     play_to: None,
//!     send_from_listen: false,
//!     receive_buffer: 1 << 20,
//!     source: Policy::First,
//!     ledger_samples: 60 * 16_000,
//!     config: LegConfig::default(),
//! })?;
//! engine.drain(256, |item| println!("{item:?}"))?;
//! engine.remove_leg(leg)?;
//! engine.close();
//! # Ok::<(), translink_engine::Error>(())
//! ```
#![deny(unsafe_code)]

mod admission;
mod batch;
mod bell;
mod claims;
mod clock;
mod command;
mod counters;
mod ear;
mod engine;
mod envelope;
mod error;
mod filter;
mod handed;
mod item;
mod legs;
pub mod mailbox;
mod masks;
mod moving;
mod newcomer;
mod outgoing;
mod port;
mod port_slot;
mod ports;
mod reserve;
mod routes;
mod run;
mod shared;
mod sharing;
mod slot;
mod socket;
mod source;
mod stream;
mod tap;
#[cfg(all(test, not(loom)))]
mod test_kit;
mod thread;
mod token;
mod waiting;
mod wakeups;
mod wire;
mod workers;

pub use admission::{ANOTHER_HOST, SAME_HOST};
pub use counters::Snapshot;
pub use engine::Engine;
pub use envelope::Lane;
pub use error::Error;
pub use item::Item;
pub use port::PortSnapshot;
pub use ports::LegPorts;
pub use source::{Listed, MAX_PEERS, Pass, Peer, Policy};
pub use token::{TOKEN_LENGTH, Token};
pub use wire::Protocol;
