//! Legs of a shared port that wait for a sender who shows their pass, on loopback.

use std::net::{SocketAddr, UdpSocket};

use crate::source::{Listed, Pass, Policy};
use crate::test_kit::{self, eventually, heard};
use crate::token::Token;
use crate::{Engine, Error, LegPorts, PortSnapshot};

const TOKEN: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const OTHER: &[u8; 32] = b"fedcba98765432100123456789abcdef";

struct Kit {
    engine: Engine,
    port: u32,
    address: SocketAddr,
}

impl Kit {
    fn new() -> Self {
        let engine = Engine::start(1024).expect("an engine");
        let here = "127.0.0.1:0".parse().expect("an address");
        let port = engine.share(here, 1 << 22).expect("a port");
        let address = engine.port_address(port).expect("a port");
        Self {
            engine,
            port,
            address,
        }
    }

    fn try_leg(&self, source: Policy) -> Result<u32, Error> {
        self.engine.add_leg(&LegPorts {
            shared: Some(self.port),
            send_from_listen: true,
            source,
            ..test_kit::ports()
        })
    }

    fn leg(&self, source: Policy) -> u32 {
        self.try_leg(source).expect("a leg")
    }

    fn talker(&self, host: &str) -> UdpSocket {
        let talker = UdpSocket::bind((host, 0)).expect("a socket");
        talker.connect(self.address).expect("an address");
        talker
    }

    fn heard(&self, leg: u32) -> u64 {
        heard(&self.engine, leg)
    }

    fn said(&self, leg: u32) -> Vec<u8> {
        self.engine.history(leg, 0, u64::MAX).expect("a leg").1
    }

    fn seen(&self) -> PortSnapshot {
        self.engine.port_counters(self.port).expect("a port")
    }

    fn strangers(&self, count: u64) -> bool {
        eventually(|| self.seen().strangers == count)
    }
}

fn token(text: &[u8]) -> Policy {
    Policy::Shown(Pass::Token(Token::new(text).expect("32 characters")))
}

fn hosts(names: &[&str]) -> Policy {
    let peers = names.iter().map(|name| name.parse().expect("a peer"));
    let peers = Listed::new(peers.collect()).expect("a list");
    Policy::Shown(Pass::Hosts(peers))
}

#[test]
fn whoever_says_the_token_first_is_heard_and_the_token_is_not() {
    let kit = Kit::new();
    let (leg, other) = (kit.leg(token(TOKEN)), kit.leg(token(OTHER)));
    let (talker, late) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.1"));
    talker.send(&[1; 640]).expect("sent");
    assert!(kit.strangers(1), "it has said nothing yet");
    let long = [&TOKEN[..], &[9; 608]].concat();
    for datagram in [&TOKEN[..], &[2; 640], &long, &TOKEN[..], &[3; 640]] {
        talker.send(datagram).expect("sent");
    }
    assert!(eventually(|| kit.heard(leg) == 2));
    assert_eq!(kit.said(leg), [[2; 640], [3; 640]].as_flattened());
    // It is taken: the same words of another one are a stranger's.
    late.send(TOKEN).expect("sent");
    late.send(&[4; 640]).expect("sent");
    assert!(kit.strangers(3));
    assert_eq!((kit.heard(leg), kit.heard(other)), (2, 0));
    let seen = kit.seen();
    assert_eq!((seen.learned, seen.waiting, seen.sources), (1, 1, 1));
    assert_eq!(seen.drops_kernel, 0);
    // Its ear is where it sends from.
    kit.engine.play(leg, 1, &[5; 640], true).expect("accepted");
    assert_eq!(talker.recv(&mut [0; 2000]).expect("a datagram"), 640);
}

#[test]
fn wrong_tokens_are_strangers_and_only_so_many_are_looked_at() {
    let kit = Kit::new();
    let leg = kit.leg(token(TOKEN));
    let guesser = kit.talker("127.0.0.2");
    let mut guess = *TOKEN;
    for last in 0..17 {
        guess[31] = last;
        guesser.send(&guess).expect("sent");
    }
    guesser.send(b"too short").expect("sent");
    guesser.send(&[]).expect("sent");
    assert!(kit.strangers(18));
    let talker = kit.talker("127.0.0.1");
    // Not before the second is over.
    assert!(eventually(|| {
        talker.send(TOKEN).expect("sent");
        std::thread::sleep(std::time::Duration::from_millis(50));
        kit.seen().learned == 1
    }));
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1));
    assert_eq!(kit.seen().errors_receive, 1, "the empty one");
}

#[test]
fn a_token_holds_from_call_to_call_and_moves_in_between() {
    let kit = Kit::new();
    let leg = kit.leg(token(TOKEN));
    let (talker, next) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.1"));
    talker.send(TOKEN).expect("sent");
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1));
    kit.engine.reset_leg(leg).expect("reset");
    talker.send(&[2; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 2));
    kit.engine.reset_leg(leg).expect("reset");
    assert!(eventually(|| kit
        .engine
        .counters(leg)
        .expect("a leg")
        .resets
        == 2));
    next.send(TOKEN).expect("sent");
    next.send(&[3; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 3));
    talker.send(&[4; 640]).expect("sent");
    assert!(kit.strangers(1));
    assert_eq!(kit.said(leg), [3; 640]);
    assert_eq!((kit.seen().learned, kit.seen().sources), (2, 1));
}

