//! Legs that share a port, on loopback.

use std::net::UdpSocket;
use std::time::Duration;

use proptest::prelude::*;
use socket2::SockRef;

use super::*;
use crate::source::Listed;
use crate::test_kit::{self, eventually, heard};
use crate::{Engine, LegPorts};

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

fn listed(peers: &[String]) -> Policy {
    let peers = peers.iter().map(|peer| peer.parse().expect("a peer"));
    Policy::Listed(Listed::new(peers.collect()).expect("a list"))
}

fn only(name: &str) -> Policy {
    listed(&[name.to_owned()])
}

fn ports(port: u32, source: Policy) -> LegPorts {
    LegPorts {
        shared: Some(port),
        send_from_listen: true,
        source,
        ..test_kit::ports()
    }
}

/// A talker, and how a list names it.
fn talker(to: SocketAddr) -> (UdpSocket, String) {
    let socket = UdpSocket::bind(local()).expect("a socket");
    socket.connect(to).expect("an address");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time-out");
    let name = socket.local_addr().expect("an address").to_string();
    (socket, name)
}

fn shared(engine: &Engine) -> (u32, SocketAddr) {
    let port = engine.share(local(), 1 << 20).expect("a port");
    (port, engine.port_address(port).expect("an address"))
}

fn said(engine: &Engine, leg: u32) -> Vec<u8> {
    engine.history(leg, 0, u64::MAX).expect("a leg").1
}

fn at(engine: &Engine, port: u32) -> PortSnapshot {
    engine.port_counters(port).expect("a port")
}

#[test]
fn each_leg_hears_its_own_talker_and_strangers_are_counted() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let talkers: Vec<_> = (0..20).map(|_| talker(address)).collect();
    let legs: Vec<_> = talkers
        .iter()
        .map(|(_, name)| ports(port, only(name)))
        .map(|leg| engine.add_leg(&leg).expect("a leg"))
        .collect();
    let (stranger, stranger_name) = talker(address);
    for round in 0..10_u8 {
        for (seed, (talker, _)) in (0..).zip(&talkers) {
            talker.send(&[seed * 10 + round; 640]).expect("sent");
        }
        stranger.send(&[255; 640]).expect("sent");
    }
    assert!(eventually(|| legs
        .iter()
        .all(|&leg| heard(&engine, leg) == 10)));
    assert!(eventually(|| at(&engine, port).strangers == 10));
    for (seed, &leg) in (0..).zip(&legs) {
        let wanted: Vec<u8> = (0..10).flat_map(|round| [seed * 10 + round; 640]).collect();
        assert_eq!(said(&engine, leg), wanted);
        assert_eq!(engine.counters(leg).expect("a leg").strangers, 0);
        assert_eq!(engine.local_address(leg).expect("a leg"), address);
    }
    let last = engine.port_stranger(port).expect("a port");
    assert_eq!(last.map(|last| last.to_string()), Some(stranger_name));
    let seen = at(&engine, port);
    assert_eq!((seen.datagrams, seen.sources), (210, 20));
    assert_eq!((seen.drops_kernel, seen.errors_receive), (0, 0));
}

#[test]
fn a_sender_is_one_legs_until_that_leg_is_gone() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (talker, name) = talker(address);
    let mine = ports(port, only(&name));
    let leg = engine.add_leg(&mine).expect("a leg");
    assert!(matches!(engine.add_leg(&mine), Err(Error::Claimed(peer)) if peer.to_string() == name));
    let other = engine.add_leg(&ports(port, Policy::Nobody)).expect("a leg");
    assert!(matches!(
        engine.set_source(other, only(&name)),
        Err(Error::Claimed(_))
    ));
    for policy in [Policy::First, Policy::Any] {
        let unnamed = ports(port, policy.clone());
        assert!(matches!(engine.add_leg(&unnamed), Err(Error::Unnamed)));
        assert!(matches!(
            engine.set_source(other, policy),
            Err(Error::Unnamed)
        ));
    }
    let nowhere = ports(99, Policy::Nobody);
    assert!(matches!(engine.add_leg(&nowhere), Err(Error::NoPort(99))));
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| heard(&engine, leg) == 1));
    engine.remove_leg(leg).expect("removed");
    talker.send(&[2; 640]).expect("sent");
    assert!(eventually(|| at(&engine, port).strangers == 1));
    engine.set_source(other, only(&name)).expect("free now");
    talker.send(&[3; 640]).expect("sent");
    assert!(eventually(|| heard(&engine, other) == 1));
    assert_eq!(said(&engine, other), [3; 640]);
}

#[test]
fn a_leg_may_name_hosts_and_others_addresses_of_them() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (exact, name) = talker(address);
    let (any, _) = talker(address);
    let by_host = ports(port, listed(&["127.0.0.1".into()]));
    let by_host = engine.add_leg(&by_host).expect("a leg");
    let by_address = engine.add_leg(&ports(port, only(&name)));
    let by_address = by_address.expect("a leg");
    exact.send(&[1; 640]).expect("sent");
    any.send(&[2; 640]).expect("sent");
    assert!(eventually(
        || heard(&engine, by_host) == 1 && heard(&engine, by_address) == 1
    ));
    assert_eq!(said(&engine, by_host), [2; 640]);
    assert_eq!(said(&engine, by_address), [1; 640]);
}

