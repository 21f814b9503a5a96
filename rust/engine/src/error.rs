//! How the engine fails, as its callers see it.

use std::io;
use std::net::SocketAddr;

use crate::source::Peer;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thread or a descriptor could not be made.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A leg's socket could not be made.
    #[error("cannot use {address}: {source}")]
    Address {
        /// What was to be bound.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A leg of a shared port must name whom it hears, or nobody.
    #[error(
        "on a shared port, source must name addresses, not first or any, or there must be a token"
    )]
    Unnamed,
    /// On one port, a sender is one leg's.
    #[error("datagrams from {0} are another leg's on this shared port")]
    Claimed(Peer),
    /// What a sender says to be let in must tell the leg from all others.
    #[error("another leg of this shared port has a token that begins alike")]
    SameToken,
    /// A leg with a port of its own hears all who send to it.
    #[error("only on a shared port does a leg wait for a token")]
    NotShared,
    /// No shared port has this number.
    #[error("no shared port {0}")]
    NoPort(u32),
    /// There is no memory for a leg, audio that is read, or a piece of speech. Nothing has changed.
    #[error("no memory for {0}")]
    Memory(&'static str),
    /// No leg has this number (any more).
    #[error("no leg {0}")]
    NoLeg(u32),
    /// A bug ended this leg.
    #[error("leg {0} is out of service")]
    Dead(u32),
    /// Thousands of commands wait: the media thread is stuck.
    #[error("the media thread does not keep up with commands")]
    Busy,
    /// `close` was called.
    #[error("the engine is closed")]
    Closed,
    /// A bug outside of any leg's logic ended the media thread.
    #[error("the media thread died of a bug in translink")]
    Died,
    /// The thread stayed behind in the parent process.
    #[error("the engine belongs to process {0}: make a new one after a fork")]
    Forked(u32),
}
