//! Whose datagrams a leg hears, as settings say it.
//!
//! Anybody who can reach a leg's port can send to it. By default the first sender of a call is its
//! only one ([`Policy::First`]), until another one takes over by the rule of `admission`. Where an ear
//! is learned from the datagrams it goes with the sender, so that nobody can steal it from a gateway
//! that goes on sending.
//!
//! [`Policy::Listed`] hears up to [`MAX_PEERS`] known senders and no other, whichever was first:
//! against somebody who waits on an open port for the call to begin, only that helps.
//!
//! A stranger's datagram is dropped before it is looked at, and counted; in a flood of them the
//! kernel drops them (`filter`).

use std::fmt;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::token::Token;

/// Peers that a list may name.
pub const MAX_PEERS: usize = 8;

/// Whose datagrams are heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The first one's of a call, and of those who take over when it has gone.
    #[default]
    First,
    /// Everybody's, mixed as they come: for tests, and for networks where nobody else is.
    Any,
    /// These ones'.
    Listed(Listed),
    /// Nobody's, until it is set whose.
    Nobody,
    /// The one's that shows this pass. On a shared port only.
    Shown(Pass),
}

/// How a sender whose address is not known beforehand shows that it is a leg's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Its first datagram begins with this. What does is not heard, however often it comes. The sender stays the
    /// leg's from call to call; another one that says it takes its place in a pause between calls, or once the
    /// one that is heard has been silent for [`ANOTHER_HOST`](crate::ANOTHER_HOST).
    Token(Token),
    /// It comes first from one of these hosts, while no other leg waits for one of them. It is the leg's until
    /// the call ends.
    Hosts(Listed),
}

/// Up to [`MAX_PEERS`] peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed(Box<[Peer]>);

impl Listed {
    /// None for an empty list, and for more than [`MAX_PEERS`].
    #[must_use]
    pub fn new(peers: Vec<Peer>) -> Option<Self> {
        (1..=MAX_PEERS)
            .contains(&peers.len())
            .then_some(Self(peers.into_boxed_slice()))
    }

    /// Whether it names this sender.
    pub(crate) fn names(&self, source: &SocketAddr) -> bool {
        self.0.iter().any(|peer| peer.is(source))
    }

    /// Whether any of them is at this host.
    pub(crate) fn have(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|peer| peer.ip == ip)
    }

    /// All of them.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.0.to_vec()
    }
}

/// A sender as a list names it: an address, or all ports of a host. Written `192.0.2.7`,
/// `192.0.2.7:4000`, `2001:db8::7` or `[2001:db8::7]:4000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    ip: IpAddr,
    port: Option<u16>,
}

impl Peer {
    /// Exactly this address.
    pub(crate) fn of(address: &SocketAddr) -> Self {
        Self {
            ip: address.ip().to_canonical(),
            port: Some(address.port()),
        }
    }

    /// Of either family, never an IPv4 address written as IPv6.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.ip
    }

    pub(crate) const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether another one is part of it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.ip == other.ip && (self.port.is_none() || self.port == other.port)
    }

    pub(crate) fn is(&self, source: &SocketAddr) -> bool {
        // A socket for both families tells IPv4 senders as IPv6.
        source.ip().to_canonical() == self.ip && self.port.is_none_or(|port| port == source.port())
    }
}

impl FromStr for Peer {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let (ip, port) = match text.parse::<SocketAddr>() {
            Ok(address) => (address.ip(), Some(address.port())),
            Err(_) => (text.parse()?, None),
        };
        Ok(Self {
            ip: ip.to_canonical(),
            port,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

/// The senders that were heard last and turned away last, for all to read.
#[derive(Debug, Default)]
pub(crate) struct Senders(Mutex<Reported>);

#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    heard: Option<SocketAddr>,
    stranger: Option<SocketAddr>,
}

impl Senders {
    /// When it changes. Media thread only.
    pub(crate) fn tell(&self, heard: Option<SocketAddr>, stranger: Option<SocketAddr>) {
        let mut reported = self.reported();
        reported.heard = heard;
        reported.stranger = stranger.or(reported.stranger);
    }

    pub(crate) fn heard(&self) -> Option<SocketAddr> {
        self.reported().heard
    }

    pub(crate) fn stranger(&self) -> Option<SocketAddr> {
        self.reported().stranger
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
#[path = "source_tests.rs"]
mod tests;
