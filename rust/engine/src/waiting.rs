//! Legs of a shared port that wait for their sender, inside the media thread.
//!
//! Asked for each datagram of an unknown sender, strangers' floods included: no allocation, a search among
//! sorted numbers and at most one comparison of a secret, whatever the number of legs.

use std::net::SocketAddr;

use translink_core::frame::Nanos;

use crate::batch::Datagram;
use crate::source::{Pass, Peer};
use crate::token::{Token, named};

/// Wrong tokens that are looked at for a leg in [`WINDOW`]: a stranger who knows its first eight characters has 16 tries
/// a second for the other 96 bits.
const GUESSES: u32 = 16;
const WINDOW: Nanos = 1_000_000_000;

/// What legs wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// By name.
    tickets: Vec<Ticket>,
    /// Of legs that have no sender, in the order in which they began to wait; before them, the very sender that a
    /// leg had until its call ended.
    hosts: Vec<(Peer, u32)>,
}

/// A leg that is known by a token. It stays when the leg has a sender: that may have to move.
#[derive(Debug)]
struct Ticket {
    name: u64,
    token: Token,
    leg: u32,
    /// Wrong ones since the window began.
    guesses: u32,
    window: Nanos,
}

impl Waiting {
    /// From now on a leg waits for this, or for nothing. `has_sender`: it has found it. One that waits already keeps
    /// its place among the others.
    pub(crate) fn set(&mut self, leg: u32, pass: Option<&Pass>, has_sender: bool) {
        let hosts = match pass {
            Some(Pass::Hosts(hosts)) if !has_sender => hosts.peers(),
            _ => Vec::new(),
        };
        let wanted = |peer: &Peer| hosts.iter().any(|host| host.covers(peer));
        self.hosts
            .retain(|(host, other)| *other != leg || wanted(host));
        for host in &hosts {
            if !self.hosts.contains(&(*host, leg)) {
                self.hosts.push((*host, leg));
            }
        }
        match pass {
            Some(Pass::Token(token)) => self.set_token(leg, token),
            Some(Pass::Hosts(_)) | None => self.drop_token(leg),
        }
    }

    /// A leg that waits for hosts had this sender until now: should it go on, its words are no other leg's.
    pub(crate) fn had(&mut self, leg: u32, sender: Peer) {
        let mut hosts = self.hosts.iter();
        let waits = hosts.any(|(host, other)| *other == leg && host.covers(&sender));
        if waits && sender.port().is_some() {
            self.hosts.insert(0, (sender, leg));
        }
    }

    fn set_token(&mut self, leg: u32, token: &Token) {
        let same = |ticket: &Ticket| ticket.leg == leg && ticket.token == *token;
        if self.tickets.iter().any(same) {
            return;
        }
        self.drop_token(leg);
        let name = token.name();
        let place = self.tickets.partition_point(|ticket| ticket.name < name);
        let ticket = Ticket {
            name,
            token: token.clone(),
            leg,
            guesses: 0,
            window: 0,
        };
        self.tickets.insert(place, ticket);
    }

    fn drop_token(&mut self, leg: u32) {
        self.tickets.retain(|ticket| ticket.leg != leg);
    }

    /// The leg whose token one of these datagrams begins with.
    pub(crate) fn by_token(&mut self, datagram: &Datagram<'_>, now: Nanos) -> Option<u32> {
        if self.tickets.is_empty() {
            return None;
        }
        datagram
            .pieces()
            .find_map(|piece| self.token_in(piece, now))
    }

    fn token_in(&mut self, datagram: &[u8], now: Nanos) -> Option<u32> {
        let name = named(datagram)?;
        let place = self
            .tickets
            .binary_search_by_key(&name, |ticket| ticket.name);
        let ticket = &mut self.tickets[place.ok()?];
        if now >= ticket.window + WINDOW {
            (ticket.window, ticket.guesses) = (now, 0);
        }
        if ticket.guesses >= GUESSES {
            return None;
        }
        if ticket.token.begins(datagram) {
            return Some(ticket.leg);
        }
        ticket.guesses += 1;
        None
    }

    /// The leg that waits for a sender from there. No leg may begin to wait for a host for which another one waits;
    /// but one that began during a call is not alone any more when that has ended. Then it is the one that has waited
    /// longer: the new call's.
    pub(crate) fn by_host(&self, source: &SocketAddr) -> Option<u32> {
        let waits = self.hosts.iter().find(|(host, _)| host.is(source));
        waits.map(|&(_, leg)| leg)
    }

    /// Whom to let in while strangers are kept out.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = Peer> {
        self.hosts.iter().map(|&(host, _)| host)
    }

    /// Likewise: how datagrams with a token begin.
    pub(crate) fn names(&self) -> Vec<u64> {
        self.tickets.iter().map(|ticket| ticket.name).collect()
    }
}