#[test]
fn ears_are_spoken_to_from_the_port_at_which_they_are_heard() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let talkers: Vec<_> = (0..70).map(|_| talker(address)).collect();
    let mut legs = Vec::new();
    for (talker, name) in &talkers {
        let leg = engine.add_leg(&ports(port, only(name)));
        legs.push(leg.expect("a leg"));
        talker.send(&[0; 640]).expect("sent");
    }
    assert!(eventually(|| legs
        .iter()
        .all(|&leg| heard(&engine, leg) == 1)));
    for (seed, &leg) in (1..).zip(&legs) {
        let played = engine.play(leg, 1, &[seed; 640 * 5], true);
        assert_eq!(played.expect("accepted"), 640 * 5);
    }
    for (seed, (talker, _)) in (1..).zip(&talkers) {
        for _ in 0..5 {
            let mut bytes = [0; 2000];
            // Connected: only what comes from the shared port is received.
            assert_eq!(talker.recv(&mut bytes).expect("a datagram"), 640);
            assert!(bytes[..640].iter().all(|&byte| byte == seed));
        }
    }
    assert!(eventually(|| legs.iter().all(|&leg| {
        let counters = engine.counters(leg).expect("a leg");
        (
            counters.datagrams_out,
            counters.bytes_out,
            counters.errors_send,
        ) == (5, 3_200, 0)
    })));
}

#[test]
fn an_ear_that_cannot_be_sent_to_harms_no_other() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (good, name) = talker(address);
    let mut legs = Vec::new();
    for (source, ear) in [("192.0.2.1:1", "[::1]:9"), (name.as_str(), name.as_str())] {
        let leg = LegPorts {
            play_to: Some(ear.parse().expect("an address")),
            ..ports(port, listed(&[source.to_owned()]))
        };
        legs.push(engine.add_leg(&leg).expect("a leg"));
    }
    for &leg in &legs {
        engine.play(leg, 1, &[7; 640 * 3], true).expect("accepted");
    }
    for _ in 0..3 {
        assert_eq!(good.recv(&mut [0; 2000]).expect("a datagram"), 640);
    }
    let counted = |leg| {
        let counters = engine.counters(leg).expect("a leg");
        (counters.errors_send, counters.datagrams_out)
    };
    assert!(eventually(
        || counted(legs[0]) == (3, 0) && counted(legs[1]) == (0, 3)
    ));
}

#[test]
fn datagrams_that_the_kernel_has_joined_are_taken_apart() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (talker, name) = talker(address);
    let leg = engine.add_leg(&ports(port, only(&name)));
    let leg = leg.expect("a leg");
    // On loopback, what is cut by the sending kernel reaches a socket with UDP_GRO in one piece.
    setsockopt(&talker, sockopt::UdpGsoSegment, &640).expect("Linux 4.18");
    let bytes: Vec<u8> = (0..8).flat_map(|n| [n; 640]).chain([8; 320]).collect();
    SockRef::from(&talker).send(&bytes).expect("sent");
    assert!(eventually(|| heard(&engine, leg) == 9));
    assert!(eventually(|| said(&engine, leg).len() >= bytes.len()));
    assert_eq!(said(&engine, leg)[..bytes.len()], bytes);
    let seen = at(&engine, port);
    assert_eq!(seen.datagrams, 9);
    assert!(seen.batches < 9, "{seen:?}");
}

#[test]
fn a_call_that_ends_takes_nothing_of_the_others_with_it() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (one, other) = (talker(address), talker(address));
    let legs = [&one, &other].map(|(_, name)| {
        let leg = engine.add_leg(&ports(port, only(name)));
        leg.expect("a leg")
    });
    for round in 0..200_u64 {
        one.0.send(&[1; 640]).expect("sent");
        other.0.send(&[2; 640]).expect("sent");
        engine.reset_leg(legs[0]).expect("reset");
        assert!(eventually(|| heard(&engine, legs[1]) == round + 1));
    }
    assert!(eventually(|| heard(&engine, legs[0]) == 200));
    assert_eq!(said(&engine, legs[1]).len(), 200 * 640);
}

#[test]
fn a_flood_of_strangers_is_kept_out_by_the_kernel_and_legs_are_heard() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (talker, name) = talker(address);
    let leg = engine.add_leg(&ports(port, only(&name)));
    let leg = leg.expect("a leg");
    let stranger = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    let mut sent = 0;
    let mut said = 0;
    let filtered = eventually(|| {
        for _ in 0..500 {
            stranger.send_to(&[9; 640], address).expect("sent");
            sent += 1;
        }
        talker.send(&[1; 640]).expect("sent");
        said += 1;
        at(&engine, port).datagrams + 500 < sent
    });
    assert!(filtered, "{sent} sent, {:?}", at(&engine, port));
    // A leg that comes meanwhile is heard, too.
    let (late, name) = self::talker(address);
    let late_leg = engine.add_leg(&ports(port, only(&name)));
    let late_leg = late_leg.expect("a leg");
    assert!(eventually(|| {
        late.send(&[2; 640]).expect("sent");
        heard(&engine, late_leg) > 0
    }));
    assert!(eventually(|| {
        talker.send(&[1; 640]).expect("sent");
        said += 1;
        at(&engine, port).strangers == sent
    }));
    assert!(eventually(|| heard(&engine, leg)
        + at(&engine, port).drops_kernel
        >= said));
}

