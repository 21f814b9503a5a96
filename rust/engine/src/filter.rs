//! Strangers kept out by the kernel, while they flood.
//!
//! A stranger's datagram that reaches the media thread costs it 2.4 to 3.9 µs, mostly the way through
//! the kernel: 50,000 a second took 12 to 19 % of a core (`benches/rows/bench_stray.py`, 2026-11-22), with
//! a filter on the socket nothing that could be measured. So a leg that meets [`FLOOD`] of them within
//! [`FLOOD_WINDOW`] has the kernel drop them for [`SPELL`], then looks again. Not for good: somebody has to
//! notice that the flood is over, and then, that the gateway has moved. While it goes on a leg that hears the first
//! one notices no move: the look between two spells ends with the next [`FLOOD`] strangers, long before another
//! sender would be believed ([`crate::newcomer`]). Not by `connect(2)`, which costs as little: then nobody counts the
//! strangers, who learn that the port is closed, and a list of senders cannot be had that way.
//!
//! The kernel counts what a filter drops together with what a full buffer drops. The two are kept
//! apart by time: drops reported by a datagram that came while the filter was on, and by the first one
//! after it, were strangers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use socket2::SockFilter;
use translink_core::frame::Nanos;

use crate::source::Peer;

/// So many strangers within [`FLOOD_WINDOW`] are a flood: at most 2 % of a core are spent on less.
pub(crate) const FLOOD: u64 = 500;

/// Time in which strangers are counted.
const FLOOD_WINDOW: Nanos = 100_000_000;

/// How long the filter stays: a gateway that has moved is heard that much later at most, once the flood is over.
pub(crate) const SPELL: Nanos = 1_000_000_000;

/// When to filter, and what the filter has dropped.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Strangers since the window began.
    met: u64,
    window: Nanos,
    /// The present or the last spell. While there is none, `until` is `Nanos::MAX`.
    since: Nanos,
    end: Nanos,
    until: Nanos,
    /// The spell is over, and no datagram came since.
    unreported: bool,
    /// The kernel has refused a program: none is tried before.
    again: Nanos,
}

impl Filter {
    pub(crate) const fn new() -> Self {
        Self {
            met: 0,
            window: 0,
            since: Nanos::MAX,
            end: 0,
            until: Nanos::MAX,
            unreported: false,
            again: 0,
        }
    }

    /// Strangers came. True: that is a flood, unless it is being dealt with or cannot be.
    pub(crate) const fn met(&mut self, strangers: u64, now: Nanos) -> bool {
        if now >= self.window + FLOOD_WINDOW {
            self.window = now;
            self.met = 0;
        }
        self.met += strangers;
        self.met >= FLOOD && self.until == Nanos::MAX && now >= self.again
    }

    /// The kernel does not filter: it has no memory, or the program is too long. To make one for each batch of a
    /// flood would cost more than the flood.
    pub(crate) const fn refused(&mut self, now: Nanos) {
        self.again = now + SPELL;
    }

    /// The kernel filters from `now` on.
    pub(crate) const fn begin(&mut self, now: Nanos) {
        self.since = now;
        self.end = Nanos::MAX;
        self.until = now + SPELL;
        self.unreported = true;
    }

    /// It does not any more.
    pub(crate) const fn end(&mut self, now: Nanos) {
        self.end = now;
        self.until = Nanos::MAX;
        self.met = 0;
    }

    /// When to take the filter away; `Nanos::MAX`: there is none.
    pub(crate) const fn until(&self) -> Nanos {
        self.until
    }

    /// Whether the next datagram tells what a spell that is over has dropped.
    pub(crate) const fn is_unreported(&self) -> bool {
        self.unreported && self.until == Nanos::MAX
    }

    /// Whether drops that a datagram tells, which came at `arrival`, were strangers.
    pub(crate) fn explains(&mut self, arrival: Nanos) -> bool {
        if arrival <= self.end {
            arrival >= self.since
        } else {
            std::mem::take(&mut self.unreported)
        }
    }
}

