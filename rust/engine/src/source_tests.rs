//! Who is let in, in virtual time.

use proptest::prelude::*;

use super::*;

const MS: Nanos = 1_000_000;

fn from(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

/// Whether it is heard.
fn admits(door: &mut Doorkeeper, source: Option<SocketAddr>, at: Nanos) -> bool {
    let before = door.heard();
    let sender = door.look(source, at);
    assert_eq!(
        sender == Sender::Known,
        source == before && before.is_some()
    );
    sender != Sender::Stranger
}

fn listed(peers: &[&str]) -> Policy {
    let peers = peers.iter().map(|text| text.parse().expect("a peer"));
    Policy::Listed(Listed::new(peers.collect()).expect("1 to 8"))
}

fn any_source() -> impl Strategy<Value = SocketAddr> {
    // Few enough to meet again.
    (0..4_u8, 1..4_u16).prop_map(|(host, port)| SocketAddr::from(([192, 0, 2, host], port)))
}

#[test]
fn a_gateway_that_moves_is_heard_again_once_its_old_place_is_silent() {
    let (old, new) = (from("192.0.2.1:4000"), from("192.0.2.1:4002"));
    let mut door = Doorkeeper::new(Policy::First);
    assert!(admits(&mut door, old, 5_000 * MS));
    assert!(!admits(&mut door, new, 5_999 * MS));
    assert!(
        admits(&mut door, new, 6_000 * MS),
        "1 s after the old one's last"
    );
    assert!(!admits(&mut door, old, 6_020 * MS), "the pin has moved");
    assert_eq!(door.heard(), new);
}

#[test]
fn everybody_is_heard_where_nobody_else_is() {
    let (one, two) = (from("192.0.2.1:4000"), from("192.0.2.2:4000"));
    let mut door = Doorkeeper::new(Policy::Any);
    assert!(admits(&mut door, one, 1) && admits(&mut door, two, 2) && admits(&mut door, one, 3));
    assert_eq!(door.heard(), one, "the newest");
}

#[test]
fn the_next_call_may_come_from_elsewhere_at_once() {
    let mut door = Doorkeeper::new(Policy::First);
    assert!(admits(&mut door, from("192.0.2.1:4000"), 5_000 * MS));
    door.forget();
    assert_eq!(door.heard(), None);
    assert!(admits(&mut door, from("192.0.2.2:4000"), 5_001 * MS));
}

#[test]
fn an_ipv4_sender_is_the_same_one_on_a_socket_for_both_families() {
    let mut door = Doorkeeper::new(listed(&["192.0.2.1:4000"]));
    assert!(admits(&mut door, from("[::ffff:192.0.2.1]:4000"), 1));
    assert!(!admits(&mut door, from("[::ffff:192.0.2.1]:4001"), 1));
    let mut door = Doorkeeper::new(listed(&["::ffff:192.0.2.1"]));
    assert!(admits(&mut door, from("192.0.2.1:4000"), 1));
}

#[test]
fn peers_are_read_as_they_are_written() {
    for text in [
        "192.0.2.7",
        "192.0.2.7:4000",
        "2001:db8::7",
        "[2001:db8::7]:4000",
    ] {
        let peer: Peer = text.parse().expect(text);
        assert_eq!(peer.to_string(), text);
    }
    for text in [
        "",
        "gateway",
        "192.0.2",
        "192.0.2.7:",
        "192.0.2.7:70000",
        "192.0.2.0/24",
    ] {
        assert!(text.parse::<Peer>().is_err(), "{text}");
    }
}

#[test]
fn a_list_names_one_to_eight() {
    let peer: Peer = "192.0.2.7".parse().expect("a peer");
    assert_eq!(Listed::new(vec![]), None);
    assert!(Listed::new(vec![peer; MOST]).is_some());
    assert_eq!(Listed::new(vec![peer; MOST + 1]), None);
}

proptest! {
    /// Whoever sends whenever: under `First` a sender is heard only if he is the pinned one, or the
    /// pinned one was not heard for `PATIENCE`; and a pinned one is never turned away.
    #[test]
    fn nobody_takes_the_place_of_a_sender_who_goes_on(
        sent in prop::collection::vec((any_source(), 0..2 * PATIENCE), 1..200),
    ) {
        let mut door = Doorkeeper::new(Policy::First);
        let (mut pinned, mut last, mut now) = (None, 0, 1);
        for (source, gap) in sent {
            now += gap / 4;
            let admitted = admits(&mut door, Some(source), now);
            let silent = now >= last + PATIENCE;
            prop_assert_eq!(admitted, pinned.is_none() || pinned == Some(source) || silent);
            if admitted {
                (pinned, last) = (Some(source), now);
            }
            prop_assert_eq!(door.heard(), pinned);
        }
    }

    /// A list lets in exactly those whom it names, in whatever order they come.
    #[test]
    fn a_list_is_kept_to_the_letter(
        names in prop::collection::vec((0..4_u8, prop::option::of(1..4_u16)), 1..=MOST),
        sent in prop::collection::vec(any_source(), 1..50),
    ) {
        let text: Vec<String> = names.iter().map(|(host, port)| match port {
            Some(port) => format!("192.0.2.{host}:{port}"),
            None => format!("192.0.2.{host}"),
        }).collect();
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        let mut door = Doorkeeper::new(listed(&text));
        for (at, source) in (1..).zip(sent) {
            let named = names.iter().any(|&(host, port)| {
                source.ip() == IpAddr::from([192, 0, 2, host])
                    && port.is_none_or(|port| port == source.port())
            });
            prop_assert_eq!(admits(&mut door, Some(source), at), named);
        }
    }
}