#[test]
fn a_gateway_that_moves_in_a_call_says_the_token_again() {
    let kit = Kit::new();
    let leg = kit.leg(token(TOKEN));
    let (talker, moved) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.1"));
    talker.send(TOKEN).expect("sent");
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1));
    assert!(eventually(|| {
        moved.send(TOKEN).expect("sent");
        std::thread::sleep(std::time::Duration::from_millis(50));
        kit.seen().learned == 2
    }));
    moved.send(&[2; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 2));
    let counters = kit.engine.counters(leg).expect("a leg");
    assert_eq!(counters.source_changes, 1);
}

#[test]
fn a_token_is_heard_beside_a_leg_that_has_the_whole_host() {
    let kit = Kit::new();
    let all = Listed::new(vec!["127.0.0.1".parse().expect("a peer")]);
    let whole = kit.leg(Policy::Listed(all.expect("a list")));
    let leg = kit.leg(token(TOKEN));
    let (one, other) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.1"));
    one.send(TOKEN).expect("sent");
    one.send(&[1; 640]).expect("sent");
    other.send(&[2; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1 && kit.heard(whole) == 1));
    assert_eq!(
        (kit.said(leg), kit.said(whole)),
        (vec![1; 640], vec![2; 640])
    );
}

#[test]
fn the_first_of_a_host_is_heard_until_the_call_ends() {
    let kit = Kit::new();
    let leg = kit.leg(hosts(&["127.0.0.2", "127.0.0.3"]));
    assert!(matches!(
        kit.try_leg(hosts(&["127.0.0.3"])),
        Err(Error::Claimed(_))
    ));
    let (elsewhere, talker) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.3"));
    elsewhere.send(&[1; 640]).expect("sent");
    assert!(kit.strangers(1));
    talker.send(&[2; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1));
    // It waits no more: the next one of that host is another leg's.
    let second = kit.leg(hosts(&["127.0.0.3"]));
    let next = kit.talker("127.0.0.3");
    next.send(&[3; 640]).expect("sent");
    talker.send(&[4; 640]).expect("sent");
    assert!(eventually(|| kit.heard(second) == 1 && kit.heard(leg) == 2));
    assert_eq!(kit.said(second), [3; 640]);
    kit.engine.detach_leg(leg).expect("detached");
    assert!(eventually(|| kit.seen().waiting == 1));
    kit.talker("127.0.0.2").send(&[5; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 3));
    kit.engine.remove_leg(leg).expect("removed");
    kit.engine.remove_leg(second).expect("removed");
    assert_eq!((kit.seen().sources, kit.seen().waiting), (0, 0));
    talker.send(&[6; 640]).expect("sent");
    assert!(kit.strangers(2));
}

#[test]
fn a_leg_whose_call_has_ended_does_not_make_the_next_one_deaf() {
    let kit = Kit::new();
    let leg = kit.leg(hosts(&["127.0.0.3"]));
    let (talker, next) = (kit.talker("127.0.0.3"), kit.talker("127.0.0.3"));
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 1));
    let second = kit.leg(hosts(&["127.0.0.3"]));
    // Both wait: what still comes of the first call is not the second one's.
    kit.engine.detach_leg(leg).expect("detached");
    assert!(eventually(|| kit.seen().waiting == 2));
    talker.send(&[2; 640]).expect("sent");
    assert!(eventually(|| kit.heard(leg) == 2));
    kit.engine.detach_leg(leg).expect("detached");
    assert!(eventually(|| kit.seen().waiting == 2));
    next.send(&[3; 640]).expect("sent");
    assert!(eventually(|| kit.heard(second) == 1));
    assert_eq!(kit.said(second), [3; 640]);
    assert_eq!(kit.seen().strangers, 0);
}

#[test]
fn what_legs_wait_for_comes_through_a_flood_of_strangers() {
    let kit = Kit::new();
    let (by_token, by_host) = (kit.leg(token(TOKEN)), kit.leg(hosts(&["127.0.0.3"])));
    let stranger = UdpSocket::bind("127.0.0.2:0").expect("a socket");
    let mut sent = 0;
    let mut flood = || {
        for _ in 0..500 {
            stranger.send_to(&[9; 640], kit.address).expect("sent");
        }
        sent += 500;
        kit.seen().datagrams + 500 < sent
    };
    assert!(eventually(&mut flood), "the kernel filters");
    let (one, other) = (kit.talker("127.0.0.1"), kit.talker("127.0.0.3"));
    assert!(eventually(|| {
        flood();
        one.send(TOKEN).expect("sent");
        one.send(&[1; 640]).expect("sent");
        other.send(&[2; 640]).expect("sent");
        kit.heard(by_token) > 0 && kit.heard(by_host) > 0
    }));
}

#[test]
fn a_token_is_one_legs_and_for_a_shared_port_only() {
    let kit = Kit::new();
    let leg = kit.leg(token(TOKEN));
    assert!(matches!(kit.try_leg(token(TOKEN)), Err(Error::SameToken)));
    let alone = LegPorts {
        source: token(OTHER),
        ..test_kit::ports()
    };
    assert!(matches!(kit.engine.add_leg(&alone), Err(Error::NotShared)));
    kit.engine.set_source(leg, token(OTHER)).expect("free");
    let again = kit.leg(token(TOKEN));
    let talker = kit.talker("127.0.0.1");
    talker.send(TOKEN).expect("sent");
    talker.send(&[1; 640]).expect("sent");
    assert!(eventually(|| kit.heard(again) == 1));
    assert_eq!(kit.heard(leg), 0);
}