/// A program for the kernel (classic BPF) that lets in these peers' datagrams, and those that begin like one of
/// these legs' tokens.
///
/// On a UDP socket, offset 0 is the UDP header (the sender's port), `NETWORK` the IP header.
pub(crate) fn program(peers: &[Peer], names: &[u64]) -> Vec<SockFilter> {
    let exact = compiled(peers, names, true);
    if exact.len() <= LONGEST_PROGRAM {
        return exact;
    }
    // Too many for the kernel: their hosts do.
    compiled(peers, names, false)
}

/// Host by host: an address is compared once, whatever the ports of it.
fn compiled(peers: &[Peer], names: &[u64], ports: bool) -> Vec<SockFilter> {
    let mut hosts: BTreeMap<IpAddr, Vec<Option<u16>>> = BTreeMap::new();
    for peer in peers {
        let port = peer.port().filter(|_| ports);
        hosts.entry(peer.ip()).or_default().push(port);
    }
    let mut program = Vec::with_capacity(16 * hosts.len() + 2 * peers.len() + 1);
    for (ip, ports) in hosts {
        let mut accept = Vec::with_capacity(2 * ports.len() + 1);
        if ports.contains(&None) {
            accept.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
        } else {
            accept.push(SockFilter::new(LOAD_HALF, 0, 0, 0));
            for port in ports.into_iter().flatten() {
                accept.push(SockFilter::new(IF_EQUAL, 0, 1, port.into()));
                accept.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
            }
        }
        let (version, words) = match ip {
            IpAddr::V4(ip) => (0x40, vec![(12, u32::from(ip))]),
            IpAddr::V6(ip) => {
                let words = ip.octets();
                let words = words.chunks_exact(4).zip([8, 12, 16, 20]);
                let word = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
                (0x60, words.map(|(bytes, at)| (at, word(bytes))).collect())
            }
        };
        // The version of IP, then the words of the address; if one is not the wanted one, on to the next
        // host: by a jump that reaches farther than a condition's 255.
        let mut left = 3 * words.len() + accept.len();
        let mut unless = |value, program: &mut Vec<SockFilter>| {
            let away = u32::try_from(left).unwrap_or(u32::MAX);
            program.push(SockFilter::new(IF_EQUAL, 1, 0, value));
            program.push(SockFilter::new(JUMP, 0, 0, away));
            left = left.saturating_sub(3);
        };
        program.push(SockFilter::new(LOAD_BYTE, 0, 0, NETWORK));
        program.push(SockFilter::new(AND, 0, 0, 0xf0));
        unless(version, &mut program);
        for (at, word) in words {
            program.push(SockFilter::new(LOAD_WORD, 0, 0, NETWORK + at));
            unless(word, &mut program);
        }
        program.append(&mut accept);
    }
    program.extend(names.iter().copied().flat_map(begins_with));
    program.push(SockFilter::new(RETURN, 0, 0, 0));
    program
}

