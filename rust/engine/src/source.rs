//! Whose datagrams a leg hears, and whose it does not.
//!
//! Anybody who can reach a leg's port can send to it. By default the first sender of a call is its
//! only one ([`Policy::First`]): he is *pinned* until the call ends. A gateway may move, though (a new
//! port behind its NAT, a renegotiated call), so after [`PATIENCE`] without a datagram of his the
//! next sender takes his place. Where an ear is learned from the datagrams it goes with the pin, so
//! that nobody can steal it from a gateway that goes on sending.
//!
//! [`Policy::Listed`] hears up to [`MOST`] known senders and no other, whoever was first: against
//! somebody who waits on an open port for the call to begin, only that helps.
//!
//! A stranger's datagram is dropped before it is looked at, and counted; in a flood of them the
//! kernel drops them (`filter`).

use std::fmt;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use translink_core::frame::Nanos;

/// A pinned sender who has sent nothing for so long may be replaced: as long as a call that ended
/// may send stragglers. A gateway that moves in mid-call is not heard until then; somebody who wants
/// to take the place of one that suppresses silence has to find a silence of this length.
pub const PATIENCE: Nanos = 1_000_000_000;

/// Peers that a list may name.
pub const MOST: usize = 8;

/// Whose datagrams are heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The first one's of a call, and of whoever follows when he has gone.
    #[default]
    First,
    /// Everybody's, mixed as they come: for tests, and for networks where nobody else is.
    Any,
    /// These ones'.
    Listed(Listed),
}

/// Up to [`MOST`] peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed(Box<[Peer]>);

impl Listed {
    /// None for an empty list, and for more than [`MOST`].
    #[must_use]
    pub fn new(peers: Vec<Peer>) -> Option<Self> {
        (1..=MOST)
            .contains(&peers.len())
            .then_some(Self(peers.into_boxed_slice()))
    }
}

/// A sender as a list names him: an address, or all ports of a host. Written `192.0.2.7`,
/// `192.0.2.7:4000`, `2001:db8::7` or `[2001:db8::7]:4000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    ip: IpAddr,
    port: Option<u16>,
}

impl Peer {
    /// Exactly this address.
    fn of(address: &SocketAddr) -> Self {
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

    fn is(&self, source: &SocketAddr) -> bool {
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

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Who sent the one before.
    Known,
    /// Somebody else who is heard, and from now on the one who was heard last.
    New,
    /// Somebody who is not heard.
    Stranger,
}

/// Looks at each datagram's sender.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    policy: Policy,
    /// Who was heard last, and under [`Policy::First`] will be.
    heard: Option<SocketAddr>,
    at: Nanos,
}

impl Doorkeeper {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self {
            policy,
            heard: None,
            at: 0,
        }
    }

    /// What becomes of a datagram that came from `source` at `at`. (The kernel tells every
    /// datagram's sender; one that it did not tell would be a stranger.)
    pub(crate) fn look(&mut self, source: Option<SocketAddr>, at: Nanos) -> Sender {
        let Some(source) = source else {
            return Sender::Stranger;
        };
        if self.heard == Some(source) {
            self.at = at;
            return Sender::Known;
        }
        let admitted = match &self.policy {
            Policy::First => self.heard.is_none() || at >= self.at + PATIENCE,
            Policy::Any => true,
            Policy::Listed(listed) => listed.0.iter().any(|peer| peer.is(&source)),
        };
        if !admitted {
            return Sender::Stranger;
        }
        self.heard = Some(source);
        self.at = at;
        Sender::New
    }

    /// Who may be heard now; none: anybody, or anybody who comes first.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        match &self.policy {
            Policy::First => self.heard.iter().map(Peer::of).collect(),
            Policy::Any => Vec::new(),
            Policy::Listed(listed) => listed.0.to_vec(),
        }
    }

    /// The call ended.
    pub(crate) fn forget(&mut self) {
        self.heard = None;
    }

    pub(crate) const fn heard(&self) -> Option<SocketAddr> {
        self.heard
    }
}

/// Who was heard last and who was turned away last, for all to read.
#[derive(Debug, Default)]
pub(crate) struct Senders(Mutex<Told>);

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    heard: Option<SocketAddr>,
    stranger: Option<SocketAddr>,
}

impl Senders {
    /// When it changes. Media thread only.
    pub(crate) fn tell(&self, heard: Option<SocketAddr>, stranger: Option<SocketAddr>) {
        let mut told = self.told();
        told.heard = heard;
        told.stranger = stranger.or(told.stranger);
    }

    pub(crate) fn heard(&self) -> Option<SocketAddr> {
        self.told().heard
    }

    pub(crate) fn stranger(&self) -> Option<SocketAddr> {
        self.told().stranger
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
#[path = "source_tests.rs"]
mod tests;
