//! Whose each sender of a shared port is. Kept where callers can ask, so that a second leg is refused before it
//! exists.
//!
//! A leg names its senders, or waits for one that shows its pass ([`Pass`]); then the media thread writes down
//! those it has let in ([`Claims::learn`]): once a call, not once a datagram.
//!
//! A change is made in two steps, since the media thread must hear of it in between, and may not take it: at first
//! the leg has its new senders and its old ones ([`Claims::begin`]), then only the new ones
//! ([`Claims::settle`]) or only the old ones ([`Claims::undo`]). So a change that fails leaves no gap in which
//! another leg could get the old ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::error::Error;
use crate::source::{Pass, Peer, Policy};

#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Senders that are heard, and the leg of each.
    senders: BTreeMap<Peer, u32>,
    /// What legs wait for, those included that have found it.
    passes: BTreeMap<u32, Pass>,
}

/// A change that has begun.
#[derive(Debug)]
pub(crate) struct Change {
    leg: u32,
    added: Vec<Peer>,
    dropped: Vec<Peer>,
    /// What the leg waited for before.
    before: Option<Pass>,
}

impl Claims {
    /// These senders are a leg's, too.
    pub(crate) fn begin(&mut self, leg: u32, policy: &Policy) -> Result<Change, Error> {
        let (wanted, pass) = match policy {
            Policy::Listed(listed) => (listed.peers(), None),
            Policy::Nobody => (Vec::new(), None),
            Policy::Shown(pass) => (Vec::new(), Some(pass.clone())),
            Policy::First | Policy::Any => return Err(Error::Unnamed),
        };
        let of_another = |peer: &&Peer| {
            let named = self.senders.get(*peer).is_some_and(|&owner| owner != leg);
            named || self.awaits(leg, peer)
        };
        if let Some(peer) = wanted.iter().find(of_another) {
            return Err(Error::Claimed(*peer));
        }
        if let Some(pass) = &pass {
            self.refuse_doubt(leg, pass)?;
        }
        let unknown = |peer: &&Peer| !self.senders.contains_key(*peer);
        let added: Vec<Peer> = wanted.iter().filter(unknown).copied().collect();
        self.senders.extend(added.iter().map(|&peer| (peer, leg)));
        let unwanted = |(peer, owner): (&Peer, &u32)| {
            (*owner == leg && !wanted.contains(peer)).then_some(*peer)
        };
        let dropped = self.senders.iter().filter_map(unwanted).collect();
        let before = match pass {
            Some(pass) => self.passes.insert(leg, pass),
            None => self.passes.remove(&leg),
        };
        Ok(Change {
            leg,
            added,
            dropped,
            before,
        })
    }

    /// The media thread knows: those that the leg named before are not its own any more.
    pub(crate) fn settle(&mut self, change: &Change) {
        for peer in &change.dropped {
            self.senders.remove(peer);
        }
    }

    /// The media thread does not know: all is as it was.
    pub(crate) fn undo(&mut self, change: Change) {
        for peer in &change.added {
            self.senders.remove(peer);
        }
        match change.before {
            Some(pass) => self.passes.insert(change.leg, pass),
            None => self.passes.remove(&change.leg),
        };
    }

    /// The leg is gone.
    pub(crate) fn release(&mut self, leg: u32) {
        self.unlearn(leg);
        self.passes.remove(&leg);
    }

    /// A sender has shown the leg's pass, and is its only one. False: it is another leg's.
    pub(crate) fn learn(&mut self, leg: u32, source: &SocketAddr) -> bool {
        let peer = Peer::of(source);
        let free = self.senders.get(&peer).is_none_or(|&owner| owner == leg);
        if free {
            self.unlearn(leg);
            self.senders.insert(peer, leg);
        }
        free
    }

    /// The leg waits again.
    pub(crate) fn unlearn(&mut self, leg: u32) {
        self.senders.retain(|_, owner| *owner != leg);
    }

    /// Senders that are some leg's.
    pub(crate) fn senders(&self) -> usize {
        self.senders.len()
    }

