//! Which leg a sender's datagrams are for, on a port that many legs share.
//!
//! Asked once a datagram, so: one flat table, open addressing with linear probing, at most half full, no
//! allocation but when a leg is added. Entries come from those who make legs and never from the wire, so
//! nobody outside can fill it; the seed keeps them from choosing addresses that collide with a leg's.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};

use crate::source::Peer;

/// Address → leg.
#[derive(Debug)]
pub(crate) struct Routes {
    /// A power of two of them.
    places: Box<[Place]>,
    used: usize,
    /// Entries of hosts, whatever the port: where there are none, nobody looks for them.
    hosts: usize,
    seeds: [u64; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// IPv4 as IPv6 writes it.
    ip: [u64; 2],
    port: u32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: Key,
    /// 0: nobody's. Legs are numbered from 1.
    leg: u32,
}

/// The port in the entry of a whole host.
const ANY: u32 = 1 << 16;

const FREE: Place = Place {
    key: Key {
        ip: [0; 2],
        port: 0,
    },
    leg: 0,
};

/// To begin with.
const PLACES: usize = 64;

impl Routes {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Self {
            places: vec![FREE; PLACES].into_boxed_slice(),
            used: 0,
            hosts: 0,
            seeds: [random.hash_one(1), random.hash_one(2)],
        }
    }

    /// The leg that names this very address.
    pub(crate) fn exact(&self, source: &SocketAddr) -> Option<u32> {
        self.leg_of(Key::new(source.ip(), u32::from(source.port())))
    }

    /// The leg that names its host. An address comes before.
    pub(crate) fn host(&self, source: &SocketAddr) -> Option<u32> {
        if self.hosts == 0 {
            return None;
        }
        self.leg_of(Key::new(source.ip(), ANY))
    }

    /// From now on a sender's datagrams are for this leg.
    pub(crate) fn insert(&mut self, peer: &Peer, leg: u32) {
        if 2 * (self.used + 1) > self.places.len() {
            self.grow();
        }
        let key = Key::of(peer);
        let at = self.place(key);
        if self.places[at].leg == 0 {
            self.used += 1;
            self.hosts += usize::from(key.port == ANY);
        }
        self.places[at] = Place { key, leg };
    }

    /// And no more, if they were.
    pub(crate) fn remove(&mut self, peer: &Peer, leg: u32) {
        let key = Key::of(peer);
        let mut free = self.place(key);
        if self.places[free].leg != leg || leg == 0 {
            return;
        }
        self.used -= 1;
        self.hosts -= usize::from(key.port == ANY);
        // Entries that were pushed behind it move up, so that no search ends too early.
        let mask = self.places.len() - 1;
        let mut at = free;
        loop {
            at = (at + 1) & mask;
            let place = self.places[at];
            if place.leg == 0 {
                break;
            }
            let away = at.wrapping_sub(self.home(place.key)) & mask;
            if away >= at.wrapping_sub(free) & mask {
                self.places[free] = place;
                free = at;
            }
        }
        self.places[free] = FREE;
    }

    fn leg_of(&self, key: Key) -> Option<u32> {
        let leg = self.places[self.place(key)].leg;
        (leg != 0).then_some(leg)
    }