/// After the UDP header's 8 bytes. What is too short for a word ends the program: it is dropped.
fn begins_with(name: u64) -> [SockFilter; 5] {
    #[expect(clippy::cast_possible_truncation, reason = "both halves")]
    let words = ((name >> 32) as u32, name as u32);
    [
        SockFilter::new(LOAD_WORD, 0, 0, 8),
        SockFilter::new(IF_EQUAL, 0, 3, words.0),
        SockFilter::new(LOAD_WORD, 0, 0, 12),
        SockFilter::new(IF_EQUAL, 0, 1, words.1),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

/// `linux/bpf_common.h`: `BPF_MAXINSNS`.
const LONGEST_PROGRAM: usize = 4_096;

/// linux/filter.h: `SKF_NET_OFF`, and the instructions used here.
const NETWORK: u32 = 0xfff0_0000;
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const IF_EQUAL: u16 = 0x15;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;
    use crate::batch::{self, BATCH, Batch};
    use crate::socket::Sockets;

    const MS: Nanos = 1_000_000;

    #[test]
    fn a_stray_datagram_now_and_then_is_no_flood() {
        let mut filter = Filter::new();
        for n in 0..100_000 {
            assert!(!filter.met(4, n * MS), "4,000 a second");
        }
    }

    #[test]
    fn a_flood_is_filtered_for_a_second_and_then_looked_at_again() {
        let mut filter = Filter::new();
        assert!(!filter.met(FLOOD - 1, 5_000 * MS));
        assert!(filter.met(1, 5_010 * MS));
        filter.begin(5_010 * MS);
        assert_eq!(filter.until(), 5_010 * MS + SPELL);
        assert!(!filter.met(9_999, 5_011 * MS), "what waited in the buffer");
        filter.end(6_010 * MS);
        assert!(!filter.met(FLOOD - 1, 6_011 * MS));
        assert!(filter.met(1, 6_012 * MS));
    }

    #[test]
    fn a_filter_that_the_kernel_refuses_is_tried_again_after_a_second() {
        let mut filter = Filter::new();
        assert!(filter.met(FLOOD, 5_000 * MS));
        filter.refused(5_000 * MS);
        for n in 1..1_000 {
            assert!(!filter.met(FLOOD, (5_000 + n) * MS));
        }
        assert!(filter.met(FLOOD, 6_000 * MS));
    }

    #[test]
    fn what_the_filter_dropped_is_distinguished_from_what_did_not_fit_the_buffer() {
        let mut filter = Filter::new();
        assert!(!filter.explains(900 * MS));
        assert!(!filter.is_unreported());
        filter.begin(1_000 * MS);
        assert!(!filter.explains(999 * MS), "it came before the filter");
        assert!(filter.explains(1_000 * MS));
        assert!(filter.explains(1_500 * MS));
        assert!(!filter.is_unreported(), "not over yet");
        filter.end(2_000 * MS);
        assert!(filter.explains(1_999 * MS), "still in the buffer");
        assert!(filter.is_unreported());
        assert!(filter.explains(2_001 * MS), "the first one after it");
        assert!(!filter.is_unreported());
        assert!(!filter.explains(2_002 * MS));
    }

    #[test]
    fn the_kernel_lets_in_whom_the_program_names() {
        let cases = [
            ("127.0.0.1:0", "127.0.0.1", "127.0.0.2"),
            ("[::1]:0", "::1", ""),
            ("[::]:0", "127.0.0.1", "::1"),
            ("[::]:0", "::1", "127.0.0.1"),
        ];
        for (listen, host, other_host) in cases {
            let listen: SocketAddr = listen.parse().expect("an address");
            if listen.is_ipv6() && UdpSocket::bind("[::1]:0").is_err() {
                continue; // a container without IPv6
            }
            let sockets = Sockets::open(listen, None, false, 1 << 16).expect("a socket");
            let from = |host: &str| {
                let talker = UdpSocket::bind((host, 0)).expect("a socket");
                let target = if host.contains(':') {
                    "::1"
                } else {
                    "127.0.0.1"
                };
                talker
                    .connect((target, sockets.local.port()))
                    .expect("an address");
                talker
            };
            let (talker, neighbour) = (from(host), from(host));
            let exact = talker.local_addr().expect("an address").to_string();
            let spare = "[2001:db8::7]:4000";
            let peers = |names: &[&str]| -> Vec<Peer> {
                let names = names.iter();
                names.map(|name| name.parse().expect("a peer")).collect()
            };
            for (names, wanted) in [
                (vec![exact.as_str()], vec![1]),
                (vec![spare, "192.0.2.7", exact.as_str()], vec![1]),
                (vec![host], vec![1, 2]),
                (vec![spare], vec![]),
            ] {
                let on = sockets.filter(Some(&program(&peers(&names), &[])));
                on.expect("a filter");
                talker.send(&[1]).expect("sent");
                neighbour.send(&[2]).expect("sent");
                if !other_host.is_empty() {
                    from(other_host).send(&[3]).expect("sent");
                }
                let mut batch = Batch::new(batch::room());
                let count = batch.receive(sockets.receiving(), BATCH).unwrap_or(0);
                let heard: Vec<u8> = (0..count).map(|n| batch.datagram(n).payload[0]).collect();
                assert_eq!(heard, wanted, "{listen}: {names:?}");
            }
            sockets.filter(None).expect("no filter");
            neighbour.send(&[2]).expect("sent");
            assert_eq!(
                Batch::new(batch::room())
                    .receive(sockets.receiving(), BATCH)
                    .expect("one"),
                1
            );
        }
    }
}