    /// Legs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.passes.keys().filter(|&&leg| self.waits(leg)).count()
    }

    fn waits(&self, leg: u32) -> bool {
        !self.senders.values().any(|&owner| owner == leg)
    }

    /// Whether another leg than this one waits for the first sender from a host.
    fn awaits(&self, leg: u32, host: &Peer) -> bool {
        let by_host = |(&other, pass): (&u32, &Pass)| {
            let names = matches!(pass, Pass::Hosts(hosts) if hosts.peers().contains(host));
            names && other != leg && self.waits(other)
        };
        self.passes.iter().any(by_host)
    }

    /// Two legs may not wait for the same.
    fn refuse_doubt(&self, leg: u32, pass: &Pass) -> Result<(), Error> {
        match pass {
            Pass::Token(token) => {
                let same = |(&other, pass): (&u32, &Pass)| {
                    let named = matches!(pass, Pass::Token(other) if other.name() == token.name());
                    named && other != leg
                };
                if self.passes.iter().any(same) {
                    return Err(Error::SameToken);
                }
            }
            Pass::Hosts(hosts) => {
                let peers = hosts.peers();
                let taken = |host: &&Peer| {
                    let named = self.senders.get(*host).is_some_and(|&owner| owner != leg);
                    named || self.awaits(leg, host)
                };
                if let Some(host) = peers.iter().find(taken) {
                    return Err(Error::Claimed(*host));
                }
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::source::Listed;
    use crate::token::Token;

    fn peers(names: &[&str]) -> Listed {
        let peers = names.iter().map(|name| name.parse().expect("a peer"));
        Listed::new(peers.collect()).expect("a list")
    }

    fn listed(names: &[&str]) -> Policy {
        Policy::Listed(peers(names))
    }

    fn hosts(names: &[&str]) -> Policy {
        Policy::Shown(Pass::Hosts(peers(names)))
    }

    fn token(text: &str) -> Policy {
        Policy::Shown(Pass::Token(Token::new(text.as_bytes()).expect("a token")))
    }

    fn made(claims: &mut Claims, leg: u32, policy: &Policy) {
        let change = claims.begin(leg, policy).expect("free");
        claims.settle(&change);
    }

    #[test]
    fn a_change_that_fails_takes_nothing_and_gives_nothing() {
        let mut claims = Claims::default();
        made(&mut claims, 1, &listed(&["192.0.2.1:1", "192.0.2.1:2"]));
        let change = claims.begin(1, &listed(&["192.0.2.1:2", "192.0.2.1:3"]));
        let change = change.expect("free");
        for taken in ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"] {
            assert!(claims.begin(2, &listed(&[taken])).is_err(), "{taken}");
        }
        claims.undo(change);
        assert!(claims.begin(2, &listed(&["192.0.2.1:1"])).is_err());
        made(&mut claims, 2, &listed(&["192.0.2.1:3"]));
        assert_eq!(claims.senders(), 3);
        made(&mut claims, 1, &Policy::Nobody);
        assert_eq!(claims.senders(), 1);
    }

    #[test]
    fn a_leg_waits_until_it_has_a_sender_and_again_when_it_has_none() {
        let mut claims = Claims::default();
        let (one, other) = (
            "192.0.2.1:1".parse().expect("one"),
            "192.0.2.1:2".parse().expect("one"),
        );
        made(&mut claims, 1, &hosts(&["192.0.2.1"]));
        assert_eq!((claims.waiting(), claims.senders()), (1, 0));
        assert!(claims.learn(1, &one));
        assert_eq!((claims.waiting(), claims.senders()), (0, 1));
        made(&mut claims, 2, &hosts(&["192.0.2.1"]));
        assert!(!claims.learn(2, &one), "it is the first leg's");
        assert!(claims.learn(2, &other));
        claims.unlearn(1);
        assert_eq!((claims.waiting(), claims.senders()), (1, 1));
        claims.release(1);
        assert_eq!((claims.waiting(), claims.senders()), (0, 1));
    }

    #[test]
    fn two_legs_never_wait_for_the_same() {
        let mut claims = Claims::default();
        made(&mut claims, 1, &hosts(&["192.0.2.1"]));
        for policy in [hosts(&["192.0.2.9", "192.0.2.1"]), listed(&["192.0.2.1"])] {
            assert!(matches!(claims.begin(2, &policy), Err(Error::Claimed(_))));
        }
        made(&mut claims, 2, &listed(&["192.0.2.2", "192.0.2.1:7"]));
        assert!(claims.begin(3, &hosts(&["192.0.2.2"])).is_err());
        let first = "0123456789abcdef0123456789abcdef";
        made(&mut claims, 4, &token(first));
        for text in [first, "01234567................        "] {
            assert!(matches!(
                claims.begin(5, &token(text)),
                Err(Error::SameToken)
            ));
        }
        made(&mut claims, 4, &token(first));
        made(&mut claims, 5, &token("7123456789abcdef0123456789abcdef"));
    }
}