#[cfg(all(test, not(loom)))]
#[path = "pass_tests.rs"]
mod on_loopback;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::source::Listed;

    const RIGHT: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
    const WRONG: &[u8; 32] = b"0123456789abcdef0123456789abcdeF";

    fn by_token(text: &[u8]) -> Pass {
        Pass::Token(Token::new(text).expect("a token"))
    }

    fn by_hosts(names: &[&str]) -> Pass {
        let peers = names.iter().map(|name| name.parse().expect("a peer"));
        Pass::Hosts(Listed::new(peers.collect()).expect("a list"))
    }

    #[test]
    fn a_token_finds_its_leg_among_many() {
        let mut waiting = Waiting::default();
        for leg in (1..200_u32).rev() {
            waiting.set(
                leg,
                Some(&by_token(format!("{leg:08x}{leg:024x}").as_bytes())),
                false,
            );
        }
        for leg in [1, 77, 199] {
            let said = format!("{leg:08x}{leg:024x} and more");
            assert_eq!(waiting.token_in(said.as_bytes(), 0), Some(leg));
        }
        waiting.set(77, None, false);
        assert_eq!(
            waiting.token_in(format!("{0:08x}{0:024x}", 77).as_bytes(), 0),
            None
        );
        assert_eq!(waiting.token_in(&[7; 640], 0), None);
    }

    #[test]
    fn who_guesses_has_sixteen_tries_a_second_and_harms_no_other_leg() {
        let mut waiting = Waiting::default();
        let other = b"9123456789abcdef0123456789abcdef";
        waiting.set(1, Some(&by_token(RIGHT)), false);
        waiting.set(2, Some(&by_token(other)), false);
        for _ in 0..GUESSES {
            assert_eq!(waiting.token_in(WRONG, 5), None);
        }
        assert_eq!(waiting.token_in(RIGHT, WINDOW - 1), None, "not looked at");
        assert_eq!(waiting.token_in(other, WINDOW - 1), Some(2));
        assert_eq!(
            waiting.token_in(RIGHT, WINDOW + 5),
            Some(1),
            "the next second"
        );
        // Set again as it is, it is not forgotten how often was guessed.
        for _ in 0..GUESSES {
            waiting.token_in(WRONG, WINDOW + 1);
            waiting.set(1, Some(&by_token(RIGHT)), true);
        }
        assert_eq!(waiting.token_in(RIGHT, WINDOW + 2), None);
    }

    #[test]
    fn a_host_finds_the_leg_that_has_waited_longest_for_it() {
        let mut waiting = Waiting::default();
        let source: SocketAddr = "192.0.2.7:4000".parse().expect("an address");
        assert_eq!(waiting.by_host(&source), None);
        waiting.set(1, Some(&by_hosts(&["192.0.2.7", "192.0.2.8"])), false);
        assert_eq!(waiting.by_host(&source), Some(1));
        waiting.set(2, Some(&by_hosts(&["192.0.2.7"])), false);
        assert_eq!(waiting.by_host(&source), Some(1));
        waiting.set(1, Some(&by_hosts(&["192.0.2.7", "192.0.2.8"])), true);
        assert_eq!(waiting.by_host(&source), Some(2));
        assert_eq!(waiting.hosts().count(), 1);
        // Its call has ended, and it waits behind the other one.
        waiting.set(1, Some(&by_hosts(&["192.0.2.7", "192.0.2.8"])), false);
        assert_eq!(waiting.by_host(&source), Some(2));
        waiting.set(2, Some(&by_hosts(&["192.0.2.7"])), false);
        assert_eq!(waiting.by_host(&source), Some(2), "it keeps its place");
        waiting.set(2, None, false);
        assert_eq!(waiting.by_host(&source), Some(1));
        waiting.set(1, None, false);
        assert_eq!(waiting.by_host(&source), None);
    }

    #[test]
    fn a_sender_that_goes_on_after_its_call_is_not_the_next_legs() {
        let mut waiting = Waiting::default();
        let sender = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let (old, new) = (sender("192.0.2.7:4000"), sender("192.0.2.7:4002"));
        waiting.set(2, Some(&by_hosts(&["192.0.2.7"])), false);
        waiting.set(1, Some(&by_hosts(&["192.0.2.7"])), false);
        waiting.had(1, Peer::of(&old));
        assert_eq!(waiting.by_host(&old), Some(1));
        assert_eq!(waiting.by_host(&new), Some(2));
        // It is forgotten with the rest of the leg.
        waiting.set(1, None, false);
        assert_eq!(waiting.by_host(&old), Some(2));
        waiting.had(1, Peer::of(&old));
        assert_eq!(waiting.by_host(&old), Some(2), "it waits for nobody");
    }
}