#[test]
fn a_flood_of_empty_datagrams_is_kept_out_by_the_kernel_too() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (talker, name) = talker(address);
    let leg = engine.add_leg(&ports(port, only(&name)));
    let leg = leg.expect("a leg");
    let stranger = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    // They are strangers where the kernel drops them, and here only counted as empty.
    assert!(eventually(|| {
        for _ in 0..1_000 {
            stranger.send_to(&[], address).expect("sent");
        }
        talker.send(&[1; 640]).expect("sent");
        at(&engine, port).strangers > 0
    }));
    assert!(at(&engine, port).errors_receive > 0);
    assert!(eventually(|| heard(&engine, leg) > 0));
}

#[test]
fn a_bug_in_one_leg_leaves_the_port_to_the_others() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, address) = shared(&engine);
    let (sick, sound) = (talker(address), talker(address));
    let legs = [&sick, &sound].map(|(_, name)| {
        let leg = engine.add_leg(&ports(port, only(name)));
        leg.expect("a leg")
    });
    let panic = crate::command::Command::Panic { leg: legs[0] };
    let doomed = engine.leg(legs[0]).expect("a leg");
    assert!(engine.tell(&doomed, panic).is_ok());
    assert!(eventually(
        || engine.counters(legs[0]).expect("a leg").dead == 1
    ));
    sick.0.send(&[1; 640]).expect("sent");
    sound.0.send(&[2; 640]).expect("sent");
    assert!(eventually(
        || heard(&engine, legs[1]) == 1 && at(&engine, port).strangers == 1
    ));
}

#[test]
fn a_change_of_source_that_fails_changes_nothing() {
    let engine = Engine::start(1024).expect("an engine");
    let (port, _) = shared(&engine);
    let leg = engine.add_leg(&ports(port, only("192.0.2.1:1")));
    let leg = leg.expect("a leg");
    let known = engine.leg(leg).expect("a leg");
    engine.close();
    let changed = engine.set_source(leg, only("192.0.2.1:2"));
    assert!(matches!(changed, Err(Error::Closed)));
    let port = known.port.as_ref().expect("a port");
    assert_eq!(port.snapshot().sources, 1);
    let other = |source| port.claim(99, only(source), |_| Ok(()));
    assert!(matches!(other("192.0.2.1:1"), Err(Error::Claimed(_))));
    assert!(other("192.0.2.1:2").is_ok());
}

#[test]
fn a_port_in_use_is_refused() {
    let engine = Engine::start(1024).expect("an engine");
    let (_, address) = shared(&engine);
    assert!(matches!(
        engine.share(address, 1 << 20),
        Err(Error::Address { .. })
    ));
    assert!(matches!(engine.port_address(99), Err(Error::NoPort(99))));
    engine.close();
    assert!(UdpSocket::bind(address).is_ok(), "or it is free again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever order datagrams of any size come in, from legs and strangers: each leg has every byte of its
    /// own talker, in order, and no other's.
    #[test]
    fn no_byte_reaches_another_leg(
        sent in prop::collection::vec((0..8_usize, 1..700_usize), 1..300),
    ) {
        let engine = Engine::start(1024).expect("an engine");
        let (port, address) = shared(&engine);
        let talkers: Vec<_> = (0..8).map(|_| talker(address)).collect();
        // The last two are strangers.
        let legs: Vec<u32> = talkers[..6]
            .iter()
            .map(|(_, name)| ports(port, only(name)))
            .map(|leg| engine.add_leg(&leg).expect("a leg"))
            .collect();
        let mut wanted = vec![Vec::new(); 8];
        for (serial, &(from, size)) in sent.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "a pattern")]
            let datagram = vec![(serial * 8 + from) as u8; 2 * size];
            talkers[from].0.send(&datagram).expect("sent");
            wanted[from].extend(datagram);
        }
        let strangers = sent.iter().filter(|&&(from, _)| from >= 6).count() as u64;
        prop_assert!(eventually(|| at(&engine, port).datagrams == sent.len() as u64));
        prop_assert_eq!(at(&engine, port).strangers, strangers);
        for (leg, wanted) in legs.into_iter().zip(&wanted) {
            let whole = wanted.len() / 640 * 640;
            prop_assert!(eventually(|| said(&engine, leg).len() >= whole));
            prop_assert_eq!(&said(&engine, leg)[..whole], &wanted[..whole]);
            let bytes = engine.counters(leg).expect("a leg").bytes_in;
            prop_assert_eq!(bytes, wanted.len() as u64);
        }
    }
}