    /// Where a key is, or would be.
    fn place(&self, key: Key) -> usize {
        let mask = self.places.len() - 1;
        let mut at = self.home(key);
        while self.places[at].leg != 0 && self.places[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    fn home(&self, key: Key) -> usize {
        let one = key.ip[1] ^ self.seeds[0];
        let other = key.ip[0] ^ (u64::from(key.port) << 32) ^ self.seeds[1];
        let wide = u128::from(one) * u128::from(other);
        #[expect(clippy::cast_possible_truncation, reason = "both halves, mixed")]
        let mixed = (wide >> 64) as usize ^ wide as usize;
        mixed & (self.places.len() - 1)
    }

    fn grow(&mut self) {
        let larger = vec![FREE; 2 * self.places.len()].into_boxed_slice();
        let before = std::mem::replace(&mut self.places, larger);
        for place in before.iter().filter(|place| place.leg != 0) {
            let at = self.place(place.key);
            self.places[at] = *place;
        }
    }
}

impl Key {
    fn new(ip: IpAddr, port: u32) -> Self {
        let bytes = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let word = bytes.to_bits();
        #[expect(clippy::cast_possible_truncation, reason = "both halves")]
        let ip = [(word >> 64) as u64, word as u64];
        Self { ip, port }
    }

    fn of(peer: &Peer) -> Self {
        Self::new(peer.ip(), peer.port().map_or(ANY, u32::from))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse().expect("a peer")
    }

    fn find(routes: &Routes, text: &str) -> Option<u32> {
        let source = text.parse().expect("an address");
        routes.exact(&source).or_else(|| routes.host(&source))
    }

    #[test]
    fn an_address_comes_before_its_host() {
        let mut routes = Routes::new();
        routes.insert(&peer("192.0.2.7"), 1);
        routes.insert(&peer("192.0.2.7:4000"), 2);
        assert_eq!(find(&routes, "192.0.2.7:4000"), Some(2));
        assert_eq!(find(&routes, "192.0.2.7:4001"), Some(1));
        assert_eq!(find(&routes, "192.0.2.8:4000"), None);
        routes.remove(&peer("192.0.2.7:4000"), 2);
        assert_eq!(find(&routes, "192.0.2.7:4000"), Some(1));
        routes.remove(&peer("192.0.2.7"), 1);
        assert_eq!(find(&routes, "192.0.2.7:4000"), None);
    }

    #[test]
    fn a_sender_is_found_by_either_family_of_its_address() {
        let mut routes = Routes::new();
        routes.insert(&peer("192.0.2.7:4000"), 1);
        routes.insert(&peer("[2001:db8::7]:4000"), 2);
        assert_eq!(find(&routes, "[::ffff:192.0.2.7]:4000"), Some(1));
        assert_eq!(find(&routes, "[2001:db8::7]:4000"), Some(2));
        assert_eq!(find(&routes, "[2001:db8::7]:4001"), None);
    }

    #[test]
    fn a_leg_takes_nothing_away_that_is_anothers() {
        let mut routes = Routes::new();
        routes.insert(&peer("192.0.2.7:4000"), 1);
        routes.remove(&peer("192.0.2.7:4000"), 2);
        routes.remove(&peer("192.0.2.8:4000"), 0);
        assert_eq!(find(&routes, "192.0.2.7:4000"), Some(1));
    }

    #[derive(Clone, Debug)]
    enum Act {
        Insert(u8, u16, u32),
        Remove(u8, u16, u32),
    }

    fn act() -> impl Strategy<Value = Act> {
        // Few of each, so that they meet; many in a row, so that the table grows.
        let parts = (0..4_u8, 0..400_u16, 1..4_u32);
        prop_oneof![
            3 => parts.clone().prop_map(|(host, port, leg)| Act::Insert(host, port, leg)),
            2 => parts.prop_map(|(host, port, leg)| Act::Remove(host, port, leg)),
        ]
    }

    /// Port 0 stands for the whole host.
    fn named(host: u8, port: u16) -> Peer {
        match port {
            0 => peer(&format!("192.0.2.{host}")),
            port => peer(&format!("192.0.2.{host}:{port}")),
        }
    }

    proptest! {
        #[test]
        fn it_answers_as_a_map_does(acts in prop::collection::vec(act(), 0..1_200)) {
            let mut routes = Routes::new();
            let mut map = BTreeMap::new();
            for act in acts {
                match act {
                    Act::Insert(host, port, leg) => {
                        routes.insert(&named(host, port), leg);
                        map.insert((host, port), leg);
                    }
                    Act::Remove(host, port, leg) => {
                        routes.remove(&named(host, port), leg);
                        if map.get(&(host, port)) == Some(&leg) {
                            map.remove(&(host, port));
                        }
                    }
                }
            }
            for host in 0..5 {
                for port in 1..401 {
                    let wanted = map.get(&(host, port)).or_else(|| map.get(&(host, 0)));
                    let source = SocketAddr::new([192, 0, 2, host].into(), port);
                    let found = routes.exact(&source).or_else(|| routes.host(&source));
                    prop_assert_eq!(found, wanted.copied());
                }
            }
            prop_assert_eq!(routes.used, map.len());
            prop_assert!(2 * routes.used <= routes.places.len());
        }
    }
}
